/* Combining many frames, pixel by pixel, of pixels that float32 holds.
 *
 * Pixels are worked on in tiles of W neighbours: the tile of all frames fits the cache, and
 * sorting is done by a network of compare-exchanges, each on W pixels at once. The
 * definition of every result is in polarnight/cubes/kernels/reference.py; this file gives the same
 * bits. Tiles of plain 16-bit integers are sorted as integers; a tile in which any pixel
 * must be left out goes the general way, where such a pixel is +infinity and sorts last.
 */
#define REAL float
#define REAL_MAX FLT_MAX
#define FABS fabsf
#define SATURATION saturation
#define NSIGMA nsigma
#define MIN_SIGMA min_sigma
#define PN_WIDE 0
#include "combine_rows.h"

PN_EXPORT int64_t pn_combine_scratch(int64_t n) { return n * W * 10 + 64; }

PN_EXPORT void pn_combine(const pn_combine_job *job) { combine_rows(job); }
