/* Words of a window from token times. */
#include "speech/whisper_words.h"

#include <math.h>
#include <string.h>

const char *const mli_whisper_prepended = "\"'\xe2\x80\x9c\xc2\xbf([{-";
const char *const mli_whisper_appended = "\"'.\xe3\x80\x82,\xef\xbc\x8c!\xef\xbc\x81?\xef\xbc\x9f:"
                                         "\xef\xbc\x9a\xe2\x80\x9d)]}\xe3\x80\x81";
static const char sentence_ends[] = ".\xe3\x80\x82!\xef\xbc\x81?\xef\xbc\x9f";

/* Whether the bytes stand anywhere in `list`; nothing does (as in the reference's language). */
static bool within(const char *list, const char *text, size_t bytes)
{
    size_t size = strlen(list);
    for (size_t at = 0; at + bytes <= size; at++)
        if (memcmp(list + at, text, bytes) == 0)
            return true;
    return false;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void stripped(const char *text, const mli_whisper_timing *w, const char **from,
                     size_t *bytes)
{
    const char *start = text + w->text, *end = start + w->text_bytes;
    while (start < end && blank(*start))
        start++;
    while (end > start && blank(end[-1]))
        end--;
    *from = start;
    *bytes = (size_t)(end - start);
}

static double duration(const mli_whisper_timing *w)
{
    return w->end - w->start;
}

/* The k-th smallest of the durations above 0, by counting: windows have few words. */
static double nth_duration(const mli_whisper_timing *words, size_t count, size_t k)
{
    for (size_t i = 0; i < count; i++) {
        double d = duration(&words[i]);
        size_t less = 0, same = 0;
        if (d == 0)
            continue;
        for (size_t j = 0; j < count; j++) {
            double other = duration(&words[j]);
            less += other != 0 && other < d;
            same += other != 0 && other == d;
        }
        if (less <= k && k < less + same)
            return d;
    }
    return 0;
}

static double median_duration(const mli_whisper_timing *words, size_t count)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += duration(&words[i]) != 0;
    if (used == 0)
        return 0;
    double median =
        used % 2 == 1
            ? nth_duration(words, count, used / 2)
            : (nth_duration(words, count, used / 2 - 1) + nth_duration(words, count, used / 2)) / 2;
    return median < 0.7 ? median : 0.7;
}

double mli_whisper_words_trim(mli_whisper_timing *words, size_t count, const char *text)
{
    double median = median_duration(words, count), longest = 2 * median;
    if (median == 0)
        return 0;
    for (size_t i = 1; i < count; i++) {
        if (duration(&words[i]) <= longest)
            continue;
        if (within(sentence_ends, text + words[i].text, words[i].text_bytes))
            words[i].end = words[i].start + longest;
        else if (within(sentence_ends, text + words[i - 1].text, words[i - 1].text_bytes))
            words[i].start = words[i].end - longest;
    }
    return median;
}

static void empty_word(mli_whisper_timing *w)
{
    w->text_bytes = 0;
    w->count = 0;
}

static void merge_forward(mli_whisper_timing *words, size_t count, const char *text,
                          const char *prepended)
{
    for (size_t i = count - 1, j = count - 1; i-- > 0;) {
        mli_whisper_timing *word = &words[i], *next = &words[j];
        const char *from = NULL;
        size_t bytes = 0;
        stripped(text, word, &from, &bytes);
        if (word->text_bytes == 0 || text[word->text] != ' ' || !within(prepended, from, bytes)) {
            j = i;
            continue;
        }
        /* Neighbours in the list are neighbours in the text: joining is widening the range. */
        next->text_bytes += next->text - word->text;
        next->text = word->text;
        next->count += next->first - word->first;
        next->first = word->first;
        empty_word(word);
    }
}

