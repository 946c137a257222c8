/* Aperture photometry and windowed centroids of many sources in one image.
 *
 * Definitions are those of the numpy reference, polarnight/photometry/_reference.py; sums
 * are taken in another order, so results agree to rounding only. Positions are zero-based
 * pixel centres. Callers give each thread its own range of sources. */
#include "pn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const float *data;
    const float *variance;   /* or NULL */
    const uint16_t *bits;    /* or NULL */
    const uint8_t *exclude;  /* or NULL; kept out of the sky only */
    int64_t ny, nx;
    uint32_t unusable;       /* bits kept out of the sky */
} pn_image;

/* A grid line at distance v from the centre of a circle of radius r: half chord c, and the
 * integral S(t) = int_0^t sqrt(r^2 - z^2) dz at v and at c. All that is transcendental is
 * computed once per line, not once per pixel. */
typedef struct {
    double v, c, s_v, s_c;
} line;

static line make_line(double v, double r)
{
    line made = {fabs(v), 0.0, 0.0, 0.0};
    double quarter = 0.78539816339744830962 * r * r; /* S(r) */
    if (made.v >= r) {
        made.s_v = quarter;
        return made;
    }
    made.c = sqrt((r - made.v) * (r + made.v));
    /* Near the rim asin(v/r) keeps half the digits only; that of the chord keeps all. */
    double part = made.v < made.c ? r * r * asin(made.v / r)
                                  : 2.0 * quarter - r * r * asin(made.c / r);
    made.s_v = 0.5 * (made.v * made.c + part);
    /* S(c) = (c v + r^2 acos(v/r)) / 2 */
    made.s_c = made.v * made.c + quarter - made.s_v;
    return made;
}

/* Area inside the circle of a rectangle that lies in one quadrant. */
static double quadrant_area(const line *x0, const line *x1, const line *y0, const line *y1)
{
    if (x0->v >= y0->c)
        return 0.0;
    if (x1->v <= y1->c)
        return (x1->v - x0->v) * (y1->v - y0->v);
    double full = x0->v, s_full = x0->s_v; /* up to here the circle is above the rectangle */
    if (y1->c > full) {
        full = y1->c;
        s_full = y1->s_c;
    }
    double end = x1->v, s_end = x1->s_v; /* here the circle leaves through the bottom */
    if (y0->c < end) {
        end = y0->c;
        s_end = y0->s_c;
    }
    return (full - x0->v) * (y1->v - y0->v) + (s_end - s_full) - y0->v * (end - full);
}

/* Area inside the circle of the pixel between two lines each way; `cut` tells whether the
 * centre's axis runs through. */
static double pixel_area(const line *xa, const line *xb, int x_cut, const line *ya,
                         const line *yb, int y_cut, const line *axis)
{
    const line *x_low[2], *x_high[2], *y_low[2], *y_high[2];
    int nx = 1, ny = 1;
    if (x_cut) {
        nx = 2;
        x_low[0] = x_low[1] = axis;
        x_high[0] = xa;
        x_high[1] = xb;
    } else {
        x_low[0] = xa->v < xb->v ? xa : xb;
        x_high[0] = xa->v < xb->v ? xb : xa;
    }
    if (y_cut) {
        ny = 2;
        y_low[0] = y_low[1] = axis;
        y_high[0] = ya;
        y_high[1] = yb;
    } else {
        y_low[0] = ya->v < yb->v ? ya : yb;
        y_high[0] = ya->v < yb->v ? yb : ya;
    }
    double area = 0.0;
    for (int i = 0; i < nx; i++)
        for (int j = 0; j < ny; j++)
            area += quadrant_area(x_low[i], x_high[i], y_low[j], y_high[j]);
    return area;
}

#define SLIVER 1e-9 /* a pixel touched by less than this is not touched */

typedef struct {
    double flux, variance, area;
    uint32_t bits;
} sums;

PN_INLINE void add_pixel(const pn_image *image, int64_t at, double weight, sums *total)
{
    float value = image->data[at];
    float variance = image->variance ? image->variance[at] : 0.0f;
    if (image->bits)
        total->bits |= image->bits[at];
    if (isfinite(value) && isfinite(variance)) {
        total->flux += weight * value;
        total->variance += weight * weight * variance;
        total->area += weight;
    } else {
        total->bits |= PN_NO_DATA;
    }
}

