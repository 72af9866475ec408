/* One piece of a live stream: recognised as by modellab_asr_transcribe(), then put on the clock of
 * the stream. */
#include "api/audio.h"
#include "api/live.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>

/* Where a piece lies, in seconds. */
typedef struct place {
    double start, end;
} place;

static double on_clock(const place *p, double seconds)
{
    return fmin(p->start + fmax(seconds, 0.0), p->end);
}

MODELLAB_MUST_CHECK static modellab_status add_segment(mli_transcript *t, const place *p,
                                                       const mli_transcript_segment *from,
                                                       int64_t id, modellab_error *err)
{
    const modellab_allocator *alloc = mli_transcript_allocator(t);
    mli_transcript_segment segment = *from;
    mli_transcript_word *words = NULL;
    modellab_status status;

    segment.id = id;
    segment.start = on_clock(p, from->start);
    segment.end = fmax(on_clock(p, from->end), segment.start);
    segment.seek = from->seek + llround(p->start * 100.0);
    if (from->word_count > 0) {
        words = mli_alloc_array(alloc, from->word_count, sizeof *words);
        if (words == NULL)
            return mli_no_memory(err);
        for (size_t i = 0; i < from->word_count; i++) {
            words[i] = from->words[i];
            words[i].start = on_clock(p, from->words[i].start);
            words[i].end = fmax(on_clock(p, from->words[i].end), words[i].start);
        }
        segment.words = words;
    }
    status = mli_transcript_add(t, &segment, err);
    mli_free(alloc, words);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status place_all(const modellab_live *live,
                                                     const mli_transcript *from, const place *p,
                                                     int64_t first_id, bool partial,
                                                     mli_transcript **out, modellab_error *err)
{
    mli_transcript *t = NULL;
    modellab_status status = mli_transcript_create(&live->alloc, &t, err);

    if (status == MODELLAB_OK)
        status = mli_transcript_set_info(t, from->task, from->language, from->language_probability,
                                         p->end, err);
    for (size_t i = 0; status == MODELLAB_OK && i < from->segment_count; i++)
        status = add_segment(t, p, &from->segments[i], first_id + (int64_t)i, err);
    if (status == MODELLAB_OK) {
        t->has_words = from->has_words;
        if (partial)
            mli_transcript_set_partial(t);
        status = mli_transcript_finish(t, err);
    }
    if (status != MODELLAB_OK) {
        mli_transcript_unref(t);
        return status;
    }
    *out = t;
    return MODELLAB_OK;
}

modellab_status mli_live_recognise(modellab_live *live, const mli_live_piece *piece, bool partial,
                                   int64_t first_id, mli_transcript **out, modellab_error *err)
{
    modellab_audio_options options = MODELLAB_AUDIO_OPTIONS_INIT;
    const place where = {(double)piece->start / MLI_AUDIO_RATE,
                         (double)piece->end / MLI_AUDIO_RATE};
    modellab_audio *audio = NULL;
    mli_transcript *text = NULL;
    modellab_status status;

    *out = NULL;
    options.allocator = &live->alloc;
    status = modellab_audio_from_samples(piece->samples, (size_t)(piece->end - piece->start), 1,
                                         MLI_AUDIO_RATE, &options, &audio, err);
    if (status == MODELLAB_OK)
        status =
            mli_asr_transcribe(live->session->inner, mli_audio_source_of(audio),
                               partial ? &live->partial.inner : &live->final.inner, &text, err);
    if (status == MODELLAB_OK)
        status = place_all(live, text, &where, first_id, partial, out, err);
    mli_transcript_unref(text); /* also of a call that was broken off */
    modellab_audio_unref(audio);
    return status;
}
