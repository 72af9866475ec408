/* What a death leaves: steps that are closed, segments that become a partial transcript - of this
 * run's own work alone -, and no charge for the time until it was found. */
#include "unit/lab/played.h"
#include <errno.h>

static void a_death_closes_steps_and_keeps_segments(void **state)
{
    played p;
    mli_ingest ingest;
    modellab_run_status to = 0;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    say_window(&p, 0, " Hello.");
    say_window(&p, 1, " World.");
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    settle_as(&ingest, &to);
    assert_int_equal(to, MODELLAB_RUN_FAILED);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->run->reason, MODELLAB_REASON_WORKER_DIED);
    assert_string_equal(record->run->failed_step, "ingest");
    assert_int_equal(record->steps[0].status, MODELLAB_RUN_FAILED);
    assert_true(record->steps[0].ended_ms > 0);
    assert_int_equal(record->artifact_count, 1);
    assert_string_equal(record->artifacts[0].name, "transcript.partial.json");
    assert_string_equal(record->artifacts[0].role, "partial");
    mli_buf text;
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_artifact_read(&mli_os_system_files, p.lab->root, p.id, record->artifacts[0].file,
                                1 << 20, record->artifacts[0].sha256, &text, err));
    assert_non_null(strstr(mli_buf_text(&text), "Hello. World."));
    mli_buf_dispose(&text);
    mli_run_record_free(record);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

static bool disk_is_full;

static int open_on_a_full_disk(void *user, const char *path, int flags, uint32_t mode)
{
    return disk_is_full && strstr(path, "transcript.partial") != NULL
               ? -ENOSPC
               : mli_os_system_files.open(user, path, flags, mode);
}

/* No room for the partial transcript: the end waits for it, and both are there in the end. */
static void a_full_disk_costs_no_segment(void **state)
{
    played p;
    mli_ingest ingest;
    modellab_run_status to = 0;
    mli_settlement settlement;
    mli_os_files files = mli_os_system_files;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    mli_settle_view view = {.end = MLI_WORKER_EXITED, .code = MLI_WORKER_EXIT_NO_SPACE};
    (void)state;
    files.open = open_on_a_full_disk;
    mli_lab_tables tables = {.files = &files};
    play(&p, NULL, &tables);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    say_window(&p, 0, " Hello.");
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    mli_settle_decide(&view, &settlement);
    disk_is_full = true;
    assert_int_equal(mli_ingest_settle(&ingest, &settlement, &host, &to, NULL),
                     MODELLAB_E_NO_SPACE);
    disk_is_full = false;
    ASSERT_OK(mli_ingest_settle(&ingest, &settlement, &host, &to, err));
    assert_int_equal(to, MODELLAB_RUN_FAILED);
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
    assert_int_equal(record->run->reason, MODELLAB_REASON_NO_SPACE);
    assert_int_equal(record->artifact_count, 1);
    assert_string_equal(record->artifacts[0].role, "partial");
    mli_run_record_free(record);
    mli_ingest_close(&ingest);
    stop_playing(&p);
}

/* The store could not take it for a while: the work ended before. A clock that makes no sense
 * does not count. */
static void the_end_is_when_the_worker_said_so(void **state)
{
    played p;
    mli_ingest ingest;
    modellab_run_status to = 0;
    (void)state;
    for (int sane = 0; sane < 2; sane++) {
        play(&p, NULL, NULL);
        mli_ingest_open(&ingest, p.lab, p.row);
        say_outcome(&p, "COMPLETED", "none");
        ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
        assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 100000000), 0);
        int64_t said = ingest.outcome_ms;
        ingest.outcome_ms = sane ? said : p.row->started_ms - 1;
        settle_as(&ingest, &to);
        mli_run_record *record = NULL;
        ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
        assert_true(sane ? record->run->ended_ms == said : record->run->ended_ms >= said + 99);
        assert_true(record->run->ended_ms >= record->run->started_ms);
        mli_run_record_free(record);
        mli_ingest_close(&ingest);
        stop_playing(&p);
        temp_folder_remove(&folder);
        temp_folder_make(&folder);
    }
}

/* The text of the partial transcript of a run whose worker died; empty = there is none. */
static void die(played *p, mli_buf *text)
{
    mli_ingest ingest;
    modellab_run_status to = 0;
    mli_run_record *record = NULL;
    mli_buf_init(text, NULL);
    mli_ingest_open(&ingest, p->lab, p->row);
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    settle_as(&ingest, &to);
    assert_int_equal(to, MODELLAB_RUN_FAILED);
    mli_ingest_close(&ingest);
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    assert_true(record->artifact_count <= 1);
    if (record->artifact_count == 1) {
        ASSERT_OK(mli_artifact_read(&mli_os_system_files, p->lab->root, p->id,
                                    record->artifacts[0].file, 1 << 20, record->artifacts[0].sha256,
                                    text, err));
    }
    mli_run_record_free(record);
}

static void say_resumed(played *p)
{
    mli_jw *line = mli_journal_begin(&p->journal, MLI_RESUMED_TYPE);
    mli_jw_kstring(line, "step", "asr");
    mli_jw_kint(line, "windows", 2);
    ASSERT_OK(mli_journal_end(&p->journal, false, err));
}

