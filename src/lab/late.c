/* Late lines of a journal: what was sealed must be as it was, what follows must be whole lines of
 * the run's own fence; then artifacts become records and the seal is made anew. */
#include "lab/late.h"

#include "base/error.h"
#include "base/json.h"
#include "lab/ingest_private.h"
#include "lab/run_lock.h"
#include "lab/run_log.h"
#include "lab/state.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include "store/seal.h"
#include <errno.h>
#include <string.h>

typedef struct late_look {
    mli_lab *lab;
    const mli_run_record *record;
    bool dry_run;
    mli_seal then, now;
    mli_late_found *found;
    modellab_error *err;
} late_look;

/* Whether its journal is longer than it was, and the seal can tell how it was. */
MODELLAB_MUST_CHECK static modellab_status has_grown(late_look *look, bool *grown)
{
    char path[MLI_PATH_BYTES];
    mli_os_stat facts;
    mli_json *seal = NULL;
    const mli_run_row *row = look->record->run;
    const mli_os_files *f = look->lab->os.files;
    *grown = false;
    if (!mli_status_is_final(row->status) || row->is_record != 0 || row->seal_json[0] == '\0' ||
        (row->removed & MLI_PART_ARTIFACTS) != 0) {
        return MODELLAB_OK;
    }
    modellab_status status =
        mli_run_path(look->lab->root, row->id, MLI_RUN_JOURNAL, path, look->err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = f->stat(f->user, path, false, &facts);
    if (rc != 0) {
        return rc == -ENOENT ? MODELLAB_OK
                             : mli_fail_os(look->err, -rc, "a journal could not be looked at");
    }
    /* a seal that cannot be read seals nothing; verify tells of it */
    if (facts.bytes <= look->lab->settings.max_journal_bytes &&
        mli_json_parse(row->seal_json, strlen(row->seal_json), MLI_JSON_MAX_BYTES, &seal, NULL) ==
            MODELLAB_OK) {
        *grown = mli_run_seal_read(seal, &look->then) && look->then.journal.present &&
                 facts.bytes > look->then.journal.bytes;
        mli_json_free(seal);
    }
    return MODELLAB_OK;
}

/* The sealed part byte by byte, then the whole as it is now. */
MODELLAB_MUST_CHECK static modellab_status is_untouched(late_look *look, bool *same)
{
    char path[MLI_PATH_BYTES];
    mli_seal_file part;
    const mli_lab *lab = look->lab;
    const char *id = look->record->run->id;
    modellab_status status = mli_run_path(lab->root, id, MLI_RUN_JOURNAL, path, look->err);
    if (status == MODELLAB_OK) {
        status = mli_file_digest(lab->os.files, path, look->then.journal.bytes, lab->alloc, NULL,
                                 &part, look->err);
    }
    *same = status == MODELLAB_OK && strcmp(part.sha256, look->then.journal.sha256) == 0;
    return status == MODELLAB_OK && *same
               ? mli_run_seal_make(lab->os.files, lab->root, id, lab->alloc, &look->now, look->err)
               : status;
}

/* Whether the file that a line tells of lies there, and is no other artifact's. */
MODELLAB_MUST_CHECK static modellab_status is_there(const late_look *look,
                                                    const mli_artifact_row *row, bool *there)
{
    char path[MLI_PATH_BYTES];
    mli_seal_file file;
    const mli_lab *lab = look->lab;
    *there = false;
    for (size_t i = 0; i < look->record->artifact_count; i++) {
        if (strcmp(look->record->artifacts[i].file, row->file) == 0) {
            return MODELLAB_OK;
        }
    }
    modellab_status status =
        mli_run_path(lab->root, look->record->run->id, MLI_RUN_ARTIFACTS, path, look->err);
    size_t end = status == MODELLAB_OK ? strlen(path) : 0;
    if (status == MODELLAB_OK &&
        mli_os_format(path + end, sizeof(path) - end, "/%s", row->file) < 0) {
        return mli_fail(look->err, MODELLAB_E_LIMIT, "the lab's path is too long");
    }
    mli_os_stat facts;
    if (status == MODELLAB_OK &&
        lab->os.files->stat(lab->os.files->user, path, false, &facts) == 0 &&
        facts.bytes != row->bytes) {
        return MODELLAB_OK; /* not the file of that line, however large it is */
    }
    if (status == MODELLAB_OK) {
        status = mli_file_digest(lab->os.files, path, -1, lab->alloc, NULL, &file, look->err);
    }
    if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_STORE_CORRUPT) {
        mli_error_clear(look->err);
        return MODELLAB_OK;
    }
    *there =
        status == MODELLAB_OK && file.bytes == row->bytes && strcmp(file.sha256, row->sha256) == 0;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status apply(const late_look *look, mli_store_change *change)
{
    change->run_id = look->record->run->id;
    change->fence = look->record->run->fence;
    change->now_ms = mli_lab_now_ms(look->lab);
    return mli_store_apply(look->lab->store, change, NULL, NULL, look->err);
}

MODELLAB_MUST_CHECK static modellab_status keep_artifact(late_look *look,
                                                         const mli_journal_line *line)
{
    mli_artifact_row row;
    mli_buf data;
    bool there = false;
    if (!mli_line_artifact(line, &row)) {
        return MODELLAB_OK;
    }
    modellab_status status = is_there(look, &row, &there);
    if (status != MODELLAB_OK || !there) {
        return status;
    }
    look->found->artifacts++;
    if (look->dry_run) {
        return MODELLAB_OK;
    }
    row.role = MLI_ROLE_LATE;
    mli_buf_init(&data, look->lab->alloc);
    mli_artifact_event(&row, &data);
    status = mli_buf_status(&data, look->err);
    if (status == MODELLAB_OK) {
        mli_event_row event = {.time_ms = line->time_ms,
                               .type = "artifact_added",
                               .step = row.step,
                               .data = mli_buf_text(&data)};
        mli_store_change change = {.journal_line = line->n,
                                   .artifacts = &row,
                                   .artifact_count = 1,
                                   .events = &event,
                                   .event_count = 1,
                                   .late_seal = ""};
        status = apply(look, &change);
    }
    mli_buf_dispose(&data);
    return status;
}

/* The lines behind the sealed ones. Damage among them: *whole false, and nothing counts. */
MODELLAB_MUST_CHECK static modellab_status read_lines(late_look *look, bool keep, bool *whole)
{
    char path[MLI_PATH_BYTES];
    mli_journal_reader r;
    mli_journal_line line;
    bool more = true;
    const mli_run_row *row = look->record->run;
    const mli_os_files *f = look->lab->os.files;
    modellab_status status =
        mli_run_path(look->lab->root, row->id, MLI_RUN_JOURNAL, path, look->err);
    int fd = status == MODELLAB_OK ? f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0) : -1;
    if (status != MODELLAB_OK || fd < 0) {
        return status != MODELLAB_OK ? status
                                     : mli_fail_os(look->err, -fd, "the journal cannot be opened");
    }
    mli_journal_reader_init(&r, look->lab->alloc, f, fd);
    r.most_fence = row->fence;
    while (status == MODELLAB_OK && more) {
        status = mli_journal_next(&r, &line, &more, look->err);
        more = more && status == MODELLAB_OK && line.n <= look->now.journal_lines;
        if (!more || line.n <= look->then.journal_lines || line.fence != row->fence) {
            continue;
        }
        look->found->lines += keep ? 0 : 1;
        if (keep && strcmp(line.type, "artifact") == 0) {
            status = keep_artifact(look, &line);
        }
    }
    *whole = r.damaged == 0 && r.breaks == 0;
    if (status == MODELLAB_E_STORE_CORRUPT) { /* a line without end */
        mli_error_clear(look->err);
        status = MODELLAB_OK;
        *whole = false;
    }
    mli_journal_reader_dispose(&r);
    mli_os_fd_close(fd); /* only read */
    return status;
}

