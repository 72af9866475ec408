/* Each kind of damage is planted, found once under its own name, told with what was done, counted,
 * and not found where it is not. test_reconcile WORKER HOST */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "lab/page.h"

#define INGEST "{\"pipeline\":\"ingest\"}"
#define FILES MODELLAB_RECONCILE_FILES
#define DRY MODELLAB_RECONCILE_DRY_RUN

static size_t count_findings(const modellab_report *report, const char *id, const char *run_id)
{
    size_t count = 0;
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &f, NULL), MODELLAB_OK);
        assert_non_null(strstr(f.text, " -> ")); /* what was done */
        count += strcmp(f.id, id) == 0 && (run_id == NULL || strstr(f.pointer, run_id) != NULL);
    }
    return count;
}

/* Reconciles and expects the finding once; the gravest of all findings must be `worst`. */
static void expect(const kit *k, int32_t flags, const char *id, const char *run_id,
                   modellab_severity worst)
{
    modellab_report *report = NULL;
    assert_int_equal(modellab_lab_reconcile(k->lab, flags, &report, NULL), MODELLAB_OK);
    if (count_findings(report, id, run_id) != 1 || modellab_report_worst(report) != worst) {
        modellab_buffer *json = NULL;
        assert_int_equal(modellab_report_to_json(report, &json, NULL), MODELLAB_OK);
        fail_msg("%s is not there once, or the worst is not %d: %s", id, (int)worst,
                 modellab_buffer_data(json));
    }
    modellab_report_unref(report);
}

static void expect_nothing(const kit *k, int32_t flags)
{
    modellab_report *report = NULL;
    assert_int_equal(modellab_lab_reconcile(k->lab, flags, &report, NULL), MODELLAB_OK);
    assert_int_equal(modellab_report_count(report), 0);
    modellab_report_unref(report);
}

static double metric(const kit *k, const char *series)
{
    modellab_buffer *text = NULL;
    assert_int_equal(modellab_metrics_write(k->lab, MODELLAB_METRICS_PROMETHEUS, &text, NULL),
                     MODELLAB_OK);
    const char *at = strstr(modellab_buffer_data(text), series);
    double value = at != NULL ? strtod(at + strlen(series), NULL) : -1;
    modellab_buffer_destroy(text);
    return value;
}

/* A run that everybody who executed it was killed of. */
static void kill_all_of(kit *k, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){.fail_step = "ingest:hang"});
    kit_kill_both(k, host, kit_hanging_worker(k, id));
}

