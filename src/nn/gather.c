/* Packing from any order; the transposed convolution as a product. */
#include "nn/gather.h"

#include <string.h>

/* One tap of a tile of rows. */
static void pack_tap(const mli_nn_gather *g, size_t row, size_t lanes, size_t tap, float *to)
{
    const unsigned char *from[MLI_PACK_TILE];
    size_t live = 0;
    for (size_t l = 0; l < lanes; l++) {
        size_t phase = (row + l) / g->group;
        ptrdiff_t at = g->origin + (ptrdiff_t)((row + l) % g->group) * g->row_step +
                       (ptrdiff_t)phase * g->phase_step + (ptrdiff_t)tap * g->tap_step;
        bool there = g->phases == 0 || phase + (g->taps - 1 - tap) * g->reach < g->phases;
        from[l] = there ? g->src + at * (ptrdiff_t)sizeof(float) : NULL;
        live += there;
    }
    if (live < MLI_PACK_TILE)
        memset(to, 0, g->in * MLI_PACK_TILE * sizeof *to);
    for (size_t i = 0; i < g->in; i++) {
        ptrdiff_t step = (ptrdiff_t)i * g->in_step * (ptrdiff_t)sizeof(float);
        for (size_t l = 0; l < lanes; l++) {
            float v;
            if (live == MLI_PACK_TILE || from[l] != NULL) {
                memcpy(&v, from[l] + step, sizeof v);
                to[i * MLI_PACK_TILE + l] = v * g->factor;
            }
        }
    }
}

/* One tile of 16 rows after another: each line of the target is written once. */
void mli_nn_gather_pack(const mli_nn_gather *g, float *dst, const mli_cancel_word *cancel)
{
    for (size_t row = 0; row < g->rows && !mli_cancelled(cancel); row += MLI_PACK_TILE) {
        float *tile = dst + row * g->taps * g->in;
        size_t lanes = g->rows - row < MLI_PACK_TILE ? g->rows - row : MLI_PACK_TILE;
        for (size_t tap = 0; tap < g->taps; tap++)
            pack_tap(g, row, lanes, tap, tile + tap * g->in * MLI_PACK_TILE);
    }
}

size_t mli_nn_transposed_reach(size_t taps, size_t stride)
{
    return (taps + stride - 1) / stride;
}

mli_nn_gather mli_nn_transposed_matrix(const void *weights, size_t in, size_t out, size_t taps,
                                       size_t stride)
{
    const size_t reach = mli_nn_transposed_reach(taps, stride);
    const ptrdiff_t s = (ptrdiff_t)stride, t = (ptrdiff_t)taps;
    return (mli_nn_gather){.src = weights,
                           .rows = stride * out,
                           .taps = reach,
                           .in = in,
                           .group = out,
                           .origin = ((ptrdiff_t)reach - 1) * s,
                           .row_step = t,
                           .phase_step = 1,
                           .tap_step = -s,
                           .in_step = (ptrdiff_t)out * t,
                           .phases = taps,
                           .reach = stride,
                           .factor = 1.0f};
}

mli_convolve_args mli_nn_transposed_args(const mli_packed *w, const float *bias, size_t reach,
                                         size_t m, const float *x, size_t x_stride)
{
    return (mli_convolve_args){.w = w,
                               .taps = 1,
                               .tap_stride = w->cols,
                               .m = m,
                               .x = x - (reach - 1) * x_stride,
                               .x_stride = x_stride,
                               .out = {.bias = bias}};
}
