/* Notes: checked before they are stored, kept in canonical text. */
#include "lab/notes.h"

#include "base/error.h"
#include "base/str.h"
#include <string.h>

#define NAME_MOST 32
#define SPEAKERS_MOST 64
#define SPEAKER_BYTES 128

static bool is_name(const char *name)
{
    size_t bytes = strlen(name);

    return bytes > 0 && bytes <= NAME_MOST && name[0] >= 'a' && name[0] <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == bytes;
}

/* Shown as it is, in every format: nothing that breaks a line. */
static bool is_shown(const char *text)
{
    size_t bytes = strlen(text);

    if (bytes == 0 || bytes > SPEAKER_BYTES) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            return false;
        }
    }
    return text[strspn(text, " ")] != '\0';
}

MODELLAB_MUST_CHECK static modellab_status check_speakers(const mli_json *root, modellab_error *err)
{
    const char *label;
    const mli_json *name;

    if (mli_json_count(root) > SPEAKERS_MOST) {
        return mli_fail(err, MODELLAB_E_LIMIT, "at most %d speakers have names", SPEAKERS_MOST);
    }
    for (mli_json_cursor at = mli_json_first(root); mli_json_next(&at, &label, &name);) {
        if (mli_json_typeof(name) != MLI_JSON_STRING || !is_shown(mli_json_string(name, "")) ||
            strlen(mli_json_string(name, "")) != mli_json_string_bytes(name) || !is_shown(label)) {
            return mli_fail(err, MODELLAB_E_SCHEMA,
                            "each speaker has a name of 1 to %d bytes without control characters",
                            SPEAKER_BYTES);
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_note_check(const char *name, const char *json, size_t bytes, mli_json **root,
                               modellab_error *err)
{
    modellab_status status;

    *root = NULL;
    if (!is_name(name)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the name of a note is a lower-case word of at most %d letters, digits and "
                        "underscores",
                        NAME_MOST);
    }
    status = mli_json_parse(json, bytes, MODELLAB_NOTE_BYTES, root, err);
    if (status == MODELLAB_OK && mli_json_typeof(*root) != MLI_JSON_OBJECT) {
        status = mli_fail(err, MODELLAB_E_SCHEMA, "a note is a JSON object");
    }
    return status == MODELLAB_OK && strcmp(name, MODELLAB_NOTE_SPEAKERS) == 0
               ? check_speakers(*root, err)
               : status;
}

MODELLAB_MUST_CHECK static modellab_status check_id(const char *run_id, modellab_error *err)
{
    return mli_ulid_valid(run_id)
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
}

modellab_status mli_note_put(mli_lab *lab, const char *run_id, const char *name, const char *json,
                             size_t bytes, modellab_error *err)
{
    mli_json *root = NULL;
    mli_buf text;
    modellab_status status = check_id(run_id, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_note_check(name, json, bytes, &root, err);
    if (status == MODELLAB_OK) {
        status = mli_json_dump(root, &text, err);
    }
    if (status == MODELLAB_OK && text.size > MODELLAB_NOTE_BYTES) { /* escapes may be longer */
        status = mli_fail(err, MODELLAB_E_LIMIT, "the note is too long");
    }
    if (status == MODELLAB_OK) {
        const mli_note_row note = {name, mli_buf_text(&text), mli_lab_now_ms(lab)};

        status = mli_store_note_put(lab->store, run_id, &note, err);
    }
    mli_json_free(root);
    mli_buf_dispose(&text);
    return status;
}

static const mli_note_row *find(const mli_note_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->rows[i].name, name) == 0) {
            return &list->rows[i];
        }
    }
    return NULL;
}

modellab_status mli_note_load(mli_lab *lab, const char *run_id, const char *name, mli_buf *out,
                              int64_t *updated_ms, modellab_error *err)
{
    mli_note_list *list = NULL;
    modellab_status status = check_id(run_id, err);

    *updated_ms = -1;
    if (status == MODELLAB_OK) {
        status = mli_store_notes(lab->store, run_id, &list, err);
    }
    if (status == MODELLAB_OK) {
        const mli_note_row *note = find(list, name);

        if (note == NULL) {
            status = mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no note of this name");
        } else {
            *updated_ms = note->updated_ms;
            mli_buf_append_text(out, note->json);
            status = mli_buf_status(out, err);
        }
    }
    mli_note_list_free(list);
    return status;
}

modellab_status mli_note_remove(mli_lab *lab, const char *run_id, const char *name,
                                modellab_error *err)
{
    const mli_note_row note = {name, NULL, mli_lab_now_ms(lab)};
    modellab_status status = check_id(run_id, err);

    return status == MODELLAB_OK ? mli_store_note_put(lab->store, run_id, &note, err) : status;
}

modellab_status mli_note_list_json(mli_lab *lab, const char *run_id, mli_buf *out,
                                   modellab_error *err)
{
    mli_note_list *list = NULL;
    modellab_status status = check_id(run_id, err);
    mli_jw w;

    if (status == MODELLAB_OK) {
        status = mli_store_notes(lab->store, run_id, &list, err);
    }
    if (status == MODELLAB_OK) {
        mli_jw_init(&w, out);
        mli_jw_object(&w);
        for (size_t i = 0; i < list->count; i++) {
            mli_jw_key(&w, list->rows[i].name);
            mli_jw_object(&w);
            mli_jw_kutc(&w, "updated_at", list->rows[i].updated_ms);
            mli_jw_key(&w, "note");
            mli_jw_raw(&w, list->rows[i].json, strlen(list->rows[i].json));
            mli_jw_end_object(&w);
        }
        mli_jw_end_object(&w);
        status = mli_buf_status(out, err);
    }
    mli_note_list_free(list);
    return status;
}

modellab_status mli_note_speakers(mli_lab *lab, const char *run_id, mli_json **root,
                                  int64_t *updated_ms, modellab_error *err)
{
    mli_buf text;
    modellab_status status;

    *root = NULL;
    mli_buf_init(&text, lab->alloc);
    status = mli_note_load(lab, run_id, MODELLAB_NOTE_SPEAKERS, &text, updated_ms, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    } else if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, MODELLAB_NOTE_BYTES, root, err);
    }
    mli_buf_dispose(&text);
    return status;
}
