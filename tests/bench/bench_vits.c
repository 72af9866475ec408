/* Speaks phoneme ids with a Piper voice: writes the samples, and says what was made and how long it
 * took as one JSON line. For comparisons with other engines and for benches. Arguments are
 * key=value: model (a path; with
 * root the name of an installed one), root, cache (folder of packed images), ids (a file of
 * numbers), out (f32), threads, step, length, noise, noise_w, seed, speaker, rounds, durations and
 * z (files of f32 numbers to be used as noise, [2][ids] and [channels][frames]), channels. */
#include "base/alloc.h"
#include "kernels/table.h"
#include "models/installed.h"
#include "os/clock.h"
#include "os/memory.h"
#include "os/thread.h"
#include "speech/voice.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 1000 };

static modellab_error err = MODELLAB_ERROR_INIT;

typedef struct bench {
    const char *model, *root, *cache, *ids, *out, *durations, *z;
    int threads, rounds, channels;
    mli_vits_options options;
    FILE *to;
    double started, first, started_cpu, first_cpu; /* cpu: of this thread */
    int64_t samples;
} bench;

static int complain(const char *what)
{
    (void)fprintf(stderr, "bench_vits: %s: %s\n", what, err.message);
    return 1;
}

static double now_ms(void)
{
    return (double)mli_os_system_clock.monotonic_ns(mli_os_system_clock.user) / 1e6;
}

static modellab_status take(void *user, const float *samples, size_t count, modellab_error *e)
{
    bench *b = user;
    (void)e;
    if (b->samples == 0) {
        b->first = now_ms() - b->started;
        b->first_cpu = (double)mli_os_thread_cpu_ns() / 1e6 - b->started_cpu;
    }
    b->samples += (int64_t)count;
    if (b->to != NULL && fwrite(samples, sizeof *samples, count, b->to) != count)
        return MODELLAB_E_IO;
    return MODELLAB_OK;
}

static float *numbers_of(const char *path, size_t *count)
{
    FILE *f = path != NULL ? fopen(path, "rb") : NULL;
    float *values = NULL;
    *count = 0;
    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        *count = (size_t)ftell(f) / sizeof *values;
        rewind(f);
        values = malloc(*count * sizeof *values + 1);
        if (values != NULL && fread(values, sizeof *values, *count, f) != *count) {
            free(values);
            values = NULL;
        }
    }
    (void)fclose(f);
    return values;
}

static int32_t *ids_of(const char *path, size_t *count)
{
    static int32_t ids[MLI_VITS_MAX_IDS + 1];
    FILE *f = path != NULL ? fopen(path, "r") : NULL;
    *count = 0;
    while (f != NULL && *count <= MLI_VITS_MAX_IDS && fscanf(f, "%" SCNd32, &ids[*count]) == 1)
        (*count)++;
    if (f != NULL)
        (void)fclose(f);
    return ids;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *times, int count)
{
    qsort(times, (size_t)count, sizeof *times, ascending);
    return times[count / 2];
}

static bool take_argument(bench *b, const char *arg)
{
    const char *value = strchr(arg, '=');
    size_t n = value != NULL ? (size_t)(value - arg) : 0;
    const struct {
        const char *name;
        const char **text;
        int *whole;
        double *real;
    } keys[] = {{"model", &b->model, NULL, NULL},
                {"root", &b->root, NULL, NULL},
                {"cache", &b->cache, NULL, NULL},
                {"ids", &b->ids, NULL, NULL},
                {"out", &b->out, NULL, NULL},
                {"durations", &b->durations, NULL, NULL},
                {"z", &b->z, NULL, NULL},
                {"threads", NULL, &b->threads, NULL},
                {"rounds", NULL, &b->rounds, NULL},
                {"length", NULL, NULL, &b->options.length},
                {"noise", NULL, NULL, &b->options.noise},
                {"noise_w", NULL, NULL, &b->options.noise_w},
                {"speaker", NULL, &b->options.speaker, NULL},
                {"channels", NULL, &b->channels, NULL}};
    if (value++ == NULL)
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strlen(keys[i].name) != n || memcmp(keys[i].name, arg, n) != 0)
            continue;
        if (keys[i].text != NULL)
            *keys[i].text = value;
        else if (keys[i].whole != NULL)
            *keys[i].whole = (int)strtol(value, NULL, 10);
        else
            *keys[i].real = strtod(value, NULL);
        return true;
    }
    if (strncmp(arg, "step=", 5) == 0)
        b->options.step = strtoul(value, NULL, 10);
    else if (strncmp(arg, "seed=", 5) == 0)
        b->options.seed = strtoull(value, NULL, 10);
    else
        return false;
    return true;
}

