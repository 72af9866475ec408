/* The functions that exist once per instruction set, and the table of those in use. Only
 * src/kernels and its tests see it. */
#ifndef MLI_KERNELS_TABLE_H
#define MLI_KERNELS_TABLE_H

#include "kernels/convolve.h"
#include "kernels/isa.h"
#include "kernels/types.h"

enum {
    MLI_LANES = 16,       /* width of all vector code and of a packed tile */
    MLI_SKINNY_ROWS = 6,  /* most rows of one skinny call */
    MLI_SKINNY_TILES = 4, /* most tiles of one skinny call */
    MLI_MAX_BLOCK_ROWS = 12,
    MLI_MAX_BLOCK_TILES = 2,
    MLI_SUM_RUN = 64 /* inputs whose products are summed from zero before they join the sum */
};

/* End of the run of inputs that starts at k, of n. Runs bound the growth of rounding errors; all
 * products cut their sums alike, so that they give the same bits. */
static inline size_t mli_sum_run_end(size_t k, size_t n)
{
    return n - k < MLI_SUM_RUN ? n : k + MLI_SUM_RUN;
}

/* One skinny product: c[i][16 t + r] = sum over k of x[i][k] * w[t][k][r], in runs. */
typedef struct mli_skinny {
    const void *w;      /* first tile */
    size_t tile_stride; /* elements from tile to tile */
    size_t cols;
    size_t tiles; /* 1 .. MLI_SKINNY_TILES */
    const float *x;
    size_t x_stride;
    size_t m; /* 1 .. MLI_SKINNY_ROWS */
    float *c; /* row i at c + i * c_stride */
    size_t c_stride;
} mli_skinny;

/* Keys or values of a cache as one head sees them. */
typedef struct mli_cache_rows {
    const void *base; /* first element of the head in slot 0 */
    size_t stride;    /* elements from slot to slot */
    mli_dtype type;
    const int32_t *table; /* slot of key t, or NULL */
    size_t len, dim;      /* dim: a multiple of 16 */
} mli_cache_rows;

/* What follows a product: y[i] = act(c[i] + bias) + add[i] for n outputs of each row i. */
typedef struct mli_finish {
    size_t rows, n;
    const float *c; /* readable up to the next multiple of 16 outputs */
    size_t c_stride;
    const float *bias; /* or NULL */
    int act;           /* mli_activation */
    const float *add;  /* or NULL; may be y */
    size_t add_stride;
    float *y;
    size_t y_stride;
} mli_finish;

typedef struct mli_kernels {
    mli_isa isa;
    size_t block_rows, block_tiles;
    void (*skinny_f32)(const mli_skinny *s);
    void (*skinny_f16)(const mli_skinny *s);
    /* The same with f32 weights, summed in double precision and rounded once. */
    void (*exact_f32)(const mli_skinny *s);
    /* c[block_rows][16 block_tiles] (+)= a * b[tile][k][16] in runs, rows of c c_stride apart;
     * `more`: c holds the sum of the runs before. a is packed [k][block_rows], or with a_stride
     * other than 0 row-major [block_rows][a_stride]. */
    void (*block)(size_t k, const float *a, size_t a_stride, const float *b, size_t tile_stride,
                  float *c, size_t c_stride, bool more);
    /* rows (at most block_rows) of x times factor -> dst[k][block_rows], missing rows zero. */
    void (*pack_rows)(const float *x, size_t stride, size_t rows, size_t k, float factor,
                      float *dst);
    void (*f16_to_f32)(float *dst, const mli_f16 *src, size_t n);
    void (*f32_to_f16)(mli_f16 *dst, const float *src, size_t n);
    void (*add)(float *y, const float *x, size_t n);
    void (*scale)(float *y, float factor, size_t n);
    void (*gelu)(float *x, size_t n);
    void (*exp)(float *dst, const float *src, size_t n);
    float (*dot)(const float *a, const float *b, size_t n);
    float (*sum)(const float *x, size_t n);
    float (*max)(const float *x, size_t n);                /* NaN is passed over */
    float (*sum_exp)(const float *x, float top, size_t n); /* sum of exp(x - top) */
    void (*softmax)(float *x, size_t n);
    float (*soften)(float *x,
                    size_t n); /* exp(x - max); returns 1 / sum, or 0 when all are masked */
    void (*layernorm)(float *y, const float *x, const float *gamma, const float *beta, float eps,
                      size_t n);
    void (*finish)(const mli_finish *f);
    void (*cache_scores)(const mli_cache_rows *k, const float *q, float *scores);
    void (*cache_mix)(const mli_cache_rows *v, const float *p, float *out);
    /* For convolutional networks; see body_conv.h. */
    void (*store)(const mli_store *s, size_t rows, size_t n, const float *c, size_t c_stride);
    /* A pair of outputs (see pairs.h): its inputs x[tap * stride] to the rows v of the four sums;
     * the four sums to both outputs. n is a multiple of 16 in pair_out. */
    void (*pair_in)(float *const v[4], const float *x, size_t stride, size_t parts, size_t n);
    void (*pair_out)(const float *const s[4], float *y0, float *y1, size_t n);
    void (*tanh)(float *x, size_t n);
    void (*gate)(float *y, const float *a, const float *bias, size_t n);
    void (*depthwise)(float *y, const float *const *rows, size_t taps, const float *w,
                      const float *bias, size_t n);
    void (*windows)(float *y, const float *x, size_t stride, const float *w, size_t k, float bias,
                    size_t count);
} mli_kernels;

extern const mli_kernels mli_kernels_scalar;
#if defined(__x86_64__)
extern const mli_kernels mli_kernels_avx2;
extern const mli_kernels mli_kernels_avx512;
#endif

/* The table of an instruction set, NULL when this CPU cannot run it. */
const mli_kernels *mli_kernels_of(mli_isa isa);
/* The table in use. */
const mli_kernels *mli_kernels_current(void);
/* Changes the table in use, for tests and benches: no kernel may be running. False when not
 * available. */
bool mli_kernels_use(mli_isa isa);

#endif
