/* The life of a step: every pair of status and happening, the same in the store, and what comes
 * late is kept while the status stays. */
#include "lab/late.h"
#include "lab/reconcile.h"
#include "lab/step_state.h"
#include "lab/verify.h"
#include "unit/lab/played.h"

static const modellab_run_status finals[] = {MODELLAB_RUN_COMPLETED, MODELLAB_RUN_FAILED,
                                             MODELLAB_RUN_CANCELLED, MODELLAB_RUN_TIMEOUT,
                                             MODELLAB_RUN_STALE,     MODELLAB_STEP_SKIPPED};
enum { FINALS = sizeof(finals) / sizeof(finals[0]) };

/* Rows: happenings in their order; columns: PENDING, RUNNING; 0 = refused. */
static const modellab_run_status allowed[MLI_STEP_HAPPENING_COUNT][2] = {
    {MODELLAB_RUN_RUNNING, 0},
    {MODELLAB_RUN_COMPLETED, MODELLAB_RUN_COMPLETED},
    {MODELLAB_RUN_FAILED, MODELLAB_RUN_FAILED},
    {MODELLAB_RUN_CANCELLED, MODELLAB_RUN_CANCELLED},
    {MODELLAB_RUN_TIMEOUT, MODELLAB_RUN_TIMEOUT},
    {0, MODELLAB_RUN_STALE},
    {MODELLAB_STEP_SKIPPED, MODELLAB_STEP_SKIPPED},
    {MODELLAB_STEP_PENDING, MODELLAB_RUN_RUNNING},
};

static void every_pair(void **state)
{
    (void)state;
    for (int what = 0; what < MLI_STEP_HAPPENING_COUNT; what++) {
        for (modellab_run_status from = -2; from < 20; from++) {
            modellab_run_status to = 77;
            modellab_run_status expected = from == MODELLAB_STEP_PENDING  ? allowed[what][0]
                                           : from == MODELLAB_RUN_RUNNING ? allowed[what][1]
                                                                          : 0;
            mli_step_verdict verdict = mli_step_next(from, (mli_step_happening)what, &to);
            if (expected != 0) {
                assert_int_equal(verdict, MLI_STEP_ALLOWED);
                assert_int_equal(to, expected);
            } else if (mli_status_is_final(from) && what == MLI_STEP_RESULT) {
                assert_int_equal(verdict, MLI_STEP_LATE);
                assert_int_equal(to, from); /* kept, and the status stays */
            } else {
                assert_int_equal(verdict, mli_status_is_final(from) ? MLI_STEP_REFUSED_FINAL
                                                                    : MLI_STEP_REFUSED_STATE);
                assert_int_equal(to, 77);
            }
        }
    }
}

/* All sequences of three happenings: the first end stays, whatever follows. */
static void the_first_end_wins(void **state)
{
    const int n = MLI_STEP_HAPPENING_COUNT;
    (void)state;
    for (int i = 0; i < n * n * n; i++) {
        const int whats[] = {i / (n * n), i / n % n, i % n};
        modellab_run_status first = 0;
        mli_step_book book = {.count = 0};
        for (int k = 0; k < 3; k++) {
            modellab_run_status to = 0;
            mli_step_verdict v = mli_step_note(&book, "asr", (mli_step_happening)whats[k], &to);
            modellab_run_status now =
                book.count > 0 ? book.steps[0].status : (modellab_run_status)MODELLAB_STEP_PENDING;
            assert_true(v != MLI_STEP_ALLOWED || to == now);
            if (first == 0 && mli_status_is_final(now)) {
                first = now;
            }
            assert_true(first == 0 || now == first);
        }
    }
}

static void happenings_of_statuses(void **state)
{
    mli_step_happening what;
    modellab_run_status to = 0;
    (void)state;
    for (size_t i = 0; i < FINALS; i++) {
        assert_true(mli_step_happening_of(finals[i], &what));
        assert_int_equal(mli_step_next(MODELLAB_RUN_RUNNING, what, &to), MLI_STEP_ALLOWED);
        assert_int_equal(to, finals[i]);
    }
    assert_false(mli_step_happening_of(MODELLAB_RUN_RUNNING, &what));
    assert_false(mli_step_happening_of(MODELLAB_STEP_PENDING, &what));
    assert_false(mli_step_happening_of(0, &what));
}

