/* What is made of the values kept, and the loop over tiles. Included after describe.h. */
#ifndef PN_COMBINE_ROWS_H
#define PN_COMBINE_ROWS_H

#include "clip.h"
#include "describe.h"

/* Sums of the differences from the pivot, and of their squares. */
PN_INLINE void add_up(const pn_tile *t, int64_t n, const REAL *from, int ranged, double *s1,
                      double *s2) {
    for (int x = 0; x < W; x++) s1[x] = s2[x] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const REAL *v = from + i * W;
        REAL kept[W];
        if (ranged) {
            for (int x = 0; x < W; x++) {
                const int in = (t->lo[x] <= (int32_t)i) & ((int32_t)i < t->hi[x]);
                kept[x] = in ? v[x] : t->pivot[x];
            }
        } else if (t->masked) {
            for (int x = 0; x < W; x++) kept[x] = v[x] < INFINITY ? v[x] : t->pivot[x];
        } else {
            memcpy(kept, v, sizeof kept);
        }
        for (int x = 0; x < W; x++) {
            const double d = (double)kept[x] - (double)t->pivot[x];
            s1[x] += d;
            s2[x] += d * d;
        }
    }
}

/* Mean of the given variances of what is kept. */
PN_INLINE void mean_variance(const pn_combine_job *job, const pn_tile *t, int ranged,
                             int64_t row, int64_t x0, int64_t w, double *mean) {
    double sum[W] = {0};
    int32_t number[W] = {0};
    for (int64_t i = 0; i < job->n; i++) {
        const REAL *v = t->v + i * W;
        const REAL *given = (const REAL *)job->variance[i] + row * job->nx + x0;
        for (int64_t x = 0; x < w; x++) {
            int use = v[x] < INFINITY;
            if (ranged && use)
                use = t->hi[x] > t->lo[x] && v[x] >= t->s[t->lo[x] * W + x] &&
                      v[x] <= t->s[(t->hi[x] - 1) * W + x];
            if (use) sum[x] += (double)given[x] * job->variance_scale[i];
            number[x] += use;
        }
    }
    for (int64_t x = 0; x < w; x++) mean[x] = sum[x] / (double)number[x];
}

PN_INLINE void extreme(const pn_combine_job *job, const pn_tile *t, REAL *value) {
    const int largest = job->method == PN_MAX;
    for (int x = 0; x < W; x++) value[x] = largest ? -INFINITY : INFINITY;
    for (int64_t i = 0; i < job->n; i++) {
        const REAL *v = t->v + i * W;
        for (int x = 0; x < W; x++) {
            if (largest)
                value[x] = v[x] < INFINITY && v[x] > value[x] ? v[x] : value[x];
            else
                value[x] = v[x] < value[x] ? v[x] : value[x];
        }
    }
}

#if PN_WIDE
/* Sums as numpy makes them, frame by frame: what is returned as double has all its digits. */
PN_INLINE void plain_sum(const pn_tile *t, int64_t n, double *sum) {
    for (int x = 0; x < W; x++) sum[x] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const REAL *v = t->v + i * W;
        for (int x = 0; x < W; x++) sum[x] += v[x] < INFINITY ? v[x] : 0.0;
    }
}
#endif

/* Value and variance from the sums of differences from the pivot, and of their squares. */
PN_INLINE void from_sums(const pn_combine_job *job, const pn_tile *t, const double *s1,
                         const double *s2, REAL *value, double *spread) {
    for (int x = 0; x < W; x++) {
        const double c = (double)t->count[x], mean = s1[x] / c;
        const double rest = s2[x] - s1[x] * mean;
        spread[x] = (rest > 0.0 ? rest : 0.0) / (c - 1.0);
        spread[x] = t->count[x] > 1 ? spread[x] : (double)NAN;
        if (job->method == PN_MEAN)
            value[x] = (REAL)((double)t->pivot[x] + mean);
        else if (job->method == PN_SUM)
            value[x] = (REAL)(c * (double)t->pivot[x] + s1[x]);
        else
            value[x] = t->pivot[x];
    }
}

