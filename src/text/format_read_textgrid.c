/* Reading Praat's TextGrid, long and short: what counts are free-standing numbers, quoted texts and
 * <flags>, in their order; all else is for people. */
#include "text/format_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "text/format_time.h"
#include <string.h>

typedef struct interval {
    int64_t start, end; /* ms */
    size_t text;        /* in the strings, terminated */
} interval;

typedef struct tier {
    interval *items;
    size_t count, capacity;
    bool found;
} tier;

typedef struct reading {
    const modellab_allocator *alloc;
    const char *text;
    size_t bytes, at;
    int64_t line;
    mli_buf strings;
    tier segments, words;
    int64_t end;
} reading;

MODELLAB_MUST_CHECK static modellab_status bad(const reading *r, const char *what,
                                               modellab_error *err)
{
    return mli_fail_at(err, MODELLAB_E_SCHEMA, r->line, "line %lld: %s", (long long)r->line, what);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* To the next token's first byte; '\0' at the end. Words that are no token are passed over. */
static char seek_token(reading *r)
{
    while (r->at < r->bytes) {
        char c = r->text[r->at];
        if (c == '\n')
            r->line++;
        if (is_blank(c)) {
            r->at++;
        } else if (c == '!') {
            while (r->at < r->bytes && r->text[r->at] != '\n')
                r->at++;
        } else if (c == '"' || c == '<' || c == '-' || c == '+' || (c >= '0' && c <= '9')) {
            return c;
        } else {
            while (r->at < r->bytes && !is_blank(r->text[r->at]) && r->text[r->at] != '"')
                r->at++;
        }
    }
    return '\0';
}

/* A text into the strings; *out is where. */
MODELLAB_MUST_CHECK static modellab_status read_text(reading *r, size_t *out, modellab_error *err)
{
    if (seek_token(r) != '"')
        return bad(r, "a text in quotes is expected", err);
    *out = r->strings.size;
    for (r->at++; r->at < r->bytes; r->at++) {
        char c = r->text[r->at];
        if (c == '"') {
            if (r->at + 1 >= r->bytes || r->text[r->at + 1] != '"')
                break;
            r->at++;
        }
        r->line += c == '\n';
        mli_buf_append_char(&r->strings, c);
    }
    if (r->at >= r->bytes)
        return bad(r, "a text has no end", err);
    r->at++;
    mli_buf_append_char(&r->strings, '\0');
    return mli_buf_status(&r->strings, err);
}

MODELLAB_MUST_CHECK static modellab_status read_number(reading *r, double *out, modellab_error *err)
{
    char copy[40], first = seek_token(r);
    size_t from = r->at;
    if (first == '\0' || first == '"' || first == '<')
        return bad(r, "a number is expected", err);
    while (r->at < r->bytes && !is_blank(r->text[r->at]))
        r->at++;
    size_t size = r->at - from;
    if (size >= sizeof copy)
        return bad(r, "a number cannot be read", err);
    memcpy(copy, r->text + from, size);
    copy[size] = '\0';
    return mli_parse_f64(copy[0] == '+' ? copy + 1 : copy, out)
               ? MODELLAB_OK
               : bad(r, "a number cannot be read", err);
}

MODELLAB_MUST_CHECK static modellab_status read_count(reading *r, size_t *out, modellab_error *err)
{
    double value = 0;
    modellab_status status = read_number(r, &value, err);
    /* Each takes some bytes of the file. */
    if (status == MODELLAB_OK && !(value >= 0 && value <= (double)r->bytes))
        status = bad(r, "a count is not possible", err);
    *out = status == MODELLAB_OK ? (size_t)value : 0;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add(reading *r, tier *t, interval item,
                                               modellab_error *err)
{
    if (t->count == t->capacity) {
        size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
        interval *more = mli_realloc_array(r->alloc, t->items, capacity, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        t->items = more;
        t->capacity = capacity;
    }
    t->items[t->count++] = item;
    return MODELLAB_OK;
}

/* An interval, or a point of a tier of points; kept in `to` unless it is NULL or blank. */
MODELLAB_MUST_CHECK static modellab_status read_item(reading *r, bool points, int64_t *last,
                                                     tier *to, modellab_error *err)
{
    double start = 0, end = 0;
    interval item = {0};
    modellab_status status = read_number(r, &start, err);
    if (status == MODELLAB_OK && !points)
        status = read_number(r, &end, err);
    if (status == MODELLAB_OK)
        status = read_text(r, &item.text, err);
    if (status != MODELLAB_OK || points)
        return status;
    item.start = mli_format_ms(start);
    item.end = mli_format_ms(end);
    if (item.end < item.start || item.start < *last)
        return bad(r, "intervals are not in order", err);
    *last = item.end;
    if (to == NULL || mli_format_is_empty(r->strings.data + item.text)) {
        r->strings.size = item.text;
        return MODELLAB_OK;
    }
    return add(r, to, item, err);
}

static tier *tier_for(reading *r, const char *name)
{
    tier *to = strcmp(name, "words") == 0 ? &r->words : &r->segments;
    bool named = to == &r->words || strcmp(name, "segments") == 0;
    if (to->found && !named)
        return NULL;
    if (to->found)
        to->count = 0; /* the one of that name counts */
    to->found = true;
    return to;
}

MODELLAB_MUST_CHECK static modellab_status read_tier(reading *r, modellab_error *err)
{
    size_t kind = 0, name = 0, count = 0;
    double from = 0, to = 0;
    int64_t last = 0;
    modellab_status status = read_text(r, &kind, err);
    if (status == MODELLAB_OK)
        status = read_text(r, &name, err);
    if (status == MODELLAB_OK)
        status = read_number(r, &from, err);
    if (status == MODELLAB_OK)
        status = read_number(r, &to, err);
    if (status == MODELLAB_OK)
        status = read_count(r, &count, err);
    if (status != MODELLAB_OK)
        return status;
    bool points = strcmp(r->strings.data + kind, "TextTier") == 0;
    if (!points && strcmp(r->strings.data + kind, "IntervalTier") != 0)
        return bad(r, "a tier is neither of intervals nor of points", err);
    tier *kept = points ? NULL : tier_for(r, r->strings.data + name);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = read_item(r, points, &last, kept, err);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_all(reading *r, modellab_error *err)
{
    size_t type = 0, kind = 0, tiers = 0;
    double from = 0, to = 0;
    modellab_status status = read_text(r, &type, err);
    if (status == MODELLAB_OK)
        status = read_text(r, &kind, err);
    if (status != MODELLAB_OK)
        return status;
    if (strcmp(r->strings.data + type, "ooTextFile") != 0 ||
        strstr(r->strings.data + kind, "TextGrid") == NULL)
        return bad(r, "this is no TextGrid", err);
    status = read_number(r, &from, err);
    if (status == MODELLAB_OK)
        status = read_number(r, &to, err);
    if (status != MODELLAB_OK)
        return status;
    r->end = mli_format_ms(to);
    if (seek_token(r) != '<')
        return bad(r, "<exists> is expected", err);
    if (r->bytes - r->at < 8 || memcmp(r->text + r->at, "<exists>", 8) != 0)
        return MODELLAB_OK; /* <absent>: there are no tiers */
    r->at += 8;
    status = read_count(r, &tiers, err);
    for (size_t i = 0; status == MODELLAB_OK && i < tiers; i++)
        status = read_tier(r, err);
    return status;
}

/* Words [from, to), and the text that is given or theirs. */
MODELLAB_MUST_CHECK static modellab_status add_segment(const reading *r, const interval *segment,
                                                       size_t from, size_t to, mli_transcript *t,
                                                       modellab_error *err)
{
    mli_buf texts, text;
    mli_transcript_word *words = mli_alloc_array(r->alloc, to - from + 1, sizeof *words);
    mli_buf_init(&texts, r->alloc);
    mli_buf_init(&text, r->alloc);
    for (size_t i = from; words != NULL && i < to; i++) {
        const char *word = r->strings.data + r->words.items[i].text;
        words[i - from] = (mli_transcript_word){.start = (double)r->words.items[i].start / 1000.0,
                                                .end = (double)r->words.items[i].end / 1000.0};
        mli_buf_append_char(&texts, ' ');
        mli_buf_append(&texts, word, strlen(word) + 1);
        mli_buf_append_char(&text, ' ');
        mli_buf_append_text(&text, word);
    }
    modellab_status status = words == NULL ? mli_no_memory(err) : mli_buf_status(&texts, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        const char *at = texts.data;
        for (size_t i = 0; i < to - from; i++) {
            words[i].text = at;
            at += strlen(at) + 1;
        }
        mli_transcript_segment s = {.id = (int64_t)t->segment_count,
                                    .text = segment != NULL ? r->strings.data + segment->text
                                                            : mli_buf_text(&text),
                                    .words = words,
                                    .word_count = to - from};
        s.start = segment != NULL ? (double)segment->start / 1000.0 : words[0].start;
        s.end = segment != NULL ? (double)segment->end / 1000.0 : words[to - from - 1].end;
        status = mli_transcript_add(t, &s, err);
    }
    mli_free(r->alloc, words);
    mli_buf_dispose(&texts);
    mli_buf_dispose(&text);
    return status;
}

/* A word belongs to the first segment that ends after its middle. */
MODELLAB_MUST_CHECK static modellab_status build(const reading *r, mli_transcript *t,
                                                 modellab_error *err)
{
    size_t word = 0;
    modellab_status status =
        mli_transcript_set_info(t, "transcribe", "", 0, (double)r->end / 1000.0, err);
    t->has_words = r->words.count > 0;
    for (size_t i = 0; status == MODELLAB_OK && i < r->segments.count; i++) {
        const interval *s = &r->segments.items[i];
        size_t from = word;
        while (word < r->words.count &&
               r->words.items[word].start + r->words.items[word].end < 2 * s->end)
            word++;
        status = add_segment(r, s, from, word, t, err);
    }
    if (status == MODELLAB_OK && word < r->words.count)
        status = add_segment(r, NULL, word, r->words.count, t, err);
    return status;
}

/* UTF-16 with a byte order mark becomes UTF-8; the mark of UTF-8 goes. */
MODELLAB_MUST_CHECK static modellab_status to_utf8(const char *text, size_t bytes, mli_buf *out,
                                                   modellab_error *err)
{
    const unsigned char *in = (const unsigned char *)text;
    bool big = bytes >= 2 && in[0] == 0xFE && in[1] == 0xFF;
    bool little = bytes >= 2 && in[0] == 0xFF && in[1] == 0xFE;
    size_t skip = bytes >= 3 && memcmp(in, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (!big && !little) {
        mli_buf_append(out, text + skip, bytes - skip);
        return mli_buf_status(out, err);
    }
    for (size_t i = 2; i + 1 < bytes; i += 2) {
        uint32_t c = (uint32_t)in[i + (big ? 0 : 1)] << 8 | in[i + (big ? 1 : 0)];
        char encoded[4];
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < bytes) {
            uint32_t low = (uint32_t)in[i + (big ? 2 : 3)] << 8 | in[i + (big ? 3 : 2)];
            if (low >= 0xDC00 && low < 0xE000) {
                c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        mli_buf_append(out, encoded,
                       mli_utf8_encode(c >= 0xD800 && c < 0xE000 ? 0xFFFD : c, encoded));
    }
    return mli_buf_status(out, err);
}

modellab_status mli_format_read_textgrid(const char *text, size_t bytes,
                                         const modellab_allocator *alloc, mli_transcript *t,
                                         modellab_error *err)
{
    mli_buf utf8;
    reading r = {.alloc = alloc, .line = 1};
    mli_buf_init(&utf8, alloc);
    mli_buf_init(&r.strings, alloc);
    modellab_status status = to_utf8(text, bytes, &utf8, err);
    r.text = utf8.data;
    r.bytes = utf8.size;
    if (status == MODELLAB_OK &&
        (r.bytes == 0 || !mli_utf8_valid(r.text, r.bytes) || memchr(r.text, '\0', r.bytes) != NULL))
        status = bad(&r, "the text is not UTF-8 or UTF-16, or holds a NUL character", err);
    if (status == MODELLAB_OK)
        status = read_all(&r, err);
    if (status == MODELLAB_OK)
        status = build(&r, t, err);
    mli_free(alloc, r.segments.items);
    mli_free(alloc, r.words.items);
    mli_buf_dispose(&r.strings);
    mli_buf_dispose(&utf8);
    return status;
}
