/* From the journal's checkpoints to a partial transcript, after its worker is gone. */
#include "lab/partial.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/id.h"
#include "base/str.h"
#include "lab/checkpoint.h"
#include "lab/request.h"
#include "log/logger.h"
#include "os/process.h"
#include "text/format.h"
#include "text/whisper_tokenizer.h"
#include <string.h>

#define ARTIFACT_NAME "transcript.partial.json"

static bool is_recorded(const mli_ingest *ingest, const mli_run_record *record)
{
    for (size_t i = 0; i < record->artifact_count; i++) {
        const mli_artifact_row *a = &record->artifacts[i];
        if (a->fence == ingest->fence &&
            (strcmp(a->name, ARTIFACT_NAME) == 0 || strcmp(a->name, "transcript.json") == 0)) {
            return true;
        }
    }
    return false;
}

/* As the request has it; the lines do not tell. */
MODELLAB_MUST_CHECK static modellab_status read_task(const mli_run_row *run, char *out,
                                                     size_t capacity, modellab_error *err)
{
    mli_json *request = NULL;
    modellab_status status = mli_json_parse(run->request_json, strlen(run->request_json),
                                            MLI_REQUEST_MAX_BYTES, &request, err);
    if (status == MODELLAB_OK) {
        const mli_json *asr = mli_json_get(mli_json_get(request, "config"), "asr");
        (void)mli_str_copy(out, capacity, mli_json_string(mli_json_get(asr, "task"), "transcribe"));
        mli_json_free(request);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status fill(const mli_ingest *ingest, const mli_run_row *run,
                                                const mli_checkpoint_chain *chain,
                                                mli_transcript *transcript, modellab_error *err)
{
    char task[32];
    mli_asr_mark mark;
    int32_t *history = NULL;
    double seconds = ingest->measures.audio_seconds >= 0 ? ingest->measures.audio_seconds : 0;
    modellab_status status = mli_checkpoint_mark(chain, &mark, &history, err);
    mli_free(ingest->lab->alloc, history);
    if (status == MODELLAB_OK) {
        status = read_task(run, task, sizeof(task), err);
    }
    if (status == MODELLAB_OK) {
        const char *language = mli_whisper_language_code(mark.language);
        status = mli_transcript_set_info(transcript, task, language != NULL ? language : "",
                                         mark.language_probability, seconds, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_original(chain, 0, transcript, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < transcript->segment_count; i++) {
        transcript->has_words = transcript->has_words || transcript->segments[i].word_count > 0;
    }
    return status == MODELLAB_OK ? mli_transcript_finish(transcript, err) : status;
}

/* All windows that are finished, of this attempt or of those that it went on from. */
MODELLAB_MUST_CHECK static modellab_status
read_chain(const mli_ingest *ingest, mli_checkpoint_chain *chain, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    const mli_os_files *f = ingest->lab->os.files;
    modellab_status status =
        mli_run_path(ingest->lab->root, ingest->run_id, MLI_RUN_JOURNAL, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "the run's journal could not be opened");
    }
    status = mli_checkpoint_read(chain, f, fd, ingest->fence, err);
    mli_os_fd_close(fd); /* only read */
    return status;
}

MODELLAB_MUST_CHECK static modellab_status build(const mli_ingest *ingest, const mli_run_row *run,
                                                 mli_transcript *transcript, int64_t *count,
                                                 double *reached, mli_buf *out, modellab_error *err)
{
    mli_checkpoint_chain chain;
    mli_transcript_set_partial(transcript);
    mli_checkpoint_chain_init(&chain, ingest->lab->alloc);
    modellab_status status = read_chain(ingest, &chain, err);
    *reached = 0;
    if (status == MODELLAB_OK && chain.count > 0 && chain.is_own) {
        *reached = (double)chain.windows[chain.count - 1].to / 100.0;
        status = fill(ingest, run, &chain, transcript, err);
    }
    mli_checkpoint_chain_dispose(&chain);
    *count = (int64_t)transcript->segment_count;
    return status == MODELLAB_OK && *count > 0
               ? mli_format_write(transcript, MLI_TEXT_VERBOSE_JSON, NULL, out, err)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status record_it(mli_ingest *ingest, const char *file,
                                                     const char *sha256, size_t bytes,
                                                     modellab_error *err)
{
    char id[MLI_ULID_BYTES];
    mli_lab *lab = ingest->lab;
    int rc = mli_ulid_new(lab->os.clock, lab->os.random, id);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no random numbers");
    }
    mli_artifact_row row = {.id = id,
                            .step = "asr",
                            .name = ARTIFACT_NAME,
                            .media_type = "application/json",
                            .sha256 = sha256,
                            .file = file,
                            .role = "partial",
                            .bytes = (int64_t)bytes,
                            .fence = ingest->fence};
    mli_event_row event = {.type = "artifact_added", .step = "asr"};
    mli_store_change change = {.run_id = ingest->run_id,
                               .fence = ingest->fence,
                               .expect = MODELLAB_RUN_RUNNING,
                               .now_ms = mli_lab_now_ms(lab),
                               .artifacts = &row,
                               .artifact_count = 1,
                               .events = &event,
                               .event_count = 1};
    return mli_store_apply(lab->store, &change, NULL, NULL, err);
}

MODELLAB_MUST_CHECK static modellab_status keep(mli_ingest *ingest, mli_buf *text,
                                                modellab_error *err)
{
    char file[96];
    char sha256[65];
    mli_lab *lab = ingest->lab;
    modellab_status status = mli_artifact_file(ingest->fence, ARTIFACT_NAME, file, err);
    if (status == MODELLAB_OK) {
        status = mli_artifact_write(lab->os.files, lab->root, ingest->run_id, file, text->data,
                                    text->size, sha256, err);
    }
    return status == MODELLAB_OK ? record_it(ingest, file, sha256, text->size, err) : status;
}

/* What may pass by itself is tried again; whatever is wrong with the lines themselves must not keep
 * the run from getting its end. */
static bool is_worth_a_retry(modellab_status status)
{
    return status == MODELLAB_E_NO_MEMORY || status == MODELLAB_E_BUSY ||
           status == MODELLAB_E_NO_SPACE || status == MODELLAB_E_STORE_FAILED ||
           status == MODELLAB_E_FORKED;
}

modellab_status mli_partial_keep(mli_ingest *ingest, const mli_run_record *record, double *reached,
                                 modellab_error *err)
{
    mli_transcript *transcript = NULL;
    mli_buf text;
    int64_t count = 0;
    *reached = -1;
    if (ingest->fd < 0 || ingest->too_large || is_recorded(ingest, record)) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_transcript_create(ingest->lab->alloc, &transcript, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, ingest->lab->alloc);
    status = build(ingest, record->run, transcript, &count, reached, &text, err);
    if (status == MODELLAB_OK && count > 0) {
        status = keep(ingest, &text, err);
    }
    mli_buf_dispose(&text);
    mli_transcript_unref(transcript);
    if (status == MODELLAB_E_RUN_FINAL || status == MODELLAB_E_FENCED) {
        mli_error_clear(err);
        return MODELLAB_OK; /* the transition will be told the same */
    }
    if (status != MODELLAB_OK && !is_worth_a_retry(status)) {
        mli_log_error(ingest->log, MODELLAB_LOG_WARN, "partial.not_kept", "", status, err);
        mli_error_clear(err);
        return MODELLAB_OK;
    }
    return status;
}
