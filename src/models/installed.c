/* Installed models: state, list, verification, sealing, opening. */
#include "models/installed.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/str.h"
#include "models/file_read.h"
#include "models/sealed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool mli_model_name_valid(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n > MLI_MODEL_NAME_MAX || name[0] == '.' || name[0] == '-' || name[0] == '_') {
        return false;
    }
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

bool mli_model_name_is_path(const char *text)
{
    return strchr(text, '/') != NULL || strcmp(text, ".") == 0 || strcmp(text, "..") == 0;
}

modellab_status mli_model_store_dir(const mli_model_store *store, const char *name, char **out,
                                    modellab_error *err)
{
    *out = NULL;
    if (!mli_model_name_valid(name)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a model name holds letters, digits and . _ - only");
    }
    *out = mli_path_join(store->alloc, store->root, name);
    return *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}

static void say(char *why, const char *text, const char *file)
{
    if (why != NULL) {
        (void)snprintf(why, 256, "%.120s %.120s", file, text);
    }
}

/* Compares the sizes of the files in `directory` with the seal. */
MODELLAB_MUST_CHECK static modellab_status check_sizes(const mli_model_store *store,
                                                       const char *directory, const mli_seal *seal,
                                                       mli_model_state *out, char *why,
                                                       modellab_error *err)
{
    *out = MLI_MODEL_INSTALLED;
    for (size_t i = 0; *out == MLI_MODEL_INSTALLED && i < seal->count; i++) {
        mli_os_stat st;
        char *path = mli_path_join(store->alloc, directory, seal->files[i].name);
        if (path == NULL) {
            return mli_no_memory(err);
        }
        int rc = store->files->stat(store->files->user, path, true, &st);
        mli_free(store->alloc, path);
        if (rc != 0 && rc != -ENOENT) {
            return mli_fail_os(err, -rc, "cannot look at %s", seal->files[i].name);
        }
        if (rc == -ENOENT) {
            say(why, "is missing", seal->files[i].name);
            *out = MLI_MODEL_DAMAGED;
        } else if (st.kind != MLI_OS_REGULAR || st.bytes != seal->files[i].bytes) {
            say(why, "has another size", seal->files[i].name);
            *out = MLI_MODEL_DAMAGED;
        }
    }
    return MODELLAB_OK;
}

/* State of a model's directory; `seal` is filled (to be disposed) when the state is INSTALLED. */
MODELLAB_MUST_CHECK static modellab_status inspect(const mli_model_store *store,
                                                   const char *directory, mli_seal *seal,
                                                   mli_model_state *out, char *why,
                                                   modellab_error *err)
{
    mli_os_stat st;
    modellab_error read_error = MODELLAB_ERROR_INIT;
    *out = MLI_MODEL_ABSENT;
    memset(seal, 0, sizeof *seal);
    int rc = store->files->stat(store->files->user, directory, true, &st);
    if (rc == -ENOENT || (rc == 0 && st.kind != MLI_OS_DIR)) {
        return MODELLAB_OK;
    }
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at the model's directory");
    }
    modellab_status status =
        mli_seal_read(seal, store->alloc, store->files, directory, &read_error);
    if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_INVALID_MODEL) {
        say(why,
            status == MODELLAB_E_NOT_FOUND ? "is missing: the installation did not end"
                                           : "cannot be read",
            "model.json");
        *out = MLI_MODEL_DAMAGED;
        return MODELLAB_OK;
    }
    if (status != MODELLAB_OK) {
        return mli_fail(err, status, "%s", read_error.message);
    }
    status = check_sizes(store, directory, seal, out, why, err);
    if (status != MODELLAB_OK || *out != MLI_MODEL_INSTALLED) {
        mli_seal_dispose(seal);
    }
    return status;
}

modellab_status mli_model_store_facts(const mli_model_store *store, const char *name,
                                      mli_model_facts *out, char *why, modellab_error *err)
{
    mli_seal seal;
    char *directory;
    *out = (mli_model_facts){.state = MLI_MODEL_ABSENT};
    modellab_status status = mli_model_store_dir(store, name, &directory, err);
    if (status == MODELLAB_OK) {
        status = inspect(store, directory, &seal, &out->state, why, err);
    }
    if (status == MODELLAB_OK && out->state == MLI_MODEL_INSTALLED) {
        (void)mli_str_copy(out->task, sizeof out->task,
                           mli_json_string(mli_json_get(seal.root, "task"), ""));
        (void)mli_str_copy(out->languages, sizeof out->languages,
                           mli_json_string(mli_json_get(seal.root, "languages"), ""));
        mli_seal_dispose(&seal);
    }
    mli_free(store->alloc, directory);
    return status;
}

modellab_status mli_model_store_state(const mli_model_store *store, const char *name,
                                      mli_model_state *out, char *why, modellab_error *err)
{
    mli_model_facts facts;
    modellab_status status = mli_model_store_facts(store, name, &facts, why, err);
    *out = facts.state;
    return status;
}

typedef struct meter {
    void (*progress)(void *user, int64_t done, int64_t total);
    void *user;
    int64_t done, total;
} meter;

static void advance(void *user, int64_t bytes)
{
    meter *m = user;
    m->done += bytes;
    if (m->progress != NULL) {
        m->progress(m->user, m->done, m->total);
    }
}

