/* Step asr: speech recognition of the ingested audio. Segments go to the journal as they finish, so
 * that they survive whatever ends the run; the transcript is written in the formats asked for. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "kernels/blas.h"
#include "kernels/isa.h"
#include "log/logger.h"
#include "models/installed.h"
#include "os/locale.h"
#include "os/thread.h"
#include "speech/asr.h"
#include "text/format.h"
#include <string.h>

enum { TEMPERATURES_MOST = 16, ROWS_MOST = 16 };

typedef struct asr_work {
    mli_worker *w;
    const mli_json *config; /* request.config.asr, or NULL */
    modellab_status said;   /* failure of a segment's line */
    modellab_error *err;
    double temperatures[TEMPERATURES_MOST];
} asr_work;

static const char *text_of(const asr_work *work, const char *key, const char *fallback)
{
    return mli_json_string(mli_json_get(work->config, key), fallback);
}

static modellab_status open_model(asr_work *work, mli_asr_model **out, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_model_files files;
    mli_model_store store = {.alloc = w->alloc, .files = w->files, .root = w->order.models_root};
    const char *name = text_of(work, "model", "whisper-tiny.en");
    modellab_status status = mli_model_store_open(&store, name, &files, err);
    if (status != MODELLAB_OK) {
        w->reason = status == MODELLAB_E_NOT_FOUND ? MODELLAB_REASON_MODEL_NOT_FOUND : w->reason;
        return status;
    }
    mli_asr_open_options options = {.alloc = w->alloc, .cancel = &w->page->stop};
    options.cache_directory = w->order.cache_root[0] != '\0' ? w->order.cache_root : NULL;
    if (strcmp(text_of(work, "weights", "f16"), "f32") == 0) {
        options.weights = MLI_ASR_WEIGHTS_F32;
    }
    status = mli_asr_model_open(out, &files, &options, err);
    mli_model_files_dispose(&files);
    if (status == MODELLAB_OK) {
        (void)mli_str_copy(w->model, sizeof(w->model), mli_basename(name));
    }
    return status;
}

/* The record names what computed: it decides the bits of the result. */
static modellab_status say_engine(mli_worker *w, const mli_asr_model *model, modellab_error *err)
{
    mli_asr_model_info info = mli_asr_model_info_of(model);
    const char *weights = info.weights == MLI_ASR_WEIGHTS_F32 ? "f32" : "f16";
    (void)mli_str_copy(w->model_sha256, sizeof(w->model_sha256), info.sha256);
    (void)mli_os_format(w->engine, sizeof(w->engine), "isa=%s blas=%s weights=%s",
                        mli_isa_name(mli_isa_current()), mli_blas_core(), weights);
    if (info.origin == MLI_ASR_ORIGIN_REBUILT) {
        mli_log_text(w->log, MODELLAB_LOG_WARN, "model.image_rebuilt", info.reason);
    }
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

static int32_t on_segment(void *user, const mli_transcript_segment *segment)
{
    asr_work *work = user;
    mli_worker *w = work->w;
    mli_jw *line = mli_journal_begin(&w->journal, "segment");
    mli_jw_kstring(line, "step", w->step);
    mli_jw_kint(line, "id", segment->id);
    mli_jw_kint(line, "seek", segment->seek);
    mli_jw_kreal(line, "start", segment->start);
    mli_jw_kreal(line, "end", segment->end);
    mli_jw_kstring(line, "text", segment->text);
    mli_jw_kreal(line, "temperature", segment->temperature);
    mli_jw_kreal(line, "avg_logprob", segment->avg_logprob);
    mli_jw_kreal(line, "compression_ratio", segment->compression_ratio);
    mli_jw_kreal(line, "no_speech_prob", segment->no_speech_prob);
    work->said = mli_journal_end(&w->journal, false, work->err);
    mli_page_touch(w->page);
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
    options->progress = on_progress;
    options->segment = on_segment;
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

static modellab_status write_one(asr_work *work, const mli_transcript *transcript, bool partial,
                                 mli_text_format format, const char *extension, modellab_error *err)
{
    mli_worker *w = work->w;
    char name[64];
    mli_buf text;
    mli_format_options options = {.name = w->order.input_name};
    (void)mli_os_format(name, sizeof(name), "transcript%s.%s", partial ? ".partial" : "",
                        extension);
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
static modellab_status write_all(asr_work *work, const mli_transcript *transcript, bool partial,
                                 modellab_error *err)
{
    const mli_json *formats = mli_json_get(work->config, "formats");
    modellab_status status =
        write_one(work, transcript, partial, MLI_TEXT_VERBOSE_JSON, "json", err);
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
        status = write_one(work, transcript, partial, format,
                           format == MLI_TEXT_JSON ? "text.json" : name, err);
    }
    return status;
}

static int32_t threads_of(const asr_work *work)
{
    int64_t asked = mli_json_int(mli_json_get(work->config, "threads"), 0);
    int32_t most = mli_os_cpu_count();
    if (asked < 1 || asked > most) {
        asked = work->w->order.threads;
    }
    return asked < 1 || asked > most ? most : (int32_t)asked;
}

static modellab_status transcribe(asr_work *work, mli_asr_model *model, modellab_error *err)
{
    mli_asr_session *session = NULL;
    mli_transcript *transcript = NULL;
    mli_asr_options options;
    modellab_status status =
        mli_asr_session_create(&session, work->w->alloc, model, threads_of(work), err);
    if (status != MODELLAB_OK) {
        return status;
    }
    read_options(work, &options);
    status = mli_asr_transcribe(session, work->w->audio, &options, &transcript, err);
    mli_asr_session_destroy(session);
    if (status == MODELLAB_E_CALLBACK && work->said != MODELLAB_OK) {
        status = work->said;
    }
    if (transcript != NULL) {
        modellab_error write_err = MODELLAB_ERROR_INIT;
        modellab_status written = write_all(work, transcript, status != MODELLAB_OK, &write_err);
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

modellab_status mli_step_asr(mli_worker *w, modellab_error *err)
{
    mli_asr_model *model = NULL;
    asr_work work = {.w = w, .said = MODELLAB_OK, .err = err};
    work.config = mli_json_get(mli_json_get(w->order.request, "config"), "asr");
    if (w->audio == NULL) {
        return mli_fail(err, MODELLAB_E_STATE, "asr needs the step ingest before it");
    }
    modellab_status status = open_model(&work, &model, err);
    if (status == MODELLAB_OK) {
        status = say_engine(w, model, err);
    }
    if (status == MODELLAB_OK) {
        status = transcribe(&work, model, err);
    }
    mli_asr_model_unref(model);
    return status;
}
