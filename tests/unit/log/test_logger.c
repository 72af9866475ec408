/* Loggers: levels, contexts, rate limit, callbacks and their release, forwarding, threads, faults.
 */
#include "os/thread.h"
#include "unit/failing_alloc.h"
#include "unit/log/log_test.h"
#include <errno.h>
#include <stdio.h>

static int64_t now_ns = TEST_TIME_NS;
static const mli_os_clock still = {&now_ns, test_time, test_time, NULL};
static const mli_logger_world world = {NULL, &still, NULL};

static modellab_logger *make(const modellab_logger_options *options)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *logger = NULL;
    assert_int_equal(mli_logger_create(options, &world, &logger, &err), MODELLAB_OK);
    return logger;
}

static modellab_logger *make_with(captured *c, modellab_log_level level)
{
    modellab_log_sink sink = capture_sink(c, level);
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    o.sink = &sink;
    o.level = MODELLAB_LOG_DEBUG;
    return make(&o);
}

static modellab_logger_stats stats_of(const modellab_logger *logger)
{
    modellab_logger_stats s = MODELLAB_LOGGER_STATS_INIT;
    assert_int_equal(mli_logger_get_stats(logger, &s, NULL), MODELLAB_OK);
    return s;
}

static void levels(void **state)
{
    captured c = {0};
    (void)state;
    modellab_logger *silent = make(NULL);
    assert_false(mli_logger_is_enabled(silent, MODELLAB_LOG_FATAL));
    mli_log_text(silent, MODELLAB_LOG_FATAL, "e", "m");
    mli_log_text(NULL, MODELLAB_LOG_FATAL, "e", "m");
    mli_logger_unref(silent);
    modellab_logger *l = make_with(&c, 0); /* the default of a callback is WARN */
    mli_log_text(l, MODELLAB_LOG_INFO, "e", "m");
    assert_int_equal(c.count, 0);
    mli_log_text(l, MODELLAB_LOG_WARN, "e", "m");
    assert_int_equal(c.count, 1);
    assert_int_equal(c.line.level, MODELLAB_LOG_WARN);
    assert_int_equal(c.line.time_ns, TEST_TIME_NS);
    assert_int_equal(c.line.seq, 1);
    mli_logger_set_level(l, MODELLAB_LOG_ERROR);
    assert_false(mli_logger_is_enabled(l, MODELLAB_LOG_WARN));
    mli_logger_set_level(l, MODELLAB_LOG_OFF);
    assert_false(mli_logger_is_enabled(l, MODELLAB_LOG_FATAL));
    assert_int_equal(c.released, 0);
    mli_logger_unref(l);
    assert_int_equal(c.released, 1);
}