/* The journal's part of the seal is that of now; log and request stay sealed as they were. */
MODELLAB_MUST_CHECK static modellab_status seal_again(late_look *look)
{
    mli_buf seal;
    mli_buf data;
    mli_jw w;
    mli_seal both = look->now;
    both.log = look->then.log;
    both.request = look->then.request;
    mli_buf_init(&seal, look->lab->alloc);
    mli_buf_init(&data, look->lab->alloc);
    mli_run_seal_write(&both, &seal);
    mli_jw_init(&w, &data);
    mli_jw_object(&w);
    mli_jw_kint(&w, "lines", look->found->lines);
    mli_jw_kint(&w, "artifacts", look->found->artifacts);
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&seal, look->err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&data, look->err);
    }
    if (status == MODELLAB_OK) {
        mli_event_row event = {.type = "run_late_lines", .data = mli_buf_text(&data)};
        mli_store_change change = {
            .events = &event, .event_count = 1, .late_seal = mli_buf_text(&seal)};
        status = apply(look, &change);
    }
    mli_buf_dispose(&data);
    mli_buf_dispose(&seal);
    return status;
}

/* With the run's lock: nobody writes who can be seen. */
MODELLAB_MUST_CHECK static modellab_status keep_locked(late_look *look)
{
    bool same = false;
    bool whole = false;
    modellab_status status = is_untouched(look, &same);
    if (status == MODELLAB_OK && same) {
        status = read_lines(look, false, &whole);
    }
    if (status != MODELLAB_OK || !whole || look->found->lines == 0) {
        look->found->lines = 0; /* verify tells what is wrong with it */
        return status;
    }
    status = read_lines(look, true, &whole);
    if (status != MODELLAB_OK || look->dry_run) {
        return status;
    }
    status = seal_again(look);
    if (status == MODELLAB_OK) {
        modellab_logger *log = mli_run_log(look->lab, look->record->run);
        mli_log(log, MODELLAB_LOG_WARN, "run.late_lines",
                "its worker went on after the run had ended; the status stays",
                MLI_LOG_FIELDS(mli_log_int("lines", look->found->lines),
                               mli_log_int("artifacts", look->found->artifacts)));
        mli_logger_unref(log);
    }
    return status;
}

modellab_status mli_late_keep(mli_lab *lab, const mli_run_record *record, bool dry_run,
                              mli_late_found *found, modellab_error *err)
{
    int fd = -1;
    bool grown = false;
    late_look look = {.lab = lab, .record = record, .dry_run = dry_run, .found = found, .err = err};
    *found = (mli_late_found){0, 0};
    modellab_status status = has_grown(&look, &grown);
    if (status == MODELLAB_OK && grown) {
        status = mli_run_lock_try(lab, record->run->id, &fd, err);
    }
    if (status == MODELLAB_OK && fd >= 0) {
        status = keep_locked(&look);
    }
    mli_os_fd_close(fd);
    return status;
}
