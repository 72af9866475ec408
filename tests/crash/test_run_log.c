/* The work of a run is told by its supervisor and worker, each line with the ids of the run, a
 * failure with its code. test_run_log WORKER HOST */
#include "crash/log_lines.h"
#include <string.h>

static void check_line(const char *event, const char *run_id, const char *request_id,
                       const char *trace_id)
{
    const mli_json *line = NULL;
    for (size_t i = 0; (line = find(event, i)) != NULL; i++) {
        if (strcmp(text_of(line, "run_id"), run_id) == 0) {
            break;
        }
    }
    if (line == NULL) {
        fail_msg("no line %s of the run", event);
    }
    assert_string_equal(request_id, text_of(line, "request_id"));
    assert_string_equal(trace_id, text_of(line, "trace_id"));
}

/* Appends the run's own log to the lines. */
static void read_run_log(const char *run_id)
{
    char path[MLI_PATH_BYTES], *text = calloc(1, 1 << 20);
    FILE *file;

    assert_non_null(text);
    ASSERT_OK(mli_run_path(lab->root, run_id, MLI_RUN_LOG, path, err));
    file = fopen(path, "rb");
    assert_non_null(file);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    assert_int_equal(0, fclose(file));
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n")) {
        modellab_log_line line = {.text = at, .text_bytes = strlen(at)};
        keep_line(NULL, &line);
    }
    free(text);
}

static void run_one(const char *request, const char *request_id, modellab_run_status wanted,
                    char id[MLI_ULID_BYTES], char trace_id[33])
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_supervisor_options how = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    modellab_supervisor *s = NULL;
    modellab_run_status status = 0;
    modellab_run *run = NULL;
    modellab_run_info info = {.size = sizeof info};

    o.request = request;
    o.request_id = request_id;
    ASSERT_OK(modellab_run_submit(lab, &o, id, NULL, err));
    how.worker_program = worker_program;
    ASSERT_OK(modellab_supervisor_create(lab, &how, &s, err));
    ASSERT_OK(modellab_supervisor_start(s, err));
    ASSERT_OK(modellab_run_wait(lab, id, 60000, NULL, &status, err));
    modellab_supervisor_destroy(s);
    assert_int_equal(wanted, status);
    ASSERT_OK(modellab_run_load(lab, id, &run, err));
    ASSERT_OK(modellab_run_get_info(run, &info, err));
    memcpy(trace_id, info.trace_id, 33);
    modellab_run_unref(run);
    read_run_log(id);
}

static void a_run_tells(void **state)
{
    static const char *const events[] = {"run.queued",      "run.claimed",   "worker.started",
                                         "step.started",    "step.progress", "step.completed",
                                         "worker.confined", "run.settled"};
    char id[MLI_ULID_BYTES], trace_id[33];
    const mli_json *line;

    (void)state;
    run_one("{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"50\"}}", "req-good",
            MODELLAB_RUN_COMPLETED, id, trace_id);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        check_line(events[i], id, "req-good", trace_id);
    }
    forget_lines();
    run_one("{\"steps\":[\"noop\"],\"labels\":{\"noop_ms\":\"never\"}}", "req-bad",
            MODELLAB_RUN_FAILED, id, trace_id);
    check_line("step.ended_early", id, "req-bad", trace_id);
    check_line("run.settled", id, "req-bad", trace_id);
    assert_string_equal("MODELLAB_E_INVALID_ARGUMENT",
                        text_of(find("step.ended_early", 0), "status"));
    line = find("run.settled", 0);
    assert_string_equal("FAILED", text_of(line, "status"));
    assert_true(text_of(line, "reason")[0] != '\0');
    assert_true(mli_json_int(mli_json_get(line, "sev"), 0) >= MODELLAB_LOG_WARN);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_run_tells, set_up, tear_down),
    };
    if (argc < 2 || setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 2;
    }
    worker_program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
