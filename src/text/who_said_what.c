/* Joining turns of speakers with a transcript. */
#include "base/alloc.h"
#include "base/error.h"
#include "text/turns.h"
#include <math.h>
#include <string.h>

/* Turns by start, and how far back one may still reach: the greatest end so far. */
typedef struct line {
    const mli_text_turn *turns;
    const double *reach; /* [count] */
    size_t count;
    const mli_cancel_word *cancel;
} line;

/* The first turn whose start lies behind `time`. */
static size_t first_after(const line *l, double time)
{
    size_t low = 0, high = l->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->turns[middle].start > time)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Seconds that a speaker speaks between two times, from turn `from` on. */
static double spoken(const line *l, size_t from, size_t to, const char *speaker, double start,
                     double end)
{
    double sum = 0.0;
    for (size_t i = from; i < to; i++) {
        double low = fmax(l->turns[i].start, start), high = fmin(l->turns[i].end, end);
        if (high > low && strcmp(l->turns[i].speaker, speaker) == 0)
            sum += high - low;
    }
    return sum;
}

/* The nearest turn: the last ones before, and the first one behind. */
static const char *nearest(const line *l, double start, double end, size_t to)
{
    const char *found = NULL;
    double least = INFINITY;
    for (size_t i = to; i-- > 0 && (found == NULL || start - l->reach[i] < least);) {
        double away = fmax(start - l->turns[i].end, 0.0);
        if (away <= least) { /* of two alike the earlier one */
            least = away;
            found = l->turns[i].speaker;
        }
    }
    if (to < l->count && fmax(l->turns[to].start - end, 0.0) < least)
        found = l->turns[to].speaker;
    return found;
}

/* Who speaks longest between two times; `*is_nearest` when nobody does. NULL without turns. */
static const char *speaker_of(const line *l, double start, double end, bool *is_nearest)
{
    size_t to = first_after(l, end), from = to;
    const char *best = NULL;
    double most = 0.0;
    while (from > 0 && l->reach[from - 1] > start)
        from--;
    for (size_t i = from; i < to && !mli_cancelled(l->cancel); i++) {
        if (fmin(l->turns[i].end, end) <= fmax(l->turns[i].start, start))
            continue;
        double length = spoken(l, from, to, l->turns[i].speaker, start, end);
        if (length > most) {
            most = length;
            best = l->turns[i].speaker;
        }
    }
    for (size_t i = from; best == NULL && i < to; i++) { /* a word of no length inside a turn */
        if (l->turns[i].start <= start && l->turns[i].end >= end)
            best = l->turns[i].speaker;
    }
    *is_nearest = best == NULL && l->count > 0;
    return best != NULL ? best : nearest(l, start, end, to);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Words [first, first + count) of a segment as one of its own. */
MODELLAB_MUST_CHECK static modellab_status add_part(mli_transcript *out,
                                                    const mli_transcript_segment *s,
                                                    const mli_transcript_word *words, size_t first,
                                                    size_t count, modellab_error *err)
{
    mli_transcript_segment part = *s;
    mli_buf text;
    mli_buf_init(&text, mli_transcript_allocator(out));
    part.id = (int64_t)out->segment_count;
    part.words = words + first;
    part.word_count = count;
    part.speaker = words[first].speaker;
    part.speaker_nearest = true;
    for (size_t i = first; i < first + count; i++)
        part.speaker_nearest = part.speaker_nearest && words[i].speaker_nearest;
    if (count < s->word_count) {
        for (size_t i = first; i < first + count; i++)
            mli_buf_append_text(&text, words[i].text);
        part.text = mli_buf_text(&text);
        part.tokens = NULL;
        part.token_probabilities = NULL;
        part.token_count = 0;
        if (first > 0)
            part.start = words[first].start;
        if (first + count < s->word_count)
            part.end = fmax(words[first + count - 1].end, part.start);
        else
            part.end = fmax(s->end, part.start);
    }
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_add(out, &part, err);
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_segment(mli_transcript *out, const line *l,
                                                       const mli_transcript_segment *s,
                                                       modellab_error *err)
{
    const modellab_allocator *alloc = mli_transcript_allocator(out);
    modellab_status status = MODELLAB_OK;
    if (mli_cancelled(l->cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    if (s->word_count == 0) {
        mli_transcript_segment whole = *s;
        whole.id = (int64_t)out->segment_count;
        whole.speaker = speaker_of(l, s->start, s->end, &whole.speaker_nearest);
        if (mli_cancelled(l->cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        return mli_transcript_add(out, &whole, err);
    }
    mli_transcript_word *words = mli_alloc_array(alloc, s->word_count, sizeof *words);
    if (words == NULL)
        return mli_no_memory(err);
    memcpy(words, s->words, s->word_count * sizeof *words);
    for (size_t i = 0; i < s->word_count; i++) {
        words[i].speaker = speaker_of(l, words[i].start, words[i].end, &words[i].speaker_nearest);
        if (mli_cancelled(l->cancel)) { /* one long turn lets each word look at all turns */
            mli_free(alloc, words);
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
    }
    for (size_t first = 0, end; status == MODELLAB_OK && first < s->word_count; first = end) {
        for (end = first + 1;
             end < s->word_count && same(words[end].speaker, words[first].speaker);)
            end++;
        status = add_part(out, s, words, first, end - first, err);
    }
    mli_free(alloc, words);
    return status;
}

modellab_status mli_who_said_what(const mli_transcript *t, const mli_text_turn *turns, size_t count,
                                  const mli_cancel_word *cancel, mli_transcript **out,
                                  modellab_error *err)
{
    const modellab_allocator *alloc = mli_transcript_allocator(t);
    mli_transcript *made = NULL;
    double *reach = mli_alloc_array(alloc, count, sizeof *reach);
    line l = {turns, reach, count, cancel};
    *out = NULL;
    if (reach == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++)
        reach[i] = i > 0 ? fmax(reach[i - 1], turns[i].end) : turns[i].end;
    modellab_status status = mli_transcript_create(alloc, &made, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_set_info(made, t->task, t->language, t->language_probability,
                                         t->duration, err);
    for (size_t i = 0; status == MODELLAB_OK && i < t->segment_count; i++)
        status = add_segment(made, &l, &t->segments[i], err);
    if (status == MODELLAB_OK) {
        made->has_words = t->has_words;
        if (t->partial)
            mli_transcript_set_partial(made);
        status = mli_transcript_finish(made, err);
    }
    mli_free(alloc, reach);
    if (status == MODELLAB_OK)
        *out = made;
    else
        mli_transcript_unref(made);
    return status;
}
