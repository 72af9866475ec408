/* Search in transcripts: the query and the text are folded code point by code point; an automaton
 * (Knuth, Morris, Pratt) runs over all segments once, whatever the query is. */
#include "text/search.h"

#include "base/error.h"
#include "base/str.h"
#include "text/unicode_fold.h"
#include <string.h>

#define TEXT_BYTES 4000   /* of a segment that is told whole */
#define TEXT_AROUND 400   /* characters of a longer one before and after a match */
#define CHARACTER_BYTES 4 /* at most */

/* A place in the text: a source character of a segment. */
typedef struct place {
    size_t segment, from, to; /* bytes */
    size_t before;            /* characters of the segment before it */
} place;

typedef struct search {
    const mli_transcript *t;
    const mli_search_options *options;
    uint32_t pattern[MLI_SEARCH_QUERY_MOST];
    uint16_t back[MLI_SEARCH_QUERY_MOST]; /* longest border of each prefix */
    place ring[MLI_SEARCH_QUERY_MOST];    /* of the code points that came last */
    size_t length, state;
    uint64_t seen;
    bool after_space;
    int64_t count;
    mli_jw w;
} search;

/* Marks that people type in one way and machines write in another. */
static uint32_t plain(uint32_t c)
{
    if (c == 0x2018 || c == 0x2019 || c == 0x02bc || c == 0x2032) {
        return '\'';
    }
    if (c == 0x201c || c == 0x201d || c == 0x201e || c == 0x2033) {
        return '"';
    }
    return c >= 0x2010 && c <= 0x2015 ? '-' : c;
}

/* What one character is for the search; 0 = nothing. Spaces of any kind become one. */
static size_t fold(uint32_t c, bool accents, uint32_t out[MLI_UNICODE_MAX_PARTS])
{
    uint32_t parts[MLI_UNICODE_MAX_PARTS];
    size_t kept = 0, count;

    if (mli_unicode_is_space(c)) {
        out[0] = ' ';
        return 1;
    }
    count = mli_unicode_decompose(plain(c), parts);
    for (size_t i = 0; i < count; i++) {
        if (accents || !mli_unicode_is_nonspacing(parts[i])) {
            out[kept++] = mli_unicode_lower(parts[i]);
        }
    }
    return kept;
}

/* The next character at `at`; what is no UTF-8 counts as U+FFFD. Returns its bytes. */
static size_t next_character(const char *text, size_t bytes, size_t at, uint32_t *c)
{
    size_t n = mli_utf8_decode(text + at, bytes - at, c);

    if (n == 0) {
        *c = 0xfffd;
        n = 1;
    }
    return n;
}

MODELLAB_MUST_CHECK static modellab_status read_query(search *s, const char *query,
                                                      modellab_error *err)
{
    size_t bytes = strlen(query);
    uint32_t c, parts[MLI_UNICODE_MAX_PARTS];

    for (size_t at = 0; at < bytes;) {
        at += next_character(query, bytes, at, &c);
        size_t count = fold(c, s->options->accents, parts);

        for (size_t i = 0; i < count; i++) {
            if (parts[i] == ' ' && (s->length == 0 || s->pattern[s->length - 1] == ' ')) {
                continue;
            }
            if (s->length == MLI_SEARCH_QUERY_MOST) {
                return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                                "the query is longer than %d characters",
                                (int)MLI_SEARCH_QUERY_MOST);
            }
            s->pattern[s->length++] = parts[i];
        }
    }
    s->length -= s->length > 0 && s->pattern[s->length - 1] == ' ';
    if (s->length == 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the query has no letters");
    }
    for (size_t i = 1, k = 0; i < s->length; i++) {
        while (k > 0 && s->pattern[i] != s->pattern[k]) {
            k = s->back[k - 1];
        }
        k += s->pattern[i] == s->pattern[k];
        s->back[i] = (uint16_t)k;
    }
    return MODELLAB_OK;
}

/* Of a text, as far as `most` bytes; memchr() reads no further than to the end. */
static size_t bytes_of(const char *text, size_t most)
{
    const char *end = memchr(text, '\0', most);

    return end != NULL ? (size_t)(end - text) : most;
}

