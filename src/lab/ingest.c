/* Reading a run's journal into the store: the changes of many lines share a transaction, and each
 * names its line's number, so that nothing is applied twice. */
#include "lab/ingest.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/checkpoint.h"
#include "lab/ingest_private.h"
#include "lab/run_log.h"
#include "log/logger.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

/* Lines of a correct worker have hundreds of bytes; it says at most one a second besides its
 * checkpoints. */
#define BYTES_A_LINE 512

void mli_ingest_open(mli_ingest *ingest, mli_lab *lab, const mli_run_row *row)
{
    static const mli_run_measures none = MLI_RUN_MEASURES_INIT;
    memset(ingest, 0, sizeof(*ingest));
    ingest->lab = lab;
    ingest->log = mli_run_log(lab, row);
    (void)mli_str_copy(ingest->run_id, sizeof(ingest->run_id), row->id);
    ingest->fence = row->fence;
    ingest->applied = ingest->stored = row->journal_line;
    ingest->fd = -1;
    ingest->line_ms = -1;
    ingest->bounds = (mli_ingest_bounds){.bytes = lab->settings.max_journal_bytes,
                                         .lines = lab->settings.max_journal_bytes / BYTES_A_LINE,
                                         .checkpoint_bytes = lab->settings.max_journal_bytes / 2};
    ingest->measures = none;
    ingest->outcome.message = ingest->outcome_message;
    ingest->outcome.failed_step = ingest->outcome_step;
}

void mli_ingest_in_turns(mli_ingest *ingest)
{
    ingest->bounds.turn_lines = MLI_INGEST_TURN_LINES;
    ingest->bounds.turn_bytes = MLI_INGEST_TURN_BYTES;
}

static void close_journal(mli_ingest *ingest)
{
    if (ingest->fd >= 0) {
        mli_journal_reader_dispose(&ingest->reader);
        mli_os_fd_close(ingest->fd); /* only read */
        ingest->fd = -1;
    }
}

void mli_ingest_close(mli_ingest *ingest)
{
    close_journal(ingest);
    mli_ingest_batch_clear(&ingest->batch, ingest->lab->alloc);
    mli_logger_unref(ingest->log);
    ingest->log = NULL;
}

MODELLAB_MUST_CHECK static modellab_status open_journal(mli_ingest *ingest, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = ingest->lab->os.files;
    modellab_status status =
        mli_run_path(ingest->lab->root, ingest->run_id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd == -ENOENT) {
        return MODELLAB_OK;
    }
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the run's journal could not be opened");
    }
    ingest->fd = fd;
    mli_journal_reader_init(&ingest->reader, ingest->lab->alloc, f, fd);
    ingest->lines = ingest->checkpoint_bytes = 0;
    ingest->steps.count = 0; /* all lines are read again */
    ingest->reader.most_fence = ingest->fence;
    return MODELLAB_OK;
}

static void read_text(const mli_journal_line *line, const char *key, char *store, size_t capacity,
                      const char **to)
{
    const char *text = mli_line_text(line, key);
    if (text[0] != '\0') {
        (void)mli_str_copy(store, capacity, text);
        *to = store;
    }
}

/* Measures of a line; each that is there replaces the older one. CPU time and peak memory are
 * settled at the end only, when the host's own figures are known. */
static void read_measures(mli_ingest *ingest, const mli_journal_line *line)
{
    mli_run_measures *m = &ingest->measures;
    double real = mli_line_real(line, "audio_seconds");
    m->audio_seconds = real >= 0 ? real : m->audio_seconds;
    real = mli_line_real(line, "progress_seconds");
    m->progress_seconds = real >= 0 ? real : m->progress_seconds;
    real = mli_line_real(line, "cpu_seconds");
    m->cpu_seconds = real >= 0 ? real : m->cpu_seconds;
    real = mli_line_real(line, "gpu_seconds");
    m->gpu_seconds = real >= 0 ? real : m->gpu_seconds;
    int64_t whole = mli_line_int(line, "peak_memory_bytes");
    m->peak_memory_bytes = whole >= 0 ? whole : m->peak_memory_bytes;
    whole = mli_line_int(line, "api_calls");
    m->api_calls = whole >= 0 ? whole : m->api_calls;
    read_text(line, "model", ingest->model, sizeof(ingest->model), &m->model);
    read_text(line, "model_sha256", ingest->model_sha256, sizeof(ingest->model_sha256),
              &m->model_sha256);
    read_text(line, "engine", ingest->engine, sizeof(ingest->engine), &m->engine);
}

