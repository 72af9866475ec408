/* Every kind of background task tells its log that it started, how it went on, and how it ended,
 * with its ids; a failure with its code. The table below has a test for every kind of
 * log/task.h: a kind without one fails here. */
#include "crash/log_lines.h"
#include "lab/record.h"
#include "lab/supervisor_private.h"
#include <errno.h>
#include <log/task.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHA_OF_HELLO "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

/* What each task must have told: both a good and a bad one, whose lines belong together. */
typedef struct told {
    const char *run_id; /* "" = a task of the lab: it has the host's request id */
    const char *request_id;
    const char *end;    /* of the bad one: "failed" or "cancelled" */
    const char *status; /* its code */
    bool progress;
} told;

static void check_pair(const char *kind, const char *end, size_t which, const told *t)
{
    char event[64];
    const mli_json *started, *ended;
    size_t between = 0;

    assert_true(snprintf(event, sizeof event, "%s.%s", kind, end) > 0);
    ended = find(event, 0);
    if (ended == NULL) {
        fail_msg("no line %s", event);
    }
    assert_true(snprintf(event, sizeof event, "%s.started", kind) > 0);
    started = find(event, which);
    assert_non_null(started);
    assert_true(mli_ulid_valid(text_of(started, "task_id")));
    assert_string_equal(text_of(started, "task_id"), text_of(ended, "task_id"));
    assert_string_equal(t->request_id, text_of(started, "request_id"));
    assert_string_equal(t->request_id, text_of(ended, "request_id"));
    assert_string_equal(t->run_id, text_of(started, "run_id"));
    assert_string_equal(t->run_id, text_of(ended, "run_id"));
    assert_non_null(mli_json_get(ended, "seconds"));
    if (strcmp(end, "completed") != 0) {
        assert_string_equal(t->status, text_of(ended, "status"));
        assert_true(text_of(ended, "error")[0] != '\0');
        assert_true(mli_json_int(mli_json_get(ended, "sev"), 0) >= MODELLAB_LOG_WARN);
    }
    assert_true(snprintf(event, sizeof event, "%s.progress", kind) > 0);
    for (size_t i = 0; find(event, i) != NULL; i++) {
        between += strcmp(text_of(find(event, i), "task_id"), text_of(started, "task_id")) == 0;
    }
    if (t->progress && strcmp(end, "completed") == 0) {
        assert_true(between > 0);
    }
}

static void check_told(mli_task_kind kind, const told *t)
{
    check_pair(mli_task_name(kind), "completed", 0, t);
    check_pair(mli_task_name(kind), t->end, 1, t);
    forget_lines();
}

/* ---- the tasks ---- */

static modellab_catalog *catalog_of(const char *sha256)
{
    modellab_catalog_options options = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_catalog *catalog = NULL;
    char json[1024], models[400], shelf[400], path[420];

    assert_true(snprintf(models, sizeof models, "%s/models", folder.path) > 0);
    assert_true(snprintf(shelf, sizeof shelf, "%s/shelf", folder.path) > 0);
    assert_true(mkdir(shelf, 0700) == 0 || errno == EEXIST);
    assert_true(snprintf(path, sizeof path, "%s/greeting.txt", shelf) > 0);
    write_file(path, "hello", 5);
    assert_true(
        snprintf(json, sizeof json,
                 "{\"version\":1,\"models\":[{\"name\":\"greeting-%.4s\",\"title\":\"A word\","
                 "\"task\":\"asr\",\"architecture\":\"whisper\",\"licence\":\"CC0-1.0\","
                 "\"languages\":[\"en\"],\"default\":true,\"files\":[{\"name\":\"greeting.txt\","
                 "\"sha256\":\"%s\",\"bytes\":5,\"role\":\"data\"}],\"sources\":[{\"kind\":"
                 "\"path\",\"directory\":\"%s\"}]}]}",
                 sha256, sha256, shelf) > 0);
    options.models_root = models;
    options.catalog_json = json;
    options.logger = logger;
    ASSERT_OK(modellab_catalog_load(&options, &catalog, err));
    return catalog;
}

static void of_pull(mli_task_kind kind)
{
    char wrong[65];
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = catalog_of(SHA_OF_HELLO);

    ASSERT_OK(modellab_catalog_pull(catalog, "greeting-2cf2", NULL, err));
    modellab_catalog_unref(catalog);
    memset(wrong, 'a', 64);
    wrong[64] = '\0';
    catalog = catalog_of(wrong);
    assert_int_equal(MODELLAB_E_HASH_MISMATCH,
                     modellab_catalog_pull(catalog, "greeting-aaaa", NULL, &why));
    modellab_catalog_unref(catalog);
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_HASH_MISMATCH", true});
}

