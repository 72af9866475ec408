/* What stands in the catalog and in the models folder, as rows of strings. */
#include "api/catalog.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "models/file_read.h"
#include "remote/pull.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status add_row(modellab_catalog *c, mli_catalog_row **out,
                                                   modellab_error *err)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        mli_catalog_row *rows = mli_realloc_array(&c->alloc, c->rows, capacity, sizeof *rows);
        if (rows == NULL)
            return mli_no_memory(err);
        c->rows = rows;
        c->capacity = capacity;
    }
    *out = &c->rows[c->count++];
    memset(*out, 0, sizeof **out);
    (*out)->entry.size = sizeof(*out)->entry;
    (*out)->entry.installed_ms = -1;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status public_state(const modellab_catalog *c, const char *name,
                                                        modellab_model_state *out,
                                                        modellab_error *err)
{
    mli_model_state state;
    bool partial = false;
    modellab_status status = mli_model_store_state(&c->store, name, &state, NULL, err);
    if (status == MODELLAB_OK && state != MLI_MODEL_INSTALLED)
        status = mli_pull_is_partial(&c->store, name, &partial, err);
    if (status != MODELLAB_OK)
        return status;
    *out = MODELLAB_MODEL_ABSENT;
    if (state == MLI_MODEL_INSTALLED)
        *out = MODELLAB_MODEL_INSTALLED;
    else if (state == MLI_MODEL_DAMAGED)
        *out = MODELLAB_MODEL_DAMAGED;
    else if (partial)
        *out = MODELLAB_MODEL_PARTIAL;
    return MODELLAB_OK;
}

