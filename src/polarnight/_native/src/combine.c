/* Combining many frames, pixel by pixel.
 *
 * Pixels are worked on in tiles of W neighbours: the tile of all frames fits the cache, and
 * sorting is done by a network of compare-exchanges, each on W pixels at once. The
 * definition of every result is in polarnight/cubes/reference.py; this file gives the same
 * bits. Tiles of plain 16-bit integers are sorted as integers; a tile in which any pixel
 * must be left out goes the general way, where such a pixel is +infinity and sorts last.
 */
#include <float.h>

#include "load.h"

enum { W = 64 };
enum { PN_MEAN, PN_MEDIAN, PN_MIN, PN_MAX, PN_SUM };

/* Mirrors Job in polarnight/cubes/kernel.py. */
typedef struct {
    int64_t n, rows, nx;
    const char *const *src; /* first pixel of every frame */
    const int64_t *row_bytes;
    const pn_format *format;
    const float *bias, *dark;          /* (rows, nx), may be NULL */
    const float *dark_scale, *scale;   /* (n), may be NULL */
    const uint16_t *const *bits;       /* (n) planes (rows, nx); may be NULL, also each */
    const float *const *variance;      /* likewise */
    const double *variance_scale;      /* (n) */
    const double *factor;              /* (n + 1): by number of values kept */
    const uint16_t *network, *shorter; /* pairs: for sorting, for the median alone */
    int64_t n_network, n_shorter;
    char *scratch;
    float *value, *out_variance; /* (rows, nx) */
    uint16_t *count, *out_bits;
    float saturation, nsigma, min_sigma;
    int32_t unusable, method, reject_low, reject_high, max_iterations;
} pn_combine_job;

/* What is known of the tile at hand. */
typedef struct {
    float *v, *s;  /* (n, W): in the order of the frames, and sorted */
    uint16_t *key; /* (n, W) */
    int32_t masked; /* some value of the tile is left out */
    int32_t flagged; /* some value of the tile has a bit set */
    int32_t count[W]; /* values in use, then values kept */
    int32_t lo[W], hi[W]; /* kept are s[lo..hi-1] */
    float pivot[W];
    uint16_t used_bits[W], all_bits[W];
} pn_tile;

PN_EXPORT int64_t pn_combine_scratch(int64_t n) { return n * W * 10 + 64; }

/* ---- loading -------------------------------------------------------------------- */

/* Load as 16-bit integers; returns 0 where a pixel is saturated. */
PN_INLINE int load_keys(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                        int limit, pn_tile *t) {
    uint16_t top[W] = {0};
    for (int64_t i = 0; i < job->n; i++) {
        const char *src = job->src[i] + row * job->row_bytes[i] + 2 * x0;
        uint16_t *out = t->key + i * W;
        if (w < W) memset(out, 0, W * sizeof *out);
        if (job->format[i].swap) {
            for (int64_t x = 0; x < w; x++) {
                uint16_t u;
                memcpy(&u, src + 2 * x, 2);
                out[x] = (uint16_t)(__builtin_bswap16(u) ^ 0x8000u);
            }
        } else {
            memcpy(out, src, (size_t)(2 * w));
        }
        for (int x = 0; x < W; x++) top[x] = out[x] > top[x] ? out[x] : top[x];
    }
    uint16_t highest = 0;
    for (int x = 0; x < W; x++) highest = top[x] > highest ? top[x] : highest;
    return (int)highest < limit;
}

/* One row of one frame, calibrated; `raw` gets the raw values. */
PN_INLINE void load_row(const pn_combine_job *job, int64_t i, int64_t row, int64_t x0,
                        int64_t w, float *raw, float *v) {
    const pn_format *f = &job->format[i];
    const int64_t at = row * job->nx + x0;
    if (w < W) memset(raw, 0, W * sizeof *raw);
    pn_load(job->src[i] + row * job->row_bytes[i] + x0 * pn_size_of(f->type), f, w, raw);
    memcpy(v, raw, W * sizeof *v);
    if (job->bias)
        for (int64_t x = 0; x < w; x++) v[x] = v[x] - job->bias[at + x];
    if (job->dark) {
        const float ds = job->dark_scale[i];
        for (int64_t x = 0; x < w; x++) v[x] = v[x] - job->dark[at + x] * ds;
    }
    if (job->scale) {
        const float scale = job->scale[i];
        for (int x = 0; x < W; x++) v[x] = v[x] * scale;
    }
    /* Adding zero makes -0 into +0, so that equal values have equal bits. */
    for (int x = 0; x < W; x++) v[x] = v[x] + 0.0f;
}

