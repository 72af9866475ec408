/* Packing of kernels for outputs in pairs. */
#include "kernels/pairs.h"
#include <string.h>

enum { LANES = MLI_PACK_TILE, MOST_TAPS = 64 };

/* The taps of one input for 16 outputs, missing outputs as zeros: t[tap][output]. */
static void gather(const char *src, size_t rows, size_t row_bytes, size_t taps,
                   float t[MOST_TAPS][LANES])
{
    for (size_t r = 0; r < rows; r++) {
        float g[MOST_TAPS];

        memcpy(g, src + r * row_bytes, taps * sizeof *g);
        for (size_t k = 0; k < taps; k++)
            t[k][r] = g[k];
    }
}

static void put(float *to, const float from[LANES])
{
    memcpy(to, from, LANES * sizeof *to);
}

/* Lines of the part of three taps in the four sums. */
static void put_three(float *const line[4], float t[3][LANES])
{
    float plus[LANES], minus[LANES];

    for (size_t r = 0; r < LANES; r++) {
        const float both = (t[0][r] + t[2][r]) * 0.5f, middle = t[1][r] * 0.5f;

        plus[r] = both + middle;
        minus[r] = both - middle;
    }
    put(line[0], t[0]);
    put(line[1], plus);
    put(line[2], minus);
    put(line[3], t[2]);
}

/* Lines of a part of two taps. */
static void put_two(float *const line[4], size_t at, float t[2][LANES])
{
    float both[LANES];

    for (size_t r = 0; r < LANES; r++)
        both[r] = t[0][r] + t[1][r];
    put(line[0] + at, t[0]);
    put(line[1] + at, both);
    put(line[3] + at, t[1]);
}

void mli_pairs_pack(size_t out, size_t in, size_t taps, const void *src, size_t first, float *dst)
{
    size_t parts = mli_pairs_parts(taps), tiles = (out + LANES - 1) / LANES;
    size_t rows = out - first < LANES ? out - first : LANES, row_bytes = in * taps * sizeof *dst;
    const char *from = (const char *)src + first * row_bytes;
    float t[MOST_TAPS][LANES] = {{0}}, *line[4];

    for (size_t s = 0; s < 4; s++) {
        size_t cols = (s == 2 ? 1 : parts) * in;

        line[s] = dst + first * cols;
        dst += tiles * LANES * cols;
    }
    for (size_t i = 0; i < in; i++) {
        gather(from + i * taps * sizeof *dst, rows, row_bytes, taps, t);
        put_three(line, t);
        for (size_t p = 1; p < parts; p++)
            put_two(line, p * in * LANES, t + 2 * p + 1);
        for (size_t s = 0; s < 4; s++)
            line[s] += LANES;
    }
}
