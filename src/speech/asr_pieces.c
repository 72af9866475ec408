/* Cutting a window's tokens into segments by pairs of timestamps, as the reference does. */
#include "speech/asr_private.h"

enum { FRAMES_PER_STEP = 2 }; /* a timestamp step is 20 ms, a mel frame 10 ms */

static size_t count_text(const int32_t *tokens, size_t count, int32_t eot)
{
    size_t text = 0;
    for (size_t i = 0; i < count; i++)
        text += tokens[i] < eot;
    return text;
}

static double seconds_at(int64_t seek, int64_t steps)
{
    return (double)seek / 100.0 + (double)steps * 0.02;
}

/* No pair of timestamps: one segment, to the last timestamp or the window's end. */
static mli_asr_cut cut_whole(const int32_t *tokens, size_t count, int32_t timestamp_begin,
                             int32_t eot, int64_t seek, int64_t size, mli_whisper_piece *pieces)
{
    double duration = (double)size / 100.0;
    for (size_t i = count; i-- > 0;) {
        if (tokens[i] < timestamp_begin)
            continue;
        if (tokens[i] != timestamp_begin)
            duration = (double)(tokens[i] - timestamp_begin) * 0.02;
        break;
    }
    double start = (double)seek / 100.0;
    pieces[0] = (mli_whisper_piece){.start = start,
                                    .end = start + duration,
                                    .first = 0,
                                    .count = count,
                                    .text_tokens = count_text(tokens, count, eot)};
    return (mli_asr_cut){.piece_count = 1, .advance = size};
}

mli_asr_cut mli_asr_cut_pieces(const int32_t *tokens, size_t count, int32_t timestamp_begin,
                               int32_t eot, int64_t seek, int64_t size, mli_whisper_piece *pieces)
{
    mli_asr_cut cut = {0, size, false};
    size_t begin = 0;
    bool ending =
        count >= 2 && tokens[count - 2] < timestamp_begin && tokens[count - 1] >= timestamp_begin;
    for (size_t i = 1; i <= count; i++) {
        bool pair = i < count && tokens[i - 1] >= timestamp_begin && tokens[i] >= timestamp_begin;
        bool tail = i == count && ending && cut.piece_count > 0;
        if (!pair && !tail)
            continue;
        pieces[cut.piece_count++] =
            (mli_whisper_piece){.start = seconds_at(seek, tokens[begin] - timestamp_begin),
                                .end = seconds_at(seek, tokens[i - 1] - timestamp_begin),
                                .first = begin,
                                .count = i - begin,
                                .text_tokens = count_text(tokens + begin, i - begin, eot)};
        begin = i;
    }
    if (cut.piece_count == 0)
        cut = cut_whole(tokens, count, timestamp_begin, eot, seek, size, pieces);
    else if (!ending)
        /* What follows the last pair is not finished: the next window begins there. */
        cut.advance = (int64_t)(tokens[begin - 1] - timestamp_begin) * FRAMES_PER_STEP;
    cut.single_ending = ending;
    return cut;
}

void mli_asr_cut_rest(mli_asr_cut *cut, const int32_t *tokens, size_t count,
                      int32_t timestamp_begin, int32_t eot, int64_t seek, int64_t size,
                      int64_t rest, mli_whisper_piece *pieces)
{
    size_t begin = 0;
    if (cut->single_ending || cut->advance >= size) {
        cut->single_ending = true;
        return;
    }
    for (size_t p = 0; p < cut->piece_count; p++)
        begin += pieces[p].count;
    size_t text = count_text(tokens + begin, count - begin, eot);
    if (text > 0)
        pieces[cut->piece_count++] =
            (mli_whisper_piece){.start = seconds_at(seek, tokens[begin] - timestamp_begin),
                                .end = (double)(seek + size) / 100.0,
                                .first = begin,
                                .count = count - begin,
                                .text_tokens = text};
    if (text > 0 || size - cut->advance <= rest) {
        cut->advance = size;
        cut->single_ending = true;
    }
}

/* A rest that is cut off is at most a word and the silence beside it, however wide the padding. */
enum { WORD_FRAMES = 50, REST_FRAMES = 100 };

int64_t mli_asr_rest_frames(const mli_asr_options *options)
{
    int64_t pad = options->vad_rules.pad / MLI_MEL_HOP, padded = pad + pad / 4;
    if (padded > REST_FRAMES)
        return REST_FRAMES;
    return padded > WORD_FRAMES ? padded : WORD_FRAMES;
}