static void read_outcome(mli_ingest *ingest, const mli_journal_line *line)
{
    mli_outcome *o = &ingest->outcome;
    if (o->known && line->n != ingest->outcome_line) {
        ingest->bad_lines++; /* the first last word counts */
        return;
    }
    o->known = mli_status_parse(mli_line_text(line, "status"), &o->status);
    if (!mli_reason_parse(mli_line_text(line, "reason"), &o->reason)) {
        o->reason = MODELLAB_REASON_INTERNAL;
    }
    (void)mli_str_copy(ingest->outcome_message, sizeof(ingest->outcome_message),
                       mli_line_text(line, "message"));
    (void)mli_str_copy(ingest->outcome_step, sizeof(ingest->outcome_step),
                       mli_line_text(line, "failed_step"));
    ingest->outcome_line = line->n;
    ingest->outcome_ms = line->time_ms;
    ingest->log_dropped = mli_line_int(line, "log_dropped");
    read_measures(ingest, line);
}

modellab_status mli_ingest_flushed(mli_ingest *ingest, modellab_status status, modellab_error *err)
{
    mli_ingest_batch_clear(&ingest->batch, ingest->lab->alloc);
    if (status == MODELLAB_E_RUN_FINAL || status == MODELLAB_E_FENCED ||
        status == MODELLAB_E_STATE) {
        mli_error_clear(err);
        ingest->refused = true;
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        ingest->stored = ingest->applied;
    } else {
        ingest->applied = ingest->stored;
        close_journal(ingest);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status flush(mli_ingest *ingest, modellab_error *err)
{
    mli_store_write write = {.changes = (const mli_store_change *const *)ingest->batch.changes,
                             .change_count = ingest->batch.count};
    if (write.change_count == 0) {
        ingest->stored = ingest->applied; /* lines that change nothing */
        return MODELLAB_OK;
    }
    mli_store_write_many(ingest->lab->store, &write, 1);
    if (write.status != MODELLAB_OK) {
        (void)mli_fail(err, write.status, "%s", write.error.message);
    }
    return mli_ingest_flushed(ingest, write.status, err);
}

modellab_status mli_ingest_apply(mli_ingest *ingest, mli_store_change *change, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    change->run_id = ingest->run_id;
    change->fence = ingest->fence;
    change->expect = MODELLAB_RUN_RUNNING;
    change->now_ms = mli_lab_now_ms(ingest->lab);
    change->lazy = true; /* the journal has it */
    if (ingest->batch.count == MLI_INGEST_BATCH) {
        status = flush(ingest, err);
    }
    return status == MODELLAB_OK && !ingest->refused
               ? mli_ingest_batch_add(&ingest->batch, ingest->lab->alloc, change, err)
               : status;
}

bool mli_line_artifact(const mli_journal_line *line, mli_artifact_row *row)
{
    char file[96];
    *row = (mli_artifact_row){.id = mli_line_text(line, "id"),
                              .step = mli_line_text(line, "step"),
                              .name = mli_line_text(line, "name"),
                              .media_type = mli_line_text(line, "media_type"),
                              .sha256 = mli_line_text(line, "sha256"),
                              .file = mli_line_text(line, "file"),
                              .role = mli_line_text(line, "role"),
                              .bytes = mli_line_int(line, "bytes"),
                              .fence = line->fence};
    /* What stands in a path comes from a closed alphabet, whoever wrote the journal. */
    return mli_ulid_valid(row->id) && row->bytes >= 0 && mli_artifact_name_valid(row->name) &&
           mli_artifact_file(line->fence, row->name, file, NULL) == MODELLAB_OK &&
           strcmp(file, row->file) == 0;
}

void mli_artifact_event(const mli_artifact_row *row, mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "id", row->id);
    mli_jw_kstring(&w, "name", row->name);
    mli_jw_kint(&w, "bytes", row->bytes);
    if (strcmp(row->role, MLI_ROLE_LATE) == 0) {
        mli_jw_kbool(&w, "late", true);
    }
    mli_jw_end_object(&w);
}

/* `late`: the step has ended; its status stays, what it made is kept. */
MODELLAB_MUST_CHECK static modellab_status
apply_artifact(mli_ingest *ingest, const mli_journal_line *line, bool late, modellab_error *err)
{
    mli_artifact_row row;
    if (!mli_line_artifact(line, &row)) {
        ingest->bad_lines++;
        return MODELLAB_OK;
    }
    mli_buf data;
    row.role = late ? MLI_ROLE_LATE : row.role;
    mli_buf_init(&data, ingest->lab->alloc);
    mli_artifact_event(&row, &data);
    modellab_status status = mli_buf_status(&data, err);
    if (status == MODELLAB_OK) {
        mli_event_row event = {.time_ms = line->time_ms,
                               .type = "artifact_added",
                               .step = row.step,
                               .data = mli_buf_text(&data)};
        mli_store_change change = {.journal_line = line->n,
                                   .artifacts = &row,
                                   .artifact_count = 1,
                                   .events = &event,
                                   .event_count = 1};
        status = mli_ingest_apply(ingest, &change, err);
    }
    mli_buf_dispose(&data);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
apply_measures(mli_ingest *ingest, const mli_journal_line *line, modellab_error *err)
{
    read_measures(ingest, line);
    mli_run_measures live = ingest->measures;
    live.cpu_seconds = -1;
    live.peak_memory_bytes = -1;
    mli_store_change change = {.journal_line = line->n, .measures = &live};
    return line->n > ingest->applied ? mli_ingest_apply(ingest, &change, err) : MODELLAB_OK;
}

/* What the line makes of its step, also one that the store has: the book is made anew by each
 * reader. Lines about other things are allowed. */
static mli_step_verdict note_steps(mli_ingest *ingest, const mli_journal_line *line)
{
    modellab_run_status to = 0;
    mli_step_happening what = MLI_STEP_BEGAN;
    if (strcmp(line->type, "step_done") == 0) {
        what = mli_ingest_step_end(line);
    } else if (strcmp(line->type, "artifact") == 0) {
        what = MLI_STEP_RESULT;
    } else if (strcmp(line->type, "step_started") != 0) {
        return MLI_STEP_ALLOWED;
    }
    return mli_step_note(&ingest->steps, mli_line_text(line, "step"), what, &to);
}

MODELLAB_MUST_CHECK static modellab_status
take_line(mli_ingest *ingest, const mli_journal_line *line, modellab_error *err)
{
    if (line->fence != ingest->fence) {
        return MODELLAB_OK; /* an earlier attempt's, or one that was fenced out */
    }
    ingest->line_ms = line->time_ms;
    mli_ingest_note_step(ingest, line);
    if (strcmp(line->type, "outcome") == 0) {
        read_outcome(ingest, line);
        return MODELLAB_OK;
    }
    if (strcmp(line->type, "measures") == 0) {
        return apply_measures(ingest, line, err);
    }
    mli_step_verdict verdict = note_steps(ingest, line);
    if (line->n <= ingest->applied) {
        return MODELLAB_OK;
    }
    if (verdict == MLI_STEP_REFUSED_FINAL || verdict == MLI_STEP_REFUSED_STATE) {
        ingest->bad_lines++; /* the step stays as it is */
        return MODELLAB_OK;
    }
    if (strcmp(line->type, "step_started") == 0) {
        return mli_ingest_apply_step(ingest, line, false, err);
    }
    if (strcmp(line->type, "step_done") == 0) {
        return mli_ingest_apply_step(ingest, line, true, err);
    }
    if (strcmp(line->type, "artifact") == 0) {
        return apply_artifact(ingest, line, verdict == MLI_STEP_LATE, err);
    }
    if (strcmp(line->type, "sandbox") == 0) {
        return mli_ingest_apply_sandbox(ingest, line, err);
    }
    if (strcmp(line->type, "progress") == 0) {
        return mli_ingest_apply_progress(ingest, line, err);
    }
    if (strcmp(line->type, "step_resumed") == 0) {
        return mli_ingest_apply_resumed(ingest, line, err);
    }
    return MODELLAB_OK; /* checkpoints: read when a run ends early (partial.c) or goes on */
}

/* Said once: an attempt that was taken for dead goes on writing. Nothing of it is taken over. */
static void tell_stale(mli_ingest *ingest)
{
    if (ingest->fd >= 0 && ingest->reader.stale > 0 && !ingest->stale_told) {
        ingest->stale_told = true;
        mli_log(ingest->log, MODELLAB_LOG_WARN, "journal.fenced_out",
                "an older attempt still writes; its lines are not taken over",
                MLI_LOG_FIELDS(mli_log_int("lines", ingest->reader.stale),
                               mli_log_int("fence", ingest->fence)));
    }
}

/* A journal that has grown beyond its bound is not read on, however it goes on: who fills disks and
 * holds up others gets no more attention. */
MODELLAB_MUST_CHECK static modellab_status look_at_size(mli_ingest *ingest, modellab_error *err)
{
    mli_os_stat facts;
    const mli_os_files *f = ingest->lab->os.files;
    int rc = f->fstat(f->user, ingest->fd, &facts);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the run's journal could not be looked at");
    }
    ingest->too_large = ingest->too_large || facts.bytes > ingest->bounds.bytes;
    return MODELLAB_OK;
}

bool mli_ingest_is_too_large(mli_ingest *ingest)
{
    if (ingest->fd >= 0 && !ingest->too_large && look_at_size(ingest, NULL) != MODELLAB_OK) {
        return false; /* the next pump fails in the same way and tells it */
    }
    return ingest->too_large;
}

/* Counts a line that was read from offset `from` on. */
static void count_line(mli_ingest *ingest, const mli_journal_line *line, int64_t from)
{
    ingest->lines++;
    if (strcmp(line->type, MLI_CHECKPOINT_TYPE) == 0) {
        ingest->checkpoint_bytes += ingest->reader.offset - from;
    }
    if (ingest->lines > ingest->bounds.lines ||
        ingest->checkpoint_bytes > ingest->bounds.checkpoint_bytes) {
        ingest->too_large = true;
    }
}

/* The next line, if there is one and the turn allows it. */
MODELLAB_MUST_CHECK static modellab_status next_line(mli_ingest *ingest, mli_journal_line *line,
                                                     bool *found, modellab_error *err)
{
    int64_t from = ingest->reader.offset;
    modellab_status status = mli_journal_next(&ingest->reader, line, found, err);
    if (status == MODELLAB_E_STORE_CORRUPT) {
        /* A line without end is where the journal ends: what came before it counts, and the run
         * must still get its end. */
        mli_error_clear(err);
        ingest->endless = true;
        return MODELLAB_OK;
    }
    ingest->more = ingest->reader.paused;
    if (status == MODELLAB_OK && *found) {
        count_line(ingest, line, from);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pump_turn(mli_ingest *ingest, int64_t *count,
                                                     modellab_error *err)
{
    const mli_ingest_bounds *b = &ingest->bounds;
    ingest->reader.pause_at = b->turn_bytes > 0 ? ingest->reader.offset + b->turn_bytes : 0;
    while (!ingest->refused && !ingest->too_large) {
        mli_journal_line line;
        bool found = false;
        if (b->turn_lines > 0 && *count >= b->turn_lines) {
            ingest->more = true;
            break;
        }
        modellab_status status = next_line(ingest, &line, &found, err);
        if (status != MODELLAB_OK || !found || ingest->too_large) {
            return status;
        }
        ++*count;
        status = take_line(ingest, &line, err);
        if (status != MODELLAB_OK) {
            return status;
        }
        if (line.fence == ingest->fence && line.n > ingest->applied) {
            ingest->applied = line.n;
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_ingest_read(mli_ingest *ingest, size_t *lines, modellab_error *err)
{
    int64_t count = 0;
    modellab_status status = MODELLAB_OK;
    ingest->more = false;
    if (ingest->fd < 0) {
        status = open_journal(ingest, err);
    }
    if (status == MODELLAB_OK && ingest->fd >= 0) {
        status = look_at_size(ingest, err);
    }
    if (status == MODELLAB_OK && ingest->fd >= 0) {
        status = pump_turn(ingest, &count, err);
    }
    tell_stale(ingest);
    if (status != MODELLAB_OK) { /* the lines are read again next time */
        status = mli_ingest_flushed(ingest, status, err);
    }
    if (lines != NULL) {
        *lines = (size_t)count;
    }
    return status;
}

modellab_status mli_ingest_pump(mli_ingest *ingest, size_t *lines, modellab_error *err)
{
    modellab_status status = mli_ingest_read(ingest, lines, err);
    return status == MODELLAB_OK ? flush(ingest, err) : status;
}
