/* Turning a matrix over, in squares that fit the cache. */
#include "pn.h"

enum { SIDE = 32 };

#define PN_TRANSPOSE(NAME, TYPE)                                                           \
    static void NAME(const char *src, int64_t rows, int64_t columns, int64_t row_bytes,    \
                     TYPE *out) {                                                          \
        for (int64_t y0 = 0; y0 < rows; y0 += SIDE) {                                      \
            const int64_t y1 = y0 + SIDE < rows ? y0 + SIDE : rows;                        \
            for (int64_t x0 = 0; x0 < columns; x0 += SIDE) {                               \
                const int64_t x1 = x0 + SIDE < columns ? x0 + SIDE : columns;              \
                TYPE square[SIDE][SIDE];                                                   \
                for (int64_t y = y0; y < y1; y++) {                                        \
                    const TYPE *line = (const TYPE *)(src + y * row_bytes);                \
                    for (int64_t x = x0; x < x1; x++) square[x - x0][y - y0] = line[x];    \
                }                                                                          \
                for (int64_t x = x0; x < x1; x++)                                          \
                    for (int64_t y = y0; y < y1; y++)                                      \
                        out[x * rows + y] = square[x - x0][y - y0];                        \
            }                                                                              \
        }                                                                                  \
    }
PN_TRANSPOSE(turn_8, uint8_t)
PN_TRANSPOSE(turn_16, uint16_t)
PN_TRANSPOSE(turn_32, uint32_t)
PN_TRANSPOSE(turn_64, uint64_t)

/* out[x * rows + y] = src[y][x] for elements of `size` bytes (1, 2, 4 or 8), aligned. */
PN_EXPORT void pn_transpose(const char *src, int64_t rows, int64_t columns, int64_t row_bytes,
                            int64_t size, char *out) {
    switch (size) {
    case 1: turn_8(src, rows, columns, row_bytes, (uint8_t *)out); break;
    case 2: turn_16(src, rows, columns, row_bytes, (uint16_t *)out); break;
    case 4: turn_32(src, rows, columns, row_bytes, (uint32_t *)out); break;
    default: turn_64(src, rows, columns, row_bytes, (uint64_t *)out); break;
    }
}
