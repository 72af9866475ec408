/* Reader of the catalog: models and their files. */
#include "models/catalog.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/str.h"
#include "models/catalog_read.h"
#include "models/installed.h"

#include <string.h>

#define MAX_MODELS 1024u
#define MAX_ITEMS 256u
#define MAX_BLOCKS 65536u
#define CATALOG_VERSION 1

void *mli_catalog_take(mli_catalog *c, size_t count, size_t size)
{
    if (c->block_count >= MAX_BLOCKS) {
        return NULL;
    }
    if ((c->block_count & (c->block_count - 1)) == 0) { /* grows at powers of two */
        size_t capacity = c->block_count == 0 ? 1 : 2 * c->block_count;
        void **blocks = mli_realloc_array(c->alloc, c->blocks, capacity, sizeof *blocks);
        if (blocks == NULL) {
            return NULL;
        }
        c->blocks = blocks;
    }
    void *block = mli_alloc_array(c->alloc, count, size);
    if (block != NULL) {
        c->blocks[c->block_count++] = block;
    }
    return block;
}

modellab_status mli_catalog_bad(const mli_catalog_model *m, const char *field, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "catalog: model %.96s: bad field %s",
                    m->name != NULL ? m->name : "?", field);
}

modellab_status mli_catalog_text(const mli_catalog_model *m, const mli_json *object,
                                 const char *field, bool (*valid)(const char *text),
                                 const char **out, modellab_error *err)
{
    const char *text = mli_json_string(mli_json_get(object, field), NULL);
    if (text == NULL || !valid(text)) {
        return mli_catalog_bad(m, field, err);
    }
    *out = text;
    return MODELLAB_OK;
}