static void complete(kit *k, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit(k, INGEST, 1.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    kit_stop_host(k, host);
}

static mli_page *map_page(const kit *k, const char *run_id)
{
    char path[512];
    mli_page *page = NULL;
    kit_run_path(k, run_id, "page", path);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(mli_page_map(&mli_os_system_files, fd, &page), 0);
    assert_int_equal(close(fd), 0);
    return page;
}

static void append(const kit *k, const char *run_id, const char *name, const char *text)
{
    char path[512];
    kit_run_path(k, run_id, name, path);
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void dead_runs_stale_locks_and_torn_journals(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kill_all_of(k, id);
    append(k, id, "journal.jsonl", "{\"n\":99,\"t\":1,\"ty");
    expect(k, DRY, "run.stale", id, MODELLAB_SEVERITY_WARNING);
    expect(k, DRY, "journal.torn", id, MODELLAB_SEVERITY_WARNING);
    expect(k, DRY, "lock.stale", NULL, MODELLAB_SEVERITY_WARNING);
    assert_true(metric(k, "\nmodellab_orphaned_runs ") == 1);
    assert_true(metric(k, "\nmodellab_stale_found_total ") == 0);
    expect(k, 0, "run.stale", id, MODELLAB_SEVERITY_WARNING);
    expect_nothing(k, FILES); /* once repaired it is no finding any more */
    assert_true(metric(k, "\nmodellab_orphaned_runs ") == 0);
    assert_true(metric(k, "\nmodellab_stale_found_total ") == 1);
    assert_true(metric(k, "findings_total{finding=\"run.stale\"} ") == 1);
    assert_true(metric(k, "findings_total{finding=\"journal.torn\"} ") == 1);
    assert_true(metric(k, "findings_total{finding=\"lock.stale\"} ") == 1);
}

static void damaged_lines(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kill_all_of(k, id);
    append(k, id, "journal.jsonl", "{\"n\":2}\t00000000\n");
    expect(k, DRY, "journal.damaged", id, MODELLAB_SEVERITY_WARNING);
    expect(k, 0, "journal.damaged", id, MODELLAB_SEVERITY_WARNING);
}

static void another_boot(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    kill_all_of(k, id);
    mli_page *page = map_page(k, id);
    page->worker_boot_id[0] = page->worker_boot_id[0] == '0' ? '1' : '0';
    mli_page_unmap(page);
    expect(k, 0, "boot.changed", id, MODELLAB_SEVERITY_WARNING);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_STALE);
}

static void a_pid_that_came_back(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t stranger = -1;
    char *const argv[] = {(char *)"sleep", (char *)"60", NULL};
    kill_all_of(k, id);
    assert_int_equal(posix_spawnp(&stranger, "sleep", NULL, NULL, argv, environ), 0);
    mli_page *page = map_page(k, id);
    atomic_store(&page->worker_pid, stranger);
    mli_page_unmap(page);
    expect(k, 0, "pid.reused", id, MODELLAB_SEVERITY_WARNING);
    assert_true(kit_alive(stranger));
    kit_kill(k, stranger);
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_STALE);
}