static void of_model_import(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = catalog_of(SHA_OF_HELLO);
    mli_task task;
    char path[420];

    /* a good one needs weights that load: tests/api/cli/models.sh; here the task as it logs them */
    mli_task_begin(&task, kind, logger, MODELLAB_LOG_INFO, NULL, NULL, NULL, 0);
    mli_task_end(&task, MODELLAB_OK, NULL, NULL, 0);
    assert_true(snprintf(path, sizeof path, "%s/nothing", folder.path) > 0);
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_catalog_import(catalog, "mine", path, NULL, &why));
    modellab_catalog_unref(catalog);
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_NOT_FOUND", false});
}

static void of_model_verify(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_catalog *catalog = catalog_of(SHA_OF_HELLO);

    ASSERT_OK(modellab_catalog_pull(catalog, "greeting-2cf2", NULL, err));
    ASSERT_OK(modellab_catalog_verify(catalog, "greeting-2cf2", NULL, &report, err));
    modellab_report_unref(report);
    assert_int_equal(MODELLAB_E_NOT_FOUND,
                     modellab_catalog_verify(catalog, "absent", NULL, &report, &why));
    modellab_catalog_unref(catalog);
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_NOT_FOUND", false});
}

static int no_list(void *user, const char *path, int (*each)(void *, const char *), void *arg)
{
    (void)user;
    (void)path;
    (void)each;
    (void)arg;
    return -EIO;
}

static int no_images(void *user, const char *path, int (*each)(void *, const char *), void *arg)
{
    (void)user;
    return strstr(path, "/images") != NULL ? -EIO : mli_os_system_files.list(NULL, path, each, arg);
}

static int no_open(void *user, const char *path, int flags, uint32_t mode)
{
    (void)user;
    (void)path;
    (void)flags;
    (void)mode;
    return -EIO;
}

static void of_reconcile(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;

    ASSERT_OK(modellab_lab_reconcile(lab, 0, &report, err));
    modellab_report_unref(report);
    files.list = no_list;
    assert_int_equal(MODELLAB_E_IO, modellab_lab_reconcile(lab, 0, &report, &why));
    files.list = mli_os_system_files.list;
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_IO", true});
}

static void clean(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_cleanup_options o = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result result = {.size = sizeof result};

    o.what = MODELLAB_CLEANUP_LEFTOVERS;
    ASSERT_OK(modellab_lab_cleanup(lab, &o, &result, err));
    /* of the second kind only the cache cannot be read */
    files.list = kind == MLI_TASK_CLEANUP ? no_list : no_images;
    assert_true(modellab_lab_cleanup(lab, &o, &result, &why) != MODELLAB_OK);
    files.list = mli_os_system_files.list;
}

static void of_cleanup(mli_task_kind kind)
{
    clean(kind);
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_IO", false});
}

static void of_cache_clean(mli_task_kind kind)
{
    clean(kind);
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_IO", false});
}

static void completed_run(char id[MLI_ULID_BYTES])
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;

    o.request_id = "req-of-the-run";
    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    memcpy(id, record->ids.run_id, MLI_ULID_BYTES);
    ASSERT_OK(mli_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, err));
    mli_record_destroy(record);
}

/* A supervisor's own pass, one that cannot begin, and one that is left in the middle. */
static void of_retention(mli_task_kind kind)
{
    modellab_supervisor_options o = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    mli_supervisor *s = NULL;
    char id[MLI_ULID_BYTES];
    int64_t next = 0;

    for (int i = 0; i < 103; i++) {
        completed_run(id);
    }
    forget_lines();
    o.worker_program = worker_program;
    ASSERT_OK(mli_supervisor_create(lab, &o, &s, err));
    lab->settings.retention_max_bytes = 1;
    s->next_retention_ns = 1;
    for (int i = 0; i < 200 && find("retention.completed", 0) == NULL; i++) {
        mli_supervisor_retention(s, mli_supervisor_now(s), &next);
    }
    assert_int_equal(103, mli_json_int(mli_json_get(find("retention.completed", 0), "runs"), 0));
    s->next_retention_ns = 1;
    files.open = no_open;
    mli_supervisor_retention(s, mli_supervisor_now(s), &next);
    files.open = mli_os_system_files.open;
    check_told(kind, &(told){"", REQUEST_ID, "failed", "MODELLAB_E_IO", true});
    for (int i = 0; i < 5; i++) {
        completed_run(id);
    }
    s->next_retention_ns = 1;
    mli_supervisor_retention(s, mli_supervisor_now(s), &next);
    mli_supervisor_destroy(s);
    assert_non_null(find("retention.cancelled", 0));
    forget_lines();
}

