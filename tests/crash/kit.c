/* The shared part of the crash tests. */
#include "crash/kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "os/file.h"
#include "store/journal.h"

#define RATE 8000

const char *kit_worker_program, *kit_host_program;

bool kit_arguments(int argc, char **argv, int more)
{
    if (argc != 3 + more) {
        (void)fprintf(stderr, "%s WORKER HOST%s\n", argv[0], more > 0 ? " ..." : "");
        return false;
    }
    kit_worker_program = argv[1];
    kit_host_program = argv[2];
    return true;
}

int kit_set_up(void **state)
{
    static kit k;
    kit_open(&k);
    *state = &k;
    return 0;
}

int kit_tear_down(void **state)
{
    kit_close(*state);
    return 0;
}

size_t kit_number(const char *variable, size_t fallback)
{
    const char *text = getenv(variable);
    unsigned long long number = text != NULL ? strtoull(text, NULL, 10) : 0;
    return number > 0 ? (size_t)number : fallback;
}

void kit_sleep_ms(int ms)
{
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL);
}

static void open_lab(kit *k)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_lab_open(k->root, NULL, &k->lab, &err);
    if (status != MODELLAB_OK) {
        fail_msg("lab not opened: %s", err.message);
    }
}

void kit_open_below(kit *k, const char *folder)
{
    memset(k, 0, sizeof(*k));
    (void)snprintf(k->root, sizeof(k->root), "%s/mli-crash-XXXXXX", folder);
    assert_non_null(mkdtemp(k->root));
    k->worker_program = kit_worker_program;
    k->host_program = kit_host_program;
    open_lab(k);
}

void kit_open(kit *k)
{
    kit_open_below(k, "/tmp");
}

void kit_reopen(kit *k)
{
    modellab_lab_unref(k->lab);
    k->lab = NULL;
    open_lab(k);
}

void kit_close(kit *k)
{
    for (size_t i = 0; i < sizeof(k->hosts) / sizeof(k->hosts[0]); i++) {
        if (k->hosts[i] > 0) {
            kit_kill(k, k->hosts[i]);
        }
    }
    modellab_lab_unref(k->lab);
    k->lab = NULL;
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, k->root), 0);
}

static void put16(unsigned char *at, unsigned value)
{
    at[0] = (unsigned char)(value & 255u);
    at[1] = (unsigned char)(value >> 8 & 255u);
}

static void put32(unsigned char *at, unsigned value)
{
    put16(at, value & 65535u);
    put16(at + 2, value >> 16);
}

static unsigned char *make_wav(double seconds, size_t *bytes)
{
    unsigned samples = (unsigned)(seconds * RATE);
    *bytes = 44 + (size_t)samples * 2;
    unsigned char *wav = calloc(1, *bytes);
    assert_non_null(wav);
    memcpy(wav, "RIFF", 4);
    put32(wav + 4, (unsigned)*bytes - 8);
    memcpy(wav + 8, "WAVEfmt ", 8);
    put32(wav + 16, 16);
    put16(wav + 20, 1);
    put16(wav + 22, 1);
    put32(wav + 24, RATE);
    put32(wav + 28, RATE * 2);
    put16(wav + 32, 2);
    put16(wav + 34, 16);
    memcpy(wav + 36, "data", 4);
    put32(wav + 40, samples * 2);
    for (unsigned i = 0; i < samples; i++) {
        double tone = 8000.0 * sin(2.0 * 3.14159265358979 * 440.0 * i / RATE);
        put16(wav + 44 + (size_t)i * 2, (unsigned)(int)tone & 65535u);
    }
    return wav;
}

void kit_submit(kit *k, const char *request, double seconds, char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    size_t bytes = 0;
    unsigned char *wav = make_wav(seconds, &bytes);
    options.request = request;
    options.input_data = wav;
    options.input_bytes = bytes;
    options.input_name = "tone.wav";
    modellab_status status = modellab_run_submit(k->lab, &options, run_id, NULL, &err);
    free(wav);
    if (status != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

void kit_submit_bare(kit *k, const char *request, char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    options.request = request;
    if (modellab_run_submit(k->lab, &options, run_id, NULL, &err) != MODELLAB_OK) {
        fail_msg("not submitted: %s", err.message);
    }
}

modellab_run *kit_load(const kit *k, const char *run_id)
{
    modellab_run *run = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_load(k->lab, run_id, &run, &err) != MODELLAB_OK) {
        fail_msg("run not loaded: %s", err.message);
    }
    return run;
}

modellab_run_info kit_info(const modellab_run *run)
{
    modellab_run_info info = {.size = sizeof(info)};
    assert_int_equal(modellab_run_get_info(run, &info, NULL), MODELLAB_OK);
    return info;
}

modellab_run_status kit_status(const kit *k, const char *run_id)
{
    modellab_run *run = kit_load(k, run_id);
    modellab_run_status status = kit_info(run).status;
    modellab_run_unref(run);
    return status;
}

void kit_wait_status(const kit *k, const char *run_id, modellab_run_status status)
{
    modellab_run_status now = 0;
    for (int waited = 0; waited < KIT_PATIENCE_MS; waited += 5) {
        now = kit_status(k, run_id);
        if (now == status) {
            return;
        }
        if (modellab_run_status_is_final(now)) {
            break;
        }
        kit_sleep_ms(5);
    }
    fail_msg("the run is %s, not %s", modellab_run_status_name(now),
             modellab_run_status_name(status));
}

modellab_run_status kit_wait_final(const kit *k, const char *run_id)
{
    modellab_run_status status = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_wait(k->lab, run_id, KIT_PATIENCE_MS, NULL, &status, &err) != MODELLAB_OK) {
        fail_msg("the run is still %s: %s", modellab_run_status_name(status), err.message);
    }
    return status;
}