static void a_lock_in_other_hands_needs_a_person(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    kill_all_of(k, id);
    kit_run_path(k, id, "lock", path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    mli_page *page = map_page(k, id);
    page->worker_start_ticks++; /* nobody reaped it, perhaps */
    mli_page_unmap(page);
    expect(k, 0, "run.orphaned", id, MODELLAB_SEVERITY_ERROR);
    assert_true(metric(k, "\nmodellab_orphaned_runs ") == 1);
    assert_int_equal(close(fd), 0);
    expect(k, 0, "run.stale", id, MODELLAB_SEVERITY_WARNING);
}

static void manifests(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char path[512];
    complete(k, id);
    expect_nothing(k, FILES);
    kit_run_path(k, id, "manifest.json", path);
    assert_int_equal(unlink(path), 0);
    expect_nothing(k, 0); /* only active runs are looked at */
    expect(k, FILES | DRY, "manifest.missing", id, MODELLAB_SEVERITY_WARNING);
    expect(k, FILES, "manifest.missing", id, MODELLAB_SEVERITY_WARNING);
    expect_nothing(k, FILES);
    append(k, id, "manifest.json", "x");
    expect(k, FILES, "manifest.damaged", id, MODELLAB_SEVERITY_WARNING);
    expect_nothing(k, FILES);
}

static char *read_manifest(const kit *k, const char *run_id, size_t *bytes)
{
    char path[512];
    kit_run_path(k, run_id, "manifest.json", path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    *bytes = fread(text, 1, 65535, f);
    assert_int_equal(fclose(f), 0);
    return text;
}

/* A supervisor is killed before the manifest of an ended run is written: who finds it dead writes
 * it, without a look at all files. */
static void manifest_of_the_dead(kit *k, bool by_cleanup)
{
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    size_t bytes = 0, now = 0;
    kit_submit(k, INGEST, 1.0, id);
    char *queued = read_manifest(k, id, &bytes);
    assert_non_null(strstr(queued, "\"QUEUED\""));
    pid_t host = kit_start_host(k, &(kit_host){0});
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    char *text = read_manifest(k, id, &now);
    for (int i = 0; strstr(text, "\"COMPLETED\"") == NULL; i++) {
        assert_true(i < KIT_PATIENCE_MS / 10); /* it is written behind the record */
        free(text);
        (void)usleep(10000);
        text = read_manifest(k, id, &now);
    }
    free(text);
    kit_kill(k, host);
    kit_run_path(k, id, "manifest.json", path);
    FILE *f = fopen(path, "wb"); /* as if it had not come so far */
    assert_non_null(f);
    assert_int_equal(fwrite(queued, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
    expect(k, DRY, "lock.stale", NULL, MODELLAB_SEVERITY_INFO); /* it changes nothing */
    if (by_cleanup) { /* which takes the lock that tells of the death away */
        modellab_cleanup_options options = MODELLAB_CLEANUP_OPTIONS_INIT;
        modellab_cleanup_result result = {.size = sizeof(result)};
        options.what = MODELLAB_CLEANUP_LEFTOVERS;
        assert_int_equal(modellab_lab_cleanup(k->lab, &options, &result, NULL), MODELLAB_OK);
        assert_int_equal(result.leftovers, 1);
    } else {
        expect(k, 0, "manifest.behind", id, MODELLAB_SEVERITY_WARNING);
    }
    text = read_manifest(k, id, &now);
    assert_non_null(strstr(text, "\"COMPLETED\""));
    free(text);
    free(queued);
    expect_nothing(k, FILES);
}

static void manifests_of_a_dead_supervisor(void **state)
{
    manifest_of_the_dead(*state, false);
    manifest_of_the_dead(*state, true);
}

/* Name of the file of the run's only artifact. */
static void artifact_file(const kit *k, const char *run_id, char out[512])
{
    char folder[512], line[256] = "";
    char command[600];
    kit_run_path(k, run_id, "artifacts", folder);
    assert_true(snprintf(command, sizeof(command), "ls '%s'", folder) > 0);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(line, sizeof(line), pipe));
    (void)pclose(pipe);
    line[strcspn(line, "\n")] = '\0';
    assert_true(snprintf(out, 512, "artifacts/%s", line) > 0);
}

static void artifacts_and_folders(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    char name[512], path[512], away[512];
    complete(k, id);
    append(k, id, "artifacts/extra", "x");
    expect(k, FILES, "artifact.unrecorded", id, MODELLAB_SEVERITY_INFO);
    kit_run_path(k, id, "artifacts/extra", path);
    assert_int_equal(unlink(path), 0);
    artifact_file(k, id, name);
    append(k, id, name, "x");
    expect(k, FILES, "artifact.size", id, MODELLAB_SEVERITY_ERROR);
    kit_run_path(k, id, name, path);
    assert_int_equal(unlink(path), 0);
    expect(k, FILES, "artifact.missing", id, MODELLAB_SEVERITY_ERROR);
    assert_true(snprintf(path, sizeof(path), "%s/runs/%s", k->root, id) > 0);
    assert_true(snprintf(away, sizeof(away), "%s/runs/%s", k->root, "01ARZ3NDEKTSV4RRFFQ69G5FAV") >
                0);
    assert_int_equal(rename(path, away), 0);
    expect(k, FILES, "run.folder_missing", id, MODELLAB_SEVERITY_ERROR);
    expect(k, FILES, "folder.unrecorded", NULL, MODELLAB_SEVERITY_ERROR);
    assert_true(snprintf(path, sizeof(path), "%s/runs/hello", k->root) > 0);
    assert_int_equal(rename(away, path), 0);
    expect(k, FILES, "folder.strange", NULL, MODELLAB_SEVERITY_ERROR);
}

static void a_flag_that_is_none(void **state)
{
    kit *k = *state;
    modellab_report *report = NULL;
    assert_int_equal(modellab_lab_reconcile(k->lab, 8, &report, NULL), MODELLAB_E_INVALID_ARGUMENT);
    assert_null(report);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(dead_runs_stale_locks_and_torn_journals),
        KIT_TEST(damaged_lines),
        KIT_TEST(another_boot),
        KIT_TEST(a_pid_that_came_back),
        KIT_TEST(a_lock_in_other_hands_needs_a_person),
        KIT_TEST(manifests),
        KIT_TEST(manifests_of_a_dead_supervisor),
        KIT_TEST(artifacts_and_folders),
        KIT_TEST(a_flag_that_is_none),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
