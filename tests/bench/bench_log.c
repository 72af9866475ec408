/* Bench: nanoseconds a line of the logger, 11 fields and about 310 bytes, to a callback in memory
 * and to a file. Prints the median and the best of several rounds; asserts nothing. */
#include "log/logger.h"
#include "os/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 20000
#define ROUNDS 15

static size_t bytes_seen;

static void swallow(void *user, const modellab_log_line *line)
{
    (void)user;
    bytes_seen += line->text_bytes;
}

static void log_one(modellab_logger *l, int64_t i)
{
    mli_log(l, MODELLAB_LOG_INFO, "run.step.ended", "the step has ended",
            MLI_LOG_FIELDS(mli_log_string("step", "asr"),
                           mli_log_string("model", "whisper-tiny.en"), mli_log_int("segments", i),
                           mli_log_real("audio_seconds", 30.5), mli_log_bool("cached", false)));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *name, const modellab_logger_options *options)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *base = NULL, *l = NULL;
    modellab_log_context c = MODELLAB_LOG_CONTEXT_INIT;
    double rounds[ROUNDS];
    c.run_id = "01ARYZ6S41ZZZZZZZZZZZZZZZZ";
    c.request_id = "req-7f3a";
    c.trace_id = "0af7651916cd43dd8448eb211c80319c";
    c.span_id = "b7ad6b7169203331";
    if (mli_logger_create(options, NULL, &base, &err) != MODELLAB_OK ||
        mli_logger_child(base, &c, &l, &err) != MODELLAB_OK) {
        fprintf(stderr, "%s: %s\n", name, err.message);
        mli_logger_unref(base);
        return;
    }
    for (int r = 0; r < ROUNDS; r++) {
        int64_t start = mli_os_system_clock.monotonic_ns(NULL);
        for (int i = 0; i < LINES; i++)
            log_one(l, i);
        rounds[r] = (double)(mli_os_system_clock.monotonic_ns(NULL) - start) / LINES;
    }
    qsort(rounds, ROUNDS, sizeof rounds[0], by_value);
    printf("%-10s median %6.0f ns/line, best %6.0f\n", name, rounds[ROUNDS / 2], rounds[0]);
    mli_logger_unref(l);
    mli_logger_unref(base);
}

int main(int argc, char **argv)
{
    modellab_log_sink sink = {sizeof sink, NULL, swallow, NULL, MODELLAB_LOG_INFO, 0};
    modellab_logger_options memory = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_logger_options file = MODELLAB_LOGGER_OPTIONS_INIT;
    memory.rate_per_second = file.rate_per_second = -1;
    memory.sink = &sink;
    measure("memory", &memory);
    printf("%-10s %zu bytes a line\n", "", bytes_seen / ((size_t)ROUNDS * LINES));
    memory.rate_per_second = 1000000000; /* counted, never held back */
    memory.burst = 2000000000;
    measure("limited", &memory);
    if (argc < 2) {
        printf("give a file name to measure the file sink as well\n");
        return 0;
    }
    file.file = argv[1];
    measure("file", &file);
    return 0;
}
