/* modellab_audio: decoding for hosts that run the engines themselves. */
#include "api/audio.h"

#include "api/cancel.h"
#include "audio/decode.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/str.h"
#include "check/probe.h"
#include <string.h>

/* First shipped sizes. */
enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_audio_options, user),
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_audio_info, duration),
    PROBE_FIRST = MLI_SIZE_UP_TO(modellab_audio_probe_info, reserved),
    MEMORY_SAMPLES = 600 * MLI_AUDIO_RATE /* more goes to a file */
};

typedef struct call {
    modellab_audio_options given;
    modellab_allocator alloc;
    mli_audio_options options;
    char folder[4096]; /* a copy: the host may change its environment meanwhile */
} call;

void modellab_audio_options_init(modellab_audio_options *options, size_t size)
{
    const modellab_audio_options init = MODELLAB_AUDIO_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

static int32_t forward_progress(void *user, int64_t samples, double fraction)
{
    const call *c = user;
    return c->given.progress(c->given.user, (double)samples / MLI_AUDIO_RATE, fraction);
}

MODELLAB_MUST_CHECK static modellab_status prepare(call *c, const modellab_audio_options *options,
                                                   modellab_error *err)
{
    c->given = (modellab_audio_options)MODELLAB_AUDIO_OPTIONS_INIT;
    modellab_status status = mli_sized_in(&c->given, sizeof c->given, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(c->given.allocator, &c->alloc, err);
    if (status != MODELLAB_OK)
        return status;
    const double most = (double)MLI_AUDIO_MAX_SAMPLES / MLI_AUDIO_RATE;
    if (!(c->given.max_seconds >= 0.0 && c->given.max_seconds <= most))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "max_seconds must be 0 to %d", (int)most);
    mli_audio_options_init(&c->options);
    c->options.alloc = &c->alloc;
    c->options.cancel = mli_cancel_word_of(c->given.cancel);
    c->options.max_samples = (int64_t)(c->given.max_seconds * MLI_AUDIO_RATE);
    c->options.max_input_bytes = c->given.max_bytes;
    const char *folder = mli_os_env("TMPDIR");
    if (mli_str_copy(c->folder, sizeof c->folder, folder != NULL ? folder : "/tmp") <=
        sizeof c->folder)
        c->options.spool_folder = c->folder; /* else there is no such folder */
    c->options.memory_samples = MEMORY_SAMPLES;
    c->options.allow_truncated = c->given.allow_truncated != 0;
    if (c->given.progress != NULL) {
        c->options.progress = forward_progress;
        c->options.progress_user = c;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status missing(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL", what);
}

modellab_status modellab_audio_decode_file(const char *path, const modellab_audio_options *options,
                                           modellab_audio **out, modellab_error *err)
{
    call c;
    mli_audio_source *source = NULL;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (path == NULL)
        return missing("path", err);
    modellab_status status = prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status = mli_audio_decode_path(path, &c.options, &source, err);
    *out = (modellab_audio *)(void *)source;
    return status;
}

modellab_status modellab_audio_decode_memory(const void *data, size_t bytes,
                                             const modellab_audio_options *options,
                                             modellab_audio **out, modellab_error *err)
{
    call c;
    mli_audio_source *source = NULL;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (data == NULL && bytes > 0)
        return missing("data", err);
    modellab_status status = prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status = mli_audio_decode_memory(data, bytes, &c.options, &source, err);
    *out = (modellab_audio *)(void *)source;
    return status;
}

modellab_status modellab_audio_from_samples(const float *samples, size_t frames, int32_t channels,
                                            int32_t rate_hz, const modellab_audio_options *options,
                                            modellab_audio **out, modellab_error *err)
{
    call c;
    mli_audio_source *source = NULL;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (samples == NULL && frames > 0)
        return missing("samples", err);
    modellab_status status = prepare(&c, options, err);
    if (status == MODELLAB_OK)
        status =
            mli_audio_from_samples(samples, frames, channels, rate_hz, &c.options, &source, err);
    *out = (modellab_audio *)(void *)source;
    return status;
}

modellab_audio *modellab_audio_ref(modellab_audio *audio)
{
    (void)mli_audio_ref(mli_audio_source_of(audio));
    return audio;
}

void modellab_audio_unref(modellab_audio *audio)
{
    mli_audio_unref(mli_audio_source_of(audio));
}

modellab_status modellab_audio_get_info(const modellab_audio *audio, modellab_audio_info *out,
                                        modellab_error *err)
{
    if (audio == NULL || out == NULL)
        return missing(audio == NULL ? "audio" : "out", err);
    const mli_audio_source *source = mli_audio_const_source_of(audio);
    const mli_audio_info *from = mli_audio_info_of(source);
    modellab_audio_info info = {.size = sizeof info,
                                .container = from->container,
                                .encoding = from->encoding,
                                .channels = from->channels,
                                .rate_hz = from->rate_hz,
                                .frames = from->frames,
                                .samples = mli_audio_samples(source)};
    info.duration = (double)info.samples / MLI_AUDIO_RATE;
    return mli_sized_out(out, &info, sizeof info, INFO_FIRST, err);
}

modellab_status modellab_audio_read(const modellab_audio *audio, int64_t start, size_t count,
                                    float *dst, modellab_error *err)
{
    if (audio == NULL || (dst == NULL && count > 0))
        return missing(audio == NULL ? "audio" : "dst", err);
    if (count > SIZE_MAX / sizeof *dst)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "count is too large");
    if (count == 0)
        return MODELLAB_OK;
    return mli_audio_read(mli_audio_const_source_of(audio), start, count, dst, err);
}

modellab_status modellab_audio_probe(const void *data, size_t bytes, int64_t file_bytes,
                                     const modellab_allocator *allocator,
                                     modellab_audio_probe_info *out, modellab_report **report,
                                     modellab_error *err)
{
    modellab_allocator alloc;
    mli_findings findings;
    mli_probe probe;
    if (report != NULL)
        *report = NULL;
    if (out == NULL || (data == NULL && bytes > 0))
        return missing(out == NULL ? "out" : "data", err);
    if (file_bytes < 0 || (uint64_t)file_bytes < bytes)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "file_bytes is less than bytes");
    modellab_status status = mli_allocator_take(allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    mli_findings_begin(&findings, &alloc);
    mli_probe_header(data != NULL ? data : "", bytes, file_bytes, &probe, &findings);
    const modellab_audio_probe_info info = {.size = sizeof info,
                                            .container = probe.container,
                                            .codec = probe.codec,
                                            .media_type = probe.media_type,
                                            .rate_hz = probe.rate_hz,
                                            .channels = probe.channels,
                                            .frames = probe.frames,
                                            .seconds = probe.seconds,
                                            .is_estimate = probe.is_estimate ? 1 : 0};
    status = mli_sized_out(out, &info, sizeof info, PROBE_FIRST, err);
    if (status == MODELLAB_OK && report != NULL)
        return mli_findings_finish(&findings, report, err);
    mli_findings_dispose(&findings);
    return status;
}
