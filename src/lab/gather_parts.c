/* The files of a bundle that are made of others: subtitles, summary, action items. */
#include "lab/gather_private.h"

#include "base/error.h"
#include "base/str.h"
#include "text/format.h"
#include "text/format_time.h"
#include <string.h>

modellab_status mli_gather_subtitles(mli_gathering *g, modellab_error *err)
{
    mli_buf text;
    if (mli_gather_has(g, "transcript.srt") || g->transcript == NULL) {
        return MODELLAB_OK;
    }
    mli_buf_init(&text, g->view->alloc);
    modellab_status status = mli_format_write(g->transcript, MLI_TEXT_SRT, NULL, &text, err);
    return mli_gather_put(g, "transcript.srt", "application/x-subrip", &text, status, err);
}

/* "[00:01:02] " */
static void put_stamp(mli_buf *out, const mli_json *object)
{
    mli_buf stamp;
    mli_buf_init(&stamp, out->alloc);
    mli_format_stamp(&stamp, mli_format_ms(mli_json_number(mli_json_get(object, "start"), 0)), '.');
    mli_buf_append_char(out, '[');
    mli_buf_append(out, mli_buf_text(&stamp), stamp.size > 4 ? stamp.size - 4 : 0);
    mli_buf_append_text(out, "] ");
    mli_buf_dispose(&stamp);
}

/* Text in one line of a document in Markdown: what would be markup is escaped. */
static void put_plain(mli_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("\\`*_[]<>#|", *text) != NULL) {
            mli_buf_append_char(out, '\\');
        }
        mli_buf_append_char(out, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

/* A list of what `key` of the objects says. */
static void put_list(mli_buf *out, const mli_json *list, const char *key)
{
    for (size_t i = 0; list != NULL && i < mli_json_count(list); i++) {
        const mli_json *one = mli_json_at(list, i);
        const char *speaker = mli_json_string(mli_json_get(one, "speaker"), "");
        mli_buf_append_text(out, "- ");
        if (mli_json_get(one, "start") != NULL) {
            put_stamp(out, one);
        }
        put_plain(out, speaker);
        mli_buf_append_text(out, speaker[0] != '\0' ? ": " : "");
        put_plain(out, mli_json_string(mli_json_get(one, key), ""));
        mli_buf_append_char(out, '\n');
    }
}

modellab_status mli_gather_summary(mli_gathering *g, modellab_error *err)
{
    mli_json *summary = NULL, *chapters = NULL;
    mli_buf text;
    if (mli_gather_has(g, "summary.md") || !mli_gather_has(g, "summary.json")) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_gather_json(g, "summary.json", &summary, err);
    if (status == MODELLAB_OK && mli_gather_has(g, "chapters.json")) {
        status = mli_gather_json(g, "chapters.json", &chapters, err);
    }
    mli_buf_init(&text, g->view->alloc);
    if (status == MODELLAB_OK) {
        const mli_json *sentences = mli_json_get(summary, "sentences");
        mli_buf_append_text(&text, "# Summary\n\n");
        if (sentences != NULL && mli_json_count(sentences) > 0) {
            put_list(&text, sentences, "text");
        } else {
            put_plain(&text, mli_json_string(mli_json_get(summary, "text"), ""));
            mli_buf_append_char(&text, '\n');
        }
        if (chapters != NULL) {
            mli_buf_append_text(&text, "\n## Chapters\n\n");
            put_list(&text, mli_json_get(chapters, "chapters"), "title");
        }
        mli_buf_append_text(&text, "\nMade by: ");
        put_plain(&text, mli_json_string(mli_json_get(summary, "provider"), ""));
        mli_buf_append_char(&text, '\n');
    }
    mli_json_free(chapters);
    mli_json_free(summary);
    return mli_gather_put(g, "summary.md", "text/markdown", &text, status, err);
}

/* A field of a table (RFC 4180). One that a program of tables would take for a formula begins with
 * an apostrophe. */
static void put_cell(mli_buf *out, const char *text, const char *end)
{
    mli_buf_append_char(out, '"');
    if (text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL) {
        mli_buf_append_char(out, '\'');
    }
    for (; *text != '\0'; text++) {
        mli_buf_append_text(out, *text == '"' ? "\"" : "");
        mli_buf_append_char(out, *text);
    }
    mli_buf_append_char(out, '"');
    mli_buf_append_text(out, end);
}

/* Seconds; nothing when the time is not known. */
static void put_time_cell(mli_buf *out, const mli_json *seconds)
{
    if (seconds != NULL) {
        mli_format_seconds(out, mli_format_ms(mli_json_number(seconds, 0)));
    }
    mli_buf_append_char(out, ',');
}

modellab_status mli_gather_action_items(mli_gathering *g, modellab_error *err)
{
    static const char *const columns[] = {"assignee", "due", "text"};
    mli_json *root = NULL;
    mli_buf text;
    if (mli_gather_has(g, "action_items.csv") || !mli_gather_has(g, "action_items.json")) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_gather_json(g, "action_items.json", &root, err);
    const mli_json *items = mli_json_get(root, "items");
    mli_buf_init(&text, g->view->alloc);
    mli_buf_append_text(&text, "start,end,assignee,due,text\r\n");
    for (size_t i = 0; items != NULL && i < mli_json_count(items); i++) {
        const mli_json *one = mli_json_at(items, i);
        put_time_cell(&text, mli_json_get(one, "start"));
        put_time_cell(&text, mli_json_get(one, "end"));
        for (int c = 0; c < 3; c++) {
            put_cell(&text, mli_json_string(mli_json_get(one, columns[c]), ""),
                     c < 2 ? "," : "\r\n");
        }
    }
    mli_json_free(root);
    return mli_gather_put(g, "action_items.csv", "text/csv", &text, status, err);
}
