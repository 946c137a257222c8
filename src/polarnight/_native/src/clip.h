/* Which values of a tile are kept: rejection and clipping. Included after tile.h. */
#ifndef PN_CLIP_H
#define PN_CLIP_H

#include "tile.h"

/* As the reference has it: the float nearest to 1.4826 for floats. */
#define SIGMA_OF_MAD 1.4826

/* Median distance from `centre` among s[lo..hi-1], in numbers of type TYPE. The k nearest
 * are neighbours in the sorted column, and the farthest of them is one of the two ends of
 * that window; the next nearest is one of the window's two neighbours. */
#define PN_MEDIAN_DISTANCE(NAME, TYPE)                                                     \
    PN_INLINE TYPE NAME(const REAL *s, int x, int lo, int hi, TYPE centre) {               \
        const int m = hi - lo, k = (m + 1) / 2;                                            \
        const REAL *column = s + x;                                                        \
        /* Look for the first window whose upper end is farther. */                        \
        int a = lo, left = m - k;                                                          \
        while (left > 0) {                                                                 \
            const int half = left / 2, i = a + half;                                       \
            const TYPE above = (TYPE)column[(i + k - 1) * W] - centre;                     \
            const int found = above >= centre - (TYPE)column[i * W];                       \
            a = found ? a : i + 1;                                                         \
            left = found ? half : left - half - 1;                                         \
        }                                                                                  \
        const TYPE below = centre - (TYPE)column[a * W];                                   \
        const TYPE above = (TYPE)column[(a + k - 1) * W] - centre;                         \
        TYPE kth = below > above ? below : above;                                          \
        if (a > lo) { /* or the window before it, whose lower end is farther */            \
            const TYPE far = centre - (TYPE)column[(a - 1) * W];                           \
            if (far < kth) {                                                               \
                kth = far;                                                                 \
                a--;                                                                       \
            }                                                                              \
        }                                                                                  \
        if (m & 1) return (TYPE)0.5 * (kth + kth);                                         \
        const TYPE down = a > lo ? centre - (TYPE)column[(a - 1) * W] : (TYPE)INFINITY;    \
        const TYPE up = a + k < hi ? (TYPE)column[(a + k) * W] - centre : (TYPE)INFINITY;  \
        return (TYPE)0.5 * (kth + (down < up ? down : up));                                \
    }
PN_MEDIAN_DISTANCE(median_distance, REAL)
#if PN_WIDE
#define median_distance_wide median_distance
#else
PN_MEDIAN_DISTANCE(median_distance_wide, double)
#endif

/* The same for a whole tile, all values in use. The k-th smallest distance is that of the
 * best window of k neighbours; for an even number the next one counts as well. */
#define PN_TILE_DISTANCES(NAME, TYPE)                                                      \
    PN_INLINE void NAME(const REAL *s, int lo, int hi, const TYPE *centre, TYPE *median) { \
        const int m = hi - lo, k = (m + 1) / 2, even = !(m & 1);                           \
        TYPE first[W], second[W];                                                          \
        for (int x = 0; x < W; x++) first[x] = second[x] = (TYPE)INFINITY;                 \
        for (int i = lo; i + k <= hi; i++) {                                               \
            const REAL *low = s + i * W, *high = s + (i + k - 1) * W;                      \
            const REAL *higher = s + (i + k < hi ? i + k : hi - 1) * W;                    \
            const TYPE more_room = i + k < hi ? (TYPE)0.0 : (TYPE)INFINITY;                \
            if (even) {                                                                    \
                for (int x = 0; x < W; x++) {                                              \
                    const TYPE below = centre[x] - (TYPE)low[x];                           \
                    const TYPE above = (TYPE)high[x] - centre[x];                          \
                    const TYPE upper = (TYPE)higher[x] - centre[x] + more_room;            \
                    const TYPE far = below > above ? below : above;                        \
                    const TYPE farther = below > upper ? below : upper;                    \
                    first[x] = far < first[x] ? far : first[x];                            \
                    second[x] = farther < second[x] ? farther : second[x];                 \
                }                                                                          \
            } else {                                                                       \
                for (int x = 0; x < W; x++) {                                              \
                    const TYPE below = centre[x] - (TYPE)low[x];                           \
                    const TYPE above = (TYPE)high[x] - centre[x];                          \
                    const TYPE far = below > above ? below : above;                        \
                    first[x] = far < first[x] ? far : first[x];                            \
                }                                                                          \
            }                                                                              \
        }                                                                                  \
        for (int x = 0; x < W; x++)                                                        \
            median[x] = (TYPE)0.5 * (first[x] + (even ? second[x] : first[x]));            \
    }
