/* Readers of RTTM, STM and UEM. Fields are cut in place in one copy of the text. */
#include "text/labels.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "text/lines.h"
#include <string.h>

enum { MAX_FIELDS = 8 };

typedef struct fields {
    const char *at[MAX_FIELDS];
    size_t bytes[MAX_FIELDS], count;
    size_t rest; /* where the line goes on after the last field */
} fields;

static void cut(const char *line, size_t bytes, size_t most, fields *out)
{
    out->count = out->rest = 0;
    while (out->count < most &&
           mli_lines_field(line, bytes, &out->rest, &out->at[out->count], &out->bytes[out->count]))
        out->count++;
}

static bool is(const fields *f, size_t index, const char *word)
{
    return f->bytes[index] == strlen(word) && memcmp(f->at[index], word, f->bytes[index]) == 0;
}

/* Ends a field in place. The byte after it is a gap or the end of its line. */
static const char *string_at(const fields *f, size_t index)
{
    char *at = (char *)(uintptr_t)f->at[index];
    at[f->bytes[index]] = '\0';
    return at;
}

MODELLAB_MUST_CHECK static modellab_status add(mli_labels *labels, const mli_label *label,
                                               modellab_error *err)
{
    if (labels->count == labels->capacity) {
        size_t capacity = labels->capacity == 0 ? 64 : labels->capacity * 2;
        mli_label *items = mli_realloc_array(labels->alloc, labels->items, capacity, sizeof *items);
        if (items == NULL)
            return mli_no_memory(err);
        labels->items = items;
        labels->capacity = capacity;
    }
    labels->items[labels->count++] = *label;
    return MODELLAB_OK;
}

/* SPEAKER file channel start duration <NA> <NA> speaker ... */
MODELLAB_MUST_CHECK static modellab_status read_rttm(const mli_lines *lines, const char *line,
                                                     size_t bytes, mli_labels *out,
                                                     modellab_error *err)
{
    fields f;
    int64_t start, duration;
    cut(line, bytes, 8, &f);
    if (f.count > 0 && !is(&f, 0, "SPEAKER"))
        return MODELLAB_OK;
    if (f.count < 8 || !mli_field_ms(f.at[3], f.bytes[3], &start) ||
        !mli_field_ms(f.at[4], f.bytes[4], &duration))
        return mli_lines_bad(lines, "not SPEAKER file channel start duration ... speaker", err);
    const mli_label label = {.file = string_at(&f, 1),
                             .channel = string_at(&f, 2),
                             .speaker = string_at(&f, 7),
                             .text = "",
                             .start_ms = start,
                             .end_ms = start + duration};
    return add(out, &label, err);
}

static const char *rest_of_line(const char *line, size_t bytes, size_t at)
{
    while (at < bytes && (line[at] == ' ' || line[at] == '\t'))
        at++;
    if (at < bytes && line[at] == '<') {
        const char *end = memchr(line + at, '>', bytes - at);
        at = end != NULL ? (size_t)(end - line) + 1 : at;
    }
    while (at < bytes && (line[at] == ' ' || line[at] == '\t'))
        at++;
    while (bytes > at && (line[bytes - 1] == ' ' || line[bytes - 1] == '\t'))
        bytes--;
    char *text = (char *)(uintptr_t)(line + at);
    text[bytes - at] = '\0';
    return text;
}

/* file channel speaker start end [<label>] text */
MODELLAB_MUST_CHECK static modellab_status read_stm(const mli_lines *lines, const char *line,
                                                    size_t bytes, mli_labels *out,
                                                    modellab_error *err)
{
    fields f;
    mli_label label = {0};
    cut(line, bytes, 5, &f);
    if (f.count < 5 || !mli_field_ms(f.at[3], f.bytes[3], &label.start_ms) ||
        !mli_field_ms(f.at[4], f.bytes[4], &label.end_ms) || label.end_ms < label.start_ms)
        return mli_lines_bad(lines, "not file channel speaker start end text", err);
    label.text = rest_of_line(line, bytes, f.rest);
    label.file = string_at(&f, 0);
    label.channel = string_at(&f, 1);
    label.speaker = string_at(&f, 2);
    return add(out, &label, err);
}

/* file channel start end */
MODELLAB_MUST_CHECK static modellab_status read_uem(const mli_lines *lines, const char *line,
                                                    size_t bytes, mli_labels *out,
                                                    modellab_error *err)
{
    fields f;
    mli_label label = {.speaker = "", .text = ""};
    cut(line, bytes, 5, &f);
    if (f.count != 4 || !mli_field_ms(f.at[2], f.bytes[2], &label.start_ms) ||
        !mli_field_ms(f.at[3], f.bytes[3], &label.end_ms) || label.end_ms < label.start_ms)
        return mli_lines_bad(lines, "not file channel start end", err);
    label.file = string_at(&f, 0);
    label.channel = string_at(&f, 1);
    return add(out, &label, err);
}

static bool is_comment(const char *line, size_t bytes)
{
    size_t at = 0;
    while (at < bytes && (line[at] == ' ' || line[at] == '\t'))
        at++;
    return at == bytes || (bytes - at >= 2 && line[at] == ';' && line[at + 1] == ';');
}

modellab_status mli_labels_read(mli_labels_format format, const char *text, size_t bytes,
                                const modellab_allocator *alloc, mli_labels *out,
                                modellab_error *err)
{
    *out = (mli_labels){.alloc = alloc};
    if (bytes > MLI_LABELS_MAX_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the labels have %zu bytes; the limit is %d", bytes,
                        (int)MLI_LABELS_MAX_BYTES);
    if (bytes > 0 && (!mli_utf8_valid(text, bytes) || memchr(text, '\0', bytes) != NULL))
        return mli_fail(err, MODELLAB_E_SCHEMA, "the labels are not valid UTF-8 text");
    out->strings = mli_strndup(alloc, bytes > 0 ? text : "", bytes);
    if (out->strings == NULL)
        return mli_no_memory(err);
    mli_lines lines = {.text = out->strings, .bytes = bytes};
    modellab_status status = MODELLAB_OK;
    const char *line;
    size_t length;
    while (status == MODELLAB_OK && mli_lines_next(&lines, &line, &length)) {
        if (is_comment(line, length))
            continue;
        if (format == MLI_LABELS_RTTM)
            status = read_rttm(&lines, line, length, out, err);
        else if (format == MLI_LABELS_STM)
            status = read_stm(&lines, line, length, out, err);
        else
            status = read_uem(&lines, line, length, out, err);
    }
    if (status != MODELLAB_OK)
        mli_labels_dispose(out);
    return status;
}

void mli_labels_dispose(mli_labels *labels)
{
    mli_free(labels->alloc, labels->items);
    mli_free(labels->alloc, labels->strings);
    *labels = (mli_labels){.alloc = labels->alloc};
}
