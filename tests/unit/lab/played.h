/* A run in the hands of a worker that the test plays: its journal, line by line. */
#ifndef TESTS_UNIT_LAB_PLAYED_H
#define TESTS_UNIT_LAB_PLAYED_H

#include "lab/checkpoint.h"
#include "lab/dead_run.h"
#include "lab/ingest.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"

static temp_folder folder;
static unsigned char wav[WAV_BYTES];

static inline int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    assert_int_equal(WAV_BYTES, make_wav(wav, 16000, 1, 0));
    return 0;
}

static inline int tear_down(void **state)
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

static inline void submit_ingest(played *p)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    o.request = "{\"pipeline\":\"ingest\"}";
    o.input_data = wav;
    o.input_bytes = sizeof(wav);
    ASSERT_OK(mli_run_submit(p->lab, &o, p->id, NULL, err));
}

/* As a submission would, but for its model, which is not here. */
static inline void submit_translation(played *p)
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

static inline void play_as(played *p, const modellab_allocator *alloc, const mli_lab_tables *tables,
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

static inline void play(played *p, const modellab_allocator *alloc, const mli_lab_tables *tables)
{
    play_as(p, alloc, tables, submit_ingest);
}

static inline void stop_playing(played *p)
{
    mli_journal_writer_dispose(&p->journal);
    assert_int_equal(mli_os_system_files.close(NULL, p->fd), 0);
    mli_run_row_free(p->lab->alloc, p->row);
    mli_lab_unref(p->lab);
}

static inline void say_step(played *p, const char *type)
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

static inline void say_artifact(played *p, const char *name, const char *file)
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
static inline void say_window(played *p, int window, const char *text)
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

static inline void say_outcome(played *p, const char *status, const char *reason)
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

static inline int64_t last_event(const played *p)
{
    mli_run_record *record = NULL;
    ASSERT_OK(mli_store_load(p->lab->store, p->id, &record, err));
    int64_t last = record->run->last_event;
    mli_run_record_free(record);
    return last;
}

static inline void settle_as(mli_ingest *ingest, modellab_run_status *to)
{
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    mli_settle_view view = {
        .outcome = ingest->outcome, .end = MLI_WORKER_SIGNALED, .code = 9, .attempt = 1};
    mli_settle_decide(&view, &settlement);
    ASSERT_OK(mli_ingest_settle(ingest, &settlement, &host, to, err));
}

#endif
