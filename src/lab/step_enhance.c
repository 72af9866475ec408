/* Step enhance: prepares the audio that the steps behind it hear, by the operators of the request,
 * from the input at its own rate and channels; says what was done (enhance.json), and keeps the map
 * by which times lead back to the input. */
#include "lab/handoff.h"
#include "lab/original_time.h"
#include "lab/step_ingest.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "audio/intake.h"
#include "audio/reader.h"
#include "audio/writer.h"
#include "base/alloc.h"
#include "base/error.h"
#include "speech/enhance.h"
#include <errno.h>
#include <string.h>

enum { VERSION = 1, BLOCK = 16384 };

#define MEMORY_SAMPLES ((int64_t)60 * MLI_AUDIO_RATE) /* as in step ingest */
#define FLAC_MOST_BYTES ((size_t)256 << 20)

typedef struct enhance_work {
    mli_worker *w;
    mli_enhance_chain chain;
    mli_audio_options options;
    mli_audio_reader *reader;
    mli_enhancer *enhancer;
    mli_audio_intake *intake;
    mli_pcm_format format; /* of what comes out of the chain */
    double total;          /* seconds of all readings */
} enhance_work;

MODELLAB_MUST_CHECK static modellab_status read_chain(const mli_json *config,
                                                      mli_enhance_chain *chain, modellab_error *err)
{
    const mli_json *list = mli_json_get(config, "operators");
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && list != NULL && i < mli_json_count(list); i++) {
        status = mli_enhance_parse_json(mli_json_at(list, i), chain, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status rewind_input(void *user, modellab_error *err)
{
    return mli_audio_reader_rewind(((enhance_work *)user)->reader, err);
}

MODELLAB_MUST_CHECK static modellab_status read_input(void *user, float *out, size_t frames,
                                                      size_t *got, modellab_error *err)
{
    return mli_audio_reader_read(((enhance_work *)user)->reader, out, frames, got, err);
}

MODELLAB_MUST_CHECK static modellab_status take(void *user, const float *samples, size_t frames,
                                                modellab_error *err)
{
    enhance_work *work = user;
    const size_t channels = (size_t)work->format.channels, most = MLI_AUDIO_BLOCK / channels;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && frames > 0) {
        size_t part = frames < most ? frames : most;
        status = mli_audio_intake_push(work->intake, samples, part, err);
        samples += part * channels;
        frames -= part;
    }
    return status;
}

static int32_t on_progress(void *user, size_t pass, int64_t frames)
{
    enhance_work *work = user;
    double seconds = (double)frames / mli_audio_reader_format(work->reader).rate_hz;
    mli_worker_progress(work->w, (double)pass * work->w->audio_seconds + seconds, work->total);
    return 0;
}

/* The samples of the input are not needed beside those that are made: their spool file is. */
MODELLAB_MUST_CHECK static modellab_status open_intake(enhance_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    if (w->audio != NULL) {
        w->fds[MLI_ORDER_SPOOL] = mli_audio_reclaim_spool(w->audio);
        w->audio = NULL;
    }
    work->options.spool_fd = w->fds[MLI_ORDER_SPOOL];
    if (work->options.spool_fd < 0) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "there is no room for the prepared audio");
    }
    w->fds[MLI_ORDER_SPOOL] = -1; /* is the intake's now */
    return mli_audio_intake_create(&work->options, work->format.channels, work->format.rate_hz,
                                   &work->intake, err);
}