MODELLAB_MUST_CHECK static modellab_status hash_files(const mli_model_store *store,
                                                      const char *directory, const mli_seal *seal,
                                                      const mli_cancel_word *cancel, meter *m,
                                                      mli_model_state *out, char *why,
                                                      modellab_error *err)
{
    for (size_t i = 0; i < seal->count; i++) {
        m->total += seal->files[i].bytes;
    }
    for (size_t i = 0; i < seal->count; i++) {
        char hash[65];
        char *path = mli_path_join(store->alloc, directory, seal->files[i].name);
        if (path == NULL) {
            return mli_no_memory(err);
        }
        modellab_status status =
            mli_file_sha256(store->alloc, store->files, path, cancel, advance, m, hash, err);
        mli_free(store->alloc, path);
        if (status != MODELLAB_OK) {
            return status;
        }
        if (strcmp(hash, seal->files[i].sha256) != 0) {
            say(why, "has other bytes than were installed", seal->files[i].name);
            *out = MLI_MODEL_DAMAGED;
            return MODELLAB_OK;
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_model_store_verify(const mli_model_store *store, const char *name,
                                       const mli_cancel_word *cancel,
                                       void (*progress)(void *user, int64_t done, int64_t total),
                                       void *user, mli_model_state *out, char *why,
                                       modellab_error *err)
{
    mli_seal seal;
    char *directory;
    meter m = {progress, user, 0, 0};
    *out = MLI_MODEL_ABSENT;
    modellab_status status = mli_model_store_dir(store, name, &directory, err);
    if (status == MODELLAB_OK) {
        status = inspect(store, directory, &seal, out, why, err);
        if (status == MODELLAB_OK && *out == MLI_MODEL_INSTALLED) {
            status = hash_files(store, directory, &seal, cancel, &m, out, why, err);
            mli_seal_dispose(&seal);
        }
    }
    mli_free(store->alloc, directory);
    return status;
}

modellab_status mli_model_store_remove(const mli_model_store *store, const char *name,
                                       modellab_error *err)
{
    mli_os_stat st;
    char *directory, *seal = NULL;
    modellab_status status = mli_model_store_dir(store, name, &directory, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = store->files->stat(store->files->user, directory, false, &st);
    if (rc == 0) {
        /* The seal goes first: a removal that is cut leaves a half-written model, not a broken one.
         */
        seal = mli_path_join(store->alloc, directory, "model.json");
        rc = seal == NULL ? -ENOMEM : store->files->unlink(store->files->user, seal);
        rc = rc == 0 || rc == -ENOENT || rc == -ENOTDIR
                 ? mli_os_remove_tree(store->files, directory)
                 : rc;
    }
    if (rc == -ENOENT) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "model %s is not installed", name);
    } else if (rc != 0) {
        status = mli_fail_os(err, -rc, "cannot remove model %s", name);
    }
    mli_free(store->alloc, seal);
    mli_free(store->alloc, directory);
    return status;
}

static void digest_seal(const mli_seal *seal, char out[65])
{
    mli_sha256 hash;
    mli_sha256_init(&hash);
    for (size_t i = 0; i < seal->count; i++) {
        mli_sha256_update(&hash, seal->files[i].name, strlen(seal->files[i].name) + 1);
        mli_sha256_update(&hash, seal->files[i].sha256, strlen(seal->files[i].sha256) + 1);
    }
    mli_sha256_hex(&hash, out);
}

/* Opens the installed directory; the weights' sha256 is that of the seal. */
MODELLAB_MUST_CHECK static modellab_status open_sealed(const mli_model_store *store,
                                                       const char *directory, const mli_seal *seal,
                                                       mli_model_files *out, modellab_error *err)
{
    modellab_status status = mli_model_files_open(out, store->alloc, store->files, directory, err);
    if (status == MODELLAB_OK) {
        digest_seal(seal, out->seal);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < seal->count; i++) {
        if (strcmp(seal->files[i].name, out->weights_name) == 0) {
            memcpy(out->sha256, seal->files[i].sha256, sizeof out->sha256);
            out->sealed = true;
        }
    }
    return status;
}

modellab_status mli_model_store_open(const mli_model_store *store, const char *name,
                                     mli_model_files *out, modellab_error *err)
{
    mli_seal seal;
    mli_model_state state;
    char *directory, why[256] = "";
    memset(out, 0, sizeof *out);
    if (mli_model_name_is_path(name)) {
        return mli_model_files_open(out, store->alloc, store->files, name, err);
    }
    modellab_status status = mli_model_store_dir(store, name, &directory, err);
    if (status == MODELLAB_OK) {
        status = inspect(store, directory, &seal, &state, why, err);
    }
    if (status == MODELLAB_OK && state == MLI_MODEL_INSTALLED) {
        status = open_sealed(store, directory, &seal, out, err);
        mli_seal_dispose(&seal);
    } else if (status == MODELLAB_OK && state == MLI_MODEL_ABSENT) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND,
                          "model %s is not installed; pull it, or give a path", name);
    } else if (status == MODELLAB_OK) {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL,
                          "model %s is damaged: %.150s; pull it again", name, why);
    }
    mli_free(store->alloc, directory);
    return status;
}
