/* Readers of SRT and WebVTT: blocks with a line of times and lines of text. */
#include "text/format_parts.h"
#include "text/format_time.h"

#include "base/error.h"
#include <string.h>

typedef struct cue {
    int64_t start_ms, end_ms;
    mli_buf text, speaker;
} cue;

static void skip_gaps(const char *line, size_t bytes, size_t *at)
{
    while (*at < bytes && (line[*at] == ' ' || line[*at] == '\t'))
        (*at)++;
}

/* "start --> end", maybe followed by settings. */
static bool read_times(const char *line, size_t bytes, cue *c)
{
    size_t at = 0;
    skip_gaps(line, bytes, &at);
    if (!mli_format_read_stamp(line, bytes, &at, &c->start_ms))
        return false;
    skip_gaps(line, bytes, &at);
    if (bytes - at < 3 || memcmp(line + at, "-->", 3) != 0)
        return false;
    at += 3;
    skip_gaps(line, bytes, &at);
    if (!mli_format_read_stamp(line, bytes, &at, &c->end_ms))
        return false;
    return (at == bytes || line[at] == ' ' || line[at] == '\t') && c->end_ms >= c->start_ms;
}

static bool has_arrow(const char *line, size_t bytes)
{
    for (size_t i = 0; i + 3 <= bytes; i++)
        if (memcmp(line + i, "-->", 3) == 0)
            return true;
    return false;
}

MODELLAB_MUST_CHECK static modellab_status add(mli_transcript *t, const cue *c, modellab_error *err)
{
    modellab_status status = mli_buf_status(&c->text, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&c->speaker, err);
    if (status != MODELLAB_OK)
        return status;
    const mli_transcript_segment segment = {.id = (int64_t)t->segment_count,
                                            .start = (double)c->start_ms / 1000.0,
                                            .end = (double)c->end_ms / 1000.0,
                                            .text = mli_buf_text(&c->text),
                                            .speaker =
                                                c->speaker.size > 0 ? c->speaker.data : NULL};
    return mli_transcript_add(t, &segment, err);
}

typedef void (*line_fn)(cue *c, const char *line, size_t bytes);

static void srt_line(cue *c, const char *line, size_t bytes)
{
    mli_buf_append(&c->text, line, bytes);
}

/* Appends a character reference; returns its length, or 0 when it is none of ours. */
static size_t unescape(mli_buf *out, const char *at, size_t bytes)
{
    static const struct {
        const char *name, *text;
    } references[] = {{"&amp;", "&"},  {"&lt;", "<"}, {"&gt;", ">"},
                      {"&nbsp;", " "}, {"&lrm;", ""}, {"&rlm;", ""}};
    for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
        size_t length = strlen(references[i].name);
        if (bytes >= length && memcmp(at, references[i].name, length) == 0) {
            mli_buf_append_text(out, references[i].text);
            return length;
        }
    }
    return 0;
}

static void unescaped(mli_buf *out, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        size_t length = text[i] == '&' ? unescape(out, text + i, bytes - i) : 0;
        if (length == 0)
            mli_buf_append_char(out, text[i]);
        i += length > 0 ? length : 1;
    }
}

/* "v Roger" or "v.loud Roger" gives the speaker; other tags carry no text. */
static void vtt_tag(cue *c, const char *tag, size_t bytes)
{
    const char *gap = memchr(tag, ' ', bytes);
    if (bytes < 2 || tag[0] != 'v' || (tag[1] != ' ' && tag[1] != '.') || gap == NULL ||
        c->speaker.size > 0)
        return;
    unescaped(&c->speaker, gap + 1, bytes - (size_t)(gap + 1 - tag));
}

static void vtt_line(cue *c, const char *line, size_t bytes)
{
    size_t at = 0;
    while (at < bytes) {
        const char *tag = memchr(line + at, '<', bytes - at);
        size_t plain = tag != NULL ? (size_t)(tag - line) - at : bytes - at;
        unescaped(&c->text, line + at, plain);
        at += plain;
        if (tag == NULL)
            return;
        const char *end = memchr(tag, '>', bytes - at);
        size_t length = end != NULL ? (size_t)(end - tag) + 1 : bytes - at;
        vtt_tag(c, tag + 1, length - (end != NULL ? 2 : 1));
        at += length;
    }
}

/* The text of a cue until the blank line; the times were read. */
MODELLAB_MUST_CHECK static modellab_status read_cue(mli_lines *lines, cue *c, line_fn put,
                                                    mli_transcript *t, modellab_error *err)
{
    const char *line;
    size_t bytes;
    mli_buf_clear(&c->text);
    mli_buf_clear(&c->speaker);
    while (mli_lines_next(lines, &line, &bytes) && bytes > 0) {
        if (c->text.size > 0)
            mli_buf_append_char(&c->text, '\n');
        put(c, line, bytes);
    }
    return add(t, c, err);
}

/* An SRT number line is optional for us; a WebVTT name line may be anything. */
MODELLAB_MUST_CHECK static modellab_status read_all(mli_lines *lines, bool vtt,
                                                    const modellab_allocator *alloc,
                                                    mli_transcript *t, modellab_error *err)
{
    const char *line;
    size_t bytes;
    cue c;
    modellab_status status = MODELLAB_OK;
    bool named = false; /* the last line was a number or name: times must follow */
    mli_buf_init(&c.text, alloc);
    mli_buf_init(&c.speaker, alloc);
    while (status == MODELLAB_OK && mli_lines_next(lines, &line, &bytes)) {
        if (bytes == 0 && !named)
            continue;
        if (has_arrow(line, bytes)) {
            if (read_times(line, bytes, &c))
                status = read_cue(lines, &c, vtt ? vtt_line : srt_line, t, err);
            else
                status = mli_lines_bad(lines, "the times of the cue cannot be read", err);
            named = false;
        } else if (vtt && bytes >= 4 &&
                   (memcmp(line, "NOTE", 4) == 0 || (bytes >= 5 && memcmp(line, "STYLE", 5) == 0) ||
                    (bytes >= 6 && memcmp(line, "REGION", 6) == 0))) {
            while (mli_lines_next(lines, &line, &bytes) && bytes > 0)
                continue;
        } else if (named) {
            status = mli_lines_bad(lines, "the times of a cue are missing", err);
        } else {
            named = true;
        }
    }
    if (status == MODELLAB_OK && named)
        status = mli_lines_bad(lines, "the times of a cue are missing", err);
    mli_buf_dispose(&c.text);
    mli_buf_dispose(&c.speaker);
    return status;
}

modellab_status mli_format_read_srt(mli_lines *lines, const modellab_allocator *alloc,
                                    mli_transcript *t, modellab_error *err)
{
    return read_all(lines, false, alloc, t, err);
}

modellab_status mli_format_read_vtt(mli_lines *lines, const modellab_allocator *alloc,
                                    mli_transcript *t, modellab_error *err)
{
    const char *line;
    size_t bytes;
    if (!mli_lines_next(lines, &line, &bytes) || bytes < 6 || memcmp(line, "WEBVTT", 6) != 0 ||
        (bytes > 6 && line[6] != ' ' && line[6] != '\t'))
        return mli_lines_bad(lines, "a WebVTT file begins with WEBVTT", err);
    while (mli_lines_next(lines, &line, &bytes) && bytes > 0)
        continue; /* the rest of the header */
    return read_all(lines, true, alloc, t, err);
}
