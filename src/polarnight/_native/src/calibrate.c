/* Bias, dark, flat, variance and bits of one frame in a single pass.
 * The definition is in polarnight/cubes/kernels/calibrate.py; the numpy reference gives the same
 * bits. */
#include <float.h>

#include "load.h"

enum { W = 256 };

/* Mirrors Job in polarnight/cubes/kernels/calibrate.py. */
typedef struct {
    int64_t rows, nx, row_bytes;
    const char *raw;
    pn_format format;
    const float *bias, *bias_variance, *dark, *dark_variance, *flat, *flat_variance;
    const uint16_t *master_bits;
    float *data, *variance;
    uint16_t *bits;
    float exptime, exptime_squared, read_variance, inverse_gain;
    float saturation, nonlinear, low_flat;
    int32_t pad;
} pn_calibrate_job;

static PN_CLONES void calibrate_rows(const pn_calibrate_job *job) {
    float d[W], v[W];
    uint16_t b[W];
    for (int64_t row = 0; row < job->rows; row++) {
        const char *line = job->raw + row * job->row_bytes;
        for (int64_t x0 = 0; x0 < job->nx; x0 += W) {
            const int64_t w = job->nx - x0 < W ? job->nx - x0 : W, at = row * job->nx + x0;
            pn_load(line + x0 * pn_size_of(job->format.type), &job->format, w, d);
            for (int64_t x = 0; x < w; x++) {
                b[x] = (uint16_t)((d[x] >= job->saturation ? PN_SATURATED : 0) |
                                  (d[x] > job->nonlinear ? PN_NONLINEAR : 0));
            }
            if (job->master_bits)
                for (int64_t x = 0; x < w; x++) b[x] |= job->master_bits[at + x];
            if (job->bias)
                for (int64_t x = 0; x < w; x++) d[x] = d[x] - job->bias[at + x];
            for (int64_t x = 0; x < w; x++) {
                const float signal = d[x] > 0.0f ? d[x] : 0.0f;
                v[x] = job->read_variance + signal * job->inverse_gain;
            }
            if (job->bias_variance)
                for (int64_t x = 0; x < w; x++) v[x] = v[x] + job->bias_variance[at + x];
            if (job->dark)
                for (int64_t x = 0; x < w; x++) d[x] = d[x] - job->dark[at + x] * job->exptime;
            if (job->dark_variance)
                for (int64_t x = 0; x < w; x++)
                    v[x] = v[x] + job->dark_variance[at + x] * job->exptime_squared;
            if (job->flat) {
                const float *flat = job->flat + at;
                for (int64_t x = 0; x < w; x++) {
                    /* A flat without light divides nothing. */
                    const float f = flat[x] > 0.0f ? flat[x] : NAN;
                    b[x] |= flat[x] < job->low_flat ? PN_LOW_FLAT : 0;
                    d[x] = d[x] / f;
                    v[x] = v[x] / (f * f);
                }
                if (job->flat_variance) {
                    const float *vf = job->flat_variance + at;
                    for (int64_t x = 0; x < w; x++) {
                        const float r = d[x] / flat[x];
                        v[x] = v[x] + (r * r) * vf[x];
                    }
                }
            }
            for (int64_t x = 0; x < w; x++) {
                const int good = (fabsf(d[x]) <= FLT_MAX) & (fabsf(v[x]) <= FLT_MAX);
                job->data[at + x] = good ? d[x] : NAN;
                job->variance[at + x] = good ? v[x] : NAN;
                job->bits[at + x] = (uint16_t)(b[x] | (good ? 0 : PN_NO_DATA));
            }
        }
    }
}

PN_EXPORT void pn_calibrate(const pn_calibrate_job *job) { calibrate_rows(job); }
