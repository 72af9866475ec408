/* Spans: nesting, clocks, threads, what is not known, misuse, memory faults. */
#include "base/json.h"
#include "os/thread.h"
#include "track/tracker.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"
#include <errno.h>
#include <math.h>
#include <string.h>

/* A world that stands still until it is moved; the thread's clock is one of the calling thread. */
static int64_t wall_ns, process_ns;
static _Thread_local int64_t thread_ns;
static int memory_error;

static int64_t get_wall(void *user)
{
    (void)user;
    return wall_ns;
}
static int64_t get_thread(void)
{
    return thread_ns;
}
static int64_t get_process(void)
{
    return process_ns;
}
static int get_memory(int64_t pid, int64_t *peak, int64_t *now)
{
    (void)pid;
    *peak = 5000;
    *now = 4000;
    return memory_error;
}

static const mli_os_clock clock_table = {NULL, get_wall, get_wall, NULL};
static const mli_tracker_world world = {&clock_table, get_thread, get_process, get_memory};

/* This thread works for so long; others of the process work `others` as well. */
static void work(int64_t seconds, int64_t others)
{
    wall_ns += seconds * 1000000000;
    thread_ns += seconds * 1000000000;
    process_ns += (seconds + others) * 1000000000;
}

static modellab_tracker *make(const modellab_gpu_provider *gpu, modellab_cpu_clock cpu)
{
    modellab_tracker_options o = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_tracker *t = NULL;
    o.gpu = gpu;
    o.no_gpu = 1;
    o.cpu_clock = cpu;
    assert_int_equal(mli_tracker_create(&o, &world, &t, NULL), MODELLAB_OK);
    return t;
}

static modellab_span begin(modellab_tracker *t, modellab_span parent, const char *name)
{
    modellab_span s = -1;
    assert_int_equal(mli_span_begin(t, parent, name, &s, NULL), MODELLAB_OK);
    return s;
}

static modellab_measures end(modellab_tracker *t, modellab_span s)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    assert_int_equal(mli_span_end(t, s, &m, NULL), MODELLAB_OK);
    return m;
}

static modellab_measures measures(modellab_tracker *t, modellab_span s)
{
    modellab_measures m = MODELLAB_MEASURES_INIT;
    assert_int_equal(mli_span_get_measures(t, s, &m, NULL), MODELLAB_OK);
    return m;
}

static void nesting(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    (void)state;
    work(1, 7);
    modellab_span outer = begin(t, MODELLAB_SPAN_ROOT, "outer");
    work(2, 7);
    modellab_span inner = begin(t, outer, "inner");
    assert_int_equal(mli_span_add(t, inner, 30.5, 2, NULL), MODELLAB_OK);
    work(3, 7);
    modellab_measures m = end(t, inner);
    assert_true(m.wall_seconds == 3 && m.cpu_seconds == 3 && m.audio_seconds == 30.5);
    assert_true(m.api_calls == 2 && m.peak_memory_bytes == 5000);
    assert_true(m.gpu_seconds == -1); /* absent is not 0 */
    work(4, 7);
    m = measures(t, outer); /* still open: until now */
    assert_true(m.wall_seconds == 9 && m.cpu_seconds == 9);
    m = end(t, outer);
    work(5, 0);
    m = measures(t, outer); /* ended: stays */
    assert_true(m.wall_seconds == 9 && m.cpu_seconds == 9 && m.audio_seconds == 30.5);
    m = measures(t, MODELLAB_SPAN_ROOT);
    assert_true(m.wall_seconds == 15 && m.cpu_seconds == 15 && m.api_calls == 2);
    mli_tracker_unref(t);
}

static void process_clock(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_PROCESS);
    (void)state;
    modellab_span s = begin(t, MODELLAB_SPAN_ROOT, "s");
    work(1, 3);
    assert_true(end(t, s).cpu_seconds == 4);
    mli_tracker_unref(t);
}

