/* The choice of the reader; TSV and CTM. */
#include "text/format.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "text/format_parts.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status add_cue(mli_transcript *t, int64_t start, int64_t end,
                                                   const char *text, modellab_error *err)
{
    const mli_transcript_segment segment = {.id = (int64_t)t->segment_count,
                                            .start = (double)start / 1000.0,
                                            .end = (double)end / 1000.0,
                                            .text = text};
    return mli_transcript_add(t, &segment, err);
}

/* An integer number of milliseconds up to the tab. */
static bool tsv_ms(const char *line, size_t bytes, size_t *at, int64_t *ms)
{
    const size_t from = *at;
    *ms = 0;
    while (*at < bytes && *at - from < 11 && line[*at] >= '0' && line[*at] <= '9')
        *ms = *ms * 10 + (line[(*at)++] - '0');
    if (*at == from || *at >= bytes || line[*at] != '\t')
        return false;
    (*at)++;
    return true;
}

MODELLAB_MUST_CHECK static modellab_status
read_tsv(mli_lines *lines, const modellab_allocator *alloc, mli_transcript *t, modellab_error *err)
{
    static const char header[] = "start\tend\ttext";
    const char *line;
    size_t bytes;
    if (!mli_lines_next(lines, &line, &bytes) || bytes != sizeof header - 1 ||
        memcmp(line, header, bytes) != 0)
        return mli_lines_bad(lines, "the header is not start, end, text", err);
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && mli_lines_next(lines, &line, &bytes)) {
        int64_t start, end;
        size_t at = 0;
        if (bytes == 0)
            continue;
        if (!tsv_ms(line, bytes, &at, &start) || !tsv_ms(line, bytes, &at, &end) || end < start)
            return mli_lines_bad(lines, "the times cannot be read", err);
        char *text = mli_strndup(alloc, line + at, bytes - at);
        status = text != NULL ? add_cue(t, start, end, text, err) : mli_no_memory(err);
        mli_free(alloc, text);
    }
    return status;
}

/* Words of a CTM file; texts are copies. */
typedef struct word_list {
    const modellab_allocator *alloc;
    mli_transcript_word *words;
    char **texts;
    size_t count, capacity;
} word_list;

MODELLAB_MUST_CHECK static modellab_status grow(word_list *list, modellab_error *err)
{
    if (list->count < list->capacity)
        return MODELLAB_OK;
    size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    mli_transcript_word *words =
        mli_realloc_array(list->alloc, list->words, capacity, sizeof *words);
    if (words == NULL)
        return mli_no_memory(err);
    list->words = words;
    char **texts = mli_realloc_array(list->alloc, list->texts, capacity, sizeof *texts);
    if (texts == NULL)
        return mli_no_memory(err);
    list->texts = texts;
    list->capacity = capacity;
    return MODELLAB_OK;
}

