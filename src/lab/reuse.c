/* Offering finished work to a run that repeats another one. */
#include "lab/reuse.h"

#include "base/error.h"
#include "lab/checkpoint.h"
#include "log/logger.h"
#include "os/process.h"
#include <errno.h>
#include <string.h>

typedef struct offer {
    mli_lab *lab;
    const mli_run_record *parent;
    const char *child_id;
    modellab_logger *log;
    mli_journal_writer journal;
} offer;

/* A file with a hard link in the child's folder: its name there has the fence 0. */
MODELLAB_MUST_CHECK static modellab_status share(const offer *o, const mli_artifact_row *row,
                                                 modellab_error *err)
{
    char file[96];
    modellab_status status = mli_artifact_file(0, row->name, file, err);
    if (status == MODELLAB_OK) {
        status = mli_artifact_share(o->lab->os.files, o->lab->root, o->parent->run->id, row->file,
                                    o->child_id, file, err);
    }
    return status;
}

/* A result of the step; of several attempts, the last one's. */
static bool belongs(const mli_run_record *parent, size_t index, const mli_step_row *step)
{
    const mli_artifact_row *row = &parent->artifacts[index];
    if (strcmp(row->step, step->name) != 0 || strcmp(row->role, "result") != 0) {
        return false;
    }
    for (size_t i = index + 1; i < parent->artifact_count; i++) {
        const mli_artifact_row *later = &parent->artifacts[i];
        if (strcmp(later->step, row->step) == 0 && strcmp(later->name, row->name) == 0) {
            return false;
        }
    }
    return true;
}

static void put_artifact(mli_jw *line, const mli_artifact_row *row)
{
    mli_jw_object(line);
    mli_jw_kstring(line, "name", row->name);
    mli_jw_kstring(line, "media_type", row->media_type);
    mli_jw_kstring(line, "role", row->role);
    mli_jw_kstring(line, "sha256", row->sha256);
    mli_jw_kint(line, "bytes", row->bytes);
    mli_jw_end_object(line);
}

