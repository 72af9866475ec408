/* modellab_transcript: looking at the result of speech recognition, writing and reading it. */
#include "api/transcript.h"

#include "api/buffer.h"
#include "api/cancel.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "text/format.h"
#include "text/search.h"

/* First shipped sizes. */
enum {
    INFO_FIRST = MLI_SIZE_UP_TO(modellab_transcript_info, is_partial),
    SEGMENT_FIRST = MLI_SIZE_UP_TO(modellab_segment, word_count),
    WORD_FIRST = MLI_SIZE_UP_TO(modellab_word, probability)
};

_Static_assert((int)MODELLAB_FORMAT_TXT == (int)MLI_TEXT_TXT &&
                   (int)MODELLAB_FORMAT_RTTM == (int)MLI_TEXT_LAST,
               "the public numbers are those of the inner list");

MODELLAB_MUST_CHECK static modellab_status missing(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL", what);
}

modellab_transcript *modellab_transcript_ref(modellab_transcript *transcript)
{
    (void)mli_transcript_ref((mli_transcript *)(void *)transcript);
    return transcript;
}

void modellab_transcript_unref(modellab_transcript *transcript)
{
    mli_transcript_unref((mli_transcript *)(void *)transcript);
}

const char *modellab_transcript_text(const modellab_transcript *transcript)
{
    return transcript != NULL ? mli_transcript_of(transcript)->text : "";
}

modellab_status modellab_transcript_get_info(const modellab_transcript *transcript,
                                             modellab_transcript_info *out, modellab_error *err)
{
    if (transcript == NULL || out == NULL)
        return missing(transcript == NULL ? "transcript" : "out", err);
    const mli_transcript *t = mli_transcript_of(transcript);
    modellab_transcript_info info = {.size = sizeof info,
                                     .language = t->language,
                                     .task = t->task,
                                     .language_probability = t->language_probability,
                                     .duration = t->duration,
                                     .segment_count = (int64_t)t->segment_count,
                                     .word_count = (int64_t)mli_transcript_word_count(t),
                                     .is_partial = t->partial ? 1 : 0};
    info.has_word_times = info.word_count > 0 ? 1 : 0;
    return mli_sized_out(out, &info, sizeof info, INFO_FIRST, err);
}

modellab_segment mli_segment_public(const mli_transcript_segment *s)
{
    return (modellab_segment){.size = sizeof(modellab_segment),
                              .id = (int32_t)s->id,
                              .token_count = (int32_t)s->token_count,
                              .start = s->start,
                              .end = s->end,
                              .text = s->text,
                              .tokens = s->tokens,
                              .token_probabilities = s->token_probabilities,
                              .temperature = s->temperature,
                              .avg_logprob = s->avg_logprob,
                              .compression_ratio = s->compression_ratio,
                              .no_speech_prob = s->no_speech_prob,
                              .first_word = s->word_count > 0 ? (int64_t)s->first_word : -1,
                              .word_count = (int64_t)s->word_count,
                              .speaker = s->speaker,
                              .speaker_is_nearest = s->speaker_nearest ? 1 : 0};
}

modellab_status modellab_transcript_segment_at(const modellab_transcript *transcript, int64_t index,
                                               modellab_segment *out, modellab_error *err)
{
    if (transcript == NULL || out == NULL)
        return missing(transcript == NULL ? "transcript" : "out", err);
    const mli_transcript *t = mli_transcript_of(transcript);
    if (index < 0 || (uint64_t)index >= t->segment_count)
        return mli_fail_at(err, MODELLAB_E_NOT_FOUND, index, "there is no segment %lld of %zu",
                           (long long)index, t->segment_count);
    const modellab_segment segment = mli_segment_public(&t->segments[index]);
    return mli_sized_out(out, &segment, sizeof segment, SEGMENT_FIRST, err);
}