static void of_verify(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_cancel *cancel = NULL;
    char id[MLI_ULID_BYTES];

    completed_run(id);
    forget_lines();
    ASSERT_OK(modellab_run_verify(lab, id, NULL, &report, err));
    modellab_report_unref(report);
    ASSERT_OK(modellab_cancel_create(NULL, &cancel, err));
    modellab_cancel_set(cancel);
    assert_int_equal(MODELLAB_E_CANCELLED, modellab_run_verify(lab, id, cancel, &report, &why));
    modellab_cancel_unref(cancel);
    check_told(kind, &(told){id, "req-of-the-run", "cancelled", "MODELLAB_E_CANCELLED", true});
}

static void of_bundle(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    char id[MLI_ULID_BYTES], path[420];

    completed_run(id);
    forget_lines();
    assert_true(snprintf(path, sizeof path, "%s/a.zip", folder.path) > 0);
    ASSERT_OK(modellab_run_bundle(lab, id, path, 0, NULL, err));
    assert_int_equal(MODELLAB_E_ALREADY_EXISTS, modellab_run_bundle(lab, id, path, 0, NULL, &why));
    check_told(kind, &(told){id, "req-of-the-run", "failed", "MODELLAB_E_ALREADY_EXISTS", true});
}

static void of_import(mli_task_kind kind)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    char id[MLI_ULID_BYTES], path[420], root[420];
    mli_lab *other = NULL;
    const mli_json *end;

    completed_run(id);
    assert_true(snprintf(path, sizeof path, "%s/a.zip", folder.path) > 0);
    assert_true(snprintf(root, sizeof root, "%s/other", folder.path) > 0);
    ASSERT_OK(modellab_run_bundle(lab, id, path, 0, NULL, err));
    options.logger = logger;
    ASSERT_OK(mli_lab_open(root, &options, NULL, &other, err));
    other->settings.min_free_bytes = 0;
    forget_lines();
    ASSERT_OK(modellab_run_import(other, path, NULL, id, err));
    /* whose run it is stands in the file: the end knows what the start could not */
    end = find("import.completed", 0);
    assert_non_null(end);
    assert_string_equal(id, text_of(end, "run_id"));
    assert_string_equal("req-of-the-run", text_of(end, "request_id"));
    assert_string_equal(text_of(end, "task_id"), text_of(find("import.started", 0), "task_id"));
    assert_non_null(find("import.progress", 0));
    write_file(path, "this is no ZIP file", 19);
    assert_true(modellab_run_import(other, path, NULL, id, &why) != MODELLAB_OK);
    check_pair(mli_task_name(kind), "failed", 1,
               &(told){"", REQUEST_ID, "failed", modellab_status_name(why.code), false});
    mli_lab_unref(other);
    forget_lines();
}

static void (*const tests_of[MLI_TASK_KINDS])(mli_task_kind kind) = {
    [MLI_TASK_PULL] = of_pull,
    [MLI_TASK_MODEL_IMPORT] = of_model_import,
    [MLI_TASK_MODEL_VERIFY] = of_model_verify,
    [MLI_TASK_RECONCILE] = of_reconcile,
    [MLI_TASK_CLEANUP] = of_cleanup,
    [MLI_TASK_CACHE_CLEAN] = of_cache_clean,
    [MLI_TASK_RETENTION] = of_retention,
    [MLI_TASK_VERIFY] = of_verify,
    [MLI_TASK_BUNDLE] = of_bundle,
    [MLI_TASK_IMPORT] = of_import,
};

static int missing(void (*const *tests)(mli_task_kind), int count)
{
    int without = 0;
    for (int kind = 0; kind < count; kind++) {
        without += tests[kind] == NULL;
    }
    return without;
}

static void every_kind_has_a_test(void **state)
{
    void (*planted[MLI_TASK_KINDS])(mli_task_kind);

    (void)state;
    assert_int_equal(0, missing(tests_of, MLI_TASK_KINDS));
    memcpy(planted, tests_of, sizeof planted);
    planted[MLI_TASK_VERIFY] = NULL; /* as a new kind would be */
    assert_int_equal(1, missing(planted, MLI_TASK_KINDS));
}

/* A task that tells its end with another one's id, or no code, is seen. */
static void every_kind_tells(void **state)
{
    for (int kind = 0; kind < MLI_TASK_KINDS; kind++) {
        (void)set_up(state);
        print_message("  %s\n", mli_task_name(kind));
        tests_of[kind]((mli_task_kind)kind);
        (void)tear_down(state);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_has_a_test),
        cmocka_unit_test(every_kind_tells),
    };
    if (argc < 2) {
        return 2;
    }
    worker_program = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