/* Running sums along the rows of the box around the largest circle of a source, so that
 * the pixels wholly inside a circle cost two look-ups a row whatever the radius. */
typedef struct {
    int64_t x0, y0, width, height, stride;
    double *flux, *variance;
    int32_t *special; /* how many pixels so far have bits or no value */
} patch;

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void fill_patch(const pn_image *image, double cx, double cy, double r, patch *box)
{
    box->x0 = clamp((int64_t)floor(cx - r), 0, image->nx);
    box->y0 = clamp((int64_t)floor(cy - r), 0, image->ny);
    box->width = clamp((int64_t)ceil(cx + r) + 1, box->x0, image->nx) - box->x0;
    box->height = clamp((int64_t)ceil(cy + r) + 1, box->y0, image->ny) - box->y0;
    for (int64_t j = 0; j < box->height; j++) {
        int64_t at = (box->y0 + j) * image->nx + box->x0, to = j * box->stride;
        double flux = 0.0, variance = 0.0;
        int32_t special = 0;
        for (int64_t i = 0; i < box->width; i++) {
            box->flux[to + i] = flux;
            box->variance[to + i] = variance;
            box->special[to + i] = special;
            float value = image->data[at + i];
            float noise = image->variance ? image->variance[at + i] : 0.0f;
            int finite = isfinite(value) && isfinite(noise);
            flux += finite ? value : 0.0f;
            variance += finite ? noise : 0.0f;
            special += !finite || (image->bits && image->bits[at + i]);
        }
        box->flux[to + box->width] = flux;
        box->variance[to + box->width] = variance;
        box->special[to + box->width] = special;
    }
}

/* Pixels from..to of row j, all of them wholly inside. */
static void add_run(const pn_image *image, const patch *box, int64_t j, int64_t from,
                    int64_t to, sums *total)
{
    if (from > to)
        return;
    int64_t a = (j - box->y0) * box->stride + from - box->x0, b = a + to - from + 1;
    if (box->special[b] != box->special[a]) {
        for (int64_t i = from; i <= to; i++)
            add_pixel(image, j * image->nx + i, 1.0, total);
        return;
    }
    total->flux += box->flux[b] - box->flux[a];
    total->variance += box->variance[b] - box->variance[a];
    total->area += (double)(to - from + 1);
}

static void circle(const pn_image *image, const patch *box, double cx, double cy, double r,
                   line *columns, sums *total)
{
    memset(total, 0, sizeof *total);
    int64_t left = (int64_t)floor(cx - r + 0.5), right = (int64_t)ceil(cx + r - 0.5);
    int64_t low = (int64_t)floor(cy - r + 0.5), high = (int64_t)ceil(cy + r - 0.5);
    if (left < 0 || low < 0 || right >= image->nx || high >= image->ny)
        total->bits |= PN_NO_DATA; /* part of the circle is outside the image */
    if (right < 0 || high < 0 || left >= image->nx || low >= image->ny)
        return;
    line axis = make_line(0.0, r);
    for (int64_t i = left; i <= right + 1; i++)
        columns[i - left] = make_line((double)i - 0.5 - cx, r);
    line below = make_line((double)low - 0.5 - cy, r);
    for (int64_t j = low; j <= high; j++) {
        line above = make_line((double)j + 0.5 - cy, r);
        double y0 = (double)j - 0.5 - cy, y1 = (double)j + 0.5 - cy;
        int y_cut = y0 < 0.0 && y1 > 0.0;
        double near = y_cut ? r : fmax(below.c, above.c), far = fmin(below.c, above.c);
        int64_t touch0 = (int64_t)floor(cx - near + 0.5);
        int64_t touch1 = (int64_t)ceil(cx + near - 0.5);
        int64_t full0 = (int64_t)ceil(cx - far + 0.5);
        int64_t full1 = (int64_t)floor(cx + far - 0.5);
        if (far <= 0.0 || full0 > full1) {
            full0 = touch1 + 1; /* no pixel of this row lies inside */
            full1 = touch1;
        }
        if (j >= 0 && j < image->ny) {
            int64_t row = j * image->nx;
            int64_t from = touch0 < 0 ? 0 : touch0;
            int64_t to = touch1 >= image->nx ? image->nx - 1 : touch1;
            int64_t run0 = full0 < from ? from : full0, run1 = full1 > to ? to : full1;
            add_run(image, box, j, run0, run1, total);
            for (int64_t i = from; i <= to; i++) {
                if (i == run0 && run0 <= run1) {
                    i = run1;
                    continue;
                }
                const line *xa = &columns[i - left], *xb = &columns[i - left + 1];
                int x_cut = (double)i - 0.5 < cx && (double)i + 0.5 > cx;
                double weight = pixel_area(xa, xb, x_cut, &below, &above, y_cut, &axis);
                if (weight > SLIVER)
                    add_pixel(image, row + i, weight, total);
            }
        }
        below = above;
    }
}

