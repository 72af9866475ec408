/* A lab on a clock that can be moved, and runs that have ended. */
#ifndef TESTS_UNIT_LAB_RETENTION_H
#define TESTS_UNIT_LAB_RETENTION_H

#include "check/report.h"
#include "lab/cancel.h"
#include "lab/reconcile.h"
#include "lab/record.h"
#include "lab/retention.h"
#include "lab/snapshot.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAY_MS ((int64_t)24 * 3600 * 1000)
#define DAY_NS (DAY_MS * 1000000)

static temp_folder folder;
static mli_lab *lab;
static int64_t extra_ns; /* added to the clocks */
static unsigned char wav[WAV_BYTES];

static inline int64_t real_now(void *user)
{
    (void)user;
    return mli_os_system_clock.realtime_ns(NULL) + extra_ns;
}
static inline int64_t mono_now(void *user)
{
    (void)user;
    return mli_os_system_clock.monotonic_ns(NULL) + extra_ns;
}
static inline int sleep_real(void *user, int64_t ns)
{
    (void)user;
    return mli_os_system_clock.sleep_ns(NULL, ns);
}
static const mli_os_clock test_clock = {NULL, real_now, mono_now, sleep_real};
static const mli_lab_tables tables = {.clock = &test_clock};

static inline int set_up(void **state)
{
    (void)state;
    extra_ns = 0;
    temp_folder_make(&folder);
    (void)make_wav(wav, 16000, 1, 0);
    lab = open_lab(&folder, NULL, &tables, 0);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static inline void submit(const char *user, char id[MLI_ULID_BYTES])
{
    char request[128];
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;

    assert_true(
        snprintf(request, sizeof request, "{\"pipeline\":\"ingest\",\"user\":\"%s\"}", user) > 0);
    o.request = request;
    o.input_data = wav;
    o.input_bytes = sizeof wav;
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
}

/* Ended, with an input. */
static inline void cancelled_run(const char *user, char id[MLI_ULID_BYTES])
{
    modellab_cancel_outcome outcome = 0;

    submit(user, id);
    ASSERT_OK(mli_run_cancel(lab, id, &outcome, err));
    assert_int_equal(MODELLAB_CANCEL_CANCELLED, outcome);
}

/* Ended, with an artifact. */
static inline void completed_run(char id[MLI_ULID_BYTES], char artifact[MLI_ULID_BYTES])
{
    modellab_record_options o = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_record *record = NULL;

    ASSERT_OK(mli_record_begin(lab, &o, &record, err));
    memcpy(id, record->ids.run_id, MLI_ULID_BYTES);
    ASSERT_OK(mli_record_add_artifact(record, "out.txt", "text/plain", "hello", 5, artifact, err));
    ASSERT_OK(mli_record_finish(record, MODELLAB_RUN_COMPLETED, 0, NULL, err));
    mli_record_destroy(record);
}

static inline modellab_cleanup_options options_of(int64_t older_than_ms)
{
    modellab_cleanup_options o = MODELLAB_CLEANUP_OPTIONS_INIT;

    o.older_than_ms = older_than_ms;
    return o;
}

static inline modellab_cleanup_result clean(const modellab_cleanup_options *o)
{
    modellab_cleanup_result result = {.size = sizeof result};

    ASSERT_OK(mli_lab_cleanup(lab, o, &result, err));
    return result;
}

static inline bool is_there(const char *id)
{
    modellab_run_status status;
    modellab_error err = MODELLAB_ERROR_INIT;

    return mli_store_status(lab->store, id, &status, &err) == MODELLAB_OK;
}

static inline bool has_file(const char *id, mli_run_file what)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat facts;

    ASSERT_OK(mli_run_path(lab->root, id, what, path, err));
    return mli_os_system_files.stat(NULL, path, false, &facts) == 0;
}

#endif
