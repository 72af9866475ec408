/* A depth-separable layer: rows before the product, rows after it. */
#include "nn/separable.h"
#include "kernels/vector.h"

enum { ROWS = 8 }; /* of a task */

typedef struct separable_job {
    const mli_nn_separable *l;
    size_t m;
    float *x, *inner, *outer;
} separable_job;

static void before_task(void *ctx, size_t task, mli_team *team)
{
    const separable_job *j = ctx;
    const mli_nn_separable *l = j->l;
    size_t n = l->norm1.width, end = (task + 1) * ROWS < j->m ? (task + 1) * ROWS : j->m;
    const float *rows[MLI_NN_SEPARABLE_TAPS];

    (void)team;
    for (size_t t = task * ROWS; t < end; t++) {
        float *y = j->inner + t * n;

        for (size_t tap = 0; tap < l->taps; tap++) {
            size_t back = l->taps / 2 * l->dilation, at = t + tap * l->dilation;
            rows[tap] = at < back || at - back >= j->m ? NULL : j->x + (at - back) * n;
        }
        mli_depthwise(y, rows, l->taps, l->depth, l->depth_bias, n);
        mli_layernorm(y, y, l->norm1.gamma, l->norm1.beta, l->norm1.eps, n);
        mli_gelu(y, n);
    }
}

static void after_task(void *ctx, size_t task, mli_team *team)
{
    const separable_job *j = ctx;
    const mli_nn_norm *norm = &j->l->norm2;
    size_t n = norm->width, end = (task + 1) * ROWS < j->m ? (task + 1) * ROWS : j->m;

    (void)team;
    for (size_t t = task * ROWS; t < end; t++) {
        float *y = j->outer + t * n;

        mli_layernorm(y, y, norm->gamma, norm->beta, norm->eps, n);
        mli_gelu(y, n);
        mli_add(j->x + t * n, y, n);
    }
}

void mli_nn_separable_run(mli_team *team, const mli_nn_separable *layer, size_t m, float *x,
                          float *scratch)
{
    separable_job j = {layer, m, x, scratch, scratch + m * layer->norm1.width};

    mli_team_for(team, (m + ROWS - 1) / ROWS, before_task, &j);
    mli_nn_linear_run(team, &layer->point, m, j.inner, MLI_ACT_NONE, j.outer);
    mli_team_for(team, (m + ROWS - 1) / ROWS, after_task, &j);
}
