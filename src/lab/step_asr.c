/* Step asr: speech recognition of the ingested audio. Segments go to the journal as they finish, so
 * that they survive whatever ends the run; the transcript is written in the formats asked for. */
#include "lab/checkpoint.h"
#include "lab/handoff.h"
#include "lab/original_time.h"
#include "lab/step_asr_findings.h"
#include "lab/step_asr_speech.h"
#include "lab/step_key.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "kernels/blas.h"
#include "kernels/isa.h"
#include "log/logger.h"
#include "models/installed.h"
#include "os/locale.h"
#include "speech/asr.h"
#include "text/format.h"
#include <string.h>

enum { TEMPERATURES_MOST = 16, ROWS_MOST = 16 };
enum { VERSION = 1 }; /* raised when the same inputs begin to give other bytes */
static const char speech_version[] = "3"; /* likewise, of recognition of speech alone */

typedef struct asr_work {
    mli_worker *w;
    const mli_json *config; /* request.config.asr, or NULL */
    modellab_status said;   /* failure of a checkpoint's line */
    const mli_silero *vad;  /* of recognition of speech alone; NULL = everything. Borrowed */
    char key[65];           /* of the work: what its windows depend on */
    size_t window;          /* windows done */
    int64_t seek;           /* where the present one begins */
    mli_asr_resume resume;  /* once there is something to go on from */
    int32_t *history;       /* borrowed by it */
    mli_transcript *done;   /* likewise */
    modellab_error *err;
    double temperatures[TEMPERATURES_MOST];
} asr_work;

static const char *text_of(const asr_work *work, const char *key, const char *fallback)
{
    return mli_json_string(mli_json_get(work->config, key), fallback);
}

/* By name or path, where no image was handed over: packed in this process's own memory. */
MODELLAB_MUST_CHECK static modellab_status open_by_path(asr_work *work, const char *name,
                                                        mli_asr_model **out, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_model_files files;
    mli_model_store store = {.alloc = w->alloc, .files = w->files, .root = w->order.models_root};
    modellab_status status = mli_model_store_open(&store, name, &files, err);
    if (status != MODELLAB_OK) {
        w->reason = status == MODELLAB_E_NOT_FOUND ? MODELLAB_REASON_MODEL_NOT_FOUND : w->reason;
        return status;
    }
    mli_asr_open_options options = {.alloc = w->alloc, .cancel = &w->page->stop};
    if (strcmp(text_of(work, "weights", "f16"), "f32") == 0) {
        options.weights = MLI_ASR_WEIGHTS_F32;
    }
    status = mli_model_files_sha256(&files, &w->page->stop, err);
    if (status == MODELLAB_OK) {
        (void)mli_str_copy(w->model_sha256, sizeof(w->model_sha256), files.sha256);
        status = mli_asr_model_open(out, &files, &options, err);
    }
    mli_model_files_dispose(&files);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status open_model(asr_work *work, mli_asr_model **out,
                                                      modellab_error *err)
{
    mli_worker *w = work->w;
    const char *name = text_of(work, "model", "whisper-tiny.en");
    int fd = w->fds[MLI_ORDER_MODEL];
    modellab_status status = fd >= 0 ? mli_worker_models_from_fd(&w->context->models, w->files, fd,
                                                                 &w->page->stop, out, err)
                                     : open_by_path(work, name, out, err);
    if (status == MODELLAB_OK && fd >= 0) {
        (void)mli_str_copy(w->model_sha256, sizeof(w->model_sha256),
                           mli_asr_model_info_of(*out).sha256);
    }
    if (status == MODELLAB_OK) {
        (void)mli_str_copy(w->model, sizeof(w->model), mli_basename(name));
    }
    return status;
}

/* What computes decides the bits of the result. */
static void name_engine(mli_worker *w, const mli_asr_model *model)
{
    mli_asr_model_info info = mli_asr_model_info_of(model);
    const char *weights = info.weights == MLI_ASR_WEIGHTS_F32 ? "f32" : "f16";
    (void)mli_os_format(w->engine, sizeof(w->engine), "isa=%s blas=%s weights=%s",
                        mli_isa_name(mli_isa_current()), mli_blas_core_in_use(), weights);
}

/* The record names it. */
MODELLAB_MUST_CHECK static modellab_status say_engine(mli_worker *w, modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "measures");
    mli_jw_kstring(line, "model", w->model);
    mli_jw_kstring(line, "model_sha256", w->model_sha256);
    mli_jw_kstring(line, "engine", w->engine);
    return mli_journal_end(&w->journal, false, err);
}

static int32_t on_progress(void *user, double done_seconds, double total_seconds)
{
    asr_work *work = user;
    mli_worker_progress(work->w, done_seconds, total_seconds);
    return 0;
}