static void helpers_of_a_span(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    (void)state;
    modellab_span outer = begin(t, MODELLAB_SPAN_ROOT, "outer"), inner = begin(t, outer, "inner");
    work(1, 2);
    assert_int_equal(mli_span_add_cpu(t, inner, 2000000000, NULL), MODELLAB_OK);
    assert_true(end(t, inner).cpu_seconds == 3);
    assert_true(end(t, outer).cpu_seconds == 3); /* counted once */
    assert_true(measures(t, MODELLAB_SPAN_ROOT).cpu_seconds == 3);
    assert_int_equal(mli_span_add_cpu(t, MODELLAB_SPAN_ROOT, -1, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    mli_tracker_unref(t);
}

/* Work that failed keeps its error, and its span ends whatever happens. */
static void finished_spans(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    modellab_span s = begin(t, MODELLAB_SPAN_ROOT, "done");
    work(1, 2);
    assert_int_equal(mli_span_finish(t, s, 2000000000, 7.5, MODELLAB_OK, &err), MODELLAB_OK);
    assert_true(measures(t, s).cpu_seconds == 3 && measures(t, s).audio_seconds == 7.5);
    assert_int_equal(mli_span_end(t, s, NULL, NULL), MODELLAB_E_STATE);
    s = begin(t, MODELLAB_SPAN_ROOT, "failed");
    assert_int_equal(mli_span_finish(t, s, -1, 0, MODELLAB_E_CANCELLED, &err),
                     MODELLAB_E_CANCELLED);
    assert_string_equal(err.message, ""); /* the work's own */
    assert_int_equal(mli_span_end(t, s, NULL, NULL), MODELLAB_E_STATE);
    s = begin(t, MODELLAB_SPAN_ROOT, "not measured");
    assert_int_equal(mli_span_finish(t, s, -1, 0, MODELLAB_OK, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_true(err.message[0] != '\0');
    assert_int_equal(mli_span_end(t, s, NULL, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_span_finish(NULL, s, 0, 0, MODELLAB_E_IO, NULL), MODELLAB_E_IO);
    mli_tracker_unref(t);
}

typedef struct elsewhere {
    modellab_tracker *tracker;
    modellab_span parent, to_end;
} elsewhere;

/* A whole span on another thread, or the end of one that began here. */
static void *on_another_thread(void *arg)
{
    const elsewhere *e = arg;
    if (e->to_end != 0) {
        end(e->tracker, e->to_end);
    } else {
        modellab_span s = begin(e->tracker, e->parent, "there");
        thread_ns += 5000000000;
        process_ns += 5000000000;
        modellab_measures m = end(e->tracker, s);
        assert_true(m.cpu_seconds == 5);
    }
    return NULL;
}

static void run_elsewhere(elsewhere e)
{
    mli_os_thread thread;
    assert_int_equal(mli_os_thread_start(&thread, 0, on_another_thread, &e), 0);
    mli_os_thread_join(thread);
}

static void across_threads(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    (void)state;
    modellab_span outer = begin(t, MODELLAB_SPAN_ROOT, "outer");
    work(1, 100); /* other work of the process, that is none of ours */
    run_elsewhere((elsewhere){t, outer, 0});
    assert_true(end(t, outer).cpu_seconds == 6); /* own second and the five there */
    assert_true(measures(t, MODELLAB_SPAN_ROOT).cpu_seconds == 6);
    /* Begun here, ended there: only the process's clock can tell. */
    modellab_span moved = begin(t, MODELLAB_SPAN_ROOT, "moved");
    work(2, 3);
    run_elsewhere((elsewhere){t, 0, moved});
    assert_true(measures(t, moved).cpu_seconds == 5);
    mli_tracker_unref(t);
}

static int64_t gpu_busy;
static int gpu_released;

static int32_t fake_gpu(void *user, int64_t *busy_ns)
{
    (void)user;
    *busy_ns = gpu_busy;
    return gpu_busy < 0;
}

static void fake_release(void *user)
{
    (void)user;
    gpu_released++;
}

static void gpu_time(void **state)
{
    modellab_gpu_provider gpu = {sizeof gpu, NULL, fake_gpu, fake_release};
    (void)state;
    gpu_busy = 1000000000;
    modellab_tracker *t = make(&gpu, MODELLAB_CPU_CLOCK_AUTO);
    modellab_span s = begin(t, MODELLAB_SPAN_ROOT, "s"),
                  lost = begin(t, MODELLAB_SPAN_ROOT, "lost");
    gpu_busy = 3500000000;
    assert_true(end(t, s).gpu_seconds == 2.5);
    gpu_busy = -1; /* the device went away */
    assert_true(end(t, lost).gpu_seconds == -1);
    mli_tracker_unref(t);
    assert_int_equal(gpu_released, 1);
    modellab_tracker_options bad = MODELLAB_TRACKER_OPTIONS_INIT;
    bad.gpu = &gpu;
    bad.cpu_clock = 77;
    assert_int_equal(mli_tracker_create(&bad, &world, &t, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(gpu_released, 1); /* nothing was taken */
    gpu.read = NULL;
    modellab_tracker_options o = MODELLAB_TRACKER_OPTIONS_INIT;
    o.gpu = &gpu;
    assert_int_equal(mli_tracker_create(&o, &world, &t, NULL), MODELLAB_E_INVALID_ARGUMENT);
}

static void inner_spans_end_too(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    modellab_span_info info = {.size = sizeof info};
    (void)state;
    modellab_span a = begin(t, MODELLAB_SPAN_ROOT, "a"), b = begin(t, a, "b"), c = begin(t, b, "c");
    modellab_span beside = begin(t, MODELLAB_SPAN_ROOT, "beside");
    work(1, 0);
    end(t, a);
    work(1, 0);
    assert_true(measures(t, c).wall_seconds == 1);
    assert_int_equal(mli_span_end(t, b, NULL, NULL), MODELLAB_E_STATE);
    assert_true(measures(t, beside).wall_seconds == 2);
    assert_int_equal(mli_tracker_span_at(t, 2, &info, NULL), MODELLAB_OK);
    assert_true(info.id == c && info.parent == b && info.depth == 3 && info.is_open == 0);
    assert_string_equal(info.name, "c");
    assert_int_equal(mli_tracker_span_count(t), 4);
    mli_tracker_unref(t);
}

static void misuse(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    modellab_span_info info = {.size = sizeof info};
    modellab_span s;
    (void)state;
    assert_int_equal(mli_span_begin(t, 77, "x", &s, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_span_begin(t, -1, "x", &s, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_span_end(t, 77, NULL, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_span_end(t, MODELLAB_SPAN_ROOT, NULL, NULL), MODELLAB_E_INVALID_ARGUMENT);
    s = begin(t, MODELLAB_SPAN_ROOT, "x");
    end(t, s);
    modellab_span inner;
    assert_int_equal(mli_span_begin(t, s, "y", &inner, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_span_add(t, s, 1, 0, NULL), MODELLAB_E_STATE);
    assert_int_equal(mli_span_add(t, 0, NAN, 0, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_span_add(t, 0, 0, -1, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_tracker_span_at(t, 1, &info, NULL), MODELLAB_E_NOT_FOUND);
    assert_int_equal(mli_span_begin(NULL, 0, "x", &s, NULL), MODELLAB_OK); /* no tracker: no-op */
    assert_int_equal(mli_span_end(NULL, s, NULL, NULL), MODELLAB_OK);
    memory_error = EACCES;
    assert_true(measures(t, MODELLAB_SPAN_ROOT).peak_memory_bytes == -1);
    memory_error = 0;
    mli_tracker_unref(t);
}

static void many_spans(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    modellab_span_info info = {.size = sizeof info};
    modellab_span s;
    (void)state;
    begin(t, MODELLAB_SPAN_ROOT, "the very first");
    assert_int_equal(mli_tracker_span_at(t, 0, &info, NULL), MODELLAB_OK);
    for (int i = 1; i < MODELLAB_TRACKER_MAX_SPANS; i++)
        begin(t, MODELLAB_SPAN_ROOT, "x");
    assert_int_equal(mli_span_begin(t, 0, "one too many", &s, NULL), MODELLAB_E_LIMIT);
    assert_string_equal(info.name, "the very first"); /* borrowed names stay where they are */
    mli_tracker_unref(t);
}

static void as_json(void **state)
{
    modellab_tracker *t = make(NULL, MODELLAB_CPU_CLOCK_AUTO);
    mli_json *root = NULL;
    mli_buf text;
    (void)state;
    modellab_span s = begin(t, MODELLAB_SPAN_ROOT, "a \"name\"");
    work(2, 0);
    end(t, s);
    mli_buf_init(&text, NULL);
    assert_int_equal(mli_tracker_to_json(t, &text, NULL), MODELLAB_OK);
    assert_int_equal(mli_json_parse(text.data, text.size, 1 << 16, &root, NULL), MODELLAB_OK);
    const mli_json *span = mli_json_at(mli_json_get(root, "spans"), 0);
    assert_string_equal(mli_json_string(mli_json_get(span, "name"), ""), "a \"name\"");
    assert_true(mli_json_number(mli_json_get(span, "wall_seconds"), 0) == 2);
    assert_int_equal(mli_json_typeof(mli_json_get(span, "gpu_seconds")), MLI_JSON_NULL);
    mli_json_free(root);
    mli_buf_dispose(&text);
    mli_tracker_unref(t);
}

static void without_memory(void **state)
{
    modellab_tracker_options o = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_status status = MODELLAB_E_NO_MEMORY;
    (void)state;
    long n = 0;
    for (; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        modellab_tracker *t = NULL;
        o.allocator = &table;
        o.no_gpu = 1;
        status = mli_tracker_create(&o, &world, &t, NULL);
        for (int i = 0; i < 100 && status == MODELLAB_OK; i++) {
            modellab_span s;
            status = mli_span_begin(t, MODELLAB_SPAN_ROOT, "x", &s, NULL);
        }
        assert_true(status == MODELLAB_OK || status == MODELLAB_E_NO_MEMORY);
        mli_tracker_unref(t);
        assert_int_equal(f.live, 0);
    }
    assert_int_equal(n, 4);
}

static void real_clocks(void **state)
{
    modellab_tracker_options o = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_tracker *t = NULL;
    (void)state;
    o.no_gpu = 1;
    assert_int_equal(mli_tracker_create(&o, NULL, &t, NULL), MODELLAB_OK);
    modellab_span s = begin(t, MODELLAB_SPAN_ROOT, "s");
    volatile double x = 1;
    for (int i = 0; i < 3000000; i++)
        x = x * 1.0000001;
    modellab_measures m = end(t, s);
    assert_true(m.wall_seconds > 0 && m.cpu_seconds > 0 && m.peak_memory_bytes > 100000);
    assert_true(m.cpu_seconds <= m.wall_seconds * 1.5 + 0.05); /* one thread cannot use two CPUs */
    mli_tracker_unref(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nesting),
                                       cmocka_unit_test(process_clock),
                                       cmocka_unit_test(helpers_of_a_span),
                                       cmocka_unit_test(finished_spans),
                                       cmocka_unit_test(across_threads),
                                       cmocka_unit_test(gpu_time),
                                       cmocka_unit_test(inner_spans_end_too),
                                       cmocka_unit_test(misuse),
                                       cmocka_unit_test(many_spans),
                                       cmocka_unit_test(as_json),
                                       cmocka_unit_test(without_memory),
                                       cmocka_unit_test(real_clocks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
