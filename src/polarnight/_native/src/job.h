/* The job sheet of combining. */
#ifndef PN_JOB_H
#define PN_JOB_H

#include <float.h>

#include "load.h"

enum { W = 64 };
/* What is made of the values kept; mirrors CENTRES in polarnight/cubes/kernel.py. */
enum {
    PN_MEAN, PN_MEDIAN, PN_MIN, PN_MAX, PN_SUM, PN_COUNT, PN_VAR, PN_STD, PN_MAD, PN_QUANTILE,
    PN_ARG_MIN, PN_ARG_MAX, PN_CMOMENT, PN_ACMOMENT, PN_RMOMENT, PN_ARMOMENT
};

/* Mirrors CombineJob in polarnight/cubes/kernel.py. Planes of "reals" are float for
 * pn_combine and double for pn_combine_double. New members go to the end, where methods
 * from before them never look. */
typedef struct {
    int64_t n, rows, nx;
    const char *const *src; /* first pixel of every frame */
    const int64_t *row_bytes;
    const pn_format *format;
    const void *bias, *dark;           /* reals (rows, nx), may be NULL */
    const void *dark_scale, *scale;    /* reals (n), may be NULL */
    const uint16_t *const *bits;       /* (n) planes (rows, nx); may be NULL, also each */
    const void *const *variance;       /* reals, likewise */
    const double *variance_scale;      /* (n) */
    const double *factor;              /* (n + 1): by number of values kept */
    const uint16_t *network, *shorter; /* pairs: for sorting, for the median alone */
    int64_t n_network, n_shorter;
    char *scratch;
    void *value, *out_variance; /* reals (rows, nx); no variance of extremes, statistics */
    uint16_t *count, *out_bits;
    float saturation, nsigma, min_sigma;
    int32_t unusable, method, reject_low, reject_high, max_iterations;
    /* Of statistics: degrees of freedom taken off, level of a quantile, factor of MAD,
     * order of a moment. */
    double parameter;
    double saturation_double, nsigma_double, min_sigma_double; /* of pn_combine_double */
} pn_combine_job;

#endif
