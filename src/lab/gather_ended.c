/* From the record and the artifacts of an attempt that is over to the files of its bundle. */
#include "lab/gather_ended.h"

#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "lab/gather.h"
#include "lab/ingest_private.h"
#include "lab/pipeline.h"
#include "log/logger.h"
#include "os/locale.h"
#include "os/process.h"
#include "store/rundir.h"
#include <errno.h>
#include <string.h>

enum { FILES_MOST = 8 };

typedef struct ended {
    mli_ingest *ingest;
    mli_run_record *record;
    mli_gather_step past[MLI_STEP_MAX];
    size_t past_count, made;
    size_t begun;             /* files: also one that was not finished */
    const mli_step_row *step; /* the bundle's, when this attempt has begun it; NULL */
    int64_t left;             /* of MLI_GATHER_ENDED_BYTES */
    mli_artifact_row rows[FILES_MOST];
    mli_event_row events[FILES_MOST + 1];
    struct {
        char id[MLI_ULID_BYTES], name[64], file[96], sha256[65];
        mli_buf data;
    } texts[FILES_MOST];
} ended;

static bool find(void *user, const char *name, mli_gather_file *out)
{
    const ended *e = user;
    const mli_artifact_row *found = NULL;
    for (size_t i = 0; i < e->record->artifact_count; i++) {
        const mli_artifact_row *row = &e->record->artifacts[i];
        found = row->fence == e->ingest->fence && strcmp(row->name, name) == 0 ? row : found;
    }
    for (size_t i = 0; i < e->made; i++) {
        found = strcmp(e->rows[i].name, name) == 0 ? &e->rows[i] : found;
    }
    if (found != NULL) {
        *out = (mli_gather_file){found->name, found->sha256, found->bytes};
    }
    return found != NULL;
}