static void a_book_has_an_end(void **state)
{
    static mli_step_book book;
    char name[80];
    modellab_run_status to = 0;
    (void)state;
    for (int i = 0; i < MLI_STEP_MAX; i++) {
        assert_true(snprintf(name, sizeof(name), "step%d", i) > 0);
        assert_int_equal(mli_step_note(&book, name, MLI_STEP_BEGAN, &to), MLI_STEP_ALLOWED);
    }
    assert_int_equal(mli_step_note(&book, "one more", MLI_STEP_BEGAN, &to), MLI_STEP_REFUSED_STATE);
    assert_int_equal(mli_step_note(&book, "step7", MLI_STEP_DONE, &to), MLI_STEP_ALLOWED);
    book.count = 0;
    memset(name, 'n', sizeof(name));
    name[70] = '\0';
    assert_int_equal(mli_step_note(&book, name, MLI_STEP_BEGAN, &to), MLI_STEP_REFUSED_STATE);
    assert_int_equal(book.count, 0);
}

static modellab_run_status put(const played *p, modellab_run_status status, int32_t attempt)
{
    mli_step_row step = {.name = "ingest",
                         .message = "",
                         .key = "",
                         .reused_from = "",
                         .status = status,
                         .attempt = attempt,
                         MLI_STEP_ROW_INIT};
    mli_store_change change = {.run_id = p->id,
                               .fence = p->row->fence,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = 1,
                               .steps = &step,
                               .step_count = 1};
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_apply(p->lab->store, &change, NULL, NULL, err));
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    modellab_run_status now = record->steps[0].status;
    mli_run_record_free(record);
    return now;
}

/* The statement that writes steps lets go of no final status but for a later attempt, and an
 * earlier one changes nothing: for all pairs of final and new status. */
static void the_store_agrees(void **state)
{
    played p;
    int32_t attempt = 1;
    (void)state;
    play(&p, NULL, NULL);
    for (size_t i = 0; i < FINALS; i++) {
        for (int what = 0; what < MLI_STEP_HAPPENING_COUNT; what++) {
            modellab_run_status to = allowed[what][1];
            attempt++;
            assert_int_equal(put(&p, MODELLAB_RUN_RUNNING, attempt), MODELLAB_RUN_RUNNING);
            assert_int_equal(put(&p, finals[i], attempt - 1), MODELLAB_RUN_RUNNING);
            assert_int_equal(put(&p, finals[i], attempt), finals[i]);
            if (to != 0) {
                assert_int_equal(put(&p, to, attempt), finals[i]);
                assert_int_equal(put(&p, to, attempt - 1), finals[i]);
            }
        }
    }
    stop_playing(&p);
}

/* --- late results --- */

static void write_artifact(const played *p, const char *file)
{
    char folder_path[MLI_PATH_BYTES];
    char path[MLI_PATH_BYTES + 64];
    ASSERT_OK(mli_run_path(p->lab->root, p->id, MLI_RUN_ARTIFACTS, folder_path, err));
    assert_true(snprintf(path, sizeof(path), "%s/%s", folder_path, file) > 0);
    write_file(path, "", 0);
}

static void say_stopped(played *p)
{
    mli_jw *line = mli_journal_begin(&p->journal, "step_done");
    mli_jw_kstring(line, "step", "ingest");
    mli_jw_kint(line, "attempt", 1);
    mli_jw_kstring(line, "status", "CANCELLED");
    mli_jw_kstring(line, "reason", "cancelled_by_user");
    ASSERT_OK(mli_journal_end(&p->journal, true, err));
}

typedef struct seen {
    modellab_run_status run, step;
    size_t artifacts, late, ends;
    int64_t last_event;
} seen;

static seen look(const played *p)
{
    seen s = {0};
    mli_run_record *record = NULL;
    mli_event_row_list *events = NULL;
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    s.run = record->run->status;
    s.step = record->steps[0].status;
    s.artifacts = record->artifact_count;
    s.last_event = record->run->last_event;
    for (size_t i = 0; i < record->artifact_count; i++) {
        s.late += strcmp(record->artifacts[i].role, MLI_ROLE_LATE) == 0;
    }
    mli_run_record_free(record);
    ASSERT_OK(mli_store_events(p->lab->store, p->id, 0, 100, &events, err));
    for (size_t i = 0; i < events->count; i++) {
        s.ends += strcmp(events->rows[i].type, "step_failed") == 0 ||
                  strcmp(events->rows[i].type, "step_completed") == 0;
    }
    mli_event_row_list_free(events);
    return s;
}