/* At most `most` characters before `at`; *steps: how many there were. */
static size_t step_back(const char *text, size_t at, int64_t most, size_t *steps)
{
    for (*steps = 0; at > 0 && most > 0; most--, ++*steps) {
        at--;
        while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) {
            at--;
        }
    }
    return at;
}

/* At most `most` characters from `at` on; of what is behind them nothing is looked at. */
static size_t step_on(const char *text, size_t at, int64_t most)
{
    size_t bytes = at + bytes_of(text + at, (size_t)most * CHARACTER_BYTES);
    uint32_t c;

    for (; at < bytes && most > 0; most--) {
        at += next_character(text, bytes, at, &c);
    }
    return at;
}

/* The segment in which a match begins, or of a long one what is around it: the work and the answer
 * do not grow with the segment for each match. */
static void put_text(search *s, const place *a, const place *b)
{
    const char *text = s->t->segments[a->segment].text;
    size_t to = bytes_of(text, TEXT_BYTES + 1), from = 0, steps = a->before;

    if (to > TEXT_BYTES) {
        from = step_back(text, a->from, TEXT_AROUND, &steps);
        to = step_on(text, a->segment == b->segment ? b->to : a->from, TEXT_AROUND);
    }
    mli_jw_key(&s->w, "text");
    mli_jw_string_n(&s->w, text + from, to - from);
    mli_jw_kint(&s->w, "offset", (int64_t)a->before);
    mli_jw_kint(&s->w, "text_offset", (int64_t)(a->before - steps));
    mli_jw_kbool(&s->w, "text_cut", from > 0 || text[to] != '\0');
}

/* The words of a segment that stand in its bytes [from, to): false when the words are not the text,
 * piece by piece. */
static bool words_at(const mli_transcript_segment *segment, size_t from, size_t to, size_t *first,
                     size_t *last)
{
    size_t at = 0, bytes = strlen(segment->text);
    bool any = false;

    for (size_t i = 0; i < segment->word_count; i++) {
        size_t n = strlen(segment->words[i].text);

        if (n > bytes - at || memcmp(segment->text + at, segment->words[i].text, n) != 0) {
            return false;
        }
        if (at < to && at + n > from) {
            *first = any ? *first : i;
            *last = i;
            any = true;
        }
        at += n;
    }
    return any;
}

/* The match from `a` to the end of `b`; times of its words where they are known. */
static void put_times(search *s, const place *a, const place *b)
{
    const mli_transcript_segment *x = &s->t->segments[a->segment], *y = &s->t->segments[b->segment];
    size_t first = 0, last = 0, unused = 0;
    size_t x_to = a->segment == b->segment ? b->to : strlen(x->text);
    size_t y_from = a->segment == b->segment ? a->from : 0;
    bool known =
        words_at(x, a->from, x_to, &first, &unused) && words_at(y, y_from, b->to, &unused, &last);

    mli_jw_kreal(&s->w, "start", known ? x->words[first].start : x->start);
    mli_jw_kreal(&s->w, "end", known ? y->words[last].end : y->end);
    mli_jw_key(&s->w, "first_word");
    if (known) {
        mli_jw_int(&s->w, (int64_t)(x->first_word + first));
        mli_jw_kint(&s->w, "word_count",
                    (int64_t)(y->first_word + last - x->first_word - first) + 1);
    } else {
        mli_jw_null(&s->w);
        mli_jw_kint(&s->w, "word_count", 0);
    }
}

/* As it stands in the text, over borders of segments. */
static void put_match(search *s, const place *a, const place *b)
{
    mli_buf text;

    mli_buf_init(&text, s->w.out->alloc);
    for (size_t i = a->segment; i <= b->segment; i++) {
        const char *from = s->t->segments[i].text;
        size_t at = i == a->segment ? a->from : 0;
        size_t to = i == b->segment ? b->to : strlen(from);

        mli_buf_append(&text, from + at, to - at);
    }
    mli_jw_key(&s->w, "match");
    mli_jw_string_n(&s->w, mli_buf_text(&text), text.size);
    if (text.status != MODELLAB_OK && s->w.out->status == MODELLAB_OK) {
        s->w.out->status = text.status;
    }
    mli_buf_dispose(&text);
}