/* A window may take many attempts: the run is alive though no progress is seen. */
static void on_pulse(void *user)
{
    asr_work *work = user;
    mli_page_touch(work->w->page);
}

/* The window is kept before the next one begins: a synced line. */
static int32_t on_mark(void *user, const mli_asr_mark *mark, const mli_transcript_segment *segments,
                       size_t count)
{
    asr_work *work = user;
    mli_worker *w = work->w;
    mli_transcript *original = NULL;
    work->said = mli_original_segments(w, segments, count, &original, work->err);
    if (work->said != MODELLAB_OK) {
        mli_transcript_unref(original);
        return 1;
    }
    mli_jw *line = mli_journal_begin(&w->journal, MLI_CHECKPOINT_TYPE);
    mli_jw_kstring(line, "step", w->step);
    mli_checkpoint_write(line, work->key, work->window, work->seek, mark, segments, count);
    if (original != NULL) {
        mli_checkpoint_write_original(line, original->segments, original->segment_count);
    }
    mli_transcript_unref(original);
    work->window++;
    work->seek = mark->seek;
    work->said = mli_journal_end(&w->journal, true, work->err);
    mli_page_touch(w->page);
    if (work->said == MODELLAB_OK &&
        (mli_worker_fault_asked(w, "die_windows") || mli_worker_fault_asked(w, "forget_windows"))) {
        work->said = mli_worker_die(work->err);
    }
    if (work->said == MODELLAB_OK && mli_worker_fault_asked(w, "wait_windows") &&
        mli_worker_linger(w, work->err) == MODELLAB_E_CANCELLED) {
        mli_error_clear(work->err); /* the engine sees the cancel word itself */
    }
    if (work->said == MODELLAB_OK && mli_worker_fault_asked(w, "fail_windows")) {
        work->said = mli_fail(work->err, MODELLAB_E_INTERNAL, "as the test asked");
    }
    return work->said == MODELLAB_OK ? 0 : 1;
}

static int32_t small_of(const asr_work *work, const char *key, int32_t fallback)
{
    int64_t value = mli_json_int(mli_json_get(work->config, key), fallback);
    return value < 0 || value > ROWS_MOST ? fallback : (int32_t)value;
}

static void read_temperatures(asr_work *work, mli_asr_options *options)
{
    const mli_json *list = mli_json_get(work->config, "temperatures");
    size_t count = list == NULL ? 0 : mli_json_count(list);
    if (count == 0 || count > TEMPERATURES_MOST) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        work->temperatures[i] = mli_json_number(mli_json_at(list, i), 0.0);
    }
    options->temperatures = work->temperatures;
    options->temperature_count = count;
}

static void read_options(asr_work *work, mli_asr_options *options)
{
    const mli_json *config = work->config;
    mli_asr_options_init(options);
    options->language = text_of(work, "language", NULL);
    options->translate = strcmp(text_of(work, "task", "transcribe"), "translate") == 0;
    options->beam_size = small_of(work, "beam_size", options->beam_size);
    options->best_of = small_of(work, "best_of", options->best_of);
    options->initial_prompt = text_of(work, "initial_prompt", NULL);
    options->condition_on_previous = mli_json_bool(mli_json_get(config, "condition_on_previous"),
                                                   options->condition_on_previous);
    options->word_times = mli_json_bool(mli_json_get(config, "word_times"), options->word_times);
    read_temperatures(work, options);
    mli_asr_speech_options(work->config, work->vad, options);
    options->progress = on_progress;
    options->mark = on_mark;
    options->pulse = on_pulse;
    options->user = work;
    options->cancel = &work->w->page->stop;
}

static const char *media_type(mli_text_format format)
{
    switch (format) {
    case MLI_TEXT_JSON:
    case MLI_TEXT_VERBOSE_JSON:
        return "application/json";
    case MLI_TEXT_SRT:
        return "application/x-subrip";
    case MLI_TEXT_VTT:
        return "text/vtt";
    case MLI_TEXT_TSV:
        return "text/tab-separated-values";
    default:
        return "text/plain";
    }
}

