/* The journal as the one way in: lines become records once, whoever reads them how often; foreign,
 * senseless and damaged lines change nothing; the end is settled once. Every allocation and every
 * file operation of it fails once. */
#include "lab/page.h"
#include "unit/failing_alloc.h"
#include "unit/faulty_files.h"
#include "unit/lab/played.h"
#include <errno.h>

static void lines_become_records_once(void **state)
{
    played p;
    mli_ingest ingest;
    size_t lines = 0;
    modellab_run_status to = 0;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    ASSERT_OK(mli_ingest_pump(&ingest, &lines, err));
    assert_int_equal(lines, 1);
    say_artifact(&p, "audio.json", "1-audio.json");
    say_step(&p, "step_done");
    say_outcome(&p, "COMPLETED", "none");
    ASSERT_OK(mli_ingest_pump(&ingest, &lines, err));
    assert_int_equal(lines, 3);
    int64_t before = last_event(&p);
    mli_ingest_close(&ingest);

    mli_ingest_open(&ingest, p.lab, p.row); /* as after adoption: all is read again */
    ASSERT_OK(mli_ingest_pump(&ingest, &lines, err));
    assert_int_equal(lines, 4);
    assert_int_equal(last_event(&p), before);
    assert_true(ingest.outcome.known);
    settle_as(&ingest, &to);
    assert_int_equal(to, MODELLAB_RUN_COMPLETED);
    settle_as(&ingest, &to); /* the first end stays */
    assert_true(ingest.refused);
    assert_int_equal(last_event(&p), before + 1);

    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->step_count, 1);
    assert_int_equal(record->artifact_count, 1);
    assert_int_equal(record->steps[0].status, MODELLAB_RUN_COMPLETED);
    assert_true(record->run->cpu_seconds > 1.99 && record->run->cpu_seconds < 2.01);
    assert_int_equal(record->run->peak_memory_bytes, 5000000);
    assert_true(record->run->cost_micros >= 0);
    mli_run_record_free(record);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

/* Lines that still are in the batch go with the end: a step that was begun earlier and that they
 * end keeps its own end, and events are numbered on. */
static void last_lines_share_the_end(void **state)
{
    played p;
    mli_ingest ingest;
    modellab_run_status to = 0;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    ASSERT_OK(mli_ingest_read(&ingest, NULL, err));
    assert_true(mli_ingest_batch_leaves_open(&ingest.batch));
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    int64_t before = last_event(&p);
    say_artifact(&p, "audio.json", "1-audio.json");
    say_step(&p, "step_done");
    say_outcome(&p, "COMPLETED", "none");
    ASSERT_OK(mli_ingest_read(&ingest, NULL, err));
    assert_int_equal(ingest.batch.count, 2);
    assert_false(mli_ingest_batch_leaves_open(&ingest.batch));
    assert_int_equal(last_event(&p), before);
    settle_as(&ingest, &to);
    assert_int_equal(to, MODELLAB_RUN_COMPLETED);
    assert_int_equal(ingest.batch.count, 0);
    assert_int_equal(last_event(&p), before + 3);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->artifact_count, 1);
    assert_int_equal(record->step_count, 1);
    assert_int_equal(record->steps[0].status, MODELLAB_RUN_COMPLETED);
    assert_int_equal(record->steps[0].reason, MODELLAB_REASON_NONE);
    assert_int_equal(record->run->journal_line, 4);
    assert_string_equal(record->run->failed_step, ""); /* no step was open */
    mli_run_record_free(record);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

static void say_progress(played *p, double done)
{
    mli_jw *line = mli_journal_begin(&p->journal, "progress");
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kreal(line, "done_seconds", done);
    mli_jw_kreal(line, "total_seconds", 20);
    ASSERT_OK(mli_journal_end(&p->journal, false, err));
}