static void put_hit(search *s, const place *a, const place *b)
{
    const mli_transcript_segment *x = &s->t->segments[a->segment], *y = &s->t->segments[b->segment];
    size_t steps, before = step_back(x->text, a->from, s->options->context, &steps);
    size_t after = step_on(y->text, b->to, s->options->context);

    mli_jw_object(&s->w);
    mli_jw_kint(&s->w, "segment", (int64_t)a->segment);
    mli_jw_kint(&s->w, "last_segment", (int64_t)b->segment);
    put_times(s, a, b);
    put_match(s, a, b);
    mli_jw_key(&s->w, "before");
    mli_jw_string_n(&s->w, x->text + before, a->from - before);
    mli_jw_key(&s->w, "after");
    mli_jw_string_n(&s->w, y->text + b->to, after - b->to);
    put_text(s, a, b);
    mli_jw_kstring(&s->w, "speaker", x->speaker);
    mli_jw_end_object(&s->w);
}

/* Marks that belong to the last character of a match are part of it. */
static void found(search *s)
{
    place a = s->ring[(s->seen - s->length) % MLI_SEARCH_QUERY_MOST];
    place b = s->ring[(s->seen - 1) % MLI_SEARCH_QUERY_MOST];
    const char *text = s->t->segments[b.segment].text;
    size_t bytes = strlen(text);
    uint32_t c;

    while (b.to < bytes) {
        size_t n = next_character(text, bytes, b.to, &c);

        if (!mli_unicode_is_nonspacing(c)) {
            break;
        }
        b.to += n;
    }
    if (s->count < s->options->limit) {
        put_hit(s, &a, &b);
    }
    s->count++;
    s->state = 0; /* matches do not overlap */
}

/* `marked`: marks that count follow it, so that a match cannot end here. */
static void take(search *s, uint32_t c, bool marked, const place *where)
{
    if (c == ' ' && s->after_space) {
        return;
    }
    s->after_space = c == ' ';
    s->ring[s->seen++ % MLI_SEARCH_QUERY_MOST] = *where;
    while (s->state > 0 && s->pattern[s->state] != c) {
        s->state = s->back[s->state - 1];
    }
    s->state += s->pattern[s->state] == c;
    if (s->state == s->length && marked) {
        s->state = s->back[s->state - 1];
    } else if (s->state == s->length) {
        found(s);
    }
}

static bool begins_with_mark(const char *text, size_t bytes, size_t at)
{
    uint32_t c;

    return at < bytes && next_character(text, bytes, at, &c) > 0 && mli_unicode_is_nonspacing(c);
}

MODELLAB_MUST_CHECK static modellab_status walk(search *s, modellab_error *err)
{
    uint32_t c, parts[MLI_UNICODE_MAX_PARTS];
    uint64_t characters = 0;

    s->after_space = true;
    for (size_t i = 0; i < s->t->segment_count; i++) {
        const char *text = s->t->segments[i].text;
        size_t bytes = strlen(text);
        const place border = {i, 0, 0, 0};
        size_t before = 0;

        if (i > 0) {
            take(s, ' ', false, &border);
        }
        for (size_t at = 0; at < bytes;) {
            size_t n = next_character(text, bytes, at, &c);
            const place where = {i, at, at + n, before++};
            size_t count = fold(c, s->options->accents, parts);

            for (size_t k = 0; k < count; k++) {
                bool marked =
                    s->options->accents && (k + 1 < count ? mli_unicode_is_nonspacing(parts[k + 1])
                                                          : begins_with_mark(text, bytes, at + n));

                take(s, parts[k], marked, &where);
            }
            at += n;
            if (++characters % 65536 == 0 && mli_cancelled(s->options->cancel)) {
                return mli_fail(err, MODELLAB_E_CANCELLED, "the search was cancelled");
            }
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_transcript_search(const mli_transcript *t, const char *query,
                                      const mli_search_options *options, mli_buf *out,
                                      modellab_error *err)
{
    search s = {.t = t, .options = options};
    modellab_status status = read_query(&s, query, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw_init(&s.w, out);
    mli_jw_object(&s.w);
    mli_jw_kstring(&s.w, "query", query);
    mli_jw_key(&s.w, "items");
    mli_jw_array(&s.w);
    status = walk(&s, err);
    mli_jw_end_array(&s.w);
    mli_jw_kint(&s.w, "count", s.count);
    mli_jw_end_object(&s.w);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}
