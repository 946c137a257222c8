/* A tile of W neighbouring pixels of all frames: loading and sorting.
 *
 * Included with REAL, REAL_MAX, FABS, SATURATION and PN_WIDE set: float for pixels that
 * float holds exactly, double (PN_WIDE) for others. */
#ifndef PN_TILE_H
#define PN_TILE_H

#include "job.h"

/* What is known of the tile at hand. */
typedef struct {
    REAL *v, *s;   /* (n, W): in the order of the frames, and sorted */
    uint16_t *key; /* (n, W) */
    int32_t masked; /* some value of the tile is left out */
    int32_t flagged; /* some value of the tile has a bit set */
    int32_t count[W]; /* values in use, then values kept */
    int32_t lo[W], hi[W]; /* kept are s[lo..hi-1] */
    REAL pivot[W];
    uint16_t used_bits[W], all_bits[W];
} pn_tile;

/* ---- loading -------------------------------------------------------------------- */

#if !PN_WIDE
/* Load as 16-bit integers; returns 0 where a pixel is saturated. */
PN_INLINE int load_keys(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                        int limit, pn_tile *t) {
    uint16_t top[W] = {0};
    for (int64_t i = 0; i < job->n; i++) {
        const char *src = job->src[i] + row * job->row_bytes[i] + 2 * x0;
        uint16_t *out = t->key + i * W;
        /* Of a whole tile the number is known beforehand, which spares a call. */
        if (w < W) {
            memset(out, 0, W * sizeof *out);
            memcpy(out, src, (size_t)(2 * w));
        } else {
            memcpy(out, src, W * sizeof *out);
        }
        if (job->format[i].swap)
            for (int x = 0; x < W; x++)
                out[x] = x < w ? (uint16_t)(__builtin_bswap16(out[x]) ^ 0x8000u) : 0;
        for (int x = 0; x < W; x++) top[x] = out[x] > top[x] ? out[x] : top[x];
    }
    uint16_t highest = 0;
    for (int x = 0; x < W; x++) highest = top[x] > highest ? top[x] : highest;
    return (int)highest < limit;
}
#endif

/* One row of one frame, calibrated; `raw` gets the raw values. */
PN_INLINE void load_row(const pn_combine_job *job, int64_t i, int64_t row, int64_t x0,
                        int64_t w, REAL *raw, REAL *v) {
    const int64_t at = row * job->nx + x0;
    const char *src = job->src[i] + row * job->row_bytes[i];
    if (w < W) memset(raw, 0, W * sizeof *raw);
#if PN_WIDE /* the caller has made doubles of them */
    memcpy(raw, src + x0 * (int64_t)sizeof *raw, (size_t)w * sizeof *raw);
#else
    const pn_format *f = &job->format[i];
    pn_load(src + x0 * pn_size_of(f->type), f, w, raw);
#endif
    memcpy(v, raw, W * sizeof *v);
    if (job->bias) {
        const REAL *bias = (const REAL *)job->bias + at;
        for (int64_t x = 0; x < w; x++) v[x] = v[x] - bias[x];
    }
    if (job->dark) {
        const REAL *dark = (const REAL *)job->dark + at;
        const REAL ds = ((const REAL *)job->dark_scale)[i];
        for (int64_t x = 0; x < w; x++) v[x] = v[x] - dark[x] * ds;
    }
    if (job->scale) {
        const REAL scale = ((const REAL *)job->scale)[i];
        for (int x = 0; x < W; x++) v[x] = v[x] * scale;
    }
    /* Adding zero makes -0 into +0, so that equal values have equal bits. */
    for (int x = 0; x < W; x++) v[x] = v[x] + (REAL)0.0;
}

/* Load as reals, calibrated; returns 0 where a pixel cannot be used. */
PN_INLINE int load_clean(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                         pn_tile *t) {
    int32_t bad[W] = {0};
    REAL raw[W];
    for (int64_t i = 0; i < job->n; i++) {
        REAL *v = t->v + i * W;
        load_row(job, i, row, x0, w, raw, v);
        for (int x = 0; x < W; x++)
            bad[x] |= !(FABS(v[x]) <= REAL_MAX) | (raw[x] >= job->SATURATION);
    }
    int32_t any = 0;
    for (int x = 0; x < W; x++) any |= bad[x];
    if (any) return 0;
    for (int x = 0; x < W; x++) t->count[x] = (int32_t)job->n;
    t->masked = t->flagged = 0;
    return 1;
}

/* Load as reals, calibrated; what cannot be used becomes +infinity. */
PN_INLINE void load_values(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                           pn_tile *t) {
    uint32_t left_out = 0, flags = 0;
    for (int x = 0; x < W; x++) {
        t->count[x] = 0;
        t->used_bits[x] = t->all_bits[x] = 0xFFFF;
    }
    for (int64_t i = 0; i < job->n; i++) {
        REAL raw[W], *v = t->v + i * W;
        uint16_t bits[W] = {0};
        load_row(job, i, row, x0, w, raw, v);
        if (job->bits && job->bits[i])
            memcpy(bits, job->bits[i] + row * job->nx + x0, (size_t)(2 * w));
        for (int x = 0; x < W; x++) bits[x] |= raw[x] >= job->SATURATION ? PN_SATURATED : 0;
        for (int x = 0; x < W; x++) {
            const int finite = FABS(v[x]) <= REAL_MAX;
            bits[x] |= finite ? 0 : PN_NO_DATA;
        }
        for (int x = 0; x < W; x++) {
            const uint16_t b = bits[x];
            const int use = (b & job->unusable) == 0;
            v[x] = use ? v[x] : INFINITY;
            t->count[x] += use;
            left_out |= !use;
            flags |= b;
        }
        for (int x = 0; x < W; x++) {
            const uint16_t b = bits[x];
            const uint16_t u = (b & job->unusable) == 0 ? b : 0xFFFF;
            t->used_bits[x] = u < t->used_bits[x] ? u : t->used_bits[x];
            t->all_bits[x] = b < t->all_bits[x] ? b : t->all_bits[x];
        }
    }
    t->masked = left_out != 0;
    t->flagged = flags != 0;
}

/* ---- sorting -------------------------------------------------------------------- */

#define PN_EXCHANGE(NAME, TYPE)                                                            \
    PN_INLINE void NAME(TYPE *tile, const uint16_t *pairs, int64_t n_pairs) {              \
        for (int64_t p = 0; p < n_pairs; p++) {                                            \
            TYPE *restrict a = tile + (int64_t)pairs[2 * p] * W;                           \
            TYPE *restrict b = tile + (int64_t)pairs[2 * p + 1] * W;                       \
            for (int x = 0; x < W; x++) {                                                  \
                const TYPE low = a[x] < b[x] ? a[x] : b[x];                                \
                const TYPE high = a[x] < b[x] ? b[x] : a[x];                               \
                a[x] = low;                                                                \
                b[x] = high;                                                               \
            }                                                                              \
        }                                                                                  \
    }
#if !PN_WIDE
PN_EXCHANGE(exchange_keys, uint16_t)
#endif
PN_EXCHANGE(exchange_values, REAL)

PN_INLINE REAL middle(const REAL *s, int x, int lo, int hi) {
    const int m = hi - lo;
    return (REAL)0.5 * (s[(lo + (m - 1) / 2) * W + x] + s[(lo + m / 2) * W + x]);
}

#endif