/* ---- sky ------------------------------------------------------------------------- */

/* Keys that sort as unsigned integers in the order of the floats. */
PN_INLINE uint32_t to_key(float value)
{
    uint32_t raw;
    memcpy(&raw, &value, sizeof raw);
    return raw ^ ((raw >> 31) ? 0xFFFFFFFFu : 0x80000000u);
}

PN_INLINE float from_key(uint32_t key)
{
    float value;
    uint32_t raw = key ^ ((key >> 31) ? 0x80000000u : 0xFFFFFFFFu);
    memcpy(&value, &raw, sizeof value);
    return value;
}

/* Radix sort; returns whichever of the two buffers holds the result. */
static uint32_t *sort_keys(uint32_t *keys, uint32_t *other, int64_t n)
{
    uint32_t count[4][256];
    memset(count, 0, sizeof count);
    for (int64_t i = 0; i < n; i++)
        for (int digit = 0; digit < 4; digit++)
            count[digit][(keys[i] >> (8 * digit)) & 255]++;
    for (int digit = 0; digit < 4; digit++) {
        int shift = 8 * digit;
        if (n == 0 || count[digit][(keys[0] >> shift) & 255] == (uint32_t)n)
            continue; /* all alike in this digit */
        uint32_t start = 0;
        for (int k = 0; k < 256; k++) {
            uint32_t here = count[digit][k];
            count[digit][k] = start;
            start += here;
        }
        for (int64_t i = 0; i < n; i++)
            other[count[digit][(keys[i] >> shift) & 255]++] = keys[i];
        uint32_t *swap = keys;
        keys = other;
        other = swap;
    }
    return keys;
}

static double middle(const float *sorted, int64_t from, int64_t to)
{
    int64_t n = to - from, half = from + n / 2;
    if (n & 1)
        return sorted[half];
    return 0.5 * ((double)sorted[half - 1] + (double)sorted[half]);
}

/* Median absolute deviation from `centre` of the sorted values from..to-1: walk outwards
 * from the centre, always to the nearer neighbour. */
static double deviation(const float *sorted, int64_t from, int64_t to, double centre)
{
    int64_t n = to - from, right = from + n / 2;
    while (right > from && (double)sorted[right - 1] > centre)
        right--;
    while (right < to && (double)sorted[right] <= centre)
        right++;
    int64_t left = right - 1;
    double last = 0.0, before = 0.0;
    for (int64_t taken = 0; taken <= n / 2; taken++) {
        double down = left >= from ? centre - (double)sorted[left] : INFINITY;
        double up = right < to ? (double)sorted[right] - centre : INFINITY;
        before = last;
        if (down <= up) {
            last = down;
            left--;
        } else {
            last = up;
            right++;
        }
    }
    return (n & 1) ? last : 0.5 * (before + last);
}

typedef struct {
    double level, scatter; /* mean and sample variance of the values kept */
    int64_t n;
} sky_result;

static sky_result clipped_sky(const float *sorted, int64_t n, double clip, int64_t iterations)
{
    sky_result sky = {NAN, NAN, n};
    int64_t from = 0, to = n;
    for (int64_t round = 0; round < iterations && to - from > 2; round++) {
        double centre = middle(sorted, from, to);
        double limit = clip * (1.482602218505602 * deviation(sorted, from, to, centre));
        if (!(limit > 0.0))
            break;
        int64_t first = from, last = to;
        /* Cuts move inwards by a few values: walking is as fast as searching. */
        while (first < last && centre - (double)sorted[first] > limit)
            first++;
        while (last > first && (double)sorted[last - 1] - centre > limit)
            last--;
        if (first == from && last == to)
            break;
        from = first;
        to = last;
    }
    sky.n = to - from;
    if (sky.n < 3)
        return sky;
    double base = sorted[from], sum = 0.0, square = 0.0;
    for (int64_t i = from; i < to; i++)
        sum += (double)sorted[i] - base;
    double mean = sum / (double)sky.n;
    for (int64_t i = from; i < to; i++) {
        double off = (double)sorted[i] - base - mean;
        square += off * off;
    }
    sky.level = base + mean;
    sky.scatter = square / (double)(sky.n - 1);
    return sky;
}