/* While the run still counts as RUNNING: its step has ended, and goes on all the same. */
static void a_cancelled_step_goes_on(void **state)
{
    played p;
    mli_ingest ingest;
    modellab_run_status to = 0;
    (void)state;
    play(&p, NULL, NULL);
    mli_ingest_open(&ingest, p.lab, p.row);
    say_step(&p, "step_started");
    say_stopped(&p);
    say_artifact(&p, "audio.json", "1-audio.json");
    say_step(&p, "step_started");
    say_step(&p, "step_done"); /* COMPLETED, too late */
    say_outcome(&p, "CANCELLED", "cancelled_by_user");
    say_outcome(&p, "COMPLETED", "none");
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    assert_int_equal(ingest.bad_lines, 3);
    settle_as(&ingest, &to);
    mli_ingest_close(&ingest);
    seen s = look(&p);
    assert_int_equal(to, MODELLAB_RUN_CANCELLED);
    assert_int_equal(s.run, MODELLAB_RUN_CANCELLED);
    assert_int_equal(s.step, MODELLAB_RUN_CANCELLED);
    assert_int_equal(s.artifacts, 1);
    assert_int_equal(s.late, 1);
    assert_int_equal(s.ends, 1);
    stop_playing(&p);
}

/* Errors and worse; `id` (optional) must be among them. */
static int count_bad(played *p, const char *id)
{
    modellab_report *report = NULL;
    bool found = id == NULL;
    int bad = 0;
    ASSERT_OK(mli_run_verify(p->lab, p->id, NULL, &report, err));
    for (size_t i = 0; i < mli_report_count(report); i++) {
        const modellab_finding *f = mli_report_finding(report, i);
        bad += f->severity >= MODELLAB_SEVERITY_ERROR;
        found = found || strcmp(f->id, id) == 0;
    }
    mli_report_unref(report);
    assert_true(found);
    return bad;
}

static int reconcile(played *p, int flags)
{
    modellab_report *report = NULL;
    int found = 0;
    ASSERT_OK(mli_reconcile(p->lab, MLI_RECONCILE_FILES | flags, &report, err));
    for (size_t i = 0; i < mli_report_count(report); i++) {
        found += strcmp(mli_report_finding(report, i)->id, "run.late_lines") == 0;
    }
    mli_report_unref(report);
    return found;
}

/* Ends it CANCELLED as a supervisor would, and its worker lives. */
static void end_it(played *p)
{
    mli_ingest ingest;
    modellab_run_status to = 0;
    char text[64] = "";
    mli_settlement s = {
        .what = MLI_RUN_STOPPED, .reason = MODELLAB_REASON_CANCELLED_BY_USER, .failed_step = text};
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    mli_ingest_open(&ingest, p->lab, p->row);
    say_step(p, "step_started");
    ASSERT_OK(mli_ingest_pump(&ingest, NULL, err));
    ASSERT_OK(mli_ingest_settle(&ingest, &s, &host, &to, err));
    mli_ingest_close(&ingest);
    assert_int_equal(to, MODELLAB_RUN_CANCELLED);
    assert_int_equal(count_bad(p, NULL), 0);
}