modellab_status modellab_transcript_word_at(const modellab_transcript *transcript, int64_t index,
                                            modellab_word *out, modellab_error *err)
{
    if (transcript == NULL || out == NULL)
        return missing(transcript == NULL ? "transcript" : "out", err);
    const mli_transcript *t = mli_transcript_of(transcript);
    const mli_transcript_segment *segment = NULL;
    const mli_transcript_word *word =
        index >= 0 ? mli_transcript_word_at(t, (size_t)index, &segment) : NULL;
    if (word == NULL)
        return mli_fail_at(err, MODELLAB_E_NOT_FOUND, index, "there is no word %lld of %zu",
                           (long long)index, mli_transcript_word_count(t));
    const modellab_word shown = {.size = sizeof shown,
                                 .start = word->start,
                                 .end = word->end,
                                 .text = word->text,
                                 .probability = word->probability,
                                 .speaker = word->speaker,
                                 .speaker_is_nearest = word->speaker_nearest ? 1 : 0};
    return mli_sized_out(out, &shown, sizeof shown, WORD_FIRST, err);
}

modellab_status modellab_transcript_write(const modellab_transcript *transcript,
                                          modellab_transcript_format format, const char *name,
                                          modellab_buffer **out, modellab_error *err)
{
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (transcript == NULL)
        return missing("transcript", err);
    const mli_transcript *t = mli_transcript_of(transcript);
    const mli_format_options options = {.name = name};
    mli_buf text;
    if (format < MODELLAB_FORMAT_TXT || format > MODELLAB_FORMAT_RTTM)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d is not a transcript format",
                        (int)format);
    mli_buf_init(&text, mli_transcript_allocator(t));
    modellab_status status = mli_format_write(t, (mli_text_format)format, &options, &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}

modellab_status modellab_transcript_read_json(const char *json, size_t bytes,
                                              const modellab_allocator *allocator,
                                              modellab_transcript **out, modellab_error *err)
{
    modellab_allocator alloc;
    mli_transcript *transcript = NULL;
    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (json == NULL)
        return missing("json", err);
    modellab_status status = mli_allocator_take(allocator, &alloc, err);
    if (status == MODELLAB_OK)
        status = mli_format_read(MLI_TEXT_VERBOSE_JSON, json, bytes, &alloc, &transcript, err);
    *out = mli_transcript_public(transcript);
    return status;
}

modellab_transcript_format modellab_transcript_format_from_name(const char *name)
{
    return (modellab_transcript_format)mli_format_from_name(name);
}

const char *modellab_transcript_format_name(modellab_transcript_format format)
{
    return format < MODELLAB_FORMAT_TXT || format > MODELLAB_FORMAT_RTTM
               ? NULL
               : mli_format_name((mli_text_format)format);
}

void modellab_search_options_init(modellab_search_options *options, size_t size)
{
    const modellab_search_options init = MODELLAB_SEARCH_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

modellab_status modellab_transcript_search(const modellab_transcript *transcript, const char *query,
                                           const modellab_search_options *options,
                                           modellab_buffer **out, modellab_error *err)
{
    modellab_search_options taken = MODELLAB_SEARCH_OPTIONS_INIT;
    mli_buf text;

    if (out == NULL)
        return missing("out", err);
    *out = NULL;
    if (transcript == NULL || query == NULL)
        return missing(transcript == NULL ? "transcript" : "query", err);
    modellab_status status = mli_sized_in(
        &taken, sizeof taken, MLI_SIZE_UP_TO(modellab_search_options, cancel), options, err);
    if (status == MODELLAB_OK && (taken.limit < 0 || taken.limit > 1000 || taken.context < 0 ||
                                  taken.context > 1000 || (taken.flags & ~MODELLAB_SEARCH_ACCENTS)))
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "limit and context are 1 to 1000");
    if (status != MODELLAB_OK)
        return status;
    const mli_search_options how = {.accents = (taken.flags & MODELLAB_SEARCH_ACCENTS) != 0,
                                    .limit = taken.limit == 0 ? 50 : taken.limit,
                                    .context = taken.context == 0 ? 60 : taken.context,
                                    .cancel = mli_cancel_word_of(taken.cancel)};
    mli_buf_init(&text, mli_transcript_allocator(mli_transcript_of(transcript)));
    status = mli_transcript_search(mli_transcript_of(transcript), query, &how, &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}
