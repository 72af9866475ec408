/* Step ingest: decodes the input to mono 16 kHz samples for the steps behind it, and records what
 * the audio is (audio.json). */
#include "lab/step_ingest.h"

#include "audio/decode.h"
#include "audio/peaks.h"
#include "base/error.h"
#include "lab/step_key.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"

enum { VERSION = 1 }; /* raised when the same input begins to give other bytes */

/* A minute stays in memory; longer audio goes to the nameless file of the order, so that a worker's
 * peak memory does not grow with the length (64 KB a second). */
#define MEMORY_SAMPLES ((int64_t)60 * MLI_AUDIO_RATE)

static int32_t on_progress(void *user, int64_t samples, double fraction)
{
    mli_worker *w = user;
    double done = (double)samples / MLI_AUDIO_RATE;
    mli_worker_progress(w, done, fraction > 0.001 ? done / fraction : -1.0);
    return 0;
}

/* Decodes at most a little more than the cap allows, so that a bomb costs no more than that. */
static int64_t most_samples(const mli_worker *w)
{
    int64_t cap_ms = w->caps.audio_ms;
    if (cap_ms <= 0 || cap_ms > MLI_AUDIO_MAX_SAMPLES / MLI_AUDIO_RATE * 1000) {
        return 0;
    }
    return cap_ms * MLI_AUDIO_RATE / 1000 + MLI_AUDIO_RATE;
}

MODELLAB_MUST_CHECK static modellab_status decode(mli_worker *w, modellab_error *err)
{
    mli_audio_options options;
    mli_audio_options_init(&options);
    options.alloc = w->alloc;
    options.files = w->files;
    options.cancel = &w->page->stop;
    options.max_samples = most_samples(w);
    options.memory_samples = MEMORY_SAMPLES;
    options.progress = on_progress;
    options.progress_user = w;
    options.spool_fd = w->fds[MLI_ORDER_SPOOL];
    if (options.spool_fd < 0) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "there is no room for decoded audio");
    }
    w->fds[MLI_ORDER_SPOOL] = -1; /* is the source's now */
    return mli_audio_decode_fd(w->fds[MLI_ORDER_INPUT], &options, &w->audio, err);
}

static void write_facts(const mli_audio_source *audio, mli_buf *out)
{
    const mli_audio_info *info = mli_audio_info_of(audio);
    mli_jw json;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kstring(&json, "container", info->container);
    mli_jw_kstring(&json, "encoding", info->encoding);
    mli_jw_kint(&json, "channels", info->channels);
    mli_jw_kint(&json, "sample_rate_hz", info->rate_hz);
    mli_jw_kint(&json, "frames", info->frames);
    mli_jw_kint(&json, "samples_16k", mli_audio_samples(audio));
    mli_jw_kreal(&json, "duration_seconds", (double)mli_audio_samples(audio) / MLI_AUDIO_RATE);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

/* The rest of the run's record can show the length before the run has ended. */
MODELLAB_MUST_CHECK static modellab_status say_length(mli_worker *w, modellab_error *err)
{
    mli_jw *line = mli_journal_begin(&w->journal, "measures");
    mli_jw_kreal(line, "audio_seconds", w->audio_seconds);
    return mli_journal_end(&w->journal, false, err);
}

/* What the run holds of its user's cap bounds it like a cap of its own. */
static void bound_audio(mli_worker *w)
{
    int64_t left = mli_page_leave_of(w->page, MLI_LEAVE_AUDIO_MS);
    if (left != INT64_MAX && (w->caps.audio_ms <= 0 || left < w->caps.audio_ms)) {
        w->caps.audio_ms = left > 0 ? left : 1;
    }
}

static bool wants_peaks(const mli_worker *w)
{
    return mli_json_bool(mli_json_get(mli_worker_config(w), "peaks"), false);
}

MODELLAB_MUST_CHECK static modellab_status tell_peaks(mli_worker *w, modellab_error *err)
{
    mli_peaks peaks;
    mli_buf text;
    modellab_status status = mli_peaks_make(w->audio, w->alloc, &w->page->stop, &peaks, err);
    mli_buf_init(&text, w->alloc);
    if (status == MODELLAB_OK) {
        status = mli_peaks_write(&peaks, &w->page->stop, &text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "peaks.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    mli_buf_dispose(&text);
    mli_peaks_dispose(&peaks);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make_key(mli_worker *w, char out[65],
                                                    modellab_error *err)
{
    mli_step_key key;
    (void)err;
    mli_step_key_begin(&key, "ingest", VERSION);
    mli_step_key_add(&key, "input_sha256", w->order.input_sha256);
    if (wants_peaks(w)) {
        mli_step_key_add(&key, "peaks", "1"); /* without them it is the key that it always was */
    }
    mli_step_key_end(&key, out);
    return MODELLAB_OK;
}

modellab_status mli_step_ingest_take_in(mli_worker *w, modellab_error *err)
{
    if (w->fds[MLI_ORDER_INPUT] < 0) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no input");
    }
    bound_audio(w);
    modellab_status status = decode(w, err);
    if (status == MODELLAB_E_LIMIT && w->caps.audio_ms > 0 &&
        w->progress_seconds * 1000.0 >= (double)w->caps.audio_ms) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_AUDIO_CAP); /* false: stopping already */
        return mli_fail(err, MODELLAB_E_CANCELLED, "the audio is longer than the cap allows");
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    w->audio_seconds = (double)mli_audio_samples(w->audio) / MLI_AUDIO_RATE;
    if (w->caps.audio_ms > 0 && w->audio_seconds * 1000.0 > (double)w->caps.audio_ms) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_AUDIO_CAP);
        return mli_fail(err, MODELLAB_E_CANCELLED, "the audio is longer than the cap allows");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    mli_buf facts;
    modellab_status status = mli_step_ingest_take_in(w, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_worker_progress(w, w->audio_seconds, w->audio_seconds);
    mli_buf_init(&facts, w->alloc);
    write_facts(w->audio, &facts);
    status = mli_buf_status(&facts, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "audio.json", "application/json", "result", facts.data,
                                     facts.size, err);
    }
    mli_buf_dispose(&facts);
    if (status == MODELLAB_OK && wants_peaks(w)) {
        status = tell_peaks(w, err);
    }
    return status == MODELLAB_OK ? say_length(w, err) : status;
}

const mli_step_kind mli_step_kind_ingest = {.name = "ingest",
                                            .text = "Decodes the input and says what audio it is.",
                                            .needs = "",
                                            .outputs = "audio.json",
                                            .schema = MLI_SCHEMA_ingest,
                                            .asked = "peaks",
                                            .asked_outputs = "peaks.json",
                                            .run = run,
                                            .key = make_key,
                                            .needs_input = true};