static void a_run_that_has_ended(void **state)
{
    played p;
    (void)state;
    play(&p, NULL, NULL);
    end_it(&p);
    write_artifact(&p, "1-audio.json");
    say_artifact(&p, "audio.json", "1-audio.json");
    say_artifact(&p, "lost.json", "1-lost.json"); /* its file is not there */
    say_step(&p, "step_done");
    say_outcome(&p, "COMPLETED", "none");
    assert_true(count_bad(&p, "journal.longer") > 0);
    assert_int_equal(reconcile(&p, MLI_RECONCILE_DRY_RUN), 1);
    assert_int_equal(look(&p).artifacts, 0);
    assert_int_equal(reconcile(&p, 0), 1);
    seen s = look(&p);
    assert_int_equal(s.run, MODELLAB_RUN_CANCELLED);
    assert_int_equal(s.step, MODELLAB_RUN_CANCELLED);
    assert_int_equal(s.artifacts, 1);
    assert_int_equal(s.late, 1);
    assert_int_equal(count_bad(&p, NULL), 0);
    assert_int_equal(reconcile(&p, 0), 0); /* again changes nothing */
    assert_int_equal(look(&p).last_event, s.last_event);

    write_artifact(&p, "1-more.json"); /* later still */
    say_artifact(&p, "more.json", "1-more.json");
    assert_int_equal(reconcile(&p, 0), 1);
    assert_int_equal(look(&p).late, 2);
    assert_int_equal(count_bad(&p, NULL), 0);
    stop_playing(&p);
}

/* Not of its fence, not whole, not what was sealed, or while somebody works there: left alone. */
static void what_is_not_taken(void **state)
{
    played p;
    char path[MLI_PATH_BYTES];
    int fd = -1;
    (void)state;
    play(&p, NULL, NULL);
    end_it(&p);
    write_artifact(&p, "1-audio.json");
    int64_t fence = p.journal.fence;
    p.journal.fence = fence - 1;
    write_artifact(&p, "0-old.json");
    say_artifact(&p, "old.json", "0-old.json");
    assert_int_equal(reconcile(&p, 0), 0);
    p.journal.fence = fence;
    say_artifact(&p, "audio.json", "1-audio.json");
    ASSERT_OK(mli_rundir_lock(&mli_os_system_files, p.lab->root, p.id, &fd, err));
    assert_int_equal(reconcile(&p, 0), 0);
    assert_int_equal(mli_os_system_files.close(NULL, fd), 0);

    ASSERT_OK(mli_run_path(p.lab->root, p.id, MLI_RUN_JOURNAL, path, err));
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, 20, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, 20, SEEK_SET), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(reconcile(&p, 0), 0);
    assert_true(count_bad(&p, "journal.changed") > 0);
    assert_int_equal(fseek(file, 20, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    assert_true(fputs("no line of ours\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(reconcile(&p, 0), 0);
    assert_true(count_bad(&p, "journal.longer") > 0);
    assert_int_equal(look(&p).artifacts, 0);
    stop_playing(&p);
}

/* The store itself: late is for artifacts of ended runs of the same fence alone. */
static void the_store_is_strict(void **state)
{
    played p;
    mli_step_row step = {.name = "ingest",
                         .message = "",
                         .key = "",
                         .reused_from = "",
                         .status = MODELLAB_RUN_COMPLETED,
                         .attempt = 1,
                         MLI_STEP_ROW_INIT};
    (void)state;
    play(&p, NULL, NULL);
    mli_store_change late = {.run_id = p.id, .fence = p.row->fence, .now_ms = 1, .late_seal = ""};
    assert_int_equal(mli_store_apply(p.lab->store, &late, NULL, NULL, NULL), MODELLAB_E_STATE);
    end_it(&p);
    ASSERT_OK(mli_store_apply(p.lab->store, &late, NULL, NULL, err));
    late.fence--;
    assert_int_equal(mli_store_apply(p.lab->store, &late, NULL, NULL, NULL), MODELLAB_E_FENCED);
    late.fence++;
    late.steps = &step;
    late.step_count = 1;
    assert_int_equal(mli_store_apply(p.lab->store, &late, NULL, NULL, NULL), MODELLAB_E_STATE);
    late.late_seal = NULL;
    assert_int_equal(mli_store_apply(p.lab->store, &late, NULL, NULL, NULL), MODELLAB_E_RUN_FINAL);
    assert_int_equal(look(&p).step, MODELLAB_RUN_CANCELLED);
    stop_playing(&p);
}

#define PLAYED(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_pair),
                                       cmocka_unit_test(the_first_end_wins),
                                       cmocka_unit_test(happenings_of_statuses),
                                       cmocka_unit_test(a_book_has_an_end),
                                       PLAYED(the_store_agrees),
                                       PLAYED(a_cancelled_step_goes_on),
                                       PLAYED(a_run_that_has_ended),
                                       PLAYED(what_is_not_taken),
                                       PLAYED(the_store_is_strict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
