/* The format by extension or by the look of the text, then the readers of src/text. */
#include "score/document.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "text/format.h"
#include "text/lines.h"
#include <string.h>

static const struct {
    const char *name;
    mli_document_format format;
} names[] = {{"txt", MLI_DOCUMENT_TXT},   {"json", MLI_DOCUMENT_JSON}, {"srt", MLI_DOCUMENT_SRT},
             {"vtt", MLI_DOCUMENT_VTT},   {"tsv", MLI_DOCUMENT_TSV},   {"ctm", MLI_DOCUMENT_CTM},
             {"rttm", MLI_DOCUMENT_RTTM}, {"stm", MLI_DOCUMENT_STM},   {"uem", MLI_DOCUMENT_UEM}};

enum { NAMES = sizeof names / sizeof *names };

const char *mli_document_format_name(mli_document_format format)
{
    for (size_t i = 0; i < NAMES; i++) {
        if (names[i].format == format)
            return names[i].name;
    }
    return NULL;
}

static bool begins(const char *data, size_t bytes, const char *with)
{
    return bytes >= strlen(with) && memcmp(data, with, strlen(with)) == 0;
}

static bool has_arrow(const char *line, size_t bytes)
{
    for (size_t i = 0; i + 3 <= bytes; i++) {
        if (memcmp(line + i, "-->", 3) == 0)
            return true;
    }
    return false;
}

static mli_document_format by_look(const char *data, size_t bytes)
{
    mli_lines lines = {.text = data, .bytes = bytes};
    const char *line;
    size_t length, seen = 0;
    while (seen < 3 && mli_lines_next(&lines, &line, &length)) {
        if (length == 0)
            continue;
        if (seen == 0 && begins(line, length, "WEBVTT"))
            return MLI_DOCUMENT_VTT;
        if (seen == 0 && begins(line, length, "start\tend\ttext"))
            return MLI_DOCUMENT_TSV;
        if (seen == 0 && line[0] == '{')
            return MLI_DOCUMENT_JSON;
        if (begins(line, length, "SPEAKER "))
            return MLI_DOCUMENT_RTTM;
        if (has_arrow(line, length))
            return MLI_DOCUMENT_SRT;
        seen++;
    }
    return MLI_DOCUMENT_TXT;
}

static mli_document_format format_of(const char *name, const char *data, size_t bytes)
{
    const char *dot = name != NULL ? strrchr(name, '.') : NULL;
    for (size_t i = 0; dot != NULL && i < NAMES; i++) {
        if (strcmp(dot + 1, names[i].name) == 0)
            return names[i].format;
    }
    return by_look(data, bytes);
}

/* {"text": ...} without segments. */
MODELLAB_MUST_CHECK static modellab_status
read_plain_json(const char *data, size_t bytes, mli_document *d, bool *plain, modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_json_parse(data, bytes, MLI_FORMAT_MAX_BYTES, &root, err);
    if (status != MODELLAB_OK)
        return status;
    const char *text = mli_json_string(mli_json_get(root, "text"), NULL);
    *plain = mli_json_get(root, "segments") == NULL;
    if (*plain && text == NULL) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "the JSON has neither segments nor text");
    } else if (*plain) {
        d->text = mli_strdup(d->alloc, text);
        if (d->text == NULL)
            status = mli_no_memory(err);
    }
    mli_json_free(root);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_transcript(mli_text_format format, const char *data,
                                                           size_t bytes, mli_document *d,
                                                           modellab_error *err)
{
    mli_buf text;
    modellab_status status = mli_format_read(format, data, bytes, d->alloc, &d->transcript, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, d->alloc);
    for (size_t i = 0; i < d->transcript->segment_count; i++) { /* cues have no outer spaces */
        mli_buf_append_text(&text, d->transcript->segments[i].text);
        mli_buf_append_char(&text, '\n');
    }
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        size_t taken;
        mli_buf_append_char(&text, '\n');
        d->text = mli_buf_take(&text, &taken);
        if (d->text == NULL)
            status = mli_no_memory(err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_labels(mli_labels_format format, const char *data,
                                                       size_t bytes, mli_document *d,
                                                       modellab_error *err)
{
    mli_buf text;
    modellab_status status = mli_labels_read(format, data, bytes, d->alloc, &d->labels, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&text, d->alloc);
    mli_buf_append_char(&text, '\n');
    for (size_t i = 0; i < d->labels.count; i++) {
        mli_buf_append_text(&text, d->labels.items[i].text);
        mli_buf_append_char(&text, '\n');
    }
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        size_t taken;
        d->text = mli_buf_take(&text, &taken);
        if (d->text == NULL)
            status = mli_no_memory(err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_text(const char *data, size_t bytes,
                                                     mli_document *d, modellab_error *err)
{
    if (bytes > MLI_FORMAT_MAX_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text has %zu bytes; the limit is %d", bytes,
                        (int)MLI_FORMAT_MAX_BYTES);
    if (bytes > 0 && (!mli_utf8_valid(data, bytes) || memchr(data, '\0', bytes) != NULL))
        return mli_fail(err, MODELLAB_E_SCHEMA, "the text is not valid UTF-8 text");
    d->text = mli_strndup(d->alloc, bytes > 0 ? data : "", bytes);
    return d->text != NULL ? MODELLAB_OK : mli_no_memory(err);
}

MODELLAB_MUST_CHECK static modellab_status read_as(const char *data, size_t bytes, mli_document *d,
                                                   modellab_error *err)
{
    bool plain = false;
    modellab_status status;
    if (bytes == 0 && d->format <= MLI_DOCUMENT_CTM) /* nothing was said */
        return read_text(data, bytes, d, err);
    switch (d->format) {
    case MLI_DOCUMENT_JSON:
        status = read_plain_json(data, bytes, d, &plain, err);
        return status != MODELLAB_OK || plain
                   ? status
                   : read_transcript(MLI_TEXT_VERBOSE_JSON, data, bytes, d, err);
    case MLI_DOCUMENT_SRT:
        return read_transcript(MLI_TEXT_SRT, data, bytes, d, err);
    case MLI_DOCUMENT_VTT:
        return read_transcript(MLI_TEXT_VTT, data, bytes, d, err);
    case MLI_DOCUMENT_TSV:
        return read_transcript(MLI_TEXT_TSV, data, bytes, d, err);
    case MLI_DOCUMENT_CTM:
        return read_transcript(MLI_TEXT_CTM, data, bytes, d, err);
    case MLI_DOCUMENT_RTTM:
        return read_labels(MLI_LABELS_RTTM, data, bytes, d, err);
    case MLI_DOCUMENT_STM:
        return read_labels(MLI_LABELS_STM, data, bytes, d, err);
    case MLI_DOCUMENT_UEM:
        return read_labels(MLI_LABELS_UEM, data, bytes, d, err);
    default:
        return read_text(data, bytes, d, err);
    }
}

modellab_status mli_document_read(const char *name, const char *data, size_t bytes,
                                  const modellab_allocator *alloc, mli_document *out,
                                  modellab_error *err)
{
    *out = (mli_document){.alloc = alloc, .labels = {.alloc = alloc}};
    out->format = format_of(name, data, bytes);
    modellab_status status = read_as(data, bytes, out, err);
    if (status != MODELLAB_OK)
        mli_document_dispose(out);
    return status;
}

void mli_document_dispose(mli_document *d)
{
    mli_free(d->alloc, d->text);
    mli_transcript_unref(d->transcript);
    mli_labels_dispose(&d->labels);
    *d = (mli_document){.alloc = d->alloc, .labels = {.alloc = d->alloc}};
}