/* What the step's record shows of its result is taken over with it. */
MODELLAB_MUST_CHECK static modellab_status put_result(mli_jw *line, const mli_step_row *step,
                                                      const modellab_allocator *alloc,
                                                      modellab_error *err)
{
    mli_json *told = NULL;
    mli_buf text;
    modellab_status status = MODELLAB_OK;
    if (step->told_json[0] != '\0') {
        status = mli_json_parse(step->told_json, strlen(step->told_json), MLI_JSON_MAX_BYTES, &told,
                                err);
    }
    const mli_json *result = mli_json_get(told, "result");
    mli_buf_init(&text, alloc);
    if (status == MODELLAB_OK && result != NULL) {
        status = mli_json_dump(result, &text, err);
        mli_jw_key(line, "result");
        mli_jw_raw(line, mli_buf_text(&text), text.size);
    }
    mli_buf_dispose(&text);
    mli_json_free(told);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_step(offer *o, const mli_step_row *step,
                                                      modellab_error *err)
{
    const mli_run_row *run = o->parent->run;
    mli_jw *line = mli_journal_begin(&o->journal, MLI_REUSABLE_TYPE);
    mli_jw_kstring(line, "step", step->name);
    mli_jw_kstring(line, "key", step->key);
    mli_jw_kstring(line, "from", step->reused_from[0] != '\0' ? step->reused_from : run->id);
    if (run->audio_seconds >= 0) {
        mli_jw_kreal(line, "audio_seconds", run->audio_seconds);
    }
    mli_jw_key(line, "artifacts");
    mli_jw_array(line);
    for (size_t i = 0; i < o->parent->artifact_count; i++) {
        if (belongs(o->parent, i, step)) {
            put_artifact(line, &o->parent->artifacts[i]);
        }
    }
    mli_jw_end_array(line);
    modellab_status status = put_result(line, step, o->lab->alloc, err);
    return status == MODELLAB_OK ? mli_journal_end(&o->journal, false, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status offer_step(offer *o, const mli_step_row *step,
                                                      modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < o->parent->artifact_count; i++) {
        if (belongs(o->parent, i, step)) {
            status = share(o, &o->parent->artifacts[i], err);
        }
    }
    if (status == MODELLAB_OK) {
        return write_step(o, step, err);
    }
    if (status == MODELLAB_E_NO_MEMORY || status == MODELLAB_E_NO_SPACE) {
        return status;
    }
    mli_log_error(o->log, MODELLAB_LOG_WARN, "reuse.not_offered",
                  "a finished step cannot be taken over: it is done again", status, err);
    mli_error_clear(err);
    return MODELLAB_OK;
}

/* Members of a checkpoint's line that are its own; the head is the journal's. */
static bool is_head(const char *key)
{
    static const char *const head[] = {"n", "prev", "t", "type", "fence"};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++) {
        if (strcmp(head[i], key) == 0) {
            return true;
        }
    }
    return false;
}

MODELLAB_MUST_CHECK static modellab_status write_window(offer *o, const char *json, size_t bytes,
                                                        modellab_error *err)
{
    mli_json *window = NULL;
    const char *key = NULL;
    const mli_json *value = NULL;
    modellab_status status =
        mli_json_parse(json, bytes, 2 * (size_t)MLI_JOURNAL_LINE_BYTES, &window, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw *line = mli_journal_begin(&o->journal, MLI_CHECKPOINT_TYPE);
    mli_json_cursor at = mli_json_first(window);
    while (mli_json_next(&at, &key, &value)) {
        if (!is_head(key)) {
            mli_jw_kjson(line, key, value);
        }
    }
    mli_json_free(window);
    return mli_journal_end(&o->journal, false, err);
}

MODELLAB_MUST_CHECK static modellab_status offer_windows(offer *o, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_checkpoint_chain chain;
    const mli_os_files *f = o->lab->os.files;
    modellab_status status =
        mli_run_path(o->lab->root, o->parent->run->id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return MODELLAB_OK; /* it never began, or its journal is gone: nothing to take over */
    }
    mli_checkpoint_chain_init(&chain, o->lab->alloc);
    status = mli_checkpoint_read(&chain, f, fd, o->parent->run->fence, err);
    mli_os_fd_close(fd); /* only read */
    for (size_t i = 0; status == MODELLAB_OK && i < chain.count; i++) {
        const mli_checkpoint_window *w = &chain.windows[i];
        status = write_window(o, chain.text.data + w->text, w->text_bytes, err);
    }
    mli_checkpoint_chain_dispose(&chain);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_all(offer *o, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < o->parent->step_count; i++) {
        const mli_step_row *step = &o->parent->steps[i];
        if (step->status == MODELLAB_RUN_COMPLETED && step->key[0] != '\0') {
            status = offer_step(o, step, err);
        }
    }
    return status == MODELLAB_OK ? offer_windows(o, err) : status;
}

modellab_status mli_reuse_offer(mli_lab *lab, const mli_run_record *parent, const char *child_id,
                                modellab_logger *log, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_journal_tail tail;
    const mli_os_files *f = lab->os.files;
    offer o = {.lab = lab, .parent = parent, .child_id = child_id, .log = log};
    modellab_status status = mli_run_path(lab->root, child_id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_APPEND | MLI_OS_CREATE | MLI_OS_NOFOLLOW,
                     0600);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the run's journal could not be made");
    }
    mli_journal_tail_init(&tail);
    mli_journal_writer_init(&o.journal, lab->alloc, f, lab->os.clock, fd, 0, &tail);
    status = write_all(&o, err);
    mli_journal_writer_dispose(&o.journal);
    int rc = f->sync(f->user, fd);
    int closed = f->close(f->user, fd);
    rc = rc == 0 ? closed : rc;
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "the run's journal is not safe")
                                            : status;
}
