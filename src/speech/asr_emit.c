/* Segments of a window into the transcript, to the caller, and into the next window's prompt. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include <math.h>
#include <string.h>

/* Keeps the last tokens that a prompt can hold. */
modellab_status mli_asr_remember(mli_asr_run *run, const int32_t *tokens, size_t count,
                                 modellab_error *err)
{
    size_t keep = mli_asr_model_info_of(run->session->model).dims.text_ctx / 2 - 1;
    if (count > keep) {
        tokens += count - keep;
        count = keep;
    }
    if (run->history_capacity < keep) {
        int32_t *grown = mli_realloc_array(run->alloc, run->history, keep, sizeof *grown);
        if (grown == NULL)
            return mli_no_memory(err);
        run->history = grown;
        run->history_capacity = keep;
    }
    if (run->history_count + count > keep) {
        size_t drop = run->history_count + count - keep;
        memmove(run->history, run->history + drop,
                (run->history_count - drop) * sizeof *run->history);
        run->history_count -= drop;
    }
    memcpy(run->history + run->history_count, tokens, count * sizeof *tokens);
    run->history_count += count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
word_list(const mli_asr_run *run, const mli_whisper_piece *piece, const mli_asr_words *words,
          mli_transcript_word **out, char **texts, modellab_error *err)
{
    size_t count = piece->word_count, bytes = 0;
    *out = NULL;
    *texts = NULL;
    if (words == NULL || count == 0)
        return MODELLAB_OK;
    const mli_whisper_timing *items = words->items + piece->first_word;
    for (size_t i = 0; i < count; i++)
        bytes += items[i].text_bytes + 1;
    *out = mli_alloc_array(run->alloc, count, sizeof **out);
    *texts = mli_alloc(run->alloc, bytes);
    if (*out == NULL || *texts == NULL)
        return mli_no_memory(err);
    char *at = *texts;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, mli_buf_text(&words->text) + items[i].text, items[i].text_bytes);
        at[items[i].text_bytes] = '\0';
        (*out)[i] = (mli_transcript_word){.start = items[i].start,
                                          .end = items[i].end,
                                          .probability = items[i].probability,
                                          .text = at};
        at += items[i].text_bytes + 1;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status deliver(mli_asr_run *run, const mli_asr_decoded *d,
                                                   const mli_whisper_piece *piece,
                                                   const mli_asr_words *words, const char *text,
                                                   const float *probabilities, modellab_error *err)
{
    mli_transcript_word *list = NULL;
    char *texts = NULL;
    modellab_status status = word_list(run, piece, words, &list, &texts, err);
    mli_transcript_segment segment = {.id = (int64_t)run->transcript->segment_count,
                                      .seek = run->seek,
                                      .start = piece->start,
                                      .end = piece->end,
                                      .text = text,
                                      .tokens = d->found.tokens + piece->first,
                                      .token_probabilities = probabilities + piece->first,
                                      .token_count = piece->count,
                                      .words = list,
                                      .word_count = list != NULL ? piece->word_count : 0,
                                      .temperature = d->temperature,
                                      .avg_logprob = d->found.avg_logprob,
                                      .compression_ratio = d->compression_ratio,
                                      .no_speech_prob = d->no_speech_prob};
    if (status == MODELLAB_OK)
        status = mli_transcript_add(run->transcript, &segment, err);
    if (status == MODELLAB_OK) {
        const mli_transcript *t = run->transcript;
        const mli_transcript_segment *added = &t->segments[t->segment_count - 1];
        if (run->options->segment != NULL && run->options->segment(run->options->user, added) != 0)
            status = mli_fail(err, MODELLAB_E_CALLBACK, "the segment callback ended the work");
    }
    mli_free(run->alloc, list);
    mli_free(run->alloc, texts);
    return status;
}

/* Segments without length or text are left out, as are their tokens. */
MODELLAB_MUST_CHECK static modellab_status
emit_piece(mli_asr_run *run, const mli_asr_decoded *d, const mli_whisper_piece *piece,
           const mli_asr_words *words, const float *probabilities, modellab_error *err)
{
    mli_buf text;
    size_t first = 0, size = 0;
    const int32_t *tokens = d->found.tokens + piece->first;
    mli_buf_init(&text, run->alloc);
    mli_whisper_decode_text(run->tokenizer, tokens, piece->count, &text);
    modellab_status status = mli_buf_status(&text, err);
    mli_asr_strip(mli_buf_text(&text), text.size, &first, &size);
    if (status == MODELLAB_OK && size > 0 && piece->start != piece->end) {
        status = deliver(run, d, piece, words, mli_buf_text(&text), probabilities, err);
        if (status == MODELLAB_OK)
            status = mli_asr_remember(run, tokens, piece->count, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_asr_emit(mli_asr_run *run, const mli_asr_decoded *d,
                             const mli_whisper_piece *pieces, size_t piece_count,
                             const mli_asr_words *words, modellab_error *err)
{
    float *probabilities = mli_alloc_array(run->alloc, d->found.count, sizeof *probabilities);
    if (probabilities == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < d->found.count; i++)
        probabilities[i] = expf(d->found.logprobs[i]);
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < piece_count; i++)
        status = emit_piece(run, d, &pieces[i], words, probabilities, err);
    mli_free(run->alloc, probabilities);
    /* What was said at a high temperature is no good example for what follows. */
    if (!run->options->condition_on_previous || d->temperature > 0.5)
        run->history_count = 0;
    return status;
}
