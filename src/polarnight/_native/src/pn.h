/* What all kernels share. Plain C11 with the vector extensions of gcc and clang; no
 * Python API, no threads (Python makes them: ctypes lets go of the interpreter lock). */
#ifndef PN_H
#define PN_H

#include <stddef.h>
#include <stdint.h>

#define PN_EXPORT __attribute__((visibility("default")))
#define PN_INLINE static inline __attribute__((always_inline))

/* Variants of a function for wider vector units, chosen when the library is loaded.
 * Without fused multiply-add (contraction is off), all give the same bits. */
#if defined(PN_TARGET_CLONES)
#define PN_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define PN_CLONES
#endif

/* Bits of a pixel; the registry is polarnight/frames/bits.py. */
enum {
    PN_LOW_FLAT = 1 << 2,
    PN_NONLINEAR = 1 << 3,
    PN_SATURATED = 1 << 6,
    PN_NO_DATA = 1 << 8
};

/* How the pixels of one frame lie in memory; mirrors FORMAT in cubes/formats.py. */
enum { PN_U8, PN_I16, PN_U16, PN_I32, PN_I64, PN_F32, PN_F64 };

typedef struct {
    int32_t type;
    int32_t swap;      /* bytes are in the other order */
    int32_t has_blank; /* an integer that means "no measurement" */
    int32_t scaled;    /* value = raw * bscale + bzero; else value = raw */
    int64_t blank;
    double bscale, bzero;
} pn_format;

#endif