/* Fields: file channel start duration word [confidence]. */
MODELLAB_MUST_CHECK static modellab_status ctm_line(const mli_lines *lines, const char *line,
                                                    size_t bytes, word_list *list,
                                                    modellab_error *err)
{
    const char *field[6];
    size_t size[6], at = 0, fields = 0;
    int64_t start, length, confidence = 0;
    while (fields < 6 && mli_lines_field(line, bytes, &at, &field[fields], &size[fields]))
        fields++;
    if (fields < 5 || !mli_field_ms(field[2], size[2], &start) ||
        !mli_field_ms(field[3], size[3], &length) ||
        (fields == 6 && (!mli_field_ms(field[5], size[5], &confidence) || confidence > 1000)))
        return mli_lines_bad(lines, "not file, channel, start, duration, word, confidence", err);
    modellab_status status = grow(list, err);
    if (status != MODELLAB_OK)
        return status;
    char *text = mli_alloc(list->alloc, size[4] + 2);
    if (text == NULL)
        return mli_no_memory(err);
    text[0] = ' ';
    memcpy(text + 1, field[4], size[4]);
    text[size[4] + 1] = '\0';
    list->texts[list->count] = text;
    list->words[list->count++] = (mli_transcript_word){.start = (double)start / 1000.0,
                                                       .end = (double)(start + length) / 1000.0,
                                                       .probability = (double)confidence / 1000.0,
                                                       .text = text};
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status add_words(const word_list *list, mli_transcript *t,
                                                     modellab_error *err)
{
    mli_buf text;
    double end = 0.0;
    if (list->count == 0)
        return MODELLAB_OK;
    mli_buf_init(&text, list->alloc);
    for (size_t i = 0; i < list->count; i++) {
        mli_buf_append_text(&text, list->texts[i]);
        end = list->words[i].end > end ? list->words[i].end : end;
    }
    modellab_status status = mli_buf_status(&text, err);
    const mli_transcript_segment segment = {.start = list->words[0].start,
                                            .end = end,
                                            .text = mli_buf_text(&text),
                                            .words = list->words,
                                            .word_count = list->count};
    if (status == MODELLAB_OK)
        status = mli_transcript_add(t, &segment, err);
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
read_ctm(mli_lines *lines, const modellab_allocator *alloc, mli_transcript *t, modellab_error *err)
{
    word_list list = {.alloc = alloc};
    modellab_status status = MODELLAB_OK;
    const char *line;
    size_t bytes;
    while (status == MODELLAB_OK && mli_lines_next(lines, &line, &bytes)) {
        if (bytes == 0 || (bytes >= 2 && line[0] == ';' && line[1] == ';'))
            continue;
        status = ctm_line(lines, line, bytes, &list, err);
    }
    if (status == MODELLAB_OK)
        status = add_words(&list, t, err);
    for (size_t i = 0; i < list.count; i++)
        mli_free(alloc, list.texts[i]);
    mli_free(alloc, list.texts);
    mli_free(alloc, list.words);
    return status;
}

/* Where the format has no duration, it is the last end. */
MODELLAB_MUST_CHECK static modellab_status set_duration(mli_transcript *t, modellab_error *err)
{
    double end = 0.0;
    for (size_t i = 0; i < t->segment_count; i++)
        end = t->segments[i].end > end ? t->segments[i].end : end;
    return mli_transcript_set_info(t, "transcribe", "", 0.0, end, err);
}

MODELLAB_MUST_CHECK static modellab_status read_into(mli_text_format format, mli_lines *lines,
                                                     const modellab_allocator *alloc,
                                                     mli_transcript *t, modellab_error *err)
{
    switch (format) {
    case MLI_TEXT_VERBOSE_JSON:
        return mli_format_read_json(lines->text, lines->bytes, alloc, t, err);
    case MLI_TEXT_SRT:
        return mli_format_read_srt(lines, alloc, t, err);
    case MLI_TEXT_VTT:
        return mli_format_read_vtt(lines, alloc, t, err);
    case MLI_TEXT_TSV:
        return read_tsv(lines, alloc, t, err);
    case MLI_TEXT_TEXTGRID:
        return mli_format_read_textgrid(lines->text, lines->bytes, alloc, t, err);
    case MLI_TEXT_CTM:
        return read_ctm(lines, alloc, t, err);
    default:
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "this transcript format cannot be read");
    }
}

modellab_status mli_format_read(mli_text_format format, const char *text, size_t bytes,
                                const modellab_allocator *alloc, mli_transcript **out,
                                modellab_error *err)
{
    *out = NULL;
    if (text == NULL || bytes == 0)
        return mli_fail(err, MODELLAB_E_SCHEMA, "the text is empty");
    if (bytes > MLI_FORMAT_MAX_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text has %zu bytes; the limit is %d", bytes,
                        (int)MLI_FORMAT_MAX_BYTES);
    bool as_text = format != MLI_TEXT_TEXTGRID; /* which may be UTF-16 */
    if (as_text && format != MLI_TEXT_VERBOSE_JSON && !mli_utf8_valid(text, bytes))
        return mli_fail(err, MODELLAB_E_SCHEMA, "the text is not valid UTF-8");
    if (as_text && memchr(text, '\0', bytes) != NULL)
        return mli_fail(err, MODELLAB_E_SCHEMA, "the text holds a NUL character");
    mli_transcript *t = NULL;
    modellab_status status = mli_transcript_create(alloc, &t, err);
    if (status != MODELLAB_OK)
        return status;
    mli_lines lines = {.text = text, .bytes = bytes};
    status = read_into(format, &lines, alloc, t, err);
    if (status == MODELLAB_OK && format != MLI_TEXT_VERBOSE_JSON && as_text)
        status = set_duration(t, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_finish(t, err);
    if (status == MODELLAB_OK)
        *out = t;
    else
        mli_transcript_unref(t);
    return status;
}
