/* Packing of kernels for outputs in pairs. */
#include "kernels/pairs.h"
#include <string.h>

/* Weight of sum `s` and part `p`, of the taps g. */
static float part_of(const float *g, size_t s, size_t p)
{
    if (p == 0) {
        const float both = (g[0] + g[2]) * 0.5f, middle = g[1] * 0.5f;
        return s == 0 ? g[0] : s == 1 ? both + middle : s == 2 ? both - middle : g[2];
    }
    g += 2 * p + 1;
    return s == 0 ? g[0] : s == 1 ? g[0] + g[1] : g[1];
}

void mli_pairs_pack(size_t out, size_t in, size_t taps, const void *src, size_t first, float *dst)
{
    size_t parts = mli_pairs_parts(taps), tiles = (out + MLI_PACK_TILE - 1) / MLI_PACK_TILE;

    for (size_t s = 0; s < 4; s++) {
        size_t count = s == 2 ? 1 : parts, cols = count * in;
        float *tile = dst + first * cols;

        for (size_t r = 0; r < MLI_PACK_TILE; r++) {
            for (size_t i = 0; i < in; i++) {
                float g[64] = {0};

                if (first + r < out)
                    memcpy(g, (const char *)src + ((first + r) * in + i) * taps * sizeof *g,
                           taps * sizeof *g);
                for (size_t p = 0; p < count; p++)
                    tile[(p * in + i) * MLI_PACK_TILE + r] = part_of(g, s, p);
            }
        }
        dst += tiles * MLI_PACK_TILE * cols;
    }
}
