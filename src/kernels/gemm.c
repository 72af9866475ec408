/* Row-major products as serial BLAS calls on slices. */
#include "kernels/gemm.h"

#include "base/checked.h"
#include "base/error.h"
#include "kernels/blas_private.h"
#include "kernels/table.h"
#include <limits.h>
#include <string.h>

enum { WANTED_SLICES = 16, SLICE_STEP = 16, PANEL_STEP = 16 };

#define CALL_FLOP 4e8 /* most of one BLAS call */

typedef struct gemm_job {
    const mli_gemm_args *a;
    mli_blas_sgemm_fn *sgemm;
    size_t rows, cols; /* of a slice */
    size_t col_tasks;
} gemm_job;

modellab_status mli_gemm_check(const mli_gemm_args *a, modellab_error *err)
{
    size_t cells;
    if (a->m > INT_MAX || a->n > INT_MAX || a->k > INT_MAX || a->lda > INT_MAX ||
        a->ldb > INT_MAX || a->ldc > INT_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "a product of %zu x %zu x %zu is too large", a->m,
                        a->n, a->k);
    if (a->lda < a->k || a->ldb < a->k || a->ldc < a->n)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "rows of a product overlap");
    if (mli_mul_overflow(a->m, a->lda, &cells) || mli_mul_overflow(a->n, a->ldb, &cells) ||
        mli_mul_overflow(a->m, a->ldc, &cells))
        return mli_fail(err, MODELLAB_E_LIMIT, "a product of %zu x %zu x %zu is too large", a->m,
                        a->n, a->k);
    if (a->b_type == MLI_DTYPE_F16 && a->k > MLI_TEAM_SCRATCH_BYTES / sizeof(float) / PANEL_STEP)
        return mli_fail(err, MODELLAB_E_LIMIT, "a product over %zu inputs in f16 is too large",
                        a->k);
    if (mli_blas_sgemm() == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "OpenBLAS (libopenblas.so.0) is not installed");
    return MODELLAB_OK;
}

static void call(const gemm_job *j, size_t row, size_t rows, size_t col, size_t cols,
                 const float *b, size_t ldb)
{
    const mli_gemm_args *a = j->a;
    j->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, (int)a->k, 1.0f,
             a->a + row * a->lda, (int)a->lda, b, (int)ldb, 0.0f, a->c + row * a->ldc + col,
             (int)a->ldc);
}

/* The f16 rows of B are widened panel by panel into the scratch. */
static void call_f16(const gemm_job *j, size_t row, size_t rows, size_t col, size_t cols,
                     mli_team *team)
{
    const mli_gemm_args *a = j->a;
    const mli_kernels *k = mli_kernels_current();
    float *wide = mli_team_scratch(team);
    size_t most = MLI_TEAM_SCRATCH_BYTES / sizeof(float) / (a->k == 0 ? 1 : a->k);
    for (size_t done = 0; done < cols; done += most) {
        size_t n = cols - done < most ? cols - done : most;
        for (size_t i = 0; i < n; i++)
            k->f16_to_f32(wide + i * a->k, (const mli_f16 *)a->b + (col + done + i) * a->ldb, a->k);
        call(j, row, rows, col + done, n, wide, a->k == 0 ? 1 : a->k);
    }
}

static void gemm_task(void *ctx, size_t task, mli_team *team)
{
    const gemm_job *j = ctx;
    const mli_gemm_args *a = j->a;
    size_t row = task / j->col_tasks * j->rows, col = task % j->col_tasks * j->cols;
    size_t rows = a->m - row < j->rows ? a->m - row : j->rows;
    size_t cols = a->n - col < j->cols ? a->n - col : j->cols;
    if (a->k == 0) {
        for (size_t i = 0; i < rows; i++)
            memset(a->c + (row + i) * a->ldc + col, 0, cols * sizeof(float));
    } else if (a->b_type == MLI_DTYPE_F16) {
        call_f16(j, row, rows, col, cols, team);
    } else {
        call(j, row, rows, col, cols, (const float *)a->b + col * a->ldb, a->ldb);
    }
    for (size_t i = 0; a->bias != NULL && i < rows; i++)
        mli_kernels_current()->add(a->c + (row + i) * a->ldc + col, a->bias + col, cols);
}

void mli_gemm(mli_team *team, const mli_gemm_args *args)
{
    gemm_job j = {.a = args, .sgemm = mli_blas_sgemm(), .cols = args->n};
    j.rows = (args->m / WANTED_SLICES + SLICE_STEP) / SLICE_STEP * SLICE_STEP;
    double row_flop = 2.0 * (double)args->n * (double)args->k;
    while (j.rows > SLICE_STEP && (double)j.rows * row_flop > CALL_FLOP)
        j.rows -= SLICE_STEP;
    /* Rows so long that even sixteen are too much are cut as well. */
    while (j.cols > 1024 && (double)j.rows * 2.0 * (double)j.cols * (double)args->k > CALL_FLOP)
        j.cols = (j.cols / 2 + 15) / 16 * 16;
    j.col_tasks = j.cols == 0 ? 0 : (args->n + j.cols - 1) / j.cols;
    mli_team_for(team, (args->m + j.rows - 1) / j.rows * j.col_tasks, gemm_task, &j);
}
