/* Speed of the kernels at Whisper's shapes, in GFLOP/s and GB/s, beside a probe of the memory's
 * bandwidth. A program to read, not a test. Usage: bench_kernels [threads] [part of a name] */
#include "kernels/attention.h"
#include "kernels/blas.h"
#include "kernels/gemm.h"
#include "kernels/isa.h"
#include "kernels/linear.h"
#include "kernels/vector.h"

#include "os/clock.h"
#include "os/memory.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 9 };

static const char *only;

static void *need(size_t bytes)
{
    void *pages = NULL;
    if (mli_os_pages_map(bytes == 0 ? 1 : bytes, &pages) != 0) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return pages;
}

static float *numbers(size_t n)
{
    float *x = need(n * sizeof *x);
    uint32_t state = 1;
    for (size_t i = 0; i < n; i++) {
        state = state * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return x;
}

static bool cpu_clock;

/* Wall clock; with one thread its CPU clock, which other work on the machine disturbs less. */
static double seconds(void)
{
    if (cpu_clock)
        return (double)mli_os_thread_cpu_ns() * 1e-9;
    return (double)mli_os_system_clock.monotonic_ns(mli_os_system_clock.user) * 1e-9;
}

/* Median of several rounds of one region; `calls` inner repetitions are the caller's. */
static double timed(mli_pool *pool, mli_team_fn fn, void *ctx)
{
    double t[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        double start = seconds();
        mli_pool_region(pool, NULL, fn, ctx);
        t[i] = seconds() - start;
        for (int j = i; j > 0 && t[j] < t[j - 1]; j--) {
            double swap = t[j];
            t[j] = t[j - 1];
            t[j - 1] = swap;
        }
    }
    return t[ROUNDS / 2];
}

static bool wanted(const char *name)
{
    return only == NULL || strstr(name, only) != NULL;
}

/* ---- bandwidth ---- */
typedef struct probe {
    const float *data;
    size_t n;
    float sums[MLI_POOL_MAX_THREADS];
} probe;

static void probe_task(void *ctx, size_t task, mli_team *team)
{
    probe *p = ctx;
    size_t part = p->n / 64;
    p->sums[mli_team_thread(team)] += mli_sum(p->data + task * part, part);
}

static void probe_region(void *ctx, mli_team *team)
{
    mli_team_for(team, 64, probe_task, ctx);
}

static void bench_bandwidth(mli_pool *pool)
{
    static probe p;
    p.n = (size_t)64 << 20;
    p.data = numbers(p.n);
    double t = timed(pool, probe_region, &p);
    printf("%-34s %9.3f ms %18s %7.1f GB/s\n", "read 256 MB", t * 1e3, "", (double)p.n * 4e-9 / t);
}

/* ---- linear layers ---- */
typedef struct layer {
    mli_linear_args args;
    mli_packed w[64];
    size_t copies, at;
} layer;

static void layer_region(void *ctx, mli_team *team)
{
    layer *l = ctx;
    for (size_t i = 0; i < l->copies; i++) {
        mli_linear_args a = l->args;
        a.w = &l->w[i];
        mli_linear(team, &a);
    }
}

/* Cycles through copies of the matrix, about `cold` bytes together, so that they do not stay in
 * cache. */
static void bench_linear(mli_pool *pool, const char *name, size_t m, size_t n, size_t k,
                         mli_dtype type, mli_activation act, size_t cold)
{
    if (!wanted(name))
        return;
    static layer l;
    size_t bytes = 0;
    if (mli_pack_bytes(type, n, k, &bytes, NULL) != MODELLAB_OK)
        exit(1);
    l.copies = cold / bytes + 1;
    l.copies = l.copies > 64 ? 64 : l.copies;
    char *block = need(bytes * l.copies);
    float *w = numbers(n * k), *x = numbers(m * k), *y = numbers(m * n), *b = numbers(n);
    for (size_t i = 0; i < l.copies; i++) {
        mli_pack(type, n, k, w, MLI_DTYPE_F32, k, block + i * bytes);
        l.w[i] = (mli_packed){type, n, k, block + i * bytes};
    }
    l.args = (mli_linear_args){
        .bias = b, .m = m, .x = x, .x_stride = k, .y = y, .y_stride = n, .act = act};
    double t = timed(pool, layer_region, &l) / (double)l.copies;
    printf("%-34s %9.3f ms %7.1f GFLOP/s %10.1f GB/s\n", name, t * 1e3,
           2e-9 * (double)(m * n) * (double)k / t, (double)bytes * 1e-9 / t);
    mli_os_pages_unmap(block, bytes * l.copies);
}

static void gemm_region(void *ctx, mli_team *team)
{
    mli_gemm(team, ctx);
}

static void bench_gemm(mli_pool *pool, const char *name, size_t m, size_t n, size_t k)
{
    if (!wanted(name))
        return;
    mli_gemm_args a = {.m = m,
                       .n = n,
                       .k = k,
                       .a = numbers(m * k),
                       .lda = k,
                       .b = numbers(n * k),
                       .b_type = MLI_DTYPE_F32,
                       .ldb = k,
                       .c = numbers(m * n),
                       .ldc = n};
    double t = timed(pool, gemm_region, &a);
    printf("%-34s %9.3f ms %7.1f GFLOP/s\n", name, t * 1e3, 2e-9 * (double)(m * n) * (double)k / t);
}

/* ---- attention ---- */
typedef struct heads {
    mli_attention_args args;
    mli_kv kv[16];
    size_t copies;
} heads;

static void heads_region(void *ctx, mli_team *team)
{
    heads *h = ctx;
    for (size_t i = 0; i < h->copies; i++) {
        mli_attention_args a = h->args;
        a.kv = &h->kv[i];
        mli_attention(team, &a);
    }
}

static void pack_region(void *ctx, mli_team *team)
{
    heads *h = ctx;
    for (size_t i = 0; i < h->copies; i++)
        mli_kv_pack(team, &h->kv[i], (void *)(uintptr_t)h->kv[i].k, h->args.q, h->args.q_stride,
                    h->args.q, h->args.q_stride);
}

static void bench_attention(mli_pool *pool, const char *name, size_t m, size_t n_heads,
                            mli_dtype type, size_t copies)
{
    if (!wanted(name))
        return;
    static heads h;
    size_t bytes = 0, len = 1500, width = n_heads * 64;
    if (mli_kv_bytes(type, n_heads, 64, len, &bytes, NULL) != MODELLAB_OK)
        exit(1);
    h.copies = copies;
    float *q = numbers(len * width), *out = numbers(len * width);
    for (size_t i = 0; i < copies; i++)
        h.kv[i] = mli_kv_view(type, n_heads, 64, len, need(bytes));
    h.args = (mli_attention_args){
        .m = m, .q = q, .q_stride = width, .scale = 0.125f, .out = out, .out_stride = width};
    double packing = timed(pool, pack_region, &h) / (double)copies;
    double t = timed(pool, heads_region, &h) / (double)copies;
    printf("%-34s %9.3f ms %7.1f GFLOP/s %10.1f GB/s, packing %.3f ms\n", name, t * 1e3,
           4e-9 * (double)(m * width) * (double)len / t, (double)bytes * 1e-9 / t, packing * 1e3);
}

/* ---- rows ---- */
typedef struct rows {
    size_t m, n;
    float *x, *gamma;
} rows;

static void norm_region(void *ctx, mli_team *team)
{
    rows *r = ctx;
    mli_layernorm_rows(team, r->m, r->n, r->x, r->n, r->gamma, r->gamma, 1e-5f, r->x, r->n);
}

static void empty_region(void *ctx, mli_team *team)
{
    (void)ctx;
    for (int i = 0; i < 1000; i++)
        mli_team_barrier(team);
}

static void bench_rows(mli_pool *pool)
{
    rows r = {1500, 512, numbers(1500 * 512), numbers(512)};
    printf("%-34s %9.3f ms\n", "layer norm 1500x512", timed(pool, norm_region, &r) * 1e3);
    printf("%-34s %9.3f us\n", "barrier", timed(pool, empty_region, NULL) * 1e3);
    float *logits = numbers(51865), *out = numbers(51865), top = 0.0f;
    double start = seconds();
    for (int i = 0; i < 100; i++)
        mli_log_softmax(out, logits, 51865);
    double middle = seconds();
    for (int i = 0; i < 100; i++)
        (void)mli_argmax(logits, 51865, &top);
    printf("%-34s %9.3f ms\n", "log softmax 51865", (middle - start) * 10.0);
    printf("%-34s %9.3f ms\n", "argmax 51865", (seconds() - middle) * 10.0);
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 2;
    only = argc > 2 ? argv[2] : NULL;
    cpu_clock = threads == 1;
    mli_pool *pool = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_blas_use_single_thread();
    if (mli_pool_create(threads, NULL, &pool, &err) != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("isa %s, BLAS core %s, kind %d, threads %d, huge pages %s\n",
           mli_isa_name(mli_isa_current()), mli_blas_core(), (int)mli_blas_parallel(), threads,
           mli_os_huge_pages());
    const size_t cold = (size_t)100 << 20;
    bench_bandwidth(pool);
    bench_linear(pool, "logits f32 1x51865x512", 1, 51865, 512, MLI_DTYPE_F32, MLI_ACT_NONE, 1);
    bench_linear(pool, "logits f16 1x51865x512", 1, 51865, 512, MLI_DTYPE_F16, MLI_ACT_NONE, 1);
    bench_linear(pool, "token f16 1x512x512 cold", 1, 512, 512, MLI_DTYPE_F16, MLI_ACT_NONE, cold);
    bench_linear(pool, "token f16 1x512x512 hot", 1, 512, 512, MLI_DTYPE_F16, MLI_ACT_NONE, 1);
    bench_linear(pool, "token f16 1x2048x512 cold", 1, 2048, 512, MLI_DTYPE_F16, MLI_ACT_GELU,
                 cold);
    bench_linear(pool, "token f16 1x512x2048 cold", 1, 512, 2048, MLI_DTYPE_F16, MLI_ACT_NONE,
                 cold);
    bench_linear(pool, "token f32 1x2048x512 cold", 1, 2048, 512, MLI_DTYPE_F32, MLI_ACT_GELU,
                 cold);
    bench_linear(pool, "beams f16 5x2048x512 cold", 5, 2048, 512, MLI_DTYPE_F16, MLI_ACT_GELU,
                 cold);
    bench_linear(pool, "beams f16 5x512x2048 cold", 5, 512, 2048, MLI_DTYPE_F16, MLI_ACT_NONE,
                 cold);
    bench_linear(pool, "beams f16 5x51865x512", 5, 51865, 512, MLI_DTYPE_F16, MLI_ACT_NONE, 1);
    bench_linear(pool, "prompt f16 224x2048x512", 224, 2048, 512, MLI_DTYPE_F16, MLI_ACT_GELU, 1);
    bench_linear(pool, "prompt f16 20x2048x512", 20, 2048, 512, MLI_DTYPE_F16, MLI_ACT_GELU, 1);
    bench_linear(pool, "encoder f32 1500x512x512", 1500, 512, 512, MLI_DTYPE_F32, MLI_ACT_NONE, 1);
    bench_linear(pool, "encoder f32 1500x2048x512", 1500, 2048, 512, MLI_DTYPE_F32, MLI_ACT_GELU,
                 1);
    bench_linear(pool, "encoder f32 1500x512x2048", 1500, 512, 2048, MLI_DTYPE_F32, MLI_ACT_NONE,
                 1);
    bench_linear(pool, "encoder f16 1500x1536x512", 1500, 1536, 512, MLI_DTYPE_F16, MLI_ACT_NONE,
                 1);
    bench_linear(pool, "encoder f16 1500x2048x512", 1500, 2048, 512, MLI_DTYPE_F16, MLI_ACT_GELU,
                 1);
    bench_linear(pool, "encoder f16 1500x512x2048", 1500, 512, 2048, MLI_DTYPE_F16, MLI_ACT_NONE,
                 1);
    bench_gemm(pool, "blas f32 1500x2048x512", 1500, 2048, 512);
    bench_gemm(pool, "blas f32 1500x512x2048", 1500, 512, 2048);
    bench_attention(pool, "attention encoder f32 8x1500", 1500, 8, MLI_DTYPE_F32, 1);
    bench_attention(pool, "attention token f16 8x1500 cold", 1, 8, MLI_DTYPE_F16, 16);
    bench_attention(pool, "attention beams f16 8x1500 cold", 5, 8, MLI_DTYPE_F16, 16);
    bench_rows(pool);
    mli_pool_destroy(pool);
    return 0;
}
