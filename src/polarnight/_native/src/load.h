/* Pixels of any format as float32. */
#ifndef PN_LOAD_H
#define PN_LOAD_H

#include <math.h>
#include <string.h>

#include "pn.h"

PN_INLINE int64_t pn_size_of(int32_t type) {
    switch (type) {
    case PN_U8: return 1;
    case PN_I16:
    case PN_U16: return 2;
    case PN_I32:
    case PN_F32: return 4;
    default: return 8;
    }
}

#define PN_SWAP_8(x) (x)
#define PN_SWAP_16(x) __builtin_bswap16(x)
#define PN_SWAP_32(x) __builtin_bswap32(x)
#define PN_SWAP_64(x) __builtin_bswap64(x)

/* Integers: a blank is not a number; scaling in double, rounded once. */
#define PN_LOAD_INTEGER(SIGNED, UNSIGNED, BITS)                                            \
    do {                                                                                   \
        for (int64_t x = 0; x < w; x++) {                                                  \
            UNSIGNED u;                                                                    \
            memcpy(&u, src + x * (int64_t)sizeof u, sizeof u);                             \
            if (f->swap) u = PN_SWAP_##BITS(u);                                            \
            const SIGNED s = (SIGNED)u;                                                    \
            out[x] = f->scaled ? (float)((double)s * f->bscale + f->bzero) : (float)s;     \
        }                                                                                  \
        if (f->has_blank) {                                                                \
            for (int64_t x = 0; x < w; x++) {                                              \
                UNSIGNED u;                                                                \
                memcpy(&u, src + x * (int64_t)sizeof u, sizeof u);                         \
                if (f->swap) u = PN_SWAP_##BITS(u);                                        \
                if ((int64_t)(SIGNED)u == f->blank) out[x] = NAN;                          \
            }                                                                              \
        }                                                                                  \
    } while (0)

#define PN_LOAD_FLOAT(TYPE, UNSIGNED, BITS)                                                \
    do {                                                                                   \
        for (int64_t x = 0; x < w; x++) {                                                  \
            UNSIGNED u;                                                                    \
            TYPE s;                                                                        \
            memcpy(&u, src + x * (int64_t)sizeof u, sizeof u);                             \
            if (f->swap) u = PN_SWAP_##BITS(u);                                            \
            memcpy(&s, &u, sizeof s);                                                      \
            out[x] = f->scaled ? (float)((double)s * f->bscale + f->bzero) : (float)s;     \
        }                                                                                  \
    } while (0)

/* The commonest formats have a short way: unsigned 16-bit and plain float32, of FITS or of
 * this machine. */
PN_INLINE void pn_load_fits_u16(const char *src, int64_t w, float *out) {
    for (int64_t x = 0; x < w; x++) {
        uint16_t u;
        memcpy(&u, src + 2 * x, 2);
        out[x] = (float)(int32_t)(uint16_t)(__builtin_bswap16(u) ^ 0x8000u);
    }
}

PN_INLINE void pn_load_u16(const char *src, int64_t w, float *out) {
    for (int64_t x = 0; x < w; x++) {
        uint16_t u;
        memcpy(&u, src + 2 * x, 2);
        out[x] = (float)(int32_t)u;
    }
}

PN_INLINE void pn_load_f32(const char *src, int64_t w, int swap, float *out) {
    memcpy(out, src, (size_t)w * sizeof *out);
    if (!swap) return;
    for (int64_t x = 0; x < w; x++) {
        uint32_t u;
        memcpy(&u, out + x, 4);
        u = __builtin_bswap32(u);
        memcpy(out + x, &u, 4);
    }
}

PN_INLINE int pn_is_fits_u16(const pn_format *f) {
    return f->type == PN_I16 && f->swap && f->scaled && f->bscale == 1.0 &&
           f->bzero == 32768.0 && !f->has_blank;
}

PN_INLINE int pn_is_plain_u16(const pn_format *f) {
    return f->type == PN_U16 && !f->swap && !f->scaled && !f->has_blank;
}

static __attribute__((noinline)) void pn_load_any(const char *src, const pn_format *f,
                                                  int64_t w, float *out) {
    switch (f->type) {
    case PN_U8: PN_LOAD_INTEGER(uint8_t, uint8_t, 8); break;
    case PN_I16: PN_LOAD_INTEGER(int16_t, uint16_t, 16); break;
    case PN_U16: PN_LOAD_INTEGER(uint16_t, uint16_t, 16); break;
    case PN_I32: PN_LOAD_INTEGER(int32_t, uint32_t, 32); break;
    case PN_I64: PN_LOAD_INTEGER(int64_t, uint64_t, 64); break;
    case PN_F32: PN_LOAD_FLOAT(float, uint32_t, 32); break;
    default: PN_LOAD_FLOAT(double, uint64_t, 64); break;
    }
}

/* Load `w` pixels from `src` as float32 into `out`. */
PN_INLINE void pn_load(const char *src, const pn_format *f, int64_t w, float *out) {
    if (pn_is_fits_u16(f))
        pn_load_fits_u16(src, w, out);
    else if (pn_is_plain_u16(f))
        pn_load_u16(src, w, out);
    else if (f->type == PN_F32 && !f->scaled)
        pn_load_f32(src, w, f->swap, out);
    else
        pn_load_any(src, f, w, out);
}

#endif