static bool hash_valid(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

MODELLAB_MUST_CHECK static modellab_status read_languages(mli_catalog *c, mli_catalog_model *m,
                                                          const mli_json *list, modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count > MAX_ITEMS) {
        return mli_catalog_bad(m, "languages", err);
    }
    const char **languages = mli_catalog_take(c, count, sizeof *languages);
    if (languages == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        languages[i] = mli_json_string(mli_json_at(list, i), NULL);
        if (languages[i] == NULL || !mli_catalog_plain_valid(languages[i])) {
            return mli_catalog_bad(m, "languages", err);
        }
    }
    m->languages = languages;
    m->language_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_file(mli_catalog_model *m, const mli_json *item,
                                                     mli_catalog_file *f, modellab_error *err)
{
    modellab_status status =
        mli_catalog_text(m, item, "name", mli_catalog_file_valid, &f->name, err);
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "sha256", hash_valid, &f->sha256, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "role", mli_catalog_file_valid, &f->role, err);
    }
    f->bytes = mli_json_int(mli_json_get(item, "bytes"), -1);
    if (status == MODELLAB_OK &&
        (f->bytes <= 0 || mli_add_overflow(m->bytes, f->bytes, &m->bytes))) {
        status = mli_catalog_bad(m, "bytes", err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_files(mli_catalog *c, mli_catalog_model *m,
                                                      const mli_json *list, modellab_error *err)
{
    size_t count = mli_json_count(list);
    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count == 0 ||
        count > MAX_ITEMS) {
        return mli_catalog_bad(m, "files", err);
    }
    mli_catalog_file *files = mli_catalog_take(c, count, sizeof *files);
    if (files == NULL) {
        return mli_no_memory(err);
    }
    m->files = files;
    for (size_t i = 0; i < count; i++) {
        modellab_status status = read_file(m, mli_json_at(list, i), &files[i], err);
        if (status != MODELLAB_OK) {
            return status;
        }
        bool taken = strcmp(files[i].name, "model.json") == 0;
        for (size_t j = 0; j < i; j++) {
            taken = taken || strcmp(files[j].name, files[i].name) == 0;
        }
        if (taken) {
            return mli_catalog_bad(m, "files (a name twice, or model.json)", err);
        }
    }
    m->file_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_model(mli_catalog *c, mli_catalog_model *m,
                                                      const mli_json *item, modellab_error *err)
{
    modellab_status status = mli_catalog_text(m, item, "name", mli_model_name_valid, &m->name, err);
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "title", mli_catalog_plain_valid, &m->title, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "task", mli_catalog_plain_valid, &m->task, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "architecture", mli_catalog_plain_valid,
                                  &m->architecture, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_text(m, item, "licence", mli_catalog_plain_valid, &m->licence, err);
    }
    if (status == MODELLAB_OK) {
        status = read_languages(c, m, mli_json_get(item, "languages"), err);
    }
    if (status == MODELLAB_OK) {
        status = read_files(c, m, mli_json_get(item, "files"), err);
    }
    if (status == MODELLAB_OK) {
        status = mli_catalog_read_sources(c, m, mli_json_get(item, "sources"), err);
    }
    m->is_default = mli_json_bool(mli_json_get(item, "default"), false);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
check_unique(const mli_catalog *c, const mli_catalog_model *m, modellab_error *err)
{
    for (const mli_catalog_model *other = c->models; other < m; other++) {
        if (strcmp(other->name, m->name) == 0) {
            return mli_catalog_bad(m, "name (stands twice)", err);
        }
        if (other->is_default && m->is_default && strcmp(other->task, m->task) == 0) {
            return mli_catalog_bad(m, "default (a second one of its task)", err);
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_all(mli_catalog *c, modellab_error *err)
{
    const mli_json *list = mli_json_get(c->root, "models");
    size_t count = mli_json_count(list);
    if (mli_json_int(mli_json_get(c->root, "version"), -1) != CATALOG_VERSION) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "catalog: field version is not %d",
                        CATALOG_VERSION);
    }
    if (list == NULL || mli_json_typeof(list) != MLI_JSON_ARRAY || count > MAX_MODELS) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "catalog: field models is not a list");
    }
    c->models = mli_catalog_take(c, count, sizeof *c->models);
    if (c->models == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        mli_catalog_model *m = &c->models[i];
        modellab_status status = read_model(c, m, mli_json_at(list, i), err);
        if (status == MODELLAB_OK) {
            status = check_unique(c, m, err);
        }
        if (status != MODELLAB_OK) {
            return status;
        }
        c->count++;
    }
    return MODELLAB_OK;
}

modellab_status mli_catalog_parse(const modellab_allocator *alloc, const char *json, size_t bytes,
                                  mli_catalog **out, modellab_error *err)
{
    *out = NULL;
    mli_catalog *c = mli_alloc_zero(alloc, sizeof *c);
    if (c == NULL) {
        return mli_no_memory(err);
    }
    c->alloc = alloc;
    modellab_status status = mli_json_parse(json, bytes, MLI_JSON_MAX_BYTES, &c->root, err);
    if (status == MODELLAB_OK) {
        status = read_all(c, err);
    }
    if (status != MODELLAB_OK) {
        mli_catalog_destroy(c);
        return status;
    }
    *out = c;
    return MODELLAB_OK;
}

modellab_status mli_catalog_builtin(const modellab_allocator *alloc, mli_catalog **out,
                                    modellab_error *err)
{
    size_t bytes;
    const char *text = mli_catalog_builtin_text(&bytes);
    return mli_catalog_parse(alloc, text, bytes, out, err);
}

void mli_catalog_destroy(mli_catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    for (size_t i = 0; i < catalog->block_count; i++) {
        mli_free(catalog->alloc, catalog->blocks[i]);
    }
    mli_free(catalog->alloc, catalog->blocks);
    mli_json_free(catalog->root);
    mli_free(catalog->alloc, catalog);
}

size_t mli_catalog_count(const mli_catalog *catalog)
{
    return catalog->count;
}

const mli_catalog_model *mli_catalog_at(const mli_catalog *catalog, size_t index)
{
    return index < catalog->count ? &catalog->models[index] : NULL;
}

const mli_catalog_model *mli_catalog_find(const mli_catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (strcmp(catalog->models[i].name, name) == 0) {
            return &catalog->models[i];
        }
    }
    return NULL;
}

const mli_catalog_model *mli_catalog_default(const mli_catalog *catalog, const char *task)
{
    for (size_t i = 0; i < catalog->count; i++) {
        if (catalog->models[i].is_default && strcmp(catalog->models[i].task, task) == 0) {
            return &catalog->models[i];
        }
    }
    return NULL;
}

const char *mli_catalog_suggest(const mli_catalog *catalog, const char *name)
{
    size_t best_distance = 4; /* further away is no typing error */
    const char *best = NULL;
    if (strlen(name) > MLI_MODEL_NAME_MAX) {
        return NULL;
    }
    for (size_t i = 0; i < catalog->count; i++) {
        const char *have = catalog->models[i].name;
        const char *bare = strchr(have, '-'); /* "tiny.en" for "whisper-tiny.en" */
        size_t distance = mli_edit_distance(name, have, best_distance);
        if (bare != NULL && strcmp(bare + 1, name) == 0) {
            distance = 0;
        }
        if (distance < best_distance) {
            best_distance = distance;
            best = have;
        }
    }
    return best;
}
