/* The same as combine.c for pixels that need a double. */
#define REAL double
#define REAL_MAX DBL_MAX
#define FABS fabs
#define SATURATION saturation_double
#define NSIGMA nsigma_double
#define MIN_SIGMA min_sigma_double
#define PN_WIDE 1
#include "combine_rows.h"

PN_EXPORT int64_t pn_combine_double_scratch(int64_t n) { return n * W * 18 + 64; }

PN_EXPORT void pn_combine_double(const pn_combine_job *job) { combine_rows(job); }
