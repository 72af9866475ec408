/* Bench: one encoder pass (with the keys and values of the cross-attention), a greedy token and a
 * step of five beams of a Whisper model, medians in ms, and the peak memory, as one JSON line. */
#include "kernels/pool.h"
#include "models/model_files.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/memory.h"
#include "os/thread.h"
#include "speech/asr_model.h"
#include "speech/whisper_search.h"
#include "speech/whisper_state.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, TOKENS = 100, BEAMS = 5, MOST = 64 };

typedef struct bench {
    mli_asr_model *model;
    mli_pool *pool;
    mli_whisper_state *state;
    mli_whisper_rules rules;
} bench;

static modellab_error err = MODELLAB_ERROR_INIT;

static int complain(const char *what)
{
    (void)fprintf(stderr, "bench_asr: %s: %s\n", what, err.message);
    return 1;
}

static bool cpu_clock;

/* Wall clock; with one thread its CPU clock, which other work on the machine disturbs less. */
static double now_ms(void)
{
    if (cpu_clock)
        return (double)mli_os_thread_cpu_ns() / 1e6;
    return (double)mli_os_system_clock.monotonic_ns(mli_os_system_clock.user) / 1e6;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, size_t count)
{
    qsort(times, count, sizeof *times, ascending);
    return times[count / 2];
}

static bool open_all(bench *b, const char *directory, const mli_asr_open_options *options,
                     int threads)
{
    mli_model_files files;
    if (mli_model_files_open(&files, NULL, &mli_os_system_files, directory, &err) != MODELLAB_OK)
        return false;
    modellab_status status = mli_asr_model_open(&b->model, &files, options, &err);
    mli_model_files_dispose(&files);
    if (status == MODELLAB_OK)
        status = mli_pool_create(threads, NULL, &b->pool, &err);
    if (status == MODELLAB_OK)
        status = mli_whisper_state_create(&b->state, NULL, mli_asr_model_net(b->model), b->pool,
                                          BEAMS, &err);
    return status == MODELLAB_OK;
}

static void close_all(bench *b)
{
    mli_whisper_state_destroy(b->state);
    mli_pool_destroy(b->pool);
    mli_asr_model_unref(b->model);
}

/* Mel values of no meaning: the work does not depend on them. */
static bool encode(bench *b, double *ms)
{
    double times[ROUNDS];
    size_t frames = 0, bands = 0;
    float *mel = mli_whisper_state_mel(b->state, &frames, &bands);
    uint32_t random = 1;
    for (size_t i = 0; i < frames * bands; i++) {
        random = random * 1664525u + 1013904223u;
        mel[i] = (float)(int32_t)random * 0x1p-31f;
    }
    if (mli_whisper_state_encode(b->state, NULL, &err) != MODELLAB_OK)
        return false;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now_ms();
        if (mli_whisper_state_encode(b->state, NULL, &err) != MODELLAB_OK)
            return false;
        times[i] = now_ms() - start;
    }
    *ms = median(times, ROUNDS);
    return true;
}

static modellab_status step(void *user, const int32_t *tokens, const int32_t *parents, size_t rows,
                            int32_t least, float **logits, modellab_error *e)
{
    bench *b = user;
    return mli_whisper_state_step(b->state, tokens, parents, rows, least, NULL, logits, e);
}

/* Decodes `tokens` tokens with a search that never ends by itself; the time of all of it. */
static bool decode(bench *b, const float *prompt, int32_t beams, size_t tokens, double *ms)
{
    mli_whisper_lm lm = {b, step};
    mli_whisper_search_options options = {.beam_size = beams,
                                          .best_of = 1,
                                          .patience = 1,
                                          .length_penalty = -1,
                                          .max_tokens = tokens};
    mli_whisper_found found;
    mli_whisper_state_rewind(b->state);
    double start = now_ms();
    if (mli_whisper_search(NULL, &lm, &b->rules, &options, prompt, NULL, &found, &err) !=
        MODELLAB_OK)
        return false;
    *ms = now_ms() - start;
    mli_whisper_found_dispose(NULL, &found);
    return true;
}

/* Milliseconds a step, from the difference of a long and a short search. */
static bool decode_step(bench *b, int32_t beams, double *ms)
{
    double times[ROUNDS];
    const mli_whisper_special *special =
        mli_whisper_tokenizer_special(mli_asr_model_tokenizer(b->model));
    const float *at_sot = NULL, *last = NULL;
    size_t vocab = (size_t)special->n_vocab;
    float *prompt = malloc(vocab * sizeof *prompt);
    if (prompt == NULL || mli_whisper_state_prompt(b->state, &special->sot, 1, 0, NULL, &at_sot,
                                                   &last, &err) != MODELLAB_OK) {
        free(prompt);
        return false;
    }
    memcpy(prompt, last, vocab * sizeof *prompt);
    bool ok = true;
    for (int i = 0; i < ROUNDS && ok; i++) {
        double few = 0, many = 0;
        ok = decode(b, prompt, beams, 8, &few) && decode(b, prompt, beams, 8 + TOKENS, &many);
        times[i] = (many - few) / TOKENS;
    }
    free(prompt);
    *ms = ok ? median(times, ROUNDS) : 0;
    return ok;
}

static int run(bench *b)
{
    double encoder = 0, token = 0, beam = 0;
    int64_t peak = 0, now = 0;
    const mli_whisper_special *special =
        mli_whisper_tokenizer_special(mli_asr_model_tokenizer(b->model));
    b->rules = (mli_whisper_rules){.n_vocab = special->n_vocab,
                                   .eot = special->eot,
                                   .no_timestamps = special->no_timestamps,
                                   .timestamp_begin = special->timestamp_begin,
                                   .max_initial_offset = -1,
                                   .suppress = &special->eot,
                                   .suppress_count = 1};
    if (!encode(b, &encoder) || !decode_step(b, 0, &token) || !decode_step(b, BEAMS, &beam))
        return complain("run");
    if (mli_os_memory_peak(0, &peak, &now) != 0)
        peak = 0;
    (void)printf("{\"encoder_ms\":%.3f,\"token_ms\":%.4f,\"beam5_ms\":%.4f,\"peak_bytes\":%" PRId64
                 "}\n",
                 encoder, token, beam, peak);
    return 0;
}

int main(int argc, char **argv)
{
    bench b = {0};
    mli_asr_open_options options = {0};
    int threads = 2;
    bool good = argc >= 3 && argc % 2 == 1;
    if (good && strcmp(argv[2], "f16") == 0)
        options.weights = MLI_ASR_WEIGHTS_F16;
    else if (good && strcmp(argv[2], "f32") == 0)
        options.weights = MLI_ASR_WEIGHTS_F32;
    else
        good = false;
    for (int i = 3; good && i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--threads") == 0)
            threads = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--cache") == 0)
            options.cache_directory = argv[i + 1];
        else
            good = false;
    }
    if (!good) {
        (void)fputs("bench_asr MODEL_DIR f32|f16 [--threads 2] [--cache DIR]\n", stderr);
        return 2;
    }
    cpu_clock = threads == 1;
    int code = open_all(&b, argv[1], &options, threads) ? run(&b) : complain("open");
    close_all(&b);
    return code;
}
