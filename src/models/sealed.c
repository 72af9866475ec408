/* Reads and writes model.json of an installed model, and lists the models folder. */
#include "models/sealed.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "models/catalog_read.h"
#include "models/file_read.h"
#include "models/installed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_VERSION 1

static bool valid_file(const mli_sealed_file *f)
{
    return f->name != NULL && mli_catalog_file_valid(f->name) && f->sha256 != NULL &&
           strlen(f->sha256) == 64 && strspn(f->sha256, "0123456789abcdef") == 64 && f->bytes > 0;
}

MODELLAB_MUST_CHECK static modellab_status read_fields(mli_seal *seal, modellab_error *err)
{
    const mli_json *list = mli_json_get(seal->root, "files");
    size_t count = mli_json_count(list);
    if (mli_json_int(mli_json_get(seal->root, "version"), -1) != SEAL_VERSION || list == NULL ||
        mli_json_typeof(list) != MLI_JSON_ARRAY || count == 0 || count > MLI_SEAL_MAX_FILES) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "model.json: field version or files");
    }
    seal->files = mli_alloc_array(seal->alloc, count, sizeof *seal->files);
    if (seal->files == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const mli_json *item = mli_json_at(list, i);
        seal->files[i].name = mli_json_string(mli_json_get(item, "name"), NULL);
        seal->files[i].sha256 = mli_json_string(mli_json_get(item, "sha256"), NULL);
        seal->files[i].bytes = mli_json_int(mli_json_get(item, "bytes"), -1);
        if (!valid_file(&seal->files[i])) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "model.json: file %zu is not valid", i);
        }
    }
    seal->count = count;
    return MODELLAB_OK;
}

modellab_status mli_seal_read(mli_seal *out, const modellab_allocator *alloc,
                              const mli_os_files *files, const char *directory, modellab_error *err)
{
    char *text = NULL, *path = mli_path_join(alloc, directory, "model.json");
    size_t bytes = 0;
    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    if (path == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status =
        mli_file_text(alloc, files, path, MLI_JSON_MAX_BYTES, &text, &bytes, err);
    mli_free(alloc, path);
    if (status != MODELLAB_OK) {
        return status == MODELLAB_E_LIMIT
                   ? mli_fail(err, MODELLAB_E_INVALID_MODEL, "model.json is too large")
                   : status;
    }
    status = mli_json_parse(text, bytes, MLI_JSON_MAX_BYTES, &out->root, err);
    mli_free(alloc, text);
    if (status != MODELLAB_OK && status != MODELLAB_E_NO_MEMORY) {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "model.json is not JSON");
    }
    if (status == MODELLAB_OK) {
        status = read_fields(out, err);
    }
    if (status != MODELLAB_OK) {
        mli_seal_dispose(out);
    }
    return status;
}

void mli_seal_dispose(mli_seal *seal)
{
    mli_free(seal->alloc, seal->files);
    mli_json_free(seal->root);
    memset(seal, 0, sizeof *seal);
}

/* One text, separated by commas. */
static void write_languages(mli_jw *w, const mli_catalog_model *model, mli_buf *scratch)
{
    for (size_t i = 0; i < model->language_count; i++) {
        mli_buf_printf(scratch, "%s%s", i > 0 ? "," : "", model->languages[i]);
    }
    if (scratch->status != MODELLAB_OK) {
        w->out->status = scratch->status;
    } else if (scratch->size > 0) {
        mli_jw_kstring(w, "languages", mli_buf_text(scratch));
    }
}

static void write_seal(const mli_catalog_model *model, const char *origin, mli_buf *text)
{
    mli_jw w;
    mli_buf languages;
    mli_buf_init(&languages, text->alloc);
    mli_jw_init(&w, text);
    mli_jw_object(&w);
    mli_jw_kint(&w, "version", SEAL_VERSION);
    mli_jw_kstring(&w, "name", model->name);
    mli_jw_kstring(&w, "architecture", model->architecture);
    mli_jw_kstring(&w, "task", model->task);
    mli_jw_kstring(&w, "licence", model->licence);
    write_languages(&w, model, &languages);
    mli_buf_dispose(&languages);
    mli_jw_kstring(&w, "origin", origin);
    mli_jw_key(&w, "files");
    mli_jw_array(&w);
    for (size_t i = 0; i < model->file_count; i++) {
        mli_jw_object(&w);
        mli_jw_kstring(&w, "name", model->files[i].name);
        mli_jw_kstring(&w, "sha256", model->files[i].sha256);
        mli_jw_kint(&w, "bytes", model->files[i].bytes);
        mli_jw_kstring(&w, "role", model->files[i].role);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    mli_buf_append_char(text, '\n');
}

modellab_status mli_model_store_seal(const mli_model_store *store, const char *directory,
                                     const mli_catalog_model *model, const char *origin,
                                     modellab_error *err)
{
    mli_buf text;
    mli_buf_init(&text, store->alloc);
    write_seal(model, origin, &text);
    modellab_status status = mli_buf_status(&text, err);
    char *path = NULL;
    if (status == MODELLAB_OK) {
        path = mli_path_join(store->alloc, directory, "model.json");
        status = path == NULL ? mli_no_memory(err) : MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        int rc = mli_os_replace_file(store->files, path, mli_buf_text(&text), text.size, 0644);
        if (rc != 0) {
            status = mli_fail_os(err, -rc, "cannot write model.json");
        }
    }
    mli_free(store->alloc, path);
    mli_buf_dispose(&text);
    return status;
}

typedef struct names {
    const modellab_allocator *alloc;
    char **items;
    size_t count, capacity;
} names;

static int collect(void *arg, const char *name)
{
    names *n = arg;
    if (!mli_model_name_valid(name)) {
        return 0; /* locks, partial downloads and strangers' files */
    }
    if (n->count == n->capacity) {
        size_t capacity = n->capacity == 0 ? 16 : 2 * n->capacity;
        char **items = mli_realloc_array(n->alloc, n->items, capacity, sizeof *items);
        if (items == NULL) {
            return -ENOMEM;
        }
        n->items = items;
        n->capacity = capacity;
    }
    n->items[n->count] = mli_strdup(n->alloc, name);
    return n->items[n->count] != NULL ? (void)n->count++, 0 : -ENOMEM;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

modellab_status mli_model_store_list(const mli_model_store *store,
                                     modellab_status (*each)(void *user, const char *name,
                                                             mli_model_state state,
                                                             modellab_error *err),
                                     void *user, modellab_error *err)
{
    names n = {.alloc = store->alloc};
    modellab_status status = MODELLAB_OK;
    const char *directory = store->root;
    int rc = store->files->list(store->files->user, directory, collect, &n);
    if (rc != 0 && rc != -ENOENT) {
        status = mli_fail_os(err, -rc, "cannot list the installed models");
    }
    if (n.count > 1) {
        qsort(n.items, n.count, sizeof *n.items, compare_names);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < n.count; i++) {
        mli_model_state state = MLI_MODEL_ABSENT;
        status = mli_model_store_state(store, n.items[i], &state, NULL, err);
        if (status == MODELLAB_OK && state != MLI_MODEL_ABSENT) {
            status = each(user, n.items[i], state, err);
        }
    }
    for (size_t i = 0; i < n.count; i++) {
        mli_free(store->alloc, n.items[i]);
    }
    mli_free(store->alloc, n.items);
    return status;
}