PN_INLINE void scale_variance(const pn_combine_job *job, const pn_tile *t, int64_t w,
                              const double *spread, REAL *variance) {
    double factor[W];
    for (int64_t x = 0; x < w; x++) factor[x] = job->factor[t->count[x]];
    for (int64_t x = 0; x < w; x++) variance[x] = (REAL)(spread[x] * factor[x]);
}

/* Value and variance of a combination. */
PN_INLINE void combine_tile(const pn_combine_job *job, const pn_tile *t, int ranged,
                            const REAL *from, int64_t row, int64_t x0, int64_t w, REAL *value,
                            REAL *variance) {
    double s1[W], s2[W], spread[W];
    if (job->method == PN_MIN || job->method == PN_MAX) {
        extreme(job, t, value);
        return;
    }
    add_up(t, job->n, from, ranged, s1, s2);
    from_sums(job, t, s1, s2, value, spread);
#if PN_WIDE
    if (!ranged && (job->method == PN_MEAN || job->method == PN_SUM)) {
        plain_sum(t, job->n, value);
        if (job->method == PN_MEAN)
            for (int x = 0; x < W; x++) value[x] /= (double)t->count[x];
    }
#endif
    if (job->variance) mean_variance(job, t, ranged, row, x0, w, spread);
    scale_variance(job, t, w, spread, variance);
}

/* Put a tile of results in its place. */
PN_INLINE void give_out(const pn_combine_job *job, const pn_tile *t, const REAL *value,
                        const REAL *variance, int64_t row, int64_t x0, int64_t w) {
    const int64_t at = row * job->nx + x0;
    REAL *out = (REAL *)job->value + at;
    for (int64_t x = 0; x < w; x++) {
        const int any = t->count[x] > 0;
        out[x] = any ? value[x] : NAN;
        job->count[at + x] = (uint16_t)t->count[x];
    }
    if (job->out_variance) {
        REAL *out_variance = (REAL *)job->out_variance + at;
        for (int64_t x = 0; x < w; x++) out_variance[x] = t->count[x] > 0 ? variance[x] : NAN;
    }
    /* The plane comes as zeros nobody touched; pages without bits never cost memory. */
    if (!t->flagged) return;
    for (int64_t x = 0; x < w; x++)
        job->out_bits[at + x] =
            t->count[x] > 0 ? t->used_bits[x] : (uint16_t)(t->all_bits[x] | PN_NO_DATA);
}

PN_INLINE void finish(const pn_combine_job *job, pn_tile *t, int ranged, const REAL *from,
                      int64_t row, int64_t x0, int64_t w) {
    REAL value[W], variance[W];
    for (int x = 0; x < W; x++) variance[x] = NAN;
    if (job->method < PN_COUNT)
        combine_tile(job, t, ranged, from, row, x0, w, value, variance);
    else
        describe(job, t, value);
    give_out(job, t, value, variance, row, x0, w);
}

/* Sort as far as the method needs; where values are left out, the whole. */
PN_INLINE int sorts(const pn_combine_job *job) {
    return job->method == PN_MEDIAN || job->method == PN_MAD || job->method == PN_QUANTILE;
}

#if !PN_WIDE
/* Mean, sum and extremes of integers as integers: of these, all sums are exact whatever the
 * order and the type that holds them. */
enum { MOST_ADDED = 32767 };

PN_INLINE void add_keys(const pn_combine_job *job, pn_tile *t, int64_t row, int64_t x0,
                        int64_t w) {
    REAL value[W], variance[W];
    if (job->method == PN_MIN || job->method == PN_MAX) {
        uint16_t best[W];
        memcpy(best, t->key, sizeof best);
        for (int64_t i = 1; i < job->n; i++) {
            const uint16_t *key = t->key + i * W;
            if (job->method == PN_MAX)
                for (int x = 0; x < W; x++) best[x] = key[x] > best[x] ? key[x] : best[x];
            else
                for (int x = 0; x < W; x++) best[x] = key[x] < best[x] ? key[x] : best[x];
        }
        for (int x = 0; x < W; x++) {
            value[x] = (REAL)(int32_t)best[x];
            variance[x] = NAN;
        }
    } else {
        int32_t total[W] = {0};
        double s1[W], s2[W] = {0}, spread[W];
        for (int64_t i = 0; i < job->n; i++) {
            const uint16_t *key = t->key + i * W;
            for (int x = 0; x < W; x++) {
                const int32_t d = (int32_t)key[x] - (int32_t)t->key[x];
                total[x] += d;
                s2[x] += (double)d * (double)d;
            }
        }
        for (int x = 0; x < W; x++) {
            s1[x] = (double)total[x];
            t->pivot[x] = (REAL)(int32_t)t->key[x];
        }
        from_sums(job, t, s1, s2, value, spread);
        scale_variance(job, t, w, spread, variance);
    }
    give_out(job, t, value, variance, row, x0, w);
}