MODELLAB_MUST_CHECK static modellab_status open_all(enhance_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_audio_bytes bytes;
    modellab_status status = read_chain(mli_worker_config(w), &work->chain, err);
    mli_audio_options_init(&work->options);
    work->options.alloc = w->alloc;
    work->options.files = w->files;
    work->options.cancel = &w->page->stop;
    work->options.memory_samples = MEMORY_SAMPLES;
    if (status == MODELLAB_OK) {
        status = mli_audio_bytes_of_fd(&bytes, w->files, w->fds[MLI_ORDER_INPUT], err);
    }
    if (status == MODELLAB_OK) {
        status = mli_audio_reader_open_bytes(&bytes, &work->options, &work->reader, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_enhancer_create(&work->chain, mli_audio_reader_format(work->reader), w->alloc,
                                     &w->page->stop, &work->enhancer, err);
    }
    if (status == MODELLAB_OK) {
        work->format = mli_enhancer_format(work->enhancer);
        work->total = (double)mli_enhancer_passes(work->enhancer) * w->audio_seconds;
        status = open_intake(work, err);
    }
    return status;
}

/* Samples and map for the steps behind this one. */
MODELLAB_MUST_CHECK static modellab_status hand_on(enhance_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_audio_source *made = NULL;
    mli_audio_info info = {0};
    mli_audio_reader_names(work->reader, &info);
    modellab_status status = mli_audio_intake_finish(work->intake, &info, &made, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_handoff_put_samples(w, made);
    mli_time_map_dispose(&w->time_map);
    return mli_enhancer_map(work->enhancer, &w->time_map, err);
}

MODELLAB_MUST_CHECK static modellab_status make(enhance_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    modellab_status status = w->audio == NULL ? mli_step_ingest_take_in(w, err) : MODELLAB_OK;
    if (status == MODELLAB_OK) {
        status = open_all(work, err);
    }
    if (status == MODELLAB_OK) {
        const mli_enhance_source source = {mli_audio_reader_format(work->reader), rewind_input,
                                           read_input, work};
        status = mli_enhancer_run(work->enhancer, &source, (mli_pcm_sink){take, work}, on_progress,
                                  work, err);
    }
    return status == MODELLAB_OK ? hand_on(work, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status end(enhance_work *work, modellab_status status,
                                               modellab_error *err)
{
    modellab_status closed =
        mli_audio_reader_close(work->reader, status == MODELLAB_OK ? err : NULL);
    mli_audio_intake_destroy(work->intake);
    mli_enhancer_destroy(work->enhancer);
    return status == MODELLAB_OK ? closed : status;
}

static void write_record(const enhance_work *work, mli_buf *out)
{
    const mli_worker *w = work->w;
    mli_jw json;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kint(&json, "channels", work->format.channels);
    mli_jw_kint(&json, "sample_rate_hz", work->format.rate_hz);
    mli_jw_kint(&json, "frames", mli_enhancer_frames_out(work->enhancer));
    mli_jw_kreal(&json, "duration_seconds", (double)mli_audio_samples(w->audio) / MLI_AUDIO_RATE);
    mli_jw_kreal(&json, "original_seconds", w->audio_seconds);
    mli_jw_key(&json, "operators");
    mli_jw_array(&json);
    for (size_t i = 0; i < work->chain.count; i++) {
        mli_enhance_write_record(&work->chain.ops[i], mli_enhancer_notes(work->enhancer, i), &json);
    }
    mli_jw_end_array(&json);
    mli_jw_key(&json, "time_map");
    mli_jw_array(&json);
    for (size_t i = 0; i < w->time_map.count; i++) {
        mli_jw_object(&json);
        mli_jw_kreal(&json, "start", w->time_map.pieces[i].start);
        mli_jw_kreal(&json, "origin", w->time_map.pieces[i].origin);
        mli_jw_kreal(&json, "slope", w->time_map.pieces[i].slope);
        mli_jw_end_object(&json);
    }
    mli_jw_end_array(&json);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

/* --- enhanced.flac: encoded in memory, since an artifact is written as a whole --- */
static int64_t write_to_buf(void *user, int fd, const void *data, size_t bytes, int64_t offset)
{
    mli_buf *out = user;
    size_t end = (size_t)offset + bytes;
    (void)fd;
    if (end > FLAC_MOST_BYTES ||
        (end > out->size && mli_buf_extend(out, end - out->size) == NULL)) {
        return -ENOSPC; /* told below */
    }
    memcpy(out->data + offset, data, bytes);
    return (int64_t)bytes;
}

MODELLAB_MUST_CHECK static modellab_status encode(mli_worker *w, mli_buf *out, modellab_error *err)
{
    const mli_os_files files = {.user = out, .pwrite = write_to_buf};
    const int64_t all = mli_audio_samples(w->audio);
    mli_audio_writer *writer = NULL;
    float *block = mli_alloc_array(w->alloc, BLOCK, sizeof *block);
    if (block == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status =
        mli_audio_writer_create(w->alloc, &files, 0, MLI_AUDIO_FORMAT_FLAC,
                                (mli_pcm_format){1, MLI_AUDIO_RATE}, &writer, err);
    for (int64_t at = 0; status == MODELLAB_OK && at < all; at += BLOCK) {
        size_t count = all - at < BLOCK ? (size_t)(all - at) : BLOCK;
        status = mli_audio_read(w->audio, at, count, block, err);
        if (status == MODELLAB_OK) {
            status = mli_audio_writer_write(writer, block, count, err);
        }
        if (status == MODELLAB_OK && mli_cancelled(&w->page->stop)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "stopped");
        }
    }
    mli_free(w->alloc, block);
    modellab_status closed = mli_audio_writer_close(writer, status == MODELLAB_OK ? err : NULL);
    status = status == MODELLAB_OK ? closed : status;
    if (status == MODELLAB_E_NO_SPACE) {
        status = mli_fail(err, out->status == MODELLAB_OK ? MODELLAB_E_LIMIT : MODELLAB_E_NO_MEMORY,
                          "the prepared audio is too long to be kept as FLAC");
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_artifacts(enhance_work *work, modellab_error *err)
{
    mli_worker *w = work->w;
    mli_buf text;
    mli_buf_init(&text, w->alloc);
    write_record(work, &text);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(w, "enhance.json", "application/json", "result", text.data,
                                     text.size, err);
    }
    if (status == MODELLAB_OK &&
        mli_json_bool(mli_json_get(mli_worker_config(w), "keep_audio"), false)) {
        mli_buf_clear(&text);
        text.size = 0;
        status = encode(w, &text, err);
        if (status == MODELLAB_OK) {
            status = mli_worker_artifact(w, "enhanced.flac", "audio/flac", "result", text.data,
                                         text.size, err);
        }
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    enhance_work work = {.w = w};
    modellab_status status = make(&work, err);
    if (status == MODELLAB_OK) {
        status = write_artifacts(&work, err);
    }
    return end(&work, status, err);
}

/* Its result was taken over: the samples are made again, as they were. */
MODELLAB_MUST_CHECK static modellab_status samples(mli_worker *w, modellab_error *err)
{
    const char *step = w->step;
    enhance_work work = {.w = w};
    w->step = "enhance"; /* whose options count */
    modellab_status status = make(&work, err);
    w->step = step;
    return end(&work, status, err);
}

MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    return mli_worker_step_key(w, VERSION, NULL, out, err);
}

const mli_step_kind mli_step_kind_enhance = {.name = "enhance",
                                             .text = "Prepares the audio that other steps hear.",
                                             .needs = "ingest",
                                             .outputs = "enhance.json,enhanced.flac",
                                             .schema = MLI_SCHEMA_enhance,
                                             .run = run,
                                             .key = key,
                                             .samples = samples,
                                             .needs_input = true};
