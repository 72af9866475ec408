/* Leading times through the map of step enhance. */
#include "lab/original_time.h"

#include "base/alloc.h"
#include "base/error.h"

double mli_original_time(const mli_worker *w, double seconds, bool end)
{
    if (!w->time_map.moved) {
        return seconds;
    }
    double back = mli_time_map_back(&w->time_map, seconds, end);
    return w->audio_seconds > 0 && back > w->audio_seconds ? w->audio_seconds : back;
}

double mli_prepared_time(const mli_worker *w, double seconds)
{
    return w->time_map.moved ? mli_time_map_forward(&w->time_map, seconds) : seconds;
}

MODELLAB_MUST_CHECK static modellab_status add_segment(const mli_worker *w,
                                                       const mli_transcript_segment *given,
                                                       mli_transcript *to, modellab_error *err)
{
    mli_transcript_segment segment = *given;
    mli_transcript_word *words = mli_alloc_array(w->alloc, given->word_count + 1, sizeof *words);
    if (words == NULL) {
        return mli_no_memory(err);
    }
    segment.start = mli_original_time(w, given->start, false);
    segment.end = mli_original_time(w, given->end, true);
    segment.end = segment.end < segment.start ? segment.start : segment.end;
    for (size_t i = 0; i < given->word_count; i++) {
        words[i] = given->words[i];
        words[i].start = mli_original_time(w, given->words[i].start, false);
        words[i].end = mli_original_time(w, given->words[i].end, true);
        words[i].end = words[i].end < words[i].start ? words[i].start : words[i].end;
    }
    segment.words = words;
    modellab_status status = mli_transcript_add(to, &segment, err);
    mli_free(w->alloc, words);
    return status;
}

modellab_status mli_original_segments(const mli_worker *w, const mli_transcript_segment *segments,
                                      size_t count, mli_transcript **out, modellab_error *err)
{
    *out = NULL;
    modellab_status status =
        w->time_map.moved ? mli_transcript_create(w->alloc, out, err) : MODELLAB_OK;
    for (size_t i = 0; *out != NULL && status == MODELLAB_OK && i < count; i++) {
        status = add_segment(w, &segments[i], *out, err);
    }
    return status;
}

modellab_status mli_original_transcript(const mli_worker *w, mli_transcript *transcript,
                                        mli_transcript **out, modellab_error *err)
{
    mli_transcript *made = NULL;
    *out = NULL;
    if (!w->time_map.moved) {
        *out = mli_transcript_ref(transcript);
        return MODELLAB_OK;
    }
    modellab_status status = mli_transcript_create(w->alloc, &made, err);
    if (status == MODELLAB_OK) {
        status = mli_transcript_set_info(made, transcript->task, transcript->language,
                                         transcript->language_probability, w->audio_seconds, err);
    }
    if (status == MODELLAB_OK) {
        made->has_words = transcript->has_words;
    }
    for (size_t i = 0; status == MODELLAB_OK && i < transcript->segment_count; i++) {
        status = add_segment(w, &transcript->segments[i], made, err);
    }
    if (status == MODELLAB_OK && transcript->partial) {
        mli_transcript_set_partial(made);
    }
    if (status == MODELLAB_OK) {
        status = mli_transcript_finish(made, err);
    }
    if (status == MODELLAB_OK) {
        *out = made;
    } else {
        mli_transcript_unref(made);
    }
    return status;
}
