/* modellab_diarization: who spoke when, and a transcript with who said what. */
#include "api/audio.h"
#include "api/buffer.h"
#include "api/cancel.h"
#include "api/model.h"
#include "api/transcript.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "speech/diarize.h"
#include "text/turns.h"
#include "track/tracker.h"
#include <math.h>
#include <modellab/diarization.h>
#include <stdio.h>
#include <string.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_diarization_options, tracker),
    TURN_FIRST = MLI_SIZE_UP_TO(modellab_speaker_turn, score),
    SPEAKER_FIRST = MLI_SIZE_UP_TO(modellab_speaker, voice),
    KNOWN_MOST = 1024,
    CLIP_HOP = 77 /* frames, as the encoder's reference */
};
_Static_assert((int)MODELLAB_VOICE_SIZE == (int)MLI_VOICE_WIDTH,
               "the public size is the inner one");

struct modellab_diarization {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    mli_diarization inner;
    char **names;    /* [inner.speaker_count] */
    bool with_known; /* there were enrolled voices */
};

void modellab_diarization_options_init(modellab_diarization_options *options, size_t size)
{
    const modellab_diarization_options init = MODELLAB_DIARIZATION_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

MODELLAB_MUST_CHECK static modellab_status check_known(const modellab_diarization_options *o,
                                                       modellab_error *err)
{
    if (o->known_count < 0 || o->known_count > KNOWN_MOST ||
        (o->known_count > 0 && (o->known_names == NULL || o->known_voices == NULL)))
        return bad("known_names and known_voices must be there for known_count of at most 1024",
                   err);
    for (int32_t i = 0; i < o->known_count; i++) {
        if (o->known_names[i] == NULL || o->known_names[i][0] == '\0')
            return bad("a known voice needs a name", err);
        double length = 0.0;
        for (int32_t k = 0; k < MODELLAB_VOICE_SIZE; k++) {
            double x = (double)o->known_voices[(size_t)i * MODELLAB_VOICE_SIZE + (size_t)k];
            length += x * x;
        }
        if (!(fabs(length - 1.0) < 1e-3))
            return bad("a known voice must have length 1", err);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status take_options(const modellab_diarization_options *given,
                                                        modellab_diarization_options *o,
                                                        mli_diarize_options *inner,
                                                        modellab_error *err)
{
    modellab_status status;

    *o = (modellab_diarization_options)MODELLAB_DIARIZATION_OPTIONS_INIT;
    status = mli_sized_in(o, sizeof *o, OPTIONS_FIRST, given, err);
    if (status != MODELLAB_OK)
        return status;
    if (o->method < MODELLAB_DIARIZATION_MERGE_PATH ||
        o->method > MODELLAB_DIARIZATION_AGGLOMERATIVE)
        return bad("method has no such value", err);
    if (o->min_speakers < 0 || o->max_speakers < 0 || o->min_speakers > MLI_SPEAKERS_MOST ||
        o->max_speakers > MLI_SPEAKERS_MOST ||
        (o->max_speakers > 0 && o->max_speakers < o->min_speakers))
        return bad("speakers must be 1 to 64, and max_speakers not below min_speakers", err);
    if (o->threads < 0 || o->overlapping < 0 || o->overlapping > 1)
        return bad("threads must not be negative, overlapping 0 or 1", err);
    if (!(o->known_least >= 0.0 && o->known_least <= 1.0))
        return bad("known_least must lie in 0..1", err);
    mli_diarize_options_init(inner);
    inner->cluster.method = o->method == MODELLAB_DIARIZATION_MERGE_PATH
                                ? MLI_CLUSTER_MERGE_PATH
                                : MLI_CLUSTER_AGGLOMERATIVE;
    inner->cluster.least = o->min_speakers > 0 ? o->min_speakers : 1;
    inner->cluster.most = o->max_speakers;
    inner->overlapping = o->overlapping == 1;
    inner->known = o->known_voices;
    inner->known_count = (size_t)o->known_count;
    if (o->known_least > 0.0)
        inner->known_least = (float)o->known_least;
    inner->progress = o->progress;
    inner->progress_user = o->user;
    return check_known(o, err);
}

MODELLAB_MUST_CHECK static modellab_status
check_models(const modellab_model *encoder, const modellab_model *vad, modellab_error *err)
{
    if (encoder->voices == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "this model is no encoder of voices");
    if (vad != NULL && vad->vad == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "this model is no detector of voice activity");
    return MODELLAB_OK;
}

/* Names of enrolled voices; others are numbered as they first speak. */
MODELLAB_MUST_CHECK static modellab_status
name_speakers(modellab_diarization *d, const modellab_diarization_options *o, modellab_error *err)
{
    size_t count = d->inner.speaker_count;

    d->names = mli_alloc_array(&d->alloc, count, sizeof *d->names);
    if (d->names == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        int32_t known = d->inner.speakers[i].known;
        char number[32];

        (void)snprintf(number, sizeof number, "speaker_%zu", i + 1);
        d->names[i] = mli_strdup(&d->alloc, known >= 0 ? o->known_names[known] : number);
        if (d->names[i] == NULL)
            return mli_no_memory(err);
    }
    return MODELLAB_OK;
}

/* The work inside a span of the caller's tracker: a whole diarization, or (voice not NULL) the
 * voice of a clip. */
typedef struct job {
    const mli_diarize_tools *tools;
    const mli_diarize_options *inner;
    const mli_audio_source *source;
    mli_diarization *out;
    float *voice;
} job;

MODELLAB_MUST_CHECK static modellab_status work(const job *j, modellab_error *err)
{
    mli_ge2e_session *session = NULL;
    modellab_status status;

    if (j->voice == NULL)
        return mli_diarize(j->tools, j->source, j->inner, j->out, err);
    if (j->tools->vad != NULL)
        return mli_diarize_voice(j->tools, j->source, j->inner, j->voice, err);
    status = mli_ge2e_session_create(&session, j->tools->encoder, j->tools->pool, err);
    if (status == MODELLAB_OK)
        status = mli_ge2e_clip(session, j->source, CLIP_HOP, 1.0f, j->voice, j->tools->cancel, err);
    mli_ge2e_session_destroy(session);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status tracked(const job *j, modellab_tracker *tracker,
                                                   modellab_error *err)
{
    modellab_span span = 0;
    modellab_status status;

    status = mli_span_begin(tracker, MODELLAB_SPAN_ROOT, "diarization", &span, err);
    if (status != MODELLAB_OK)
        return status;
    status = work(j, err);
    return mli_span_finish(tracker, span, mli_pool_cpu_ns(j->tools->pool),
                           (double)mli_audio_samples(j->source) / MLI_AUDIO_RATE, status, err);
}

/* Runs a job with threads of its own. */
MODELLAB_MUST_CHECK static modellab_status
run(const modellab_model *encoder, const modellab_model *vad, const mli_audio_source *source,
    const modellab_diarization_options *o, const mli_diarize_options *inner, mli_diarization *out,
    float *voice, modellab_error *err)
{
    mli_pool *pool = NULL;
    modellab_status status =
        mli_pool_create(o->threads == 0 ? 1 : o->threads, &encoder->alloc, &pool, err);

    if (status == MODELLAB_OK) {
        mli_diarize_tools tools = {vad != NULL ? vad->vad : NULL, encoder->voices, pool,
                                   &encoder->alloc, mli_cancel_word_of(o->cancel)};
        const job j = {&tools, inner, source, out, voice};
        status = tracked(&j, o->tracker, err);
    }
    mli_pool_destroy(pool);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
diarize(const modellab_model *encoder, const modellab_model *vad, const mli_audio_source *source,
        const modellab_diarization_options *o, const mli_diarize_options *inner,
        modellab_diarization **out, modellab_error *err)
{
    modellab_diarization *d = mli_alloc_zero(&encoder->alloc, sizeof *d);
    modellab_status status;

    if (d == NULL)
        return mli_no_memory(err);
    d->alloc = encoder->alloc;
    d->with_known = o->known_count > 0;
    atomic_init(&d->references, 1);
    status = run(encoder, vad, source, o, inner, &d->inner, NULL, err);
    if (status == MODELLAB_OK)
        status = name_speakers(d, o, err);
    if (status == MODELLAB_OK)
        *out = d;
    else
        modellab_diarization_unref(d);
    return status;
}

modellab_status modellab_diarize_audio(modellab_model *encoder, modellab_model *vad,
                                       modellab_audio *audio,
                                       const modellab_diarization_options *options,
                                       modellab_diarization **out, modellab_error *err)
{
    modellab_diarization_options o;
    mli_diarize_options inner;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (encoder == NULL || vad == NULL || audio == NULL)
        return bad("encoder, vad and audio must not be NULL", err);
    status = take_options(options, &o, &inner, err);
    if (status == MODELLAB_OK)
        status = check_models(encoder, vad, err);
    return status == MODELLAB_OK
               ? diarize(encoder, vad, mli_audio_const_source_of(audio), &o, &inner, out, err)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status decode(const modellab_model *encoder, const char *path,
                                                  modellab_cancel *cancel, modellab_audio **audio,
                                                  modellab_error *err)
{
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;

    options.allocator = &encoder->alloc;
    options.cancel = cancel;
    return modellab_audio_decode_file(path, &options, audio, err);
}

modellab_status modellab_diarize_file(modellab_model *encoder, modellab_model *vad,
                                      const char *path, const modellab_diarization_options *options,
                                      modellab_diarization **out, modellab_error *err)
{
    modellab_diarization_options o;
    mli_diarize_options inner;
    modellab_audio *audio = NULL;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (encoder == NULL || vad == NULL || path == NULL)
        return bad("encoder, vad and path must not be NULL", err);
    status = take_options(options, &o, &inner, err);
    if (status == MODELLAB_OK)
        status = check_models(encoder, vad, err);
    if (status == MODELLAB_OK)
        status = decode(encoder, path, o.cancel, &audio, err);
    if (status == MODELLAB_OK)
        status = diarize(encoder, vad, mli_audio_const_source_of(audio), &o, &inner, out, err);
    modellab_audio_unref(audio);
    return status;
}

modellab_status modellab_voice_of_file(modellab_model *encoder, modellab_model *vad,
                                       const char *path,
                                       const modellab_diarization_options *options, float *voice,
                                       size_t count, modellab_error *err)
{
    modellab_diarization_options o;
    mli_diarize_options inner;
    modellab_audio *audio = NULL;
    modellab_status status;

    if (encoder == NULL || path == NULL || voice == NULL)
        return bad("encoder, path and voice must not be NULL", err);
    if (count != MODELLAB_VOICE_SIZE)
        return bad("count must be MODELLAB_VOICE_SIZE", err);
    status = take_options(options, &o, &inner, err);
    if (status == MODELLAB_OK)
        status = check_models(encoder, vad, err);
    if (status == MODELLAB_OK)
        status = decode(encoder, path, o.cancel, &audio, err);
    if (status == MODELLAB_OK)
        status = run(encoder, vad, mli_audio_const_source_of(audio), &o, &inner, NULL, voice, err);
    modellab_audio_unref(audio);
    return status;
}

modellab_diarization *modellab_diarization_ref(modellab_diarization *diarization)
{
    if (diarization != NULL)
        atomic_fetch_add(&diarization->references, 1);
    return diarization;
}

void modellab_diarization_unref(modellab_diarization *diarization)
{
    if (diarization != NULL && atomic_fetch_sub(&diarization->references, 1) == 1) {
        modellab_allocator alloc = diarization->alloc;

        for (size_t i = 0; diarization->names != NULL && i < diarization->inner.speaker_count; i++)
            mli_free(&alloc, diarization->names[i]);
        mli_free(&alloc, diarization->names);
        mli_diarization_dispose(&diarization->inner);
        mli_free(&alloc, diarization);
    }
}

double modellab_diarization_duration(const modellab_diarization *diarization)
{
    return diarization == NULL ? 0.0 : (double)diarization->inner.samples / MLI_AUDIO_RATE;
}

size_t modellab_diarization_turn_count(const modellab_diarization *diarization)
{
    return diarization == NULL ? 0 : diarization->inner.turn_count;
}

modellab_status modellab_diarization_turn_at(const modellab_diarization *diarization, size_t index,
                                             modellab_speaker_turn *out, modellab_error *err)
{
    modellab_speaker_turn turn = {.size = sizeof turn};

    if (diarization == NULL || out == NULL)
        return bad("diarization and out must not be NULL", err);
    if (index >= diarization->inner.turn_count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no turn %zu", index);
    const mli_turn *t = &diarization->inner.turns[index];
    turn.speaker = t->speaker;
    turn.start = (double)t->start / MLI_AUDIO_RATE;
    turn.end = (double)t->end / MLI_AUDIO_RATE;
    turn.score = (double)t->score;
    return mli_sized_out(out, &turn, sizeof turn, TURN_FIRST, err);
}

size_t modellab_diarization_speaker_count(const modellab_diarization *diarization)
{
    return diarization == NULL ? 0 : diarization->inner.speaker_count;
}

modellab_status modellab_diarization_speaker_at(const modellab_diarization *diarization,
                                                size_t index, modellab_speaker *out,
                                                modellab_error *err)
{
    modellab_speaker speaker = {.size = sizeof speaker};

    if (diarization == NULL || out == NULL)
        return bad("diarization and out must not be NULL", err);
    if (index >= diarization->inner.speaker_count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no speaker %zu", index);
    const mli_speaker *s = &diarization->inner.speakers[index];
    speaker.name = diarization->names[index];
    speaker.is_known = s->known >= 0 ? 1 : 0;
    speaker.seconds = (double)s->speech / MLI_AUDIO_RATE;
    speaker.known_score = (double)s->known_score;
    speaker.voice = s->voice;
    for (size_t i = 0; i < diarization->inner.turn_count; i++)
        speaker.turn_count += diarization->inner.turns[i].speaker == (int32_t)index;
    return mli_sized_out(out, &speaker, sizeof speaker, SPEAKER_FIRST, err);
}

/* The turns as the text room has them. */
MODELLAB_MUST_CHECK static modellab_status turns_of(const modellab_diarization *d,
                                                    mli_text_turn **out, modellab_error *err)
{
    mli_text_turn *turns = mli_alloc_array(&d->alloc, d->inner.turn_count, sizeof *turns);

    if (turns == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < d->inner.turn_count; i++) {
        const mli_turn *t = &d->inner.turns[i];
        turns[i] = (mli_text_turn){(double)t->start / MLI_AUDIO_RATE,
                                   (double)t->end / MLI_AUDIO_RATE, d->names[t->speaker]};
    }
    *out = turns;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status write_json(const modellab_diarization *d,
                                                      const mli_text_turn *turns, mli_buf *out,
                                                      modellab_error *err)
{
    const mli_diarization *in = &d->inner;
    mli_text_speaker *speakers = mli_alloc_array(&d->alloc, in->speaker_count, sizeof *speakers);

    if (speakers == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < in->speaker_count; i++)
        speakers[i] = (mli_text_speaker){d->names[i], in->speakers[i].known >= 0,
                                         (double)in->speakers[i].known_score};
    mli_turns_json(turns, in->turn_count, speakers, in->speaker_count, d->with_known,
                   (double)in->samples / MLI_AUDIO_RATE, out);
    mli_buf_append_char(out, '\n');
    mli_free(&d->alloc, speakers);
    return MODELLAB_OK;
}

modellab_status modellab_diarization_write(const modellab_diarization *diarization,
                                           modellab_diarization_format format, const char *name,
                                           modellab_buffer **out, modellab_error *err)
{
    mli_text_turn *turns = NULL;
    mli_buf text;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (diarization == NULL)
        return bad("diarization must not be NULL", err);
    if (format != MODELLAB_DIARIZATION_RTTM && format != MODELLAB_DIARIZATION_JSON)
        return bad("this is not a format of diarizations", err);
    status = turns_of(diarization, &turns, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, &diarization->alloc);
    if (format == MODELLAB_DIARIZATION_RTTM)
        mli_turns_rttm(turns, diarization->inner.turn_count, name, &text);
    else
        status = write_json(diarization, turns, &text, err);
    mli_free(&diarization->alloc, turns);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        return mli_buffer_from_buf(&text, out, err);
    mli_buf_dispose(&text);
    return status;
}

modellab_status modellab_transcript_with_speakers(const modellab_transcript *transcript,
                                                  const modellab_diarization *diarization,
                                                  modellab_cancel *cancel,
                                                  modellab_transcript **out, modellab_error *err)
{
    mli_text_turn *turns = NULL;
    mli_transcript *made = NULL;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (transcript == NULL || diarization == NULL)
        return bad("transcript and diarization must not be NULL", err);
    status = turns_of(diarization, &turns, err);
    if (status == MODELLAB_OK)
        status =
            mli_who_said_what(mli_transcript_of(transcript), turns, diarization->inner.turn_count,
                              mli_cancel_word_of(cancel), &made, err);
    mli_free(&diarization->alloc, turns);
    if (status == MODELLAB_OK)
        *out = mli_transcript_public(made);
    return status;
}