/* What a run offers to the one that repeats it is that one's own only once it was taken over. */
static void windows_of_the_parent_are_not_its_own(void **state)
{
    (void)state;
    for (int taken = 0; taken < 2; taken++) {
        played p;
        mli_buf text;
        play(&p, NULL, NULL);
        p.journal.fence = 0;
        say_window(&p, 0, " Of the");
        say_window(&p, 1, " parent.");
        p.journal.fence = p.row->fence;
        say_step(&p, "step_started");
        if (taken != 0) {
            say_resumed(&p);
        }
        die(&p, &text);
        assert_int_equal(strstr(mli_buf_text(&text), "Of the parent.") != NULL, taken);
        assert_int_equal(text.size > 0, taken);
        mli_buf_dispose(&text);
        stop_playing(&p);
    }
}

/* It went on from the parent's windows, or replaced them. */
static void a_partial_is_of_one_work(void **state)
{
    played p;
    mli_buf text;
    (void)state;
    play(&p, NULL, NULL);
    p.journal.fence = 0;
    say_window(&p, 0, " Of the");
    say_window(&p, 1, " parent.");
    p.journal.fence = p.row->fence;
    say_step(&p, "step_started");
    say_window(&p, 0, " Its own.");
    die(&p, &text);
    assert_non_null(strstr(mli_buf_text(&text), " Its own."));
    assert_null(strstr(mli_buf_text(&text), "arent"));
    mli_buf_dispose(&text);
    stop_playing(&p);
}

/* Times of the audio that step enhance made are nobody's: the input's are told. */
static void a_partial_has_the_times_of_the_input(void **state)
{
    played p;
    mli_buf text;
    (void)state;
    play(&p, NULL, NULL);
    say_step(&p, "step_started");
    say_window(&p, 0, " Same.");
    const char *key = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    mli_transcript_segment prepared = {.start = 1.0, .end = 2.0, .text = " Moved."};
    mli_transcript_segment original = {.start = 41.5, .end = 43.25, .text = " Moved."};
    mli_asr_mark mark = {.seek = 200};
    mli_jw *line = mli_journal_begin(&p.journal, MLI_CHECKPOINT_TYPE);
    mli_jw_kstring(line, "step", "asr");
    mli_checkpoint_write(line, key, 1, 100, &mark, &prepared, 1);
    mli_checkpoint_write_original(line, &original, 1);
    ASSERT_OK(mli_journal_end(&p.journal, false, err));
    die(&p, &text);
    assert_non_null(strstr(mli_buf_text(&text), "Same. Moved."));
    assert_non_null(strstr(mli_buf_text(&text), "41.5"));
    assert_non_null(strstr(mli_buf_text(&text), "43.25"));
    mli_buf_dispose(&text);
    stop_playing(&p);
}

static void a_partial_says_its_task(void **state)
{
    played p;
    mli_buf text;
    (void)state;
    play_as(&p, NULL, NULL, submit_translation);
    say_step(&p, "step_started");
    say_window(&p, 0, " Hello.");
    die(&p, &text);
    assert_non_null(strstr(mli_buf_text(&text), "\"task\":\"translate\""));
    mli_buf_dispose(&text);
    stop_playing(&p);
}

static int64_t days_ns; /* added to the lab's wall clock */

static int64_t later_now(void *user)
{
    (void)user;
    return mli_os_system_clock.realtime_ns(NULL) + days_ns;
}

static int64_t steady_now(void *user)
{
    (void)user;
    return mli_os_system_clock.monotonic_ns(NULL);
}

static int sleep_now(void *user, int64_t ns)
{
    (void)user;
    return mli_os_system_clock.sleep_ns(NULL, ns);
}

/* What its user's share of the queue was charged with. */
static int64_t charged(const played *p)
{
    mli_queue_query query = {.now_ms = mli_lab_now_ms(p->lab)};
    mli_queue_view *view = NULL;
    ASSERT_OK(mli_store_queue(p->lab->store, &query, &view, err));
    assert_int_equal(view->user_count, 1);
    int64_t ms = view->users[0].virtual_ms;
    mli_queue_view_free(view);
    return ms;
}

/* The machine was off for three days: that is nobody's use of it. */
static void time_after_a_death_is_not_charged(void **state)
{
    const mli_os_clock clock = {NULL, later_now, steady_now, sleep_now};
    const mli_lab_tables tables = {.clock = &clock};
    (void)state;
    for (int lines = 0; lines < 2; lines++) {
        played p;
        modellab_run_status to = 0;
        mli_run_record *record = NULL;
        days_ns = 0;
        play(&p, NULL, &tables);
        assert_int_equal(mli_os_system_clock.sleep_ns(NULL, 50000000), 0);
        if (lines != 0) {
            say_step(&p, "step_started");
        }
        days_ns = (int64_t)3 * 24 * 3600 * 1000000000;
        ASSERT_OK(mli_dead_run_settle(p.lab, p.row, &to, NULL, err));
        assert_int_equal(to, MODELLAB_RUN_STALE);
        ASSERT_OK(mli_store_load(p.lab->store, p.id, &record, err));
        assert_true(record->run->wall_ms < 3600000);
        assert_true(lines == 0 || record->run->wall_ms >= 50);
        assert_true(record->run->ended_ms > record->run->started_ms + 3600000); /* found then */
        assert_true(charged(&p) < 3600000);
        mli_run_record_free(record);
        stop_playing(&p);
        tear_down(NULL);
        set_up(NULL);
    }
    days_ns = 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(a_death_closes_steps_and_keeps_segments),
                                       TEST(windows_of_the_parent_are_not_its_own),
                                       TEST(a_partial_is_of_one_work),
                                       TEST(a_partial_says_its_task),
                                       TEST(a_partial_has_the_times_of_the_input),
                                       TEST(time_after_a_death_is_not_charged),
                                       TEST(a_full_disk_costs_no_segment),
                                       TEST(the_end_is_when_the_worker_said_so)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
