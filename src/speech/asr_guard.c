/* The guard against words invented around silence (the reference's
 * hallucination_silence_threshold). */
#include "speech/asr_private.h"
#include <math.h>

static int64_t frames_of(double seconds)
{
    return (int64_t)llrint(seconds * 100.0);
}

bool mli_asr_end_of(const mli_whisper_piece *pieces, size_t count, const mli_asr_words *words,
                    double *end)
{
    for (size_t i = count; i-- > 0;)
        if (pieces[i].word_count > 0) {
            *end = words->items[pieces[i].first_word + pieces[i].word_count - 1].end;
            return true;
        }
    if (count > 0)
        *end = pieces[count - 1].end;
    return count > 0;
}

static bool suspicious(const mli_whisper_piece *piece, const mli_asr_words *words)
{
    return mli_whisper_words_suspicious(words->items + piece->first_word, piece->word_count,
                                        mli_buf_text(&words->text));
}

static size_t next_with_words(const mli_whisper_piece *pieces, size_t count, size_t from)
{
    while (from < count && pieces[from].word_count == 0)
        from++;
    return from;
}

static double later(double a, double b)
{
    return a > b ? a : b;
}

/* A suspicious segment with silence, or more of its kind, on both sides ends what is kept. */
static void cut_surrounded(const mli_asr_window_place *at, const mli_whisper_piece *pieces,
                           size_t *piece_count, const mli_asr_words *words, int64_t *seek)
{
    double offset = (double)at->seek / 100.0, window_end = offset + 30.0;
    double last_end = at->last_speech;
    for (size_t i = 0; i < *piece_count; i++) {
        const mli_whisper_piece *piece = &pieces[i];
        if (piece->word_count == 0)
            continue;
        if (suspicious(piece, words)) {
            size_t next = next_with_words(pieces, *piece_count, i + 1);
            bool more = next < *piece_count;
            double next_start = more ? words->items[pieces[next].first_word].start
                                     : offset + (double)at->size / 100.0;
            bool before = piece->start - last_end > at->threshold || piece->start < at->threshold ||
                          piece->start - offset < 2.0;
            bool after = next_start - piece->end > at->threshold ||
                         (more && suspicious(&pieces[next], words)) ||
                         window_end - piece->end < 2.0;
            if (before && after) {
                *seek = frames_of(later(offset + 1, piece->start));
                if ((double)at->content_frames / 100.0 - piece->end < at->threshold)
                    *seek = at->content_frames;
                *piece_count = i;
                return;
            }
        }
        last_end = piece->end;
    }
}

bool mli_asr_guard_silence(const mli_asr_window_place *at, const mli_whisper_piece *pieces,
                           size_t *piece_count, const mli_asr_words *words, int64_t *seek)
{
    double offset = (double)at->seek / 100.0, end = 0;
    if (!at->single_ending && mli_asr_end_of(pieces, *piece_count, words, &end) && end > offset)
        *seek = offset + 30.0 - end > at->threshold ? frames_of(end) : at->seek + at->size;
    size_t first = next_with_words(pieces, *piece_count, 0);
    if (first < *piece_count && suspicious(&pieces[first], words)) {
        double gap = pieces[first].start - offset;
        if (gap > at->threshold) {
            *seek = at->seek + frames_of(gap);
            return true;
        }
    }
    cut_surrounded(at, pieces, piece_count, words, seek);
    return false;
}
