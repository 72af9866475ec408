/* The journal as the one way in: lines become records once, whoever reads them how often; foreign,
 * senseless and damaged lines change nothing; the end is settled once. Every allocation and every
 * file operation of it fails once. */
#include "lab/checkpoint.h"
#include "lab/dead_run.h"
#include "lab/ingest.h"
#include "lab/page.h"
#include "lab/submit.h"
#include "unit/failing_alloc.h"
#include "unit/faulty_files.h"
#include "unit/lab/lab_common.h"
#include <errno.h>

static temp_folder folder;
static unsigned char wav[WAV_BYTES];

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    temp_folder_remove(&folder);
    return 0;
}

/* A run in the hands of a worker that this test plays. */
typedef struct played {
    mli_lab *lab;
    char id[MLI_ULID_BYTES];
    mli_run_row *row;
    int fd;
    mli_journal_writer journal;
} played;

static void submit_ingest(played *p)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = sizeof(wav);
    ASSERT_OK(mli_run_submit(p->lab, &o, p->id, NULL, err));
}

/* As a submission would, but for its model, which is not here. */
static void submit_translation(played *p)
{
    mli_event_row event = {.type = "run_queued"};
    mli_run_row row;
    char existing[MLI_ULID_BYTES];
    memcpy(p->id, id_of(1), sizeof(p->id));
    ASSERT_OK(mli_rundir_create(p->lab->os.files, p->lab->root, p->id, err));
    mli_run_row_init(&row);
    row.id = p->id;
    row.created_ms = mli_lab_now_ms(p->lab);
    row.request_json = "{\"config\":{\"asr\":{\"task\":\"translate\"}}}";
    ASSERT_OK(mli_store_insert(p->lab->store, &row, &event, 1, existing, err));
}

static void play_as(played *p, const modellab_allocator *alloc, const mli_lab_tables *tables,
                    void (*submit)(played *p))
{
    mli_journal_tail tail;
    char path[MLI_PATH_BYTES];
    p->lab = open_lab(&folder, alloc, tables, 0);
    submit(p);
    mli_store_claim claim = {.run_id = p->id, .owner = "{}", .now_ms = mli_lab_now_ms(p->lab)};
    ASSERT_OK(mli_store_claim_run(p->lab->store, &claim, &p->row, err));
    ASSERT_OK(mli_run_path(p->lab->root, p->id, MLI_RUN_JOURNAL, path, err));
    p->fd =
        mli_os_system_files.open(NULL, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_CREATE, 0600);
    assert_true(p->fd >= 0);
    mli_journal_tail_init(&tail);
    mli_journal_writer_init(&p->journal, NULL, &mli_os_system_files, &mli_os_system_clock, p->fd,
                            p->row->fence, &tail);
}

static void play(played *p, const modellab_allocator *alloc, const mli_lab_tables *tables)
{
    play_as(p, alloc, tables, submit_ingest);
}

static void stop_playing(played *p)
{
    mli_journal_writer_dispose(&p->journal);
    assert_int_equal(mli_os_system_files.close(NULL, p->fd), 0);
    mli_run_row_free(p->lab->alloc, p->row);
    mli_lab_unref(p->lab);
}

static void say_step(played *p, const char *type)
{
    mli_jw *line = mli_journal_begin(&p->journal, type);
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kint(line, "position", 0);
    mli_jw_kint(line, "attempt", 1);
    mli_jw_kint(line, "started_ms", 1000);
    if (strcmp(type, "step_done") == 0) {
        mli_jw_kstring(line, "status", "COMPLETED");
        mli_jw_kstring(line, "reason", "none");
        mli_jw_kreal(line, "cpu_seconds", 0.5);
    }
    ASSERT_OK(mli_journal_end(&p->journal, true, err));
}

static void say_artifact(played *p, const char *name, const char *file)
{
    char id[MLI_ULID_BYTES];
    assert_int_equal(mli_ulid_new(&mli_os_system_clock, &mli_os_system_random, id), 0);
    mli_jw *line = mli_journal_begin(&p->journal, "artifact");
    mli_jw_kstring(line, "id", id);
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kstring(line, "name", name);
    mli_jw_kstring(line, "file", file);
    mli_jw_kstring(line, "media_type", "application/json");
    mli_jw_kstring(line, "role", "result");
    mli_jw_kstring(line, "sha256",
                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    mli_jw_kint(line, "bytes", 0);
    ASSERT_OK(mli_journal_end(&p->journal, true, err));
}

/* A finished window of one second with one segment; number `window` of the work. What another run
 * offers (fence 0) is of other work when the text says so. */
static void say_window(played *p, int window, const char *text)
{
    char key[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    key[0] = strstr(text, "own") != NULL ? 'f' : '0';
    mli_transcript_segment segment = {.start = window, .end = window + 1.0, .text = text};
    mli_asr_mark mark = {.seek = 100 * (window + 1)};
    mli_jw *line = mli_journal_begin(&p->journal, MLI_CHECKPOINT_TYPE);
    mli_jw_kstring(line, "step", "asr");
    mli_checkpoint_write(line, key, (size_t)window, 100 * window, &mark, &segment, 1);
    ASSERT_OK(mli_journal_end(&p->journal, false, err));
}

static void say_outcome(played *p, const char *status, const char *reason)
{
    mli_jw *line = mli_journal_begin(&p->journal, "outcome");
    mli_jw_kstring(line, "status", status);
    mli_jw_kstring(line, "reason", reason);
    mli_jw_kstring(line, "message", "as the worker says");
    mli_jw_kreal(line, "audio_seconds", 1.0);
    mli_jw_kreal(line, "cpu_seconds", 2.0);
    mli_jw_kint(line, "peak_memory_bytes", 5000000);
    ASSERT_OK(mli_journal_end(&p->journal, true, err));
}

static int64_t last_event(const played *p)
{
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    int64_t last = record->run->last_event;
    mli_run_record_free(record);
    return last;
}

static void settle_as(mli_ingest *ingest, modellab_run_status *to)
{
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    mli_settle_view view = {
        .outcome = ingest->outcome, .end = MLI_WORKER_SIGNALED, .code = 9, .attempt = 1};
    mli_settle_decide(&view, &settlement);
    ASSERT_OK(mli_ingest_settle(ingest, &settlement, &host, to, err));
}

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
                                       TEST(progress_tells_speed_and_what_is_left),
                                       TEST(foreign_and_senseless_lines),
                                       TEST(a_death_closes_steps_and_keeps_segments),
                                       TEST(windows_of_the_parent_are_not_its_own),
                                       TEST(a_partial_is_of_one_work),
                                       TEST(a_partial_says_its_task),
                                       TEST(time_after_a_death_is_not_charged),
                                       TEST(every_file_operation_fails_once),
                                       TEST(every_allocation_fails_once),
                                       TEST(an_endless_line),
                                       TEST(a_requeue_does_not_lose_a_cancel)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