MODELLAB_MUST_CHECK static modellab_status write_one(asr_work *work,
                                                     const mli_transcript *transcript, bool partial,
                                                     mli_text_format format, modellab_error *err)
{
    mli_worker *w = work->w;
    char name[MLI_OUTPUT_NAME_BYTES];
    mli_buf text;
    mli_format_options options = {.name = w->order.input_name};
    mli_output_transcript(mli_format_name(format), partial, name);
    mli_buf_init(&text, w->alloc);
    modellab_status status = mli_format_write(transcript, format, &options, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, name, media_type(format), partial ? "partial" : "result",
                                     text.data, text.size, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* transcript.json always has everything; the others are what was asked for besides. */
MODELLAB_MUST_CHECK static modellab_status
write_all(asr_work *work, const mli_transcript *transcript, bool partial, modellab_error *err)
{
    const mli_json *formats = mli_json_get(work->config, "formats");
    modellab_status status = write_one(work, transcript, partial, MLI_TEXT_VERBOSE_JSON, err);
    size_t count = formats == NULL ? 0 : mli_json_count(formats);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const char *name = mli_json_string(mli_json_at(formats, i), "");
        mli_text_format format = mli_format_from_name(name);
        if (format == MLI_TEXT_VERBOSE_JSON) {
            continue;
        }
        if (format == 0) {
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "unknown format %s", name);
        }
        status = write_one(work, transcript, partial, format, err);
    }
    return status;
}