static modellab_status load(const bench *b, mli_voice **voice)
{
    mli_model_store store = {.files = &mli_os_system_files, .root = b->root};
    mli_model_files files;
    modellab_status status =
        b->root != NULL ? mli_model_store_open(&store, b->model, &files, &err)
                        : mli_model_files_open(&files, NULL, &mli_os_system_files, b->model, &err);
    if (status == MODELLAB_OK) {
        status = mli_voice_create(voice, NULL, &files, b->cache, NULL, &err);
        mli_model_files_dispose(&files);
    }
    return status;
}

static int speak(bench *b, mli_vits_session *session, const int32_t *ids, size_t count,
                 double load_ms)
{
    static double total[MOST_ROUNDS], first[MOST_ROUNDS], first_cpu[MOST_ROUNDS];
    int64_t peak = 0, now = 0;
    size_t n = 0;
    for (int i = 0; i < b->rounds; i++) {
        b->samples = 0;
        b->to = i == 0 && b->out != NULL ? fopen(b->out, "wb") : NULL;
        b->started = now_ms();
        b->started_cpu = (double)mli_os_thread_cpu_ns() / 1e6;
        modellab_status status =
            mli_vits_run(session, ids, count, &b->options, take, b, NULL, &err);
        total[i] = now_ms() - b->started;
        first[i] = b->first;
        first_cpu[i] = b->first_cpu;
        if (b->to != NULL && fclose(b->to) != 0)
            return complain("writing");
        if (status != MODELLAB_OK)
            return complain("running");
    }
    const int32_t *frames = mli_vits_frames(session, &n);
    if (mli_os_memory_peak(0, &peak, &now) != 0)
        peak = 0;
    (void)printf("{\"isa\":\"%s\",\"samples\":%" PRId64 ",\"load_ms\":%.2f,\"total_ms\":%.2f,"
                 "\"first_ms\":%.2f,\"first_cpu_ms\":%.2f,\"peak_mb\":%.1f,\"frames\":[",
                 mli_isa_name(mli_isa_current()), b->samples, load_ms, median(total, b->rounds),
                 median(first, b->rounds), median(first_cpu, b->rounds), (double)peak / 1e6);
    for (size_t i = 0; i < n; i++)
        (void)printf("%s%d", i > 0 ? "," : "", (int)frames[i]);
    (void)printf("]}\n");
    return 0;
}

int main(int argc, char **argv)
{
    bench b = {.threads = 2, .rounds = 1, .options = {.length = 1.0}};
    mli_pool *pool = NULL;
    mli_voice *voice = NULL;
    mli_vits_session *session = NULL;
    size_t count = 0, given = 0;
    for (int i = 1; i < argc; i++) {
        if (!take_argument(&b, argv[i])) {
            (void)fprintf(stderr, "bench_vits: %s?\n", argv[i]);
            return 2;
        }
    }
    if (b.model == NULL || b.rounds < 1 || b.rounds > MOST_ROUNDS)
        return 2;
    int32_t *ids = ids_of(b.ids, &count);
    float *durations = numbers_of(b.durations, &given), *z = numbers_of(b.z, &given);
    b.options.given_durations = durations;
    b.options.given_noise = z;
    double start = now_ms();
    int rc = 1;
    if (mli_pool_create(b.threads, NULL, &pool, &err) != MODELLAB_OK ||
        load(&b, &voice) != MODELLAB_OK ||
        mli_vits_session_create(&session, voice->net, pool, &err) != MODELLAB_OK) {
        rc = complain(b.model);
    } else {
        b.options.given_frames = b.channels > 0 ? given / (size_t)b.channels : 0;
        rc = speak(&b, session, ids, count, now_ms() - start);
    }
    mli_vits_session_destroy(session);
    mli_voice_destroy(voice);
    mli_pool_destroy(pool);
    free(durations);
    free(z);
    return rc;
}