/* Speed and the time that is left of the run's newest progress; -1 = not told. */
static void newest_progress(const played *p, double *speed, double *eta)
{
    mli_event_row_list *events = NULL;
    mli_json *data = NULL;
    ASSERT_OK(mli_store_events(p->lab->store, p->id, 0, 100, &events, err));
    const mli_event_row *last = &events->rows[events->count - 1];
    assert_string_equal(last->type, "step_progress");
    ASSERT_OK(mli_json_parse(last->data, strlen(last->data), 4096, &data, err));
    *speed = mli_json_number(mli_json_get(data, "speed"), -1);
    *eta = mli_json_number(mli_json_get(data, "eta_seconds"), -1);
    mli_json_free(data);
    mli_event_row_list_free(events);
}

/* Also by who adopts the run: the step's begin is read again, though it is a record already. */
static void progress_tells_speed_and_what_is_left(void **state)
{
    played p;
    mli_ingest ingest;
    double speed, eta;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    say_progress(&p, 0);
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    newest_progress(&p, &speed, &eta);
    assert_true(speed < 0 && eta < 0); /* nothing was done: no guess */
    mli_ingest_close(&ingest);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    mli_ingest_open(&ingest, p.lab, record->run);
    assert_int_equal(ingest.applied, 2);
    assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 80000000), 0);
    say_progress(&p, 5);
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    newest_progress(&p, &speed, &eta);
    assert_true(speed > 0 && speed < 5 / 0.07);
    assert_true(eta * speed > 14.99 && eta * speed < 15.01);
    mli_ingest_close(&ingest);
    mli_run_record_free(record);
    stop_playing(&p);
}

/* What a turn may read is read, the rest in the next ones. */
static void a_long_journal_is_read_in_turns(void **state)
{
    played p;
    mli_ingest ingest;
    size_t lines = 0;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    for (int i = 0; i < 25; i++) {
        say_progress(&p, i);
    }
    ingest.bounds.turn_lines = 10;
    const size_t expected[] = {10, 10, 5, 0};
    for (size_t i = 0; i < 4; i++) {
        ASSERT_OK(mli_ingest_pump(&ingest, &lines, err));
        assert_int_equal(lines, expected[i]);
        assert_int_equal(ingest.more, i < 2);
    }
    for (int i = 0; i < 25; i++) {
        say_progress(&p, i);
    }
    ingest.bounds.turn_lines = 0;
    ingest.bounds.turn_bytes = 1000; /* a line has some 150 */
    ASSERT_OK(mli_ingest_pump(&ingest, &lines, err));
    assert_true(ingest.more && lines >= 5 && lines <= 10);
    ingest.bounds.turn_bytes = 0;
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    assert_int_equal(ingest.applied, 50);
    assert_false(ingest.too_large || ingest.more);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

/* The run ends FAILED for it, whatever the worker says at its end. */
static void expect_journal_limit(played *p, mli_ingest *ingest, int64_t most_applied)
{
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    modellab_run_status to = 0;
    say_outcome(p, "COMPLETED", "none");
    ASSERT_OK(mli_ingest_pump(ingest, NULL, err));
    assert_true(ingest->too_large);
    assert_true(ingest->applied <= most_applied);
    mli_settle_view view = {.outcome = ingest->outcome,
                            .end = MLI_WORKER_EXITED,
                            .journal_too_large = ingest->too_large,
                            .attempt = 1};
    mli_settle_decide(&view, &settlement);
    assert_int_equal(settlement.reason, MODELLAB_REASON_JOURNAL_LIMIT);
    ASSERT_OK(mli_ingest_settle(ingest, &settlement, &host, &to, err));
    assert_int_equal(to, MODELLAB_RUN_FAILED);
    mli_ingest_close(ingest);
    stop_playing(p);
}

static void journals_have_bounds(void **state)
{
    played p;
    mli_ingest ingest;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    assert_int_equal(ingest.bounds.bytes, p.lab->settings.max_journal_bytes);
    ingest.bounds.lines = 20;
    for (int i = 0; i < 25; i++) {
        say_progress(&p, i);
    }
    expect_journal_limit(&p, &ingest, 20);

    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    ingest.bounds.checkpoint_bytes = 3000;
    for (int i = 0; i < 10; i++) {
        say_window(&p, i, " text");
    }
    expect_journal_limit(&p, &ingest, 9);

    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_progress(&p, 0);
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    ingest.bounds.bytes = 2000;
    assert_false(mli_ingest_is_too_large(&ingest));
    for (int i = 0; i < 25; i++) {
        say_progress(&p, i);
    }
    assert_true(mli_ingest_is_too_large(&ingest));
    expect_journal_limit(&p, &ingest, 1); /* nothing more of it was read */
}

static void foreign_and_senseless_lines(void **state)
{
    played p;
    mli_ingest ingest;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    p.journal.fence = p.row->fence - 1; /* of an attempt that was fenced out */
    say_step(&p, "step_started");
    say_outcome(&p, "COMPLETED", "none");
    p.journal.fence = 77; /* of none that was ever begun */
    say_step(&p, "step_started");
    say_outcome(&p, "COMPLETED", "none");
    p.journal.fence = p.row->fence;
    say_artifact(&p, "../../lab.sqlite", "../../lab.sqlite");
    say_artifact(&p, "audio.json", "1-other.json");
    assert_int_equal(mli_os_system_files.write(NULL, p.fd, "{\"n\":9}\tdeadbeef\n", 17), 17);
    say_artifact(&p, "audio.json", "1-audio.json");
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    assert_false(ingest.outcome.known);
    assert_int_equal(ingest.bad_lines, 2);
    assert_true(ingest.reader.damaged >= 1);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->step_count, 0);
    assert_int_equal(record->artifact_count, 1);
    mli_run_record_free(record);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

/* All that is done for a run found dead; true when it got through. */
static bool settle_dead(played *p, modellab_run_status *to)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_dead_run_settle(p->lab, p->row, to, NULL, &err);
    if (status != MODELLAB_OK) {
        assert_int_equal(status, err.code);
        assert_true(err.message[0] != '\0');
        assert_null(strstr(err.message, folder.path));
    }
    return status == MODELLAB_OK && *to != 0;
}

