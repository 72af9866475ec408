/* Installing the user's own model: the weight file must be readable as one, then it and the small
 * files beside it are copied, hashed and put in place like a pulled model. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "models/file_read.h"
#include "models/model_files.h"
#include "remote/fetch.h"
#include <errno.h>
#include <string.h>

#define IMPORT_FILES 8

/* Files that belong to a model; the weights come first and are found by mli_model_files_open. */
static const char *const side_files[] = {
    "config.json", "tokenizer.json", "vocabulary.txt",        "vocabulary.json",
    "vocab.json",  "merges.txt",     "generation_config.json"};

typedef struct importing {
    const mli_model_store *store;
    mli_model_files source;
    mli_catalog_file files[IMPORT_FILES];
    char *paths[IMPORT_FILES];
    char hashes[IMPORT_FILES][65];
    size_t count;
    bool multilingual;
} importing;

static void count_bytes(void *user, int64_t bytes)
{
    *(int64_t *)user += bytes;
}

MODELLAB_MUST_CHECK static modellab_status add_file(importing *m, const char *path,
                                                    const char *role, const mli_cancel_word *cancel,
                                                    modellab_error *err)
{
    mli_catalog_file *file = &m->files[m->count];
    char *copy = mli_strdup(m->store->alloc, path);
    if (copy == NULL)
        return mli_no_memory(err);
    m->paths[m->count] = copy;
    file->name = mli_basename(copy);
    file->role = role;
    file->sha256 = m->hashes[m->count];
    modellab_status status = mli_file_sha256(m->store->alloc, m->store->files, copy, cancel,
                                             count_bytes, &file->bytes, m->hashes[m->count], err);
    m->count++;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
add_side_files(importing *m, const mli_cancel_word *cancel, modellab_error *err)
{
    const mli_os_files *f = m->store->files;
    modellab_status status = MODELLAB_OK;
    if (m->source.directory == NULL)
        return MODELLAB_OK;
    for (size_t i = 0; i < sizeof side_files / sizeof side_files[0] && status == MODELLAB_OK; i++) {
        mli_os_stat st;
        char *path = NULL;
        status =
            mli_staging_path(m->store->alloc, m->source.directory, side_files[i], "", &path, err);
        if (status == MODELLAB_OK && f->stat(f->user, path, true, &st) == 0 &&
            st.kind == MLI_OS_REGULAR && m->count < IMPORT_FILES)
            status = add_file(m, path, i == 0 ? "config" : "tokenizer", cancel, err);
        mli_free(m->store->alloc, path);
    }
    return status;
}

/* Reads the weights as a model, so that what is installed can be opened. */
MODELLAB_MUST_CHECK static modellab_status
check_readable(importing *m, const mli_cancel_word *cancel, modellab_error *err)
{
    mli_whisper_weights weights;
    modellab_status status = mli_model_files_load(&m->source, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_whisper_weights_read(&weights, m->store->alloc, m->source.weights,
                                      m->source.weights_bytes, m->source.config,
                                      m->source.config_bytes, err);
    if (status == MODELLAB_OK) {
        m->multilingual = weights.hparams.multilingual;
        mli_whisper_weights_dispose(&weights);
    }
    mli_model_files_unload(&m->source);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status copy_all(importing *m, mli_staging *staging,
                                                    const mli_catalog_model *model,
                                                    const mli_cancel_word *cancel,
                                                    modellab_error *err)
{
    mli_pull pull = {.alloc = m->store->alloc, .files = m->store->files, .cancel = cancel};
    mli_fetch fetch = {.pull = &pull, .staging = staging, .model = model, .kind = "path"};
    modellab_status status = mli_staging_clear(staging, err);
    int rc = status == MODELLAB_OK ? mli_os_make_dirs(m->store->files, staging->ready, 0755) : 0;
    if (rc != 0)
        status = mli_fail_os(err, rc, "the models folder cannot be written");
    for (size_t i = 0; status == MODELLAB_OK && i < m->count; i++) {
        mli_part part;
        fetch.current = m->files[i].name;
        status = mli_part_open(&part, staging, &m->files[i], cancel, err);
        if (status != MODELLAB_OK)
            break;
        status = mli_fetch_copy(&fetch, &part, m->paths[i], err);
        if (status == MODELLAB_OK)
            status = mli_part_finish(&part, err);
        mli_part_close(&part);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status import_locked(importing *m, mli_staging *staging,
                                                         const char *name,
                                                         const mli_cancel_word *cancel,
                                                         modellab_error *err)
{
    static const char *const any[] = {"*"}, *const english[] = {"en"};
    mli_model_state state;
    modellab_status status = mli_model_store_state(m->store, name, &state, NULL, err);
    if (status == MODELLAB_OK && state == MLI_MODEL_INSTALLED)
        status = mli_fail(err, MODELLAB_E_ALREADY_EXISTS,
                          "a model %s is installed: choose another name or remove it first", name);
    if (status == MODELLAB_OK)
        status = check_readable(m, cancel, err);
    if (status == MODELLAB_OK)
        status = add_file(m, m->source.weights_path, "weights", cancel, err);
    if (status == MODELLAB_OK)
        status = add_side_files(m, cancel, err);
    mli_catalog_model model = {.name = name,
                               .title = name,
                               .task = "asr",
                               .architecture = "whisper",
                               .licence = "unknown",
                               .languages = m->multilingual ? any : english,
                               .language_count = 1,
                               .files = m->files,
                               .file_count = m->count};
    for (size_t i = 0; i < m->count; i++)
        model.bytes += m->files[i].bytes;
    if (status == MODELLAB_OK)
        status = copy_all(m, staging, &model, cancel, err);
    if (status == MODELLAB_OK)
        return mli_staging_install(staging, &model, "import", err);
    modellab_error second = MODELLAB_ERROR_INIT; /* the first failure is the one to tell */
    if (mli_staging_clear(staging, &second) != MODELLAB_OK)
        return mli_fail(err, status, "%s (and %s)", err != NULL ? err->message : "",
                        second.message);
    return status;
}

modellab_status mli_import_model(const mli_model_store *store, const char *name, const char *path,
                                 const mli_cancel_word *cancel, modellab_error *err)
{
    importing m = {.store = store};
    mli_staging staging;
    modellab_status status = mli_model_files_open(&m.source, store->alloc, store->files, path, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_staging_open(&staging, store, name, err);
    if (status == MODELLAB_OK) {
        status = import_locked(&m, &staging, name, cancel, err);
        mli_staging_close(&staging);
    }
    for (size_t i = 0; i < m.count; i++)
        mli_free(store->alloc, m.paths[i]);
    mli_model_files_dispose(&m.source);
    return status;
}