PN_INLINE void tile_of_keys(const pn_combine_job *job, pn_tile *t, int ranged, int64_t row,
                            int64_t x0, int64_t w) {
    for (int x = 0; x < W; x++) t->count[x] = (int32_t)job->n;
    t->masked = t->flagged = 0;
    if (!ranged && job->method < PN_COUNT && !sorts(job) && job->n <= MOST_ADDED) {
        add_keys(job, t, row, x0, w);
        return;
    }
    if (ranged)
        exchange_keys(t->key, job->network, job->n_network);
    else if (sorts(job))
        exchange_keys(t->key, job->shorter, job->n_shorter);
    /* Sums of such integers are exact in any order, so the sorted ones do. */
    REAL *values = ranged || sorts(job) ? t->s : t->v;
    for (int64_t i = 0; i < job->n * W; i++) values[i] = (REAL)(int32_t)t->key[i];
    if (ranged)
        choose(job, t);
    else if (job->method < PN_COUNT)
        choose_all(job, t);
    finish(job, t, ranged, values, row, x0, w);
}
#endif

PN_INLINE void tile_of_values(const pn_combine_job *job, pn_tile *t, int ranged, int64_t row,
                              int64_t x0, int64_t w) {
    if (job->bits || !load_clean(job, row, x0, w, t)) load_values(job, row, x0, w, t);
    if (ranged || sorts(job)) {
        memcpy(t->s, t->v, (size_t)job->n * W * sizeof *t->s);
        if (ranged || t->masked)
            exchange_values(t->s, job->network, job->n_network);
        else
            exchange_values(t->s, job->shorter, job->n_shorter);
    }
    if (ranged)
        choose(job, t);
    else if (job->method < PN_COUNT)
        choose_all(job, t);
    finish(job, t, ranged, ranged ? t->s : t->v, row, x0, w);
}

static PN_CLONES void combine_rows(const pn_combine_job *job) {
    const int64_t n = job->n;
    const int may_range = job->method != PN_MIN && job->method != PN_MAX && job->method < PN_COUNT;
    const int ranged = may_range && (job->max_iterations > 0 || job->reject_low > 0 ||
                                     job->reject_high > 0);
#if !PN_WIDE
    int keys = !job->bias && !job->dark && !job->scale && !job->bits && !job->variance;
    for (int64_t i = 0; i < n && keys; i++)
        keys = pn_is_fits_u16(&job->format[i]) || pn_is_plain_u16(&job->format[i]);
    /* Not a number where nothing is saturated. */
    const int limit = job->saturation <= 65535.0f ? (int)ceilf(job->saturation) : 65536;
#endif

    char *aligned = (char *)(((uintptr_t)job->scratch + 63) & ~(uintptr_t)63);
    pn_tile tile;
    tile.v = (REAL *)aligned;
    tile.s = tile.v + n * W;
    tile.key = (uint16_t *)(tile.s + n * W);
    for (int64_t row = 0; row < job->rows; row++) {
        for (int64_t x0 = 0; x0 < job->nx; x0 += W) {
            const int64_t w = job->nx - x0 < W ? job->nx - x0 : W;
#if !PN_WIDE
            if (keys && load_keys(job, row, x0, w, limit, &tile)) {
                tile_of_keys(job, &tile, ranged, row, x0, w);
                continue;
            }
#endif
            tile_of_values(job, &tile, ranged, row, x0, w);
        }
    }
}

#endif
