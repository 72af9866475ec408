/* The leave of a running run: what was held for it in the store reaches its page, also when the
 * first try to write it fails. */
#include <errno.h>

#include "lab/job_private.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static mli_lab *lab;
static bool is_full; /* the page cannot be written */

static int64_t write_unless_full(void *user, int fd, const void *data, size_t bytes, int64_t offset)
{
    return is_full ? -ENOSPC : mli_os_system_files.pwrite(user, fd, data, bytes, offset);
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, NULL, 0);
    is_full = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

/* A run of ann, who has a cap for a day, that holds four units of money: four seconds. */
static void claim(mli_job *job)
{
    const mli_event_row event = {.type = "run_queued"};
    const mli_cap cap = {MLI_MEASURE_COST_MICROS, MLI_PERIOD_DAY, 100000000};
    char existing[MLI_ULID_BYTES];
    mli_run_row row;
    ASSERT_OK(mli_store_cap_put(lab->store, "ann", &cap, mli_lab_now_ms(lab), err));
    mli_run_row_init(&row);
    row.id = id_of(1);
    row.user = "ann";
    row.created_ms = mli_lab_now_ms(lab);
    row.price_json = "{\"version\":1,\"id\":\"x\",\"currency\":\"EUR\","
                     "\"prices\":{\"cpu_second\":\"1\",\"api_call\":\"2\"}}";
    row.need.of[MLI_MEASURE_COST_MICROS] = 4000000;
    ASSERT_OK(mli_store_insert(lab->store, &row, &event, 1, existing, err));
    const mli_store_claim claim = {
        .run_id = row.id, .owner = "{}", .now_ms = mli_lab_now_ms(lab), .hold = &job->hold};
    ASSERT_OK(mli_store_claim_run(lab->store, &claim, &job->row, err));
    assert_int_equal(job->hold.held.of[MLI_MEASURE_COST_MICROS], 4000000);
}

static int64_t leave_in_file(mli_job *job)
{
    assert_int_equal(mli_page_look(&job->page), 0);
    return mli_page_leave_of(&job->page.seen, MLI_LEAVE_COST_MICROS);
}

static void look(mli_job *job, int64_t cpu_ms, int64_t now_ms)
{
    atomic_store(&job->page.seen.cpu_ns, cpu_ms * 1000000);
    assert_int_equal(mli_job_passed_cap(job, now_ms * 1000000), MODELLAB_REASON_NONE);
}

static void a_raise_that_was_not_written_is_written_later(void **state)
{
    const mli_job_host host = {.lab = lab};
    mli_os_files files = mli_os_system_files;
    mli_job job = {.host = &host, .page = MLI_PAGE_VIEW_NONE};
    mli_page_terms terms = {.started_ns = 1};
    char path[512];
    (void)state;
    files.pwrite = write_unless_full;
    (void)snprintf(path, sizeof path, "%s/page", folder.path);
    job.ingest.measures = (mli_run_measures)MLI_RUN_MEASURES_INIT;
    claim(&job);
    mli_job_leave(&job, terms.leave);
    assert_int_equal(mli_page_create(&job.page, &files, path, &terms), 0);
    look(&job, 1000, 1);
    assert_int_equal(leave_in_file(&job), 4000000);
    is_full = true;
    look(&job, 3900, 200);
    assert_int_equal(job.hold.held.of[MLI_MEASURE_COST_MICROS], 6000000);
    assert_int_equal(leave_in_file(&job), 4000000);
    look(&job, 3910, 300); /* nothing more is wanted, and it still cannot be written */
    assert_int_equal(leave_in_file(&job), 4000000);
    is_full = false;
    look(&job, 3920, 400);
    assert_int_equal(leave_in_file(&job), 6000000);
    look(&job, 5900, 500);
    assert_int_equal(leave_in_file(&job), 9000000);
    mli_page_close(&job.page);
    mli_run_row_free(lab->alloc, job.row);
}

/* Paid calls are part of what the attempt has cost; one that waits gets its price held. */
static void calls_are_money(void **state)
{
    const mli_job_host host = {.lab = lab};
    mli_job job = {.host = &host, .page = MLI_PAGE_VIEW_NONE};
    mli_page_terms terms = {.started_ns = 1};
    char path[512];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/page", folder.path);
    job.ingest.measures = (mli_run_measures)MLI_RUN_MEASURES_INIT;
    claim(&job);
    mli_job_leave(&job, terms.leave);
    assert_int_equal(mli_page_create(&job.page, &mli_os_system_files, path, &terms), 0);
    atomic_store(&job.page.seen.calls_made, 1); /* two units, and one second */
    look(&job, 1000, 1);
    assert_int_equal(leave_in_file(&job), 6000000); /* three of four are used: half more */
    atomic_store(&job.page.seen.calls_made, 1);
    atomic_store(&job.page.seen.call_waits, 1);
    look(&job, 2400, 200); /* two are wanted, 1.6 are left */
    assert_int_equal(leave_in_file(&job), 6400100);
    job.caps.cost_micros = 4000000; /* its own cap counts them as well */
    atomic_store(&job.page.seen.calls_made, 1);
    atomic_store(&job.page.seen.cpu_ns, INT64_C(2100000000));
    assert_int_equal(mli_job_passed_cap(&job, 300000000), MODELLAB_REASON_COST_CAP);
    mli_page_close(&job.page);
    mli_run_row_free(lab->alloc, job.row);
}

/* Its caps are not known then: it ends instead of running without them. */
static void a_run_whose_request_cannot_be_read_fails(void **state)
{
    static unsigned char wav[WAV_BYTES];
    mli_start_failure failures[MLI_START_FAILURES] = {{{0}, 0, 0}};
    mli_worker_pool pool = {.lab = lab};
    const mli_job_host host = {
        .lab = lab, .supervisor_id = "x", .pool = &pool, .failures = failures};
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    mli_run_record *record = NULL;
    mli_job *job = NULL;
    char id[MLI_ULID_BYTES];
    bool taken = false;
    (void)state;
    o.request = "{\"pipeline\":\"ingest\",\"caps\":{\"cpu_seconds\":2}}";
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, id, NULL, err));
    ASSERT_OK(mli_job_prepare(&host, id, &job, err));
    assert_non_null(job);
    mli_store_write write = mli_job_claim(job);
    mli_store_write_many(lab->store, &write, 1);
    assert_int_equal(write.status, MODELLAB_OK);
    job->row->request_json = "{\"caps\":";
    ASSERT_OK(mli_job_start(job, &write, &taken, err));
    assert_true(taken && job->finished);
    mli_job_dispose(job);
    ASSERT_OK(mli_store_load(lab->store, id, &record, err));
    assert_int_equal(record->run->status, MODELLAB_RUN_FAILED);
    assert_int_equal(record->run->reason, MODELLAB_REASON_INTERNAL);
    assert_non_null(strstr(record->run->message, "cannot be read"));
    mli_run_record_free(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_raise_that_was_not_written_is_written_later, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(calls_are_money, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_whose_request_cannot_be_read_fails, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