PN_TILE_DISTANCES(tile_distances, REAL)
#if PN_WIDE
#define tile_distances_wide tile_distances
#else
PN_TILE_DISTANCES(tile_distances_wide, double)
#endif

PN_INLINE REAL clip_limit(const pn_combine_job *job, REAL mad) {
    const REAL sigma = (REAL)SIGMA_OF_MAD * mad;
    return job->NSIGMA * (sigma > job->MIN_SIGMA ? sigma : job->MIN_SIGMA);
}

/* Clip one column to the end, from the range it has; the limit of the first turn is known
 * where it is not negative. */
PN_INLINE void clip_column(const pn_combine_job *job, pn_tile *t, int x, REAL limit) {
    const REAL *s = t->s;
    int lo = t->lo[x], hi = t->hi[x];
    REAL centre = middle(s, x, lo, hi);
    for (int turn = 0; turn < job->max_iterations; turn++) {
        if (turn > 0 || limit < 0)
            limit = clip_limit(job, median_distance(s, x, lo, hi, centre));
        const int low = lo, high = hi;
        while (lo < hi - 1 && centre - s[lo * W + x] > limit) lo++;
        while (lo < hi - 1 && s[(hi - 1) * W + x] - centre > limit) hi--;
        if (lo == low && hi == high) break;
        centre = middle(s, x, lo, hi);
    }
    t->lo[x] = lo;
    t->hi[x] = hi;
    t->pivot[x] = centre;
}

/* First turn of clipping for the whole tile, all values in use: most columns lose none. */
PN_INLINE void clip_tile(const pn_combine_job *job, pn_tile *t, int lo, int hi) {
    const int m = hi - lo;
    const REAL *s = t->s, *s_a = s + (lo + (m - 1) / 2) * W, *s_b = s + (lo + m / 2) * W;
    REAL limit[W];
    int32_t more[W];
    for (int x = 0; x < W; x++) t->pivot[x] = (REAL)0.5 * (s_a[x] + s_b[x]);
    tile_distances(s, lo, hi, t->pivot, limit);
    const REAL *lowest = s + lo * W, *highest = s + (hi - 1) * W;
    for (int x = 0; x < W; x++) {
        limit[x] = clip_limit(job, limit[x]);
        more[x] = (t->pivot[x] - lowest[x] > limit[x]) | (highest[x] - t->pivot[x] > limit[x]);
    }
    for (int x = 0; x < W; x++)
        if (more[x]) clip_column(job, t, x, limit[x]);
}

/* Reject and clip; leaves the range, the count and the median of what is kept. */
PN_INLINE void choose(const pn_combine_job *job, pn_tile *t) {
    const int low = job->reject_low, rejected = low + job->reject_high;
    for (int x = 0; x < W; x++) {
        const int enough = t->count[x] > rejected;
        t->lo[x] = enough ? low : 0;
        t->hi[x] = enough ? t->count[x] - job->reject_high : t->count[x];
    }
    if (!t->masked && job->max_iterations > 0) {
        clip_tile(job, t, t->lo[0], t->hi[0]);
    } else {
        for (int x = 0; x < W; x++) {
            t->pivot[x] = 0;
            if (t->count[x] > 0) clip_column(job, t, x, -1);
        }
    }
    for (int x = 0; x < W; x++) t->count[x] = t->hi[x] - t->lo[x];
}

/* Without rejection: the pivot is the median, or any value near the others. */
PN_INLINE void choose_all(const pn_combine_job *job, pn_tile *t) {
    const int n = (int)job->n;
    if (job->method == PN_MEDIAN && !t->masked) {
        const REAL *a = t->s + (n - 1) / 2 * W, *b = t->s + n / 2 * W;
        for (int x = 0; x < W; x++) t->pivot[x] = (REAL)0.5 * (a[x] + b[x]);
        return;
    }
    if (job->method != PN_MEDIAN && !t->masked) {
        memcpy(t->pivot, t->v, sizeof t->pivot);
        return;
    }
    for (int x = 0; x < W; x++) {
        t->pivot[x] = 0;
        if (t->count[x] == 0) continue;
        if (job->method == PN_MEDIAN) {
            t->pivot[x] = middle(t->s, x, 0, t->count[x]);
        } else {
            int i = 0;
            while (t->v[i * W + x] == INFINITY) i++;
            t->pivot[x] = t->v[i * W + x];
        }
    }
}

#endif
