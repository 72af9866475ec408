/* What becomes of a decoded window: nothing when it is silent, else its segments, with word times
 * and the guard against invented words. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include <math.h>
#include <string.h>

bool mli_asr_is_silence(const mli_asr_options *o, const mli_asr_decoded *d)
{
    return d->no_speech_prob > o->no_speech_threshold &&
           !(d->found.avg_logprob > o->logprob_threshold);
}

/* Word times, and with them a better place for the next window. True in *again: nothing of this
 * window is kept. */
MODELLAB_MUST_CHECK static modellab_status
time_words(mli_asr_run *run, const mli_asr_decoded *d, mli_asr_cut *cut, mli_whisper_piece *pieces,
           int64_t size, mli_asr_words *words, int64_t *next, bool *again, modellab_error *err)
{
    mli_asr_window_place at = {.seek = run->seek,
                               .size = size,
                               .content_frames = run->content_frames,
                               .single_ending = cut->single_ending,
                               .last_speech = run->last_speech,
                               .threshold = run->options->hallucination_silence};
    modellab_status status = mli_asr_time_words(run, d, pieces, cut->piece_count, size, words, err);
    if (status != MODELLAB_OK)
        return status;
    double end = 0;
    if (!cut->single_ending && mli_asr_end_of(pieces, cut->piece_count, words, &end) &&
        end > (double)run->seek / 100.0)
        *next = (int64_t)llrint(end * 100.0);
    if (at.threshold >= 0)
        *again = mli_asr_guard_silence(&at, pieces, &cut->piece_count, words, next);
    if (!*again)
        (void)mli_asr_end_of(pieces, cut->piece_count, words, &run->last_speech);
    return MODELLAB_OK;
}

modellab_status mli_asr_keep_window(mli_asr_run *run, const mli_asr_decoded *d, int64_t size,
                                    int64_t *next, modellab_error *err)
{
    mli_asr_words words;
    bool again = false;
    *next = run->seek + size;
    if (mli_asr_is_silence(run->options, d))
        return MODELLAB_OK;
    memset(&words, 0, sizeof words);
    mli_buf_init(&words.text, run->alloc);
    mli_whisper_piece *pieces = mli_alloc_array(run->alloc, d->found.count / 2 + 2, sizeof *pieces);
    if (pieces == NULL)
        return mli_no_memory(err);
    mli_asr_cut cut =
        mli_asr_cut_pieces(d->found.tokens, d->found.count, run->special->timestamp_begin,
                           run->special->eot, run->seek, size, pieces);
    if (run->is_chunk && run->seek + size >= run->content_frames && d->ended)
        mli_asr_cut_rest(&cut, d->found.tokens, d->found.count, run->special->timestamp_begin,
                         run->special->eot, run->seek, size, mli_asr_rest_frames(run->options),
                         pieces);
    *next = run->seek + cut.advance;
    modellab_status status = MODELLAB_OK;
    if (run->options->word_times)
        status = time_words(run, d, &cut, pieces, size, &words, next, &again, err);
    if (status == MODELLAB_OK && !again)
        status = mli_asr_emit(run, d, pieces, cut.piece_count,
                              run->options->word_times ? &words : NULL, err);
    mli_asr_words_dispose(run, &words);
    mli_free(run->alloc, pieces);
    return status;
}