MODELLAB_MUST_CHECK static modellab_status read(void *user, const char *name, mli_buf *out,
                                                modellab_error *err)
{
    char file[96];
    mli_gather_file found;
    ended *e = user;
    const mli_lab *lab = e->ingest->lab;
    if (!find(user, name, &found)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no step has made %s", name);
    }
    modellab_status status = mli_artifact_file(e->ingest->fence, name, file, err);
    if (status == MODELLAB_OK) {
        status = mli_artifact_read(lab->os.files, lab->root, e->ingest->run_id, file, e->left,
                                   found.sha256, out, err);
        int64_t cost = status == MODELLAB_E_LIMIT ? 0 : found.bytes;
        e->left -= cost < e->left ? cost : e->left;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write(void *user, const char *name,
                                                 const char *media_type, const mli_buf *text,
                                                 modellab_error *err)
{
    ended *e = user;
    const mli_lab *lab = e->ingest->lab;
    if (e->made == FILES_MOST) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "a bundle has more files than there is room for");
    }
    char *id = e->texts[e->made].id, *file = e->texts[e->made].file;
    char *sha256 = e->texts[e->made].sha256;
    (void)mli_str_copy(e->texts[e->made].name, sizeof(e->texts[0].name), name); /* ours: it fits */
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    modellab_status status = mli_artifact_file(e->ingest->fence, name, file, err);
    if (status == MODELLAB_OK) {
        e->begun = e->made + 1;
        status = mli_artifact_write(lab->os.files, lab->root, e->ingest->run_id, file, text->data,
                                    text->size, sha256, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_artifact_row *row = &e->rows[e->made];
    *row = (mli_artifact_row){.id = id,
                              .step = "bundle",
                              .name = e->texts[e->made].name,
                              .media_type = media_type,
                              .sha256 = sha256,
                              .file = file,
                              .role = "result",
                              .bytes = (int64_t)text->size,
                              .fence = e->ingest->fence};
    mli_artifact_event(row, &e->texts[e->made].data);
    e->events[e->made] = (mli_event_row){.type = "artifact_added", .step = "bundle"};
    e->made++;
    return MODELLAB_OK;
}

/* Steps of this attempt; those that were not over broke off with it. */
static void read_past(ended *e, const mli_settlement *settlement)
{
    for (size_t i = 0; i < e->record->step_count && e->past_count < MLI_STEP_MAX; i++) {
        const mli_step_row *step = &e->record->steps[i];
        bool open = step->status == MODELLAB_RUN_RUNNING;
        bool is_bundle = strcmp(step->name, "bundle") == 0;
        if (step->attempt != e->record->run->attempt) {
            continue;
        }
        e->step = is_bundle ? step : e->step;
        if (!is_bundle || !open) { /* one that is open is what is done here */
            e->past[e->past_count++] = (mli_gather_step){
                step->name, open ? mli_settle_status(settlement->reason) : step->status,
                open ? settlement->reason : step->reason};
        }
    }
}

/* How far in the input, by the step's own record where nothing else tells; the times of prepared
 * audio are not those of the input. */
static double reached_of(const ended *e, double reached)
{
    if (mli_steps_contain(e->record->run->steps, "enhance")) {
        return -1;
    }
    for (size_t i = 0; reached < 0 && i < e->record->step_count; i++) {
        const mli_step_row *step = &e->record->steps[i];
        if (strcmp(step->name, "asr") == 0 && step->attempt == e->record->run->attempt &&
            step->status != MODELLAB_RUN_RUNNING) {
            reached = step->audio_seconds;
        }
    }
    return reached;
}

MODELLAB_MUST_CHECK static modellab_status gather(ended *e, const mli_settlement *settlement,
                                                  double reached, modellab_error *err)
{
    const mli_run_row *run = e->record->run;
    e->left = MLI_GATHER_ENDED_BYTES;
    read_past(e, settlement);
    const mli_gather_view view = {.alloc = e->ingest->lab->alloc,
                                  .run_id = run->id,
                                  .steps = run->steps,
                                  .past = e->past,
                                  .past_count = e->past_count,
                                  .audio_seconds = e->ingest->measures.audio_seconds,
                                  .reached_seconds = reached_of(e, reached),
                                  .end = settlement->reason,
                                  .go_on = true,
                                  .user = e,
                                  .find = find,
                                  .read = read,
                                  .write = write};
    return mli_gather(&view, err);
}

static int32_t position_of(const char *steps, const char *step)
{
    const char *name;
    size_t bytes;
    for (int32_t i = 0; mli_steps_next(&steps, &name, &bytes); i++) {
        if (strlen(step) == bytes && memcmp(step, name, bytes) == 0) {
            return i;
        }
    }
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status record_it(ended *e, modellab_error *err)
{
    mli_lab *lab = e->ingest->lab;
    int64_t now = mli_lab_now_ms(lab);
    const mli_run_row *run = e->record->run;
    /* One that the worker ended stays as it ended; what was missing is added all the same. */
    bool is_ours = e->step == NULL || e->step->status == MODELLAB_RUN_RUNNING;
    mli_step_row step = {.name = "bundle",
                         .message = "Made of what was kept, when the run had ended early.",
                         .key = "",
                         .reused_from = "",
                         .config_json = "",
                         .told_json = "",
                         .status = MODELLAB_RUN_COMPLETED,
                         .started_ms = e->step != NULL ? e->step->started_ms : now,
                         .ended_ms = now,
                         .peak_memory_bytes = -1,
                         .cpu_seconds = -1,
                         .gpu_seconds = -1,
                         .audio_seconds = -1,
                         .api_calls = -1,
                         .position = position_of(run->steps, "bundle"),
                         .attempt = run->attempt};
    for (size_t i = 0; i < e->made; i++) {
        e->events[i].data = mli_buf_text(&e->texts[i].data);
        modellab_status status = mli_buf_status(&e->texts[i].data, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    e->events[e->made] = (mli_event_row){.type = "step_completed", .step = "bundle"};
    mli_store_change change = {.run_id = e->ingest->run_id,
                               .fence = e->ingest->fence,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = now,
                               .steps = &step,
                               .step_count = is_ours ? 1 : 0,
                               .artifacts = e->rows,
                               .artifact_count = e->made,
                               .events = e->events,
                               .event_count = e->made + (is_ours ? 1 : 0)};
    return mli_store_apply(lab->store, &change, NULL, NULL, err);
}

bool mli_gather_ended_may(const mli_run_row *run, const mli_settlement *settlement)
{
    return settlement->what != MLI_RUN_DONE && settlement->what != MLI_RUN_AGAIN &&
           mli_steps_contain(run->steps, "bundle");
}

static bool is_wanted(ended *e, const mli_settlement *settlement)
{
    mli_gather_file file;
    return e->record->run->fence == e->ingest->fence &&
           mli_gather_ended_may(e->record->run, settlement) &&
           !find(e, "bundle_manifest.json", &file);
}

/* Files that no record tells of, when they could not be recorded. Another process may have ended
 * the run meanwhile with files of the same names, and a store that failed may have written all the
 * same: what the record has now decides. */
MODELLAB_MUST_CHECK static modellab_status take_away(ended *e, modellab_error *err)
{
    mli_run_record *now = NULL;
    const mli_lab *lab = e->ingest->lab;
    const mli_os_files *f = lab->os.files;
    char folder[MLI_PATH_BYTES], path[MLI_PATH_BYTES + 100];
    modellab_status status =
        mli_run_path(lab->root, e->ingest->run_id, MLI_RUN_ARTIFACTS, folder, err);
    if (status == MODELLAB_OK) {
        status = mli_store_load(lab->store, e->ingest->run_id, &now, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < e->begun; i++) {
        bool is_recorded = false;
        for (size_t k = 0; k < now->artifact_count; k++) {
            is_recorded = is_recorded || strcmp(now->artifacts[k].file, e->texts[i].file) == 0;
        }
        (void)mli_os_format(path, sizeof(path), "%s/%s", folder, e->texts[i].file); /* fits */
        int rc = is_recorded ? 0 : f->unlink(f->user, path);
        if (rc != 0 && rc != -ENOENT) {
            status = mli_fail_os(err, -rc, "a file of a bundle could not be removed");
        }
    }
    mli_run_record_free(now);
    return status;
}

void mli_gather_ended(mli_ingest *ingest, const mli_settlement *settlement, double reached)
{
    ended e = {.ingest = ingest};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_store_load(ingest->lab->store, ingest->run_id, &e.record, &err);
    for (size_t i = 0; i < FILES_MOST; i++) {
        mli_buf_init(&e.texts[i].data, ingest->lab->alloc);
    }
    if (status == MODELLAB_OK && is_wanted(&e, settlement)) {
        status = gather(&e, settlement, reached, &err);
        if (status == MODELLAB_OK) {
            status = record_it(&e, &err);
        }
        modellab_error more = MODELLAB_ERROR_INIT;
        modellab_status gone = status != MODELLAB_OK ? take_away(&e, &more) : MODELLAB_OK;
        if (gone != MODELLAB_OK && gone != MODELLAB_E_NOT_FOUND) {
            mli_log_error(ingest->log, MODELLAB_LOG_WARN, "bundle.files_left",
                          "files without a record may be left among the run's artifacts", gone,
                          &more);
        }
    }
    if (status != MODELLAB_OK && status != MODELLAB_E_RUN_FINAL && status != MODELLAB_E_FENCED) {
        mli_log_error(ingest->log, MODELLAB_LOG_WARN, "bundle.not_kept", "", status, &err);
    }
    for (size_t i = 0; i < FILES_MOST; i++) {
        mli_buf_dispose(&e.texts[i].data);
    }
    mli_run_record_free(e.record);
}
