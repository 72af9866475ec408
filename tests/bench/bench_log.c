/* Bench: nanoseconds a line of the logger and of a peer, 16 keys and about 360 bytes, to memory and
 * to a file, in turns within one process. Prints medians and ratios; asserts nothing. */
#include "bench/bench_log_peer.h"
#include "log/logger.h"
#include "os/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES 1000 /* a round: short enough to lie within one time slice mostly */
#define ROUNDS 401
#define PROFILE_ROUNDS 100
#define SIDES_MAX 4

static const bench_ids ids = {"01ARYZ6S41ZZZZZZZZZZZZZZZZ", "req-7f3a",
                              "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"};

/* What is measured: ours when `logger` is set, else the peer. */
typedef struct side {
    const char *name;
    modellab_logger *logger;
    bench_peer *peer;
    double ns[ROUNDS];
} side;

static uint64_t bytes_seen;

static void swallow(void *user, const modellab_log_line *line)
{
    (void)user;
    bytes_seen += line->text_bytes;
}

static void log_one(const side *s, const char *const texts[4], int64_t i)
{
#ifdef BENCH_HAS_PEER
    if (s->logger == NULL) {
        bench_peer_log(s->peer, texts[0], texts[1], texts[2], texts[3], i, 30.5, 0);
        return;
    }
#endif
    mli_log(s->logger, MODELLAB_LOG_INFO, texts[0], texts[1],
            MLI_LOG_FIELDS(mli_log_string("step", texts[2]), mli_log_string("model", texts[3]),
                           mli_log_int("segments", i), mli_log_real("audio_seconds", 30.5),
                           mli_log_bool("cached", false)));
}

static double run_round(const side *s)
{
    /* Read anew each time, so that no compiler knows the texts of either side. */
    static const char *volatile texts[4] = {"run.step.ended", "the step has ended", "asr",
                                            "whisper-tiny.en"};
    const char *const now[4] = {texts[0], texts[1], texts[2], texts[3]};
    int64_t start = mli_os_system_clock.monotonic_ns(NULL);
    for (int64_t i = 0; i < LINES; i++)
        log_one(s, now, i);
    return (double)(mli_os_system_clock.monotonic_ns(NULL) - start) / LINES;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const double values[ROUNDS], double q)
{
    double sorted[ROUNDS];
    memcpy(sorted, values, sizeof sorted);
    qsort(sorted, ROUNDS, sizeof sorted[0], by_value);
    return sorted[(size_t)(q * (ROUNDS - 1))];
}

/* All sides in turn, round after round, then a line for each beside the first. */
static void compare(const char *title, side *sides, size_t count)
{
    for (size_t k = 0; k < count; k++)
        (void)run_round(&sides[k]); /* warm */
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t k = 0; k < count; k++)
            sides[k].ns[r] = run_round(&sides[k]);
    printf("%s\n", title);
    for (size_t k = 0; k < count; k++) {
        double median = quantile(sides[k].ns, 0.5);
        printf("  %-28s median %6.0f ns/line  best %6.0f  p90 %6.0f  %6.2f M lines/s",
               sides[k].name, median, quantile(sides[k].ns, 0), quantile(sides[k].ns, 0.9),
               1000 / median);
        if (k > 0) {
            double ratios[ROUNDS];
            for (size_t r = 0; r < ROUNDS; r++)
                ratios[r] = sides[0].ns[r] / sides[k].ns[r];
            printf("  ours / this %.2f", quantile(ratios, 0.5));
        }
        printf("\n");
    }
}

static modellab_logger *make(const modellab_logger_options *options)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *base = NULL, *l = NULL;
    modellab_log_context c = MODELLAB_LOG_CONTEXT_INIT;
    c.run_id = ids.run_id;
    c.request_id = ids.request_id;
    c.trace_id = ids.trace_id;
    c.span_id = ids.span_id;
    if (mli_logger_create(options, NULL, &base, &err) != MODELLAB_OK ||
        mli_logger_child(base, &c, &l, &err) != MODELLAB_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    mli_logger_unref(base);
    return l;
}

/* Adds the peer to the sides when it was there at configure time. */
static size_t add_peer(side *sides, size_t count, const char *name, const char *file, int flush)
{
#ifdef BENCH_HAS_PEER
    sides[count] = (side){.name = name, .peer = bench_peer_create(file, flush, &ids)};
    return sides[count].peer != NULL ? count + 1 : count;
#else
    (void)sides;
    (void)name;
    (void)file;
    (void)flush;
    return count;
#endif
}

static void release(side *sides, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        mli_logger_unref(sides[k].logger);
#ifdef BENCH_HAS_PEER
        bench_peer_destroy(sides[k].peer);
#endif
    }
}

static void to_memory(void)
{
    static side sides[SIDES_MAX];
    modellab_log_sink sink = {sizeof sink, NULL, swallow, NULL, MODELLAB_LOG_INFO, 0};
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    o.rate_per_second = -1;
    o.sink = &sink;
    sides[0] = (side){.name = "ours", .logger = make(&o)};
    o.rate_per_second = 1000000000; /* counted, never held back */
    o.burst = 2000000000;
    sides[1] = (side){.name = "ours, with the rate limit", .logger = make(&o)};
    size_t count = add_peer(sides, 2, "peer", NULL, 0);
    compare("to memory:", sides, count);
    printf("  bytes a line: ours %.1f", (double)bytes_seen / (2.0 * (ROUNDS + 1) * LINES));
#ifdef BENCH_HAS_PEER
    if (count > 2)
        printf(", peer %.1f", (double)bench_peer_bytes(sides[2].peer) / ((ROUNDS + 1.0) * LINES));
#endif
    printf("\n");
    release(sides, count);
}

static void to_file(const char *path)
{
    static side sides[SIDES_MAX];
    char flushed[4096], buffered[4096];
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    o.rate_per_second = -1;
    o.file = path;
    snprintf(flushed, sizeof flushed, "%s.peer", path);
    snprintf(buffered, sizeof buffered, "%s.peer-buffered", path);
    sides[0] = (side){.name = "ours, a write a line", .logger = make(&o)};
    size_t count = add_peer(sides, 1, "peer, a write a line", flushed, 1);
    count = add_peer(sides, count, "peer, buffered (loses lines)", buffered, 0);
    compare("to a file:", sides, count);
    release(sides, count);
}

/* Lines to memory alone, for a profiler: divide its count by the number printed. */
static int profile(const char *who)
{
    side s = {.name = who};
    modellab_log_sink sink = {sizeof sink, NULL, swallow, NULL, MODELLAB_LOG_INFO, 0};
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    o.rate_per_second = -1;
    o.sink = &sink;
    size_t count = 1;
    if (strcmp(who, "peer") == 0)
        count = add_peer(&s, 0, who, NULL, 0);
    else
        s.logger = make(&o);
    if (count == 0)
        return 1;
    for (int r = 0; r < PROFILE_ROUNDS; r++)
        (void)run_round(&s);
    printf("%d lines of %s\n", PROFILE_ROUNDS * LINES, who);
    release(&s, 1);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--profile") == 0)
        return profile(argv[2]);
    if (argc > 2 || (argc == 2 && argv[1][0] == '-')) {
        fprintf(stderr, "bench_log [FILE] | --profile ours|peer\n");
        return 2;
    }
#ifdef BENCH_HAS_PEER
    printf("peer: %s\n", bench_peer_name());
#else
    printf("no peer: spdlog was not there at configure time (package libspdlog-dev)\n");
#endif
    to_memory();
    if (argc == 2)
        to_file(argv[1]);
    else
        printf("give a file name to measure files as well\n");
    return 0;
}