void kit_run_path(const kit *k, const char *run_id, const char *name, char out[512])
{
    assert_true(snprintf(out, 512, "%s/runs/%s/%s", k->root, run_id, name) < 512);
}

size_t kit_count_events(const kit *k, const char *run_id, const char *type)
{
    modellab_event_list *list = NULL;
    size_t count = 0;
    assert_int_equal(modellab_event_list_load(k->lab, run_id, 0, 1000, 0, &list, NULL),
                     MODELLAB_OK);
    for (size_t i = 0; i < modellab_event_list_count(list); i++) {
        modellab_event_info info = {.size = sizeof(info)};
        assert_int_equal(modellab_event_list_at(list, i, &info, NULL), MODELLAB_OK);
        assert_int_equal(info.number, (int64_t)i + 1); /* without gaps */
        count += strcmp(info.type, type) == 0;
    }
    modellab_event_list_unref(list);
    return count;
}

void kit_wait_events(const kit *k, const char *run_id, const char *type, size_t count)
{
    for (int waited = 0; kit_count_events(k, run_id, type) < count; waited += 5) {
        if (waited >= KIT_PATIENCE_MS) {
            fail_msg("no %zu events %s", count, type);
        }
        kit_sleep_ms(5);
    }
}

bool kit_has_finding(const modellab_report *report, const char *id)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        assert_int_equal(modellab_report_at(report, i, &finding, NULL), MODELLAB_OK);
        if (strcmp(finding.id, id) == 0) {
            return true;
        }
    }
    return false;
}

void kit_expect_end(const kit *k, const char *run_id, modellab_run_status status,
                    modellab_reason reason)
{
    modellab_run *run = kit_load(k, run_id);
    modellab_run_info info = kit_info(run);
    if (info.status != status || info.reason != reason) {
        fail_msg("the run is %s/%s, not %s/%s", modellab_run_status_name(info.status),
                 modellab_reason_name(info.reason), modellab_run_status_name(status),
                 modellab_reason_name(reason));
    }
    modellab_run_unref(run);
}

modellab_cancel_outcome kit_cancel(const kit *k, const char *run_id)
{
    modellab_cancel_outcome outcome = 0;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_run_cancel(k->lab, run_id, &outcome, &err) != MODELLAB_OK) {
        fail_msg("not cancelled: %s", err.message);
    }
    return outcome;
}

char *kit_read_bytes(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *data = malloc(1 << 20);
    assert_non_null(data);
    *bytes = fread(data, 1, 1 << 20, file);
    assert_true(*bytes < 1 << 20);
    data[*bytes] = '\0';
    assert_int_equal(fclose(file), 0);
    return data;
}

void kit_write_bytes(const char *path, const char *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    assert_int_equal(fclose(file), 0);
}

/* The lines of the old attempt, as if no fence told them from those of the new one. */
void kit_write_unfenced(const kit *k, const char *id, int64_t fence, const char *step)
{
    char path[512];
    mli_journal_writer w;
    mli_journal_tail tail;
    kit_run_path(k, id, "journal.jsonl", path);
    assert_int_equal(mli_journal_prepare(&mli_os_system_files, path, 0, NULL, &tail, NULL),
                     MODELLAB_OK);
    int fd = mli_os_system_files.open(NULL, path, MLI_OS_WRITE | MLI_OS_APPEND, 0);
    assert_true(fd >= 0);
    mli_journal_writer_init(&w, NULL, &mli_os_system_files, &mli_os_system_clock, fd, fence, &tail);
    mli_jw *line = mli_journal_begin(&w, "step_done");
    mli_jw_kstring(line, "step", step);
    mli_jw_kint(line, "position", 0);
    mli_jw_kint(line, "attempt", fence);
    mli_jw_kint(line, "started_ms", 1);
    mli_jw_kstring(line, "status", "COMPLETED");
    mli_jw_kstring(line, "reason", "none");
    mli_jw_kstring(line, "message", "");
    assert_int_equal(mli_journal_end(&w, true, NULL), MODELLAB_OK);
    line = mli_journal_begin(&w, "outcome");
    mli_jw_kstring(line, "status", "COMPLETED");
    mli_jw_kstring(line, "reason", "none");
    mli_jw_kstring(line, "message", "as the old attempt says");
    assert_int_equal(mli_journal_end(&w, true, NULL), MODELLAB_OK);
    mli_journal_writer_dispose(&w);
    assert_int_equal(mli_os_system_files.close(NULL, fd), 0);
}