/* What decides the bits of each window. How many threads and which formats does not. */
MODELLAB_MUST_CHECK static modellab_status make_key(asr_work *work, modellab_error *err)
{
    static const char *const without[] = {"model",     "weights",    "threads", "formats",
                                          "vad_model", "batch_size", NULL};
    mli_worker *w = work->w;
    mli_step_key key;
    mli_step_key_begin(&key, "asr", VERSION);
    mli_step_key_add(&key, "input_sha256", w->order.input_sha256);
    mli_step_key_add(&key, "model_sha256", w->model_sha256);
    mli_step_key_add(&key, "model_package", mli_asr_model_info_of(w->asr_model).package);
    mli_step_key_add(&key, "engine", w->engine);
    if (mli_handoff_done(w, "enhance")) {
        mli_step_key_add(&key, "enhance", mli_worker_past_key(w, "enhance"));
    }
    if (work->vad != NULL) {
        mli_step_key_add(&key, "vad_sha256", mli_asr_speech_sha256(w));
        mli_step_key_add(&key, "speech", speech_version);
    }
    modellab_status status = mli_step_key_options(&key, work->config, without, w->alloc, err);
    mli_step_key_end(&key, work->key);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status say_resumed(mli_worker *w, const asr_work *work,
                                                       modellab_error *err)
{
    double seconds = (double)work->seek / 100.0;
    mli_log(w->log, MODELLAB_LOG_INFO, "asr.resumed", "goes on where an earlier attempt was",
            MLI_LOG_FIELDS(mli_log_int("windows", (int64_t)work->window),
                           mli_log_real("seconds", seconds)));
    mli_jw *line = mli_journal_begin(&w->journal, MLI_RESUMED_TYPE);
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kint(line, "windows", (int64_t)work->window);
    mli_jw_kreal(line, "from_seconds", seconds);
    modellab_status status = mli_journal_end(&w->journal, false, err);
    if (status == MODELLAB_OK) {
        mli_worker_tell(w);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
use_chain(asr_work *work, const mli_checkpoint_chain *chain, modellab_error *err)
{
    modellab_status status = mli_transcript_create(work->w->alloc, &work->done, err);
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_segments(chain, work->done, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_checkpoint_mark(chain, &work->resume.mark, &work->history, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (mli_worker_fault_asked(work->w, "forget_windows")) {
        work->resume.mark.history_count = 0;
    }
    work->resume.done = work->done;
    work->window = chain->count;
    work->seek = work->resume.mark.seek;
    return say_resumed(work->w, work, err);
}

static void tell_anew(const mli_worker *w, modellab_status why, const modellab_error *err)
{
    mli_log_error(w->log, MODELLAB_LOG_WARN, "asr.not_resumed",
                  "the checkpoints cannot be used: the work begins anew", why, err);
}

/* Finished windows of this very work, of an earlier attempt or of the run that this one repeats.
 * What cannot be used is done again. */
MODELLAB_MUST_CHECK static modellab_status find_checkpoints(asr_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_checkpoint_chain chain;
    mli_checkpoint_chain_init(&chain, w->alloc);
    modellab_status status =
        mli_checkpoint_read(&chain, w->files, w->journal.fd, w->order.fence, err);
    if (status == MODELLAB_OK && chain.count > 0 && strcmp(chain.key, work->key) == 0) {
        status = use_chain(work, &chain, err);
    }
    if (status == MODELLAB_E_INVALID_JSON || status == MODELLAB_E_LIMIT) {
        tell_anew(w, status, err);
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    mli_checkpoint_chain_dispose(&chain);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status recognise(asr_work *work, mli_asr_session *session,
                                                     mli_transcript **out, modellab_error *err)
{
    mli_asr_options options;
    read_options(work, &options);
    options.resume = work->resume.done != NULL ? &work->resume : NULL;
    modellab_status status = mli_asr_transcribe(session, work->w->audio, &options, out, err);
    if (status == MODELLAB_E_INVALID_ARGUMENT && options.resume != NULL && work->said == 0) {
        /* Checkpoints that can be read and make no sense for this model or this audio. */
        tell_anew(work->w, status, err);
        mli_error_clear(err);
        mli_transcript_unref(*out);
        *out = NULL;
        work->window = 0;
        work->seek = 0;
        options.resume = NULL;
        status = mli_asr_transcribe(session, work->w->audio, &options, out, err);
    }
    if (status == MODELLAB_E_CANCELLED) { /* what was done is still to be written */
        mli_page_stopped(work->w->page, work->w->clock->monotonic_ns(work->w->clock->user),
                         mli_os_process_cpu_ns());
    }
    if (status == MODELLAB_E_CALLBACK && work->said != MODELLAB_OK) {
        status = work->said;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status transcribe(asr_work *work, mli_asr_model *model,
                                                      modellab_error *err)
{
    mli_asr_session *session = NULL;
    mli_transcript *transcript = NULL;
    modellab_status status =
        mli_asr_session_create(&session, work->w->alloc, model, mli_worker_threads(work->w), err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = recognise(work, session, &transcript, err);
    mli_asr_session_destroy(session);
    if (transcript != NULL) {
        mli_asr_tell_findings(work->w, work->config, model, transcript);
    }
    if (transcript != NULL) {
        modellab_error write_err = MODELLAB_ERROR_INIT;
        mli_transcript *original = NULL;
        modellab_status written =
            mli_original_transcript(work->w, transcript, &original, &write_err);
        if (written == MODELLAB_OK) {
            written = write_all(work, original, status != MODELLAB_OK, &write_err);
        }
        mli_transcript_unref(original);
        if (status == MODELLAB_OK && written != MODELLAB_OK) {
            *err = write_err;
            status = written;
        } else if (written != MODELLAB_OK) {
            mli_log_error(work->w->log, MODELLAB_LOG_ERROR, "asr.partial_not_written", "", written,
                          &write_err);
        }
    }
    mli_transcript_unref(transcript);
    return status;
}

static asr_work begin(mli_worker *w, modellab_error *err)
{
    asr_work work = {.w = w, .said = MODELLAB_OK, .err = err};
    work.config = mli_json_get(mli_json_get(w->order.request, "config"), "asr");
    return work;
}

/* The files that are written belong to the step's result, not to that of its windows. */
MODELLAB_MUST_CHECK static modellab_status step_key(mli_worker *w, char out[65],
                                                    modellab_error *err)
{
    asr_work work = begin(w, err);
    mli_step_key key;
    mli_buf formats;
    const mli_json *asked = mli_json_get(work.config, "formats");
    modellab_status status = open_model(&work, &w->asr_model, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_worker_note_model(w, "model", w->model, w->model_sha256);
    name_engine(w, w->asr_model);
    status = say_engine(w, err);
    if (status == MODELLAB_OK) {
        status = mli_asr_speech_open(w, work.config, &work.vad, err);
    }
    if (status == MODELLAB_OK) {
        status = make_key(&work, err);
    }
    mli_buf_init(&formats, w->alloc);
    if (status == MODELLAB_OK && asked != NULL) {
        status = mli_json_dump(asked, &formats, err);
    }
    mli_step_key_begin(&key, "asr.files", VERSION);
    mli_step_key_add(&key, "windows", work.key);
    mli_step_key_add(&key, "formats", mli_buf_text(&formats));
    mli_step_key_add(&key, "input_name", w->order.input_name);
    mli_step_key_end(&key, out);
    mli_buf_dispose(&formats);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    asr_work work = begin(w, err);
    modellab_status status = mli_handoff_samples(w, err);
    if (status == MODELLAB_OK) {
        status = mli_asr_speech_open(w, work.config, &work.vad, err);
    }
    if (status == MODELLAB_OK) {
        status = make_key(&work, err);
    }
    if (status == MODELLAB_OK) {
        status = find_checkpoints(&work, err);
    }
    if (status == MODELLAB_OK) {
        status = transcribe(&work, w->asr_model, err);
    }
    mli_transcript_unref(work.done);
    mli_free(w->alloc, work.history);
    return status;
}

const mli_step_kind mli_step_kind_asr = {
    .name = "asr",
    .text = "Recognises speech: the transcript with times.",
    .needs = "ingest",
    .wants = "enhance",
    .outputs = "",
    .schema = MLI_SCHEMA_asr,
    .models = {{"model", "asr", NULL, NULL}, {"vad_model", "vad", "silero-vad-v6", "vad"}},
    .run = run,
    .key = step_key,
    .needs_input = true,
    .writes_transcripts = true};
