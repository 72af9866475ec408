/* The doctor: what is well is told, what is not is told with what to do, whatever state it finds.
 */
#include "check/report.h"
#include "lab/doctor.h"
#include "unit/lab/lab_common.h"
#include <sys/stat.h>

static temp_folder folder;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(0, unsetenv("MODEL_LAB_WORKER") + unsetenv("MODEL_LAB_MAX_WORKER") +
                            unsetenv("MODEL_LAB_MAX_WORKERS") + unsetenv("MODEL_LAB_QQQQQQQQ"));
    temp_folder_remove(&folder);
    return 0;
}

static modellab_report *examine(const char *name)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_report *report = NULL;
    char root[512];

    assert_true(snprintf(root, sizeof root, "%s/%s", folder.path, name) > 0);
    options.models_root = folder.path;
    options.cache_root = folder.path;
    ASSERT_OK(mli_doctor_run(root, &options, &report, err));
    for (size_t i = 0; i < mli_report_count(report); i++) {
        assert_null(strstr(mli_report_finding(report, i)->text, folder.path));
    }
    return report;
}

/* Severity of the finding with this id, 0 when there is none; `part` must stand in its text. */
static modellab_severity severity_of(const modellab_report *report, const char *id,
                                     const char *part)
{
    for (size_t i = 0; i < mli_report_count(report); i++) {
        const modellab_finding *f = mli_report_finding(report, i);

        if (strcmp(f->id, id) == 0 && strstr(f->text, part) != NULL) {
            return f->severity;
        }
    }
    return 0;
}

static void worker(const char *program)
{
    assert_int_equal(0, setenv("MODEL_LAB_WORKER", program, 1));
}

static void a_new_lab(void **state)
{
    modellab_report *report;
    char program[512];

    (void)state;
    assert_true(snprintf(program, sizeof program, "%s/worker", folder.path) > 0);
    write_file(program, "#!/bin/sh\nexit 2\n", 17); /* as the worker does without an order */
    assert_int_equal(0, chmod(program, 0700));
    worker(program);
    report = examine("lab");
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "config.values", "valid"));
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "lab.open", ""));
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "lab.store", ""));
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "lab.clock", ""));
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "worker.start", "starts"));
    assert_int_equal(MODELLAB_SEVERITY_WARNING, severity_of(report, "lab.models", "models pull"));
    assert_int_equal(MODELLAB_SEVERITY_INFO, severity_of(report, "machine.instructions", ""));
    assert_true(severity_of(report, "machine.landlock", "") != 0);
    mli_report_unref(report);
}

static void bad_workers(void **state)
{
    modellab_report *report;

    (void)state;
    worker("/bin/true"); /* starts, but is no worker */
    report = examine("lab");
    assert_int_equal(MODELLAB_SEVERITY_ERROR, severity_of(report, "worker.start", "code 0"));
    mli_report_unref(report);
    worker("/nowhere/worker");
    report = examine("lab");
    assert_int_equal(MODELLAB_SEVERITY_ERROR,
                     severity_of(report, "worker.start", "MODEL_LAB_WORKER"));
    mli_report_unref(report);
}

static void bad_settings(void **state)
{
    modellab_report *report;

    (void)state;
    worker("/bin/true");
    assert_int_equal(0, setenv("MODEL_LAB_MAX_WORKER", "3", 1));
    assert_int_equal(0, setenv("MODEL_LAB_QQQQQQQQ", "3", 1));
    assert_int_equal(0, setenv("MODEL_LAB_MAX_WORKERS", "many", 1));
    report = examine("lab");
    assert_int_equal(
        MODELLAB_SEVERITY_WARNING,
        severity_of(
            report, "config.unknown",
            "MODEL_LAB_MAX_WORKER is not read by anything; did you mean MODEL_LAB_MAX_WORKERS"));
    assert_int_equal(MODELLAB_SEVERITY_WARNING,
                     severity_of(report, "config.unknown", "MODEL_LAB_QQQQQQQQ"));
    assert_int_equal(MODELLAB_SEVERITY_ERROR,
                     severity_of(report, "config.value", "MODEL_LAB_MAX_WORKERS"));
    assert_int_equal(0, severity_of(report, "config.values", ""));
    mli_report_unref(report);
    assert_null(mli_doctor_suggest("MODEL_LAB_QQQQQQQQ"));
    assert_string_equal("MODEL_LAB_ROOT", mli_doctor_suggest("MODEL_LAB_ROTO"));
}

static void a_lab_that_cannot_be(void **state)
{
    modellab_report *report;
    char path[512];

    (void)state;
    worker("/bin/true");
    assert_true(snprintf(path, sizeof path, "%s/file", folder.path) > 0);
    write_file(path, "x", 1);
    report = examine("file/lab");
    assert_int_equal(MODELLAB_SEVERITY_ERROR, severity_of(report, "lab.open", "MODEL_LAB_ROOT"));
    assert_true(severity_of(report, "machine.pidfd", "") != 0); /* and the rest is told */
    mli_report_unref(report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_lab, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_workers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_settings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lab_that_cannot_be, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