/* After the faults are gone it must be possible, and give the true end, whatever was done before.
 */
static void expect_true_end(played *p)
{
    modellab_run_status to = 0;
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    bool ended = record->run->status != MODELLAB_RUN_RUNNING;
    mli_run_record_free(record);
    if (!ended) {
        assert_true(settle_dead(p, &to));
    }
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    assert_int_equal(record->run->status, MODELLAB_RUN_COMPLETED);
    assert_int_equal(record->step_count, 1);
    assert_int_equal(record->artifact_count, 1);
    mli_run_record_free(record);
}

static void say_all(played *p)
{
    say_step(p, "step_started");
    say_artifact(p, "audio.json", "1-audio.json");
    say_step(p, "step_done");
    say_outcome(p, "COMPLETED", "none");
}

static void every_file_operation_fails_once(void **state)
{
    (void)state;
    for (long n = 0; n < 400; n++) {
        faulty_files faults = {.fail_at = -1, .error = n % 2 == 0 ? EIO : ENOSPC};
        mli_os_files files = faulty_files_table(&faults);
        mli_lab_tables tables = {.files = &files};
        modellab_run_status to = 0;
        played p;
        play(&p, NULL, &tables);
        say_all(&p);
        faults.calls = 0;
        faults.fail_at = n;
        bool through = settle_dead(&p, &to);
        bool reached = faults.calls > n;
        faults.fail_at = -1;
        expect_true_end(&p);
        stop_playing(&p);
        if (!reached) {
            assert_true(through);
            assert_true(n > 5); /* there were operations that failed */
            return;
        }
    }
    fail_msg("it does not come to an end");
}