static void contexts(void **state)
{
    captured c = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *l = make_with(&c, MODELLAB_LOG_DEBUG), *child = NULL, *grandchild = NULL;
    modellab_log_context run = MODELLAB_LOG_CONTEXT_INIT, span = MODELLAB_LOG_CONTEXT_INIT;
    (void)state;
    run.run_id = "RUN";
    run.request_id = "r\"1";
    run.attempt = 2;
    span.span_id = "5bad";
    assert_int_equal(mli_logger_child(l, &run, &child, &err), MODELLAB_OK);
    assert_int_equal(mli_logger_child(child, &span, &grandchild, &err), MODELLAB_OK);
    mli_logger_unref(l); /* any order of release */
    mli_logger_unref(child);
    mli_log_text(grandchild, MODELLAB_LOG_INFO, "e", "m");
    assert_non_null(strstr(c.last, "\"msg\":\"m\",\"run_id\":\"RUN\",\"request_id\":\"r\\\"1\","
                                   "\"span_id\":\"5bad\",\"sev\":9,\"attempt\":2,\"pid\":"));
    assert_string_equal(mli_logger_run_id(grandchild), "RUN");
    char long_id[200];
    memset(long_id, 'x', sizeof long_id);
    long_id[129] = '\0';
    run.run_id = long_id;
    assert_int_equal(mli_logger_child(grandchild, &run, &child, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_null(child);
    assert_int_equal(c.released, 0);
    mli_logger_unref(grandchild);
    assert_int_equal(c.released, 1);
}

static void rate_limit(void **state)
{
    captured c = {0};
    modellab_logger *l = make_with(&c, MODELLAB_LOG_DEBUG);
    (void)state;
    now_ns = TEST_TIME_NS;
    for (int i = 0; i < 500; i++)
        mli_log_text(l, MODELLAB_LOG_INFO, "noisy", "m");
    assert_int_equal(c.count, 200);                   /* the burst */
    mli_log_text(l, MODELLAB_LOG_INFO, "other", "m"); /* another site is not held back */
    assert_int_equal(c.count, 201);
    assert_int_equal(stats_of(l).suppressed, 300);
    now_ns += 50000000; /* 50 ms: five lines */
    for (int i = 0; i < 10; i++)
        mli_log_text(l, MODELLAB_LOG_INFO, "noisy", "m");
    assert_int_equal(c.count, 206);
    now_ns += 1000000000;
    mli_log_text(l, MODELLAB_LOG_INFO, "noisy", "m");
    mli_json *line = parse_line(c.last);
    assert_int_equal(mli_json_int(mli_json_get(line, "suppressed"), 0), 5);
    mli_json_free(line);
    now_ns -= 3600000000000; /* a clock that is set back does not silence anybody */
    mli_log_text(l, MODELLAB_LOG_INFO, "noisy", "m");
    assert_int_equal(c.count, 208);
    for (int i = 0; i < 300; i++)
        mli_log_text(l, MODELLAB_LOG_INFO, "noisy", "m");
    int before = c.count;
    mli_logger_unref(l); /* what was held back at the end is told */
    assert_int_equal(c.count, before + 1);
    assert_non_null(strstr(c.last, "\"event\":\"log.suppressed\""));
    now_ns = TEST_TIME_NS;
}

static void many_sites(void **state)
{
    captured c = {0};
    modellab_logger *l = make_with(&c, MODELLAB_LOG_DEBUG);
    char site[32];
    (void)state;
    for (int i = 0; i < 5000; i++) { /* more sites than slots: nobody is lost for good */
        snprintf(site, sizeof site, "site.%d", i);
        mli_log_text(l, MODELLAB_LOG_INFO, site, "m");
        now_ns += 10000000;
    }
    assert_int_equal(c.count, 5000);
    mli_logger_unref(l);
    now_ns = TEST_TIME_NS;
}

static void callbacks(void **state)
{
    captured first = {0}, second = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger *l = make_with(&first, MODELLAB_LOG_DEBUG);
    modellab_log_sink sink = capture_sink(&second, MODELLAB_LOG_ERROR);
    (void)state;
    first.reenter = l;
    mli_log_text(l, MODELLAB_LOG_INFO, "e", "m");
    assert_int_equal(first.count, 1); /* the line from within was refused and counted */
    assert_int_equal(stats_of(l).failed, 1);
    assert_int_equal(stats_of(l).last_error, EDEADLK);
    assert_int_equal(mli_logger_set_sink(l, &sink, &err), MODELLAB_OK);
    assert_int_equal(first.released, 1);
    mli_log_text(l, MODELLAB_LOG_ERROR, "e", "m");
    assert_true(first.count == 1 && second.count == 1);
    sink.write = NULL;
    assert_int_equal(mli_logger_set_sink(l, &sink, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_logger_set_sink(l, NULL, &err), MODELLAB_OK);
    assert_int_equal(second.released, 1);
    mli_log_text(l, MODELLAB_LOG_ERROR, "e", "m");
    assert_int_equal(second.count, 1);
    mli_logger_unref(l);
    assert_int_equal(second.released, 1);
}

static void forwarding(void **state)
{
    captured outer = {0}, inner = {0};
    modellab_logger *host = make_with(&outer, MODELLAB_LOG_WARN);
    modellab_log_sink sink = capture_sink(&inner, MODELLAB_LOG_DEBUG);
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context run = MODELLAB_LOG_CONTEXT_INIT;
    modellab_logger *child = NULL;
    (void)state;
    o.sink = &sink;
    o.forward = host;
    modellab_logger *l = make(&o);
    mli_logger_unref(host);
    run.run_id = "RUN";
    assert_int_equal(mli_logger_child(l, &run, &child, NULL), MODELLAB_OK);
    mli_log_text(child, MODELLAB_LOG_INFO, "e", "m");
    assert_true(inner.count == 1 && outer.count == 0);
    mli_log_text(child, MODELLAB_LOG_ERROR, "e", "m");
    assert_true(inner.count == 2 && outer.count == 1);
    assert_non_null(strstr(outer.last, "\"run_id\":\"RUN\""));
    assert_int_equal(outer.line.seq, 1); /* numbered by each logger: a gap in a file is a loss */
    mli_logger_unref(child);
    mli_logger_unref(l);
    assert_true(inner.released == 1 && outer.released == 1);
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 2000; i++)
        mli_log_text(arg, MODELLAB_LOG_INFO, "e", "from a thread");
    return NULL;
}

static void threads(void **state)
{
    captured c = {0};
    modellab_log_sink sink = capture_sink(&c, MODELLAB_LOG_DEBUG);
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    mli_os_thread t[4];
    (void)state;
    o.sink = &sink;
    o.rate_per_second = -1;
    modellab_logger *l = make(&o);
    for (int i = 0; i < 4; i++)
        assert_int_equal(mli_os_thread_start(&t[i], 0, log_many, l), 0);
    for (int i = 0; i < 4; i++)
        mli_os_thread_join(t[i]);
    assert_int_equal(c.count, 8000);
    assert_int_equal(stats_of(l).lines, 8000);
    assert_int_equal(stats_of(l).failed, 0);
    mli_logger_unref(l);
}

static void without_memory(void **state)
{
    captured c = {0};
    modellab_log_sink sink = capture_sink(&c, MODELLAB_LOG_DEBUG);
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_logger_options o = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context run = MODELLAB_LOG_CONTEXT_INIT;
    (void)state;
    o.sink = &sink;
    o.root = "/data";
    run.run_id = "RUN";
    modellab_status status = MODELLAB_E_NO_MEMORY;
    long n = 0;
    for (; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        modellab_logger *l = NULL, *child = NULL;
        o.allocator = &table;
        c.released = 0;
        status = mli_logger_create(&o, &world, &l, &err);
        if (status == MODELLAB_OK)
            status = mli_logger_child(l, &run, &child, &err);
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        long calls = f.calls;
        mli_log_text(child, MODELLAB_LOG_INFO, "e", "m");
        assert_int_equal(f.calls, calls); /* logging allocates nothing */
        mli_logger_unref(child);
        mli_logger_unref(l);
        assert_int_equal(f.live, 0);
    }
    assert_true(n > 4);
    assert_int_equal(c.released, 1);
}

static void other_sizes(void **state)
{
    captured c = {0};
    modellab_logger *l = make_with(&c, MODELLAB_LOG_DEBUG);
    modellab_log_record r = MODELLAB_LOG_RECORD_INIT;
    (void)state;
    r.level = MODELLAB_LOG_INFO;
    r.event = "e";
    r.field_count = 3; /* but no fields */
    mli_logger_log(l, &r);
    assert_int_equal(c.count, 1);
    r.size = 8;
    mli_logger_log(l, &r);
    assert_int_equal(c.count, 1);
    assert_int_equal(stats_of(l).failed, 1);
    mli_logger_unref(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels),     cmocka_unit_test(contexts),
        cmocka_unit_test(rate_limit), cmocka_unit_test(many_sites),
        cmocka_unit_test(callbacks),  cmocka_unit_test(forwarding),
        cmocka_unit_test(threads),    cmocka_unit_test(without_memory),
        cmocka_unit_test(other_sizes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
