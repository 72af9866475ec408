/* The catalog of models: loading, listing, paths of files, removing. */
#include "api/catalog.h"
#include "api/buffer.h"
#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/sized.h"
#include "remote/pull.h"
#include <string.h>

void modellab_catalog_options_init(modellab_catalog_options *options, size_t size)
{
    const modellab_catalog_options init = MODELLAB_CATALOG_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status parse(modellab_catalog *c, const char *json,
                                                 modellab_error *err)
{
    return json != NULL ? mli_catalog_parse(&c->alloc, json, strlen(json), &c->parsed, err)
                        : mli_catalog_configured(&c->alloc, &c->parsed, err);
}

MODELLAB_MUST_CHECK static modellab_status take_root(modellab_catalog *c, const char *root,
                                                     modellab_error *err)
{
    char absolute[4096];
    if (root == NULL)
        return mli_config_folder(&c->alloc, "MODEL_LAB_MODELS_ROOT", &c->root, err);
    int rc = mli_os_absolute(root, absolute, sizeof absolute);
    if (rc != 0)
        return mli_fail_os(err, rc, "the models folder");
    c->root = mli_strdup(&c->alloc, absolute);
    return c->root != NULL ? MODELLAB_OK : mli_no_memory(err);
}

modellab_status modellab_catalog_load(const modellab_catalog_options *options,
                                      modellab_catalog **out, modellab_error *err)
{
    modellab_catalog_options o = MODELLAB_CATALOG_OPTIONS_INIT;
    modellab_allocator alloc;
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    modellab_status status = mli_sized_in(
        &o, sizeof o, MLI_SIZE_UP_TO(modellab_catalog_options, catalog_json), options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    modellab_catalog *c = mli_alloc_zero(&alloc, sizeof *c);
    if (c == NULL)
        return mli_no_memory(err);
    c->alloc = alloc;
    atomic_init(&c->references, 1);
    c->logger = modellab_logger_ref(o.logger);
    status = parse(c, o.catalog_json, err);
    if (status == MODELLAB_OK)
        status = take_root(c, o.models_root, err);
    c->store = (mli_model_store){&c->alloc, &mli_os_system_files, c->root};
    if (status == MODELLAB_OK)
        status = mli_catalog_scan(c, err);
    if (status == MODELLAB_OK)
        *out = c;
    else
        modellab_catalog_unref(c);
    return status;
}

void modellab_catalog_unref(modellab_catalog *c)
{
    if (c == NULL || atomic_fetch_sub(&c->references, 1) != 1)
        return;
    modellab_allocator alloc = c->alloc;
    for (size_t i = 0; i < c->count; i++) {
        mli_free(&alloc, c->rows[i].name);
        mli_free(&alloc, c->rows[i].languages);
        mli_free(&alloc, c->rows[i].architecture);
        mli_free(&alloc, c->rows[i].licence);
        mli_free(&alloc, c->rows[i].task);
    }
    mli_free(&alloc, c->rows);
    mli_free(&alloc, c->root);
    if (c->parsed != NULL)
        mli_catalog_destroy(c->parsed);
    modellab_logger_unref(c->logger);
    mli_free(&alloc, c);
}

size_t modellab_catalog_count(const modellab_catalog *catalog)
{
    return catalog == NULL ? 0 : catalog->count;
}

modellab_status modellab_catalog_at(const modellab_catalog *catalog, size_t index,
                                    modellab_catalog_entry *out, modellab_error *err)
{
    if (catalog == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "catalog and out must not be NULL");
    if (index >= catalog->count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the catalog has no such entry");
    const modellab_catalog_entry *entry = &catalog->rows[index].entry;
    return mli_sized_out(out, entry, sizeof *entry,
                         MLI_SIZE_UP_TO(modellab_catalog_entry, is_default), err);
}

modellab_status modellab_catalog_remove(const modellab_catalog *catalog, const char *name,
                                        modellab_error *err)
{
    mli_model_state state;
    bool partial = false;
    if (catalog == NULL || name == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "catalog and name must not be NULL");
    if (!mli_model_name_valid(name))
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "no model of that name is installed");
    modellab_status status = mli_pull_is_partial(&catalog->store, name, &partial, err);
    if (status == MODELLAB_OK)
        status = mli_model_store_state(&catalog->store, name, &state, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    if (state == MLI_MODEL_ABSENT && !partial)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "model %s is not installed", name);
    if (partial)
        status = mli_pull_discard(&catalog->store, name, err);
    if (status == MODELLAB_OK && state != MLI_MODEL_ABSENT)
        status = mli_model_store_remove(&catalog->store, name, err);
    if (status == MODELLAB_OK)
        modellab_logger_write(catalog->logger, MODELLAB_LOG_INFO, "model.removed", name);
    return status;
}

modellab_status modellab_catalog_file(const modellab_catalog *catalog, const char *name,
                                      const char *file, modellab_buffer **out, modellab_error *err)
{
    char *folder = NULL;
    mli_os_stat st;
    mli_buf path;
    if (out != NULL)
        *out = NULL;
    if (catalog == NULL || name == NULL || file == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no argument may be NULL");
    if (!mli_model_name_valid(name) || file[0] == '\0' || strchr(file, '/') != NULL ||
        strcmp(file, ".") == 0 || strcmp(file, "..") == 0)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no such file");
    modellab_status status = mli_model_store_dir(&catalog->store, name, &folder, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&path, NULL);
    mli_buf_printf(&path, "%s/%s", folder, file);
    mli_free(&catalog->alloc, folder);
    status = mli_buf_status(&path, err);
    if (status == MODELLAB_OK) {
        int rc =
            catalog->store.files->stat(catalog->store.files->user, mli_buf_text(&path), true, &st);
        if (rc != 0)
            status =
                mli_fail_os(err, rc, "%s of model %s (modellab models pull %s)", file, name, name);
    }
    if (status == MODELLAB_OK)
        return mli_buffer_from_buf(&path, out, err);
    mli_buf_dispose(&path);
    return status;
}