/* Load as float32, calibrated; returns 0 where a pixel cannot be used. */
PN_INLINE int load_clean(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                         pn_tile *t) {
    int32_t bad[W] = {0};
    float raw[W];
    for (int64_t i = 0; i < job->n; i++) {
        float *v = t->v + i * W;
        load_row(job, i, row, x0, w, raw, v);
        for (int x = 0; x < W; x++)
            bad[x] |= !(fabsf(v[x]) <= FLT_MAX) | (raw[x] >= job->saturation);
    }
    int32_t any = 0;
    for (int x = 0; x < W; x++) any |= bad[x];
    if (any) return 0;
    for (int x = 0; x < W; x++) t->count[x] = (int32_t)job->n;
    t->masked = t->flagged = 0;
    return 1;
}

/* Load as float32, calibrated; what cannot be used becomes +infinity. */
PN_INLINE void load_values(const pn_combine_job *job, int64_t row, int64_t x0, int64_t w,
                           pn_tile *t) {
    uint32_t left_out = 0, flags = 0;
    for (int x = 0; x < W; x++) {
        t->count[x] = 0;
        t->used_bits[x] = t->all_bits[x] = 0xFFFF;
    }
    for (int64_t i = 0; i < job->n; i++) {
        float raw[W], *v = t->v + i * W;
        uint16_t bits[W] = {0};
        load_row(job, i, row, x0, w, raw, v);
        if (job->bits && job->bits[i])
            memcpy(bits, job->bits[i] + row * job->nx + x0, (size_t)(2 * w));
        for (int x = 0; x < W; x++) bits[x] |= raw[x] >= job->saturation ? PN_SATURATED : 0;
        for (int x = 0; x < W; x++) {
            const int finite = fabsf(v[x]) <= FLT_MAX;
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
PN_EXCHANGE(exchange_keys, uint16_t)
PN_EXCHANGE(exchange_values, float)

PN_INLINE float middle(const float *s, int x, int lo, int hi) {
    const int m = hi - lo;
    return 0.5f * (s[(lo + (m - 1) / 2) * W + x] + s[(lo + m / 2) * W + x]);
}

/* ---- clipping ------------------------------------------------------------------- */

/* Median distance from `centre` among s[lo..hi-1]. The k nearest are neighbours in the
 * sorted column, and the farthest of them is one of the two ends of that window; the next
 * nearest is one of the window's two neighbours. */
PN_INLINE float median_distance(const float *s, int x, int lo, int hi, float centre) {
    const int m = hi - lo, k = (m + 1) / 2;
    const float *column = s + x;
    int a = lo, left = m - k; /* look for the first window whose upper end is farther */
    while (left > 0) {
        const int half = left / 2, i = a + half;
        const int found = column[(i + k - 1) * W] - centre >= centre - column[i * W];
        a = found ? a : i + 1;
        left = found ? half : left - half - 1;
    }
    const float below = centre - column[a * W], above = column[(a + k - 1) * W] - centre;
    float kth = below > above ? below : above;
    if (a > lo) { /* or the window before it, whose lower end is farther */
        const float far = centre - column[(a - 1) * W];
        if (far < kth) {
            kth = far;
            a--;
        }
    }
    if (m & 1) return 0.5f * (kth + kth);
    const float down = a > lo ? centre - column[(a - 1) * W] : INFINITY;
    const float up = a + k < hi ? column[(a + k) * W] - centre : INFINITY;
    return 0.5f * (kth + (down < up ? down : up));
}

PN_INLINE float clip_limit(const pn_combine_job *job, float mad) {
    const float sigma = 1.4826f * mad;
    return job->nsigma * (sigma > job->min_sigma ? sigma : job->min_sigma);
}

/* Clip one column to the end, from the range it has; the limit of the first turn is known
 * where it is not negative. */
PN_INLINE void clip_column(const pn_combine_job *job, pn_tile *t, int x, float limit) {
    const float *s = t->s;
    int lo = t->lo[x], hi = t->hi[x];
    float centre = middle(s, x, lo, hi);
    for (int turn = 0; turn < job->max_iterations; turn++) {
        if (turn > 0 || limit < 0.0f)
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
    const int m = hi - lo, k = (m + 1) / 2, even = !(m & 1);
    const float *s = t->s, *s_a = s + (lo + (m - 1) / 2) * W, *s_b = s + (lo + m / 2) * W;
    float first[W], second[W], limit[W];
    int32_t more[W];
    for (int x = 0; x < W; x++) {
        t->pivot[x] = 0.5f * (s_a[x] + s_b[x]);
        first[x] = second[x] = INFINITY;
    }
    /* The k-th smallest distance is that of the best window of k neighbours; for an even
     * number the next one counts as well. */
    for (int i = lo; i + k <= hi; i++) {
        const float *low = s + i * W, *high = s + (i + k - 1) * W;
        const float *higher = s + (i + k < hi ? i + k : hi - 1) * W;
        const float more_room = i + k < hi ? 0.0f : INFINITY;
        if (even) {
            for (int x = 0; x < W; x++) {
                const float below = t->pivot[x] - low[x], above = high[x] - t->pivot[x];
                const float upper = higher[x] - t->pivot[x] + more_room;
                const float far = below > above ? below : above;
                const float farther = below > upper ? below : upper;
                first[x] = far < first[x] ? far : first[x];
                second[x] = farther < second[x] ? farther : second[x];
            }
        } else {
            for (int x = 0; x < W; x++) {
                const float below = t->pivot[x] - low[x], above = high[x] - t->pivot[x];
                const float far = below > above ? below : above;
                first[x] = far < first[x] ? far : first[x];
            }
        }
    }
    const float *lowest = s + lo * W, *highest = s + (hi - 1) * W;
    for (int x = 0; x < W; x++) {
        limit[x] = clip_limit(job, 0.5f * (first[x] + (even ? second[x] : first[x])));
        more[x] = (t->pivot[x] - lowest[x] > limit[x]) | (highest[x] - t->pivot[x] > limit[x]);
    }
    for (int x = 0; x < W; x++)
        if (more[x]) clip_column(job, t, x, limit[x]);
}

/* ---- results -------------------------------------------------------------------- */

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
            t->pivot[x] = 0.0f;
            if (t->count[x] > 0) clip_column(job, t, x, -1.0f);
        }
    }
    for (int x = 0; x < W; x++) t->count[x] = t->hi[x] - t->lo[x];
}

/* Without rejection: the pivot is the median, or any value near the others. */
PN_INLINE void choose_all(const pn_combine_job *job, pn_tile *t) {
    const int n = (int)job->n;
    if (job->method == PN_MEDIAN && !t->masked) {
        const float *a = t->s + (n - 1) / 2 * W, *b = t->s + n / 2 * W;
        for (int x = 0; x < W; x++) t->pivot[x] = 0.5f * (a[x] + b[x]);
        return;
    }
    for (int x = 0; x < W; x++) {
        t->pivot[x] = 0.0f;
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

/* Sums of the differences from the pivot, and of their squares. */
PN_INLINE void add_up(const pn_tile *t, int64_t n, const float *from, int ranged, double *s1,
                      double *s2) {
    for (int x = 0; x < W; x++) s1[x] = s2[x] = 0.0;
    for (int64_t i = 0; i < n; i++) {
        const float *v = from + i * W;
        float kept[W];
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
        const float *v = t->v + i * W;
        const float *given = job->variance[i] + row * job->nx + x0;
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

PN_INLINE void extreme(const pn_combine_job *job, const pn_tile *t, float *value) {
    const int largest = job->method == PN_MAX;
    for (int x = 0; x < W; x++) value[x] = largest ? -INFINITY : INFINITY;
    for (int64_t i = 0; i < job->n; i++) {
        const float *v = t->v + i * W;
        for (int x = 0; x < W; x++) {
            if (largest)
                value[x] = v[x] < INFINITY && v[x] > value[x] ? v[x] : value[x];
            else
                value[x] = v[x] < value[x] ? v[x] : value[x];
        }
    }
}

PN_INLINE void finish(const pn_combine_job *job, pn_tile *t, int ranged, const float *from,
                      int64_t row, int64_t x0, int64_t w) {
    const int64_t at = row * job->nx + x0;
    double s1[W], s2[W], spread[W], factor[W];
    float value[W];
    add_up(t, job->n, from, ranged, s1, s2);
    for (int x = 0; x < W; x++) {
        const double c = (double)t->count[x], mean = s1[x] / c;
        const double rest = s2[x] - s1[x] * mean;
        spread[x] = (rest > 0.0 ? rest : 0.0) / (c - 1.0);
        spread[x] = t->count[x] > 1 ? spread[x] : (double)NAN;
        if (job->method == PN_MEAN)
            value[x] = (float)((double)t->pivot[x] + mean);
        else if (job->method == PN_SUM)
            value[x] = (float)(c * (double)t->pivot[x] + s1[x]);
        else
            value[x] = t->pivot[x];
    }
    if (job->method == PN_MIN || job->method == PN_MAX) extreme(job, t, value);
    if (job->variance) mean_variance(job, t, ranged, row, x0, w, spread);
    for (int64_t x = 0; x < w; x++) factor[x] = job->factor[t->count[x]];
    for (int64_t x = 0; x < w; x++) {
        const int any = t->count[x] > 0;
        job->value[at + x] = any ? value[x] : NAN;
        job->out_variance[at + x] = any ? (float)(spread[x] * factor[x]) : NAN;
        job->count[at + x] = (uint16_t)t->count[x];
    }
    /* The plane comes as zeros nobody touched; pages without bits never cost memory. */
    if (!t->flagged) return;
    for (int64_t x = 0; x < w; x++)
        job->out_bits[at + x] =
            t->count[x] > 0 ? t->used_bits[x] : (uint16_t)(t->all_bits[x] | PN_NO_DATA);
}

PN_INLINE void tile_of_keys(const pn_combine_job *job, pn_tile *t, int ranged, int64_t row,
                            int64_t x0, int64_t w) {
    if (ranged)
        exchange_keys(t->key, job->network, job->n_network);
    else
        exchange_keys(t->key, job->shorter, job->n_shorter);
    for (int64_t i = 0; i < job->n * W; i++) t->s[i] = (float)(int32_t)t->key[i];
    for (int x = 0; x < W; x++) t->count[x] = (int32_t)job->n;
    t->masked = t->flagged = 0;
    if (ranged)
        choose(job, t);
    else
        choose_all(job, t);
    /* Sums of such integers are exact in any order, so the sorted ones do. */
    finish(job, t, ranged, t->s, row, x0, w);
}

PN_INLINE void tile_of_values(const pn_combine_job *job, pn_tile *t, int ranged, int64_t row,
                              int64_t x0, int64_t w) {
    if (job->bits || !load_clean(job, row, x0, w, t)) load_values(job, row, x0, w, t);
    if (ranged || job->method == PN_MEDIAN) {
        memcpy(t->s, t->v, (size_t)job->n * W * sizeof *t->s);
        if (ranged || t->masked)
            exchange_values(t->s, job->network, job->n_network);
        else
            exchange_values(t->s, job->shorter, job->n_shorter);
    }
    if (ranged)
        choose(job, t);
    else
        choose_all(job, t);
    finish(job, t, ranged, ranged ? t->s : t->v, row, x0, w);
}

static PN_CLONES void combine_rows(const pn_combine_job *job) {
    const int64_t n = job->n;
    const int extremes = job->method == PN_MIN || job->method == PN_MAX;
    const int ranged = !extremes && (job->max_iterations > 0 || job->reject_low > 0 ||
                                     job->reject_high > 0);
    int keys = (ranged || job->method == PN_MEDIAN) && !job->bias && !job->dark &&
               !job->scale && !job->bits && !job->variance;
    for (int64_t i = 0; i < n && keys; i++)
        keys = pn_is_fits_u16(&job->format[i]) || pn_is_plain_u16(&job->format[i]);
    const int limit = job->saturation > 65535.0f ? 65536 : (int)ceilf(job->saturation);

    char *aligned = (char *)(((uintptr_t)job->scratch + 63) & ~(uintptr_t)63);
    pn_tile tile;
    tile.v = (float *)aligned;
    tile.s = (float *)(aligned + n * W * 4);
    tile.key = (uint16_t *)(aligned + n * W * 8);
    for (int64_t row = 0; row < job->rows; row++) {
        for (int64_t x0 = 0; x0 < job->nx; x0 += W) {
            const int64_t w = job->nx - x0 < W ? job->nx - x0 : W;
            if (keys && load_keys(job, row, x0, w, limit, &tile))
                tile_of_keys(job, &tile, ranged, row, x0, w);
            else
                tile_of_values(job, &tile, ranged, row, x0, w);
        }
    }
}

PN_EXPORT void pn_combine(const pn_combine_job *job) { combine_rows(job); }