static int64_t collect_sky(const pn_image *image, double cx, double cy, double inner,
                           double outer, uint32_t *keys)
{
    int64_t n = 0;
    int64_t low = (int64_t)ceil(cy - outer), high = (int64_t)floor(cy + outer);
    if (low < 0)
        low = 0;
    if (high >= image->ny)
        high = image->ny - 1;
    for (int64_t j = low; j <= high; j++) {
        double dy = (double)j - cy, chord = sqrt(fmax(outer * outer - dy * dy, 0.0));
        int64_t from = (int64_t)floor(cx - chord), to = (int64_t)ceil(cx + chord);
        if (from < 0)
            from = 0;
        if (to >= image->nx)
            to = image->nx - 1;
        for (int64_t i = from; i <= to; i++) {
            double dx = (double)i - cx, distance = dx * dx + dy * dy;
            if (distance < inner * inner || distance >= outer * outer)
                continue;
            int64_t at = j * image->nx + i;
            float value = image->data[at];
            int spoilt = !isfinite(value) ||
                         (image->bits && (image->bits[at] & image->unusable)) ||
                         (image->exclude && image->exclude[at]);
            if (!spoilt)
                keys[n++] = to_key(value);
        }
    }
    return n;
}

/* Sums over circles and clipped skies of sources first..last-1.
 *
 * xy (n, 2); flux, variance, area, bits_out (n, n_radii): raw sums, sky not taken away;
 * level, scatter, n_sky (n): mean, sample variance and number of the sky pixels kept.
 * annulus_out <= 0: no sky. Returns 0, or 1 where memory ran out. */
PN_EXPORT int64_t pn_apertures(const float *data, const float *variance, const uint16_t *bits,
                               const uint8_t *exclude, int64_t ny, int64_t nx,
                               int64_t unusable, const double *xy, int64_t first,
                               int64_t last, const double *radii, int64_t n_radii,
                               double annulus_in, double annulus_out, double clip,
                               int64_t iterations, double *flux, double *flux_variance,
                               double *area, uint16_t *bits_out, double *level,
                               double *scatter, int64_t *n_sky)
{
    pn_image image = {data, variance, bits, exclude, ny, nx, (uint32_t)unusable};
    double largest = 0.0;
    for (int64_t k = 0; k < n_radii; k++)
        largest = fmax(largest, radii[k]);
    size_t side = annulus_out > 0.0 ? (size_t)(2.0 * annulus_out) + 3 : 0;
    line *columns = malloc(((size_t)(2.0 * largest) + 5) * sizeof *columns);
    uint32_t *keys = malloc((2 * side * side + 1) * sizeof *keys);
    patch box = {0, 0, 0, 0, (int64_t)(2.0 * largest) + 5, NULL, NULL, NULL};
    size_t cells = (size_t)(box.stride * box.stride);
    box.flux = malloc(cells * sizeof *box.flux);
    box.variance = malloc(cells * sizeof *box.variance);
    box.special = malloc(cells * sizeof *box.special);
    int64_t failed = !columns || !keys || !box.flux || !box.variance || !box.special;
    if (failed)
        last = first;
    for (int64_t source = first; source < last; source++) {
        double cx = xy[2 * source], cy = xy[2 * source + 1];
        level[source] = scatter[source] = NAN;
        n_sky[source] = 0;
        int reachable = isfinite(cx) && isfinite(cy) && fabs(cx) < 1e9 && fabs(cy) < 1e9;
        if (reachable)
            fill_patch(&image, cx, cy, largest, &box);
        for (int64_t k = 0; k < n_radii; k++) {
            int64_t at = source * n_radii + k;
            sums total = {0.0, 0.0, 0.0, PN_NO_DATA};
            if (reachable)
                circle(&image, &box, cx, cy, radii[k], columns, &total);
            flux[at] = total.flux;
            flux_variance[at] = total.variance;
            area[at] = total.area;
            bits_out[at] = (uint16_t)total.bits;
        }
        if (!reachable || annulus_out <= 0.0)
            continue;
        uint32_t *other = keys + side * side;
        int64_t n = collect_sky(&image, cx, cy, annulus_in, annulus_out, keys);
        uint32_t *sorted = sort_keys(keys, other, n);
        for (int64_t i = 0; i < n; i++) { /* in place: both are four bytes wide */
            float value = from_key(sorted[i]);
            memcpy(&sorted[i], &value, sizeof value);
        }
        sky_result sky = clipped_sky((const float *)(const void *)sorted, n, clip, iterations);
        level[source] = sky.level;
        scatter[source] = sky.scatter;
        n_sky[source] = sky.n;
    }
    free(columns);
    free(keys);
    free(box.flux);
    free(box.variance);
    free(box.special);
    return failed;
}