static void every_allocation_fails_once(void **state)
{
    (void)state;
    for (long n = 0; n < 2000; n++) {
        failing_alloc faults = {.fail_at = -1};
        modellab_allocator table = failing_alloc_table(&faults);
        modellab_run_status to = 0;
        played p;
        play(&p, &table, NULL);
        say_all(&p);
        faults.calls = 0;
        faults.fail_at = n;
        bool through = settle_dead(&p, &to);
        bool reached = faults.calls > n;
        faults.fail_at = -1;
        expect_true_end(&p);
        stop_playing(&p);
        assert_int_equal(faults.live, 0);
        if (!reached) {
            assert_true(through);
            assert_true(n > 20);
            return;
        }
    }
    fail_msg("it does not come to an end");
}

/* A journal whose tail is one endless line: what came before it counts, and the run still ends. */
static void an_endless_line(void **state)
{
    static char junk[64 * 1024];
    played p;
    modellab_run_status to = 0;
    (void)state;
    play(&p, NULL, NULL);
    say_step(&p, "step_started");
    say_window(&p, 0, "kept");
    memset(junk, 'x', sizeof(junk));
    for (size_t done = 0; done <= (size_t)MLI_JOURNAL_LINE_BYTES; done += sizeof(junk)) {
        assert_int_equal(mli_os_write_all(&mli_os_system_files, p.fd, junk, sizeof(junk)), 0);
    }
    int64_t damaged = 0;
    ASSERT_OK(mli_dead_run_settle(p.lab, p.row, &to, &damaged, err));
    assert_int_equal(to, MODELLAB_RUN_STALE);
    assert_int_equal(damaged, 1);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->step_count, 1);
    assert_int_equal(record->artifact_count, 1);
    assert_string_equal(record->artifacts[0].role, "partial");
    mli_run_record_free(record);
    stop_playing(&p);
}

/* The worker died and the policy would try again, but a cancel has been acknowledged meanwhile. */
static void a_requeue_does_not_lose_a_cancel(void **state)
{
    played p;
    mli_ingest ingest;
    mli_store_cancel met;
    modellab_run_status to = 0;
    (void)state;
    for (int cancelled = 0; cancelled < 2; cancelled++) { /* 0: the same without a cancel */
        play(&p, NULL, NULL);
        mli_ingest_open(&ingest, p.lab, p.row);
        mli_settlement again = {
            .what = MLI_RUN_AGAIN, .reason = MODELLAB_REASON_WORKER_DIED, .failed_step = ""};
        mli_host_measures host = MLI_HOST_MEASURES_INIT;
        if (cancelled != 0) {
            ASSERT_OK(mli_store_request_cancel(p.lab->store, p.id, 5, &met, err));
            assert_int_equal(met.outcome, MODELLAB_CANCEL_REQUESTED);
        }
        ASSERT_OK(mli_ingest_settle(&ingest, &again, &host, &to, err));
        assert_int_equal(to, cancelled != 0 ? MODELLAB_RUN_CANCELLED : MODELLAB_RUN_QUEUED);
        mli_ingest_close(&ingest);
        mli_run_record *record = NULL;
        ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
        assert_int_equal(record->run->status, to);
        assert_int_equal(record->run->reason, cancelled != 0 ? MODELLAB_REASON_CANCELLED_BY_USER
                                                             : MODELLAB_REASON_RETRYING);
        mli_run_record_free(record);
        stop_playing(&p);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(lines_become_records_once),
                                       TEST(last_lines_share_the_end),
                                       TEST(progress_tells_speed_and_what_is_left),
                                       TEST(a_long_journal_is_read_in_turns),
                                       TEST(journals_have_bounds),
                                       TEST(foreign_and_senseless_lines),
                                       TEST(every_file_operation_fails_once),
                                       TEST(every_allocation_fails_once),
                                       TEST(an_endless_line),
                                       TEST(a_requeue_does_not_lose_a_cancel)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