static void merge_backward(mli_whisper_timing *words, size_t count, const char *text,
                           const char *appended)
{
    for (size_t i = 0, j = 1; j < count; j++) {
        mli_whisper_timing *word = &words[i], *next = &words[j];
        bool spaced = word->text_bytes > 0 && text[word->text + word->text_bytes - 1] == ' ';
        if (spaced || !within(appended, text + next->text, next->text_bytes)) {
            i = j;
            continue;
        }
        if (next->text_bytes == 0)
            continue;
        if (word->text_bytes == 0) {
            word->text = next->text;
            word->first = next->first;
        }
        word->text_bytes = next->text + next->text_bytes - word->text;
        word->count = next->first + next->count - word->first;
        empty_word(next);
    }
}

void mli_whisper_words_merge(mli_whisper_timing *words, size_t count, const char *text,
                             const char *prepended, const char *appended)
{
    if (count == 0)
        return;
    merge_forward(words, count, text, prepended);
    merge_backward(words, count, text, appended);
}

static double to_hundredths(double seconds)
{
    return nearbyint(seconds * 100.0) / 100.0;
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

/* The first words after a pause are no longer than twice the median. */
static void repair_start(mli_whisper_timing *w, size_t count, double median, double last_speech)
{
    double longest = 2 * median;
    bool long_first = duration(&w[0]) > longest;
    bool long_pair = count > 1 && w[1].end - w[0].start > longest * 2;
    if (w[0].end - last_speech <= median * 4 || !(long_first || long_pair))
        return;
    if (count > 1 && duration(&w[1]) > longest) {
        double border = greater(w[1].end / 2, w[1].end - longest);
        w[0].end = w[1].start = border;
    }
    w[0].start = greater(0, w[0].end - longest);
}

/* Where the segment's own times and its words' differ by half a second, the segment is right. */
static void settle_borders(mli_whisper_piece *piece, mli_whisper_timing *w, size_t count,
                           double median)
{
    mli_whisper_timing *last = &w[count - 1];
    if (piece->start < w[0].end && piece->start - 0.5 > w[0].start) {
        double start = w[0].end - median < piece->start ? w[0].end - median : piece->start;
        w[0].start = greater(0, start);
    } else {
        piece->start = w[0].start;
    }
    if (piece->end > last->start && piece->end + 0.5 < last->end)
        last->end = greater(last->start + median, piece->end);
    else
        piece->end = last->end;
}

size_t mli_whisper_words_place(mli_whisper_timing *words, size_t count, mli_whisper_piece *pieces,
                               size_t piece_count, double offset, double median,
                               double *last_speech)
{
    size_t at = 0, kept = 0;
    for (size_t p = 0; p < piece_count; p++) {
        mli_whisper_piece *piece = &pieces[p];
        size_t seen = 0;
        piece->first_word = kept;
        while (at < count && seen < piece->text_tokens) {
            mli_whisper_timing word = words[at++];
            seen += word.count;
            if (word.text_bytes == 0)
                continue;
            word.start = to_hundredths(offset + word.start);
            word.end = to_hundredths(offset + word.end);
            words[kept++] = word;
        }
        piece->word_count = kept - piece->first_word;
        if (piece->word_count == 0)
            continue;
        repair_start(words + piece->first_word, piece->word_count, median, *last_speech);
        settle_borders(piece, words + piece->first_word, piece->word_count, median);
        *last_speech = piece->end;
    }
    return kept;
}

static double strangeness(const mli_whisper_timing *w)
{
    double d = duration(w), score = 0;
    if (w->probability < 0.15)
        score += 1.0;
    if (d < 0.133)
        score += (0.133 - d) * 15;
    if (d > 2.0)
        score += d - 2.0;
    return score;
}

bool mli_whisper_words_suspicious(const mli_whisper_timing *words, size_t count, const char *text)
{
    double score = 0;
    size_t used = 0;
    if (count == 0)
        return false;
    for (size_t i = 0; i < count && used < 8; i++) {
        const char *word = text + words[i].text;
        if (within(mli_whisper_prepended, word, words[i].text_bytes) ||
            within(mli_whisper_appended, word, words[i].text_bytes))
            continue;
        score += strangeness(&words[i]);
        used++;
    }
    return score >= 3 || score + 0.01 >= (double)used;
}