/* ---- centroids ------------------------------------------------------------------- */

/* Windowed centroids of sources first..last-1: the fixed point of
 * x += 2 sum(w f (x_i - x)) / sum(w f), w a Gaussian of `sigma` cut at 4 sigma.
 *
 * sky (n); out (n, 5): x, y, var x, var y, signal-to-noise in the window; steps (n): rounds
 * used, or -1 where it did not converge, -2 where there was no positive flux, -3 where it
 * wandered further than `reach` from the start. */
PN_EXPORT void pn_centroids(const float *data, const float *variance, int64_t ny, int64_t nx,
                            const double *xy, const double *sky, int64_t first, int64_t last,
                            double sigma, double reach, int64_t rounds, double tolerance,
                            double *out, int64_t *steps)
{
    double window = 4.0 * sigma, shape = 0.5 / (sigma * sigma);
    for (int64_t source = first; source < last; source++) {
        double x = xy[2 * source], y = xy[2 * source + 1];
        double noise_x = NAN, noise_y = NAN, signal = NAN;
        int64_t result = -1;
        if (!isfinite(x) || !isfinite(y) || !isfinite(sky[source]) || fabs(x) > 1e9 ||
            fabs(y) > 1e9)
            result = -2;
        for (int64_t round = 1; round <= rounds && result == -1; round++) {
            double sum = 0.0, sum_x = 0.0, sum_y = 0.0, noise = 0.0, vx = 0.0, vy = 0.0;
            int64_t low = (int64_t)fmax(ceil(y - window), 0.0);
            int64_t high = (int64_t)fmin(floor(y + window), (double)(ny - 1));
            int64_t left = (int64_t)fmax(ceil(x - window), 0.0);
            int64_t right = (int64_t)fmin(floor(x + window), (double)(nx - 1));
            for (int64_t j = low; j <= high; j++)
                for (int64_t i = left; i <= right; i++) {
                    double dx = (double)i - x, dy = (double)j - y;
                    double distance = dx * dx + dy * dy;
                    int64_t at = j * nx + i;
                    if (distance > window * window || !isfinite(data[at]))
                        continue;
                    double weight = exp(-shape * distance);
                    double value = weight * ((double)data[at] - sky[source]);
                    double power = weight * weight * (variance ? variance[at] : 1.0);
                    sum += value;
                    sum_x += value * dx;
                    sum_y += value * dy;
                    noise += power;
                    vx += power * dx * dx;
                    vy += power * dy * dy;
                }
            signal = sum / sqrt(noise);
            if (!(sum > 0.0)) {
                result = -2;
                break;
            }
            double step_x = 2.0 * sum_x / sum, step_y = 2.0 * sum_y / sum;
            x += step_x;
            y += step_y;
            noise_x = 4.0 * vx / (sum * sum);
            noise_y = 4.0 * vy / (sum * sum);
            double away_x = x - xy[2 * source], away_y = y - xy[2 * source + 1];
            if (away_x * away_x + away_y * away_y > reach * reach)
                result = -3;
            else if (step_x * step_x + step_y * step_y < tolerance * tolerance)
                result = round;
        }
        double *line_out = out + 5 * source;
        line_out[0] = x;
        line_out[1] = y;
        line_out[2] = noise_x;
        line_out[3] = noise_y;
        line_out[4] = signal;
        steps[source] = result;
    }
}