/* When its model.json was written, the last file of an installation. */
MODELLAB_MUST_CHECK static modellab_status note_time(const modellab_catalog *c, const char *name,
                                                     modellab_catalog_entry *entry,
                                                     modellab_error *err)
{
    char *folder = NULL, *path = NULL;
    mli_os_stat st;
    if (entry->state != MODELLAB_MODEL_INSTALLED)
        return MODELLAB_OK;
    modellab_status status = mli_model_store_dir(&c->store, name, &folder, err);
    if (status != MODELLAB_OK)
        return status;
    path = mli_path_join(&c->alloc, folder, "model.json");
    mli_free(&c->alloc, folder);
    if (path == NULL)
        return mli_no_memory(err);
    if (c->store.files->stat(c->store.files->user, path, true, &st) == 0)
        entry->installed_ms = st.mtime_ns / 1000000;
    mli_free(&c->alloc, path);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status join_languages(const modellab_catalog *c,
                                                          const mli_catalog_model *m, char **out,
                                                          modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, &c->alloc);
    for (size_t i = 0; i < m->language_count; i++)
        mli_buf_printf(&text, "%s%s", i > 0 ? "," : "", m->languages[i]);
    if (m->language_count == 0)
        mli_buf_append_text(&text, "");
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        *out = text.size > 0 ? mli_buf_take(&text, NULL) : mli_strdup(&c->alloc, "");
        if (*out == NULL)
            status = mli_no_memory(err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
add_catalog_model(modellab_catalog *c, const mli_catalog_model *m, modellab_error *err)
{
    mli_catalog_row *row = NULL;
    modellab_status status = add_row(c, &row, err);
    if (status != MODELLAB_OK)
        return status;
    row->entry.name = m->name;
    row->entry.title = m->title;
    row->entry.task = m->task;
    row->entry.architecture = m->architecture;
    row->entry.licence = m->licence;
    row->entry.bytes = m->bytes;
    row->entry.is_default = m->is_default && strcmp(m->task, "asr") == 0;
    status = join_languages(c, m, &row->languages, err);
    row->entry.languages = row->languages;
    if (status == MODELLAB_OK)
        status = public_state(c, m->name, &row->entry.state, err);
    return status == MODELLAB_OK ? note_time(c, m->name, &row->entry, err) : status;
}

/* Text of `<models>/<name>/model.json`; *text NULL when it cannot be read (a damaged model: its
 * state says so). */
MODELLAB_MUST_CHECK static modellab_status read_model_json(modellab_catalog *c, const char *name,
                                                           char **text, size_t *bytes,
                                                           modellab_error *err)
{
    char *folder = NULL, *path = NULL;
    *text = NULL;
    modellab_status status = mli_model_store_dir(&c->store, name, &folder, err);
    if (status != MODELLAB_OK)
        return status;
    path = mli_path_join(&c->alloc, folder, "model.json");
    mli_free(&c->alloc, folder);
    if (path == NULL)
        return mli_no_memory(err);
    status = mli_file_text(&c->alloc, c->store.files, path, MLI_JSON_MAX_BYTES, text, bytes, NULL);
    mli_free(&c->alloc, path);
    return status == MODELLAB_E_NO_MEMORY ? mli_no_memory(err) : MODELLAB_OK;
}

static char *copy_member(const modellab_catalog *c, const mli_json *root, const char *key,
                         const char *fallback)
{
    return mli_strdup(&c->alloc, mli_json_string(mli_json_get(root, key), fallback));
}

/* What a strange model.json says may be anything: such a number does not count. */
static int64_t add_bytes(int64_t sum, const mli_json *file)
{
    int64_t bytes = mli_json_int(mli_json_get(file, "bytes"), 0), total;
    return bytes < 0 || mli_add_overflow(sum, bytes, &total) ? sum : total;
}

MODELLAB_MUST_CHECK static modellab_status fill_installed(modellab_catalog *c, mli_catalog_row *row,
                                                          const char *name, modellab_error *err)
{
    char *text = NULL;
    size_t bytes = 0;
    mli_json *root = NULL;
    modellab_error ignored = MODELLAB_ERROR_INIT; /* a damaged model.json: its state says so */
    modellab_status status = read_model_json(c, name, &text, &bytes, err);
    if (status != MODELLAB_OK)
        return status;
    if (text != NULL &&
        mli_json_parse(text, bytes, MLI_JSON_MAX_BYTES, &root, &ignored) != MODELLAB_OK)
        root = NULL;
    row->name = mli_strdup(&c->alloc, name);
    row->task = copy_member(c, root, "task", "asr");
    row->architecture = copy_member(c, root, "architecture", "unknown");
    row->licence = copy_member(c, root, "licence", "unknown");
    row->languages = copy_member(c, root, "languages", "");
    const mli_json *files = mli_json_get(root, "files");
    for (size_t i = 0; i < mli_json_count(files); i++)
        row->entry.bytes = add_bytes(row->entry.bytes, mli_json_at(files, i));
    mli_json_free(root);
    mli_free(&c->alloc, text);
    if (row->name == NULL || row->task == NULL || row->architecture == NULL ||
        row->licence == NULL || row->languages == NULL)
        return mli_no_memory(err);
    row->entry.name = row->entry.title = row->name;
    row->entry.task = row->task;
    row->entry.architecture = row->architecture;
    row->entry.licence = row->licence;
    row->entry.languages = row->languages;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status on_installed(void *user, const char *name,
                                                        mli_model_state state, modellab_error *err)
{
    modellab_catalog *c = user;
    mli_catalog_row *row = NULL;
    if (mli_catalog_find(c->parsed, name) != NULL || state == MLI_MODEL_ABSENT)
        return MODELLAB_OK;
    modellab_status status = add_row(c, &row, err);
    if (status != MODELLAB_OK)
        return status;
    row->entry.state =
        state == MLI_MODEL_INSTALLED ? MODELLAB_MODEL_INSTALLED : MODELLAB_MODEL_DAMAGED;
    status = fill_installed(c, row, name, err);
    return status == MODELLAB_OK ? note_time(c, name, &row->entry, err) : status;
}

modellab_status mli_catalog_scan(modellab_catalog *c, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; i < mli_catalog_count(c->parsed) && status == MODELLAB_OK; i++)
        status = add_catalog_model(c, mli_catalog_at(c->parsed, i), err);
    if (status == MODELLAB_OK)
        status = mli_model_store_list(&c->store, on_installed, c, err);
    return status;
}
