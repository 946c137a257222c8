/* Statistics of a tile: count, places of extremes, spreads, quantiles, moments. All in
 * double and step by step as numpy does it (polarnight/cubes/describe.py), rounded once.
 * Included after tile.h and clip.h. */
#ifndef PN_DESCRIBE_H
#define PN_DESCRIBE_H

#include "clip.h"

PN_INLINE void places(const pn_combine_job *job, const pn_tile *t, double *place) {
    REAL best[W];
    int32_t at[W];
    const int largest = job->method == PN_ARG_MAX;
    for (int x = 0; x < W; x++) {
        best[x] = largest ? -INFINITY : INFINITY;
        at[x] = -1;
    }
    for (int64_t i = 0; i < job->n; i++) {
        const REAL *v = t->v + i * W;
        for (int x = 0; x < W; x++) {
            /* What is left out is +infinity. */
            const int better =
                largest ? (v[x] < INFINITY) & (v[x] > best[x]) : v[x] < best[x];
            best[x] = better ? v[x] : best[x];
            at[x] = better ? (int32_t)i : at[x];
        }
    }
    for (int x = 0; x < W; x++) place[x] = (double)at[x];
}

/* Sum of values, then of powers of what they differ from the mean (or from zero). */
PN_INLINE void powers(const pn_tile *t, int64_t n, int central, int absolute, int order,
                      double *sum) {
    double mean[W];
    for (int x = 0; x < W; x++) mean[x] = 0.0;
    if (central) {
        for (int64_t i = 0; i < n; i++) {
            const REAL *v = t->v + i * W;
            for (int x = 0; x < W; x++) mean[x] += v[x] < INFINITY ? (double)v[x] : 0.0;
        }
        for (int x = 0; x < W; x++) mean[x] /= (double)t->count[x];
    }
    for (int x = 0; x < W; x++) sum[x] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const REAL *v = t->v + i * W;
        double d[W], p[W];
        for (int x = 0; x < W; x++) {
            d[x] = v[x] < INFINITY ? (double)v[x] - mean[x] : 0.0;
            d[x] = absolute ? fabs(d[x]) : d[x];
            p[x] = d[x];
        }
        for (int k = 1; k < order; k++)
            for (int x = 0; x < W; x++) p[x] *= d[x];
        for (int x = 0; x < W; x++) sum[x] += p[x];
    }
}

PN_INLINE void deviations(const pn_combine_job *job, const pn_tile *t, double *value) {
    const REAL *s = t->s;
    double centre[W];
    if (!t->masked) {
        const int n = (int)job->n;
        const REAL *a = s + (n - 1) / 2 * W, *b = s + n / 2 * W;
        for (int x = 0; x < W; x++) centre[x] = 0.5 * ((double)a[x] + (double)b[x]);
        tile_distances_wide(s, 0, n, centre, value);
    } else {
        for (int x = 0; x < W; x++) {
            const int m = t->count[x];
            if (m == 0) continue;
            const double a = (double)s[(m - 1) / 2 * W + x], b = (double)s[m / 2 * W + x];
            value[x] = median_distance_wide(s, x, 0, m, 0.5 * (a + b));
        }
    }
    for (int x = 0; x < W; x++) value[x] *= job->parameter;
}

/* Between the two neighbours of place (m - 1) q, from the nearer one, as numpy does. */
PN_INLINE void quantiles(const pn_combine_job *job, const pn_tile *t, double *value) {
    for (int x = 0; x < W; x++) {
        const int m = t->count[x];
        if (m == 0) continue;
        const double place = (double)(m - 1) * job->parameter;
        const int low = (int)place, high = low + 1 < m ? low + 1 : m - 1;
        const double part = place - (double)low;
        const double a = (double)t->s[low * W + x], b = (double)t->s[high * W + x];
        value[x] = part >= 0.5 ? b - (b - a) * (1.0 - part) : a + (b - a) * part;
    }
}

PN_INLINE void describe(const pn_combine_job *job, const pn_tile *t, REAL *out) {
    const int method = job->method;
    double value[W] = {0};
    if (method == PN_ARG_MIN || method == PN_ARG_MAX) {
        places(job, t, value);
    } else if (method == PN_MAD) {
        deviations(job, t, value);
    } else if (method == PN_QUANTILE) {
        quantiles(job, t, value);
    } else if (method == PN_VAR || method == PN_STD) {
        powers(t, job->n, 1, 0, 2, value);
        for (int x = 0; x < W; x++) {
            const double freedom = (double)t->count[x] - job->parameter;
            value[x] = freedom > 0.0 ? value[x] / freedom : (double)NAN;
            if (method == PN_STD) value[x] = sqrt(value[x]);
        }
    } else if (method >= PN_CMOMENT) {
        const int central = method == PN_CMOMENT || method == PN_ACMOMENT;
        const int absolute = method == PN_ACMOMENT || method == PN_ARMOMENT;
        powers(t, job->n, central, absolute, (int)job->parameter, value);
        for (int x = 0; x < W; x++) value[x] /= (double)t->count[x];
    } else {
        for (int x = 0; x < W; x++) value[x] = (double)t->count[x];
    }
    for (int x = 0; x < W; x++) out[x] = (REAL)value[x];
}

#endif
