/* Loaded models by the file of their image, and others by task and name; the one that was used
 * longest ago makes room. */
#include "lab/worker_models.h"

#include "base/error.h"
#include "base/str.h"
#include <string.h>

static mli_asr_model *look_up(mli_worker_models *models, const mli_os_stat *facts)
{
    for (size_t i = 0; i < MLI_WORKER_MODELS; i++) {
        mli_kept_model *one = &models->kept[i];
        if (one->model != NULL && one->device == facts->device && one->inode == facts->inode) {
            one->used = ++models->clock;
            return one->model;
        }
    }
    return NULL;
}

static void put(mli_worker_models *models, const mli_os_stat *facts, mli_asr_model *model)
{
    mli_kept_model *place = &models->kept[0];
    for (size_t i = 1; i < MLI_WORKER_MODELS; i++) {
        place = models->kept[i].used < place->used ? &models->kept[i] : place;
    }
    mli_asr_model_unref(place->model);
    place->model = mli_asr_model_ref(model);
    place->device = facts->device;
    place->inode = facts->inode;
    place->used = ++models->clock;
}

modellab_status mli_worker_models_from_fd(mli_worker_models *models, const mli_os_files *files,
                                          int fd, const mli_cancel_word *cancel,
                                          mli_asr_model **out, modellab_error *err)
{
    mli_os_stat facts;
    bool known = files->fstat(files->user, fd, &facts) == 0;
    mli_asr_model *kept = known ? look_up(models, &facts) : NULL;
    if (kept != NULL) {
        *out = mli_asr_model_ref(kept);
        return MODELLAB_OK;
    }
    mli_asr_open_options options = {.cancel = cancel};
    modellab_status status = mli_asr_model_from_fd(out, fd, files, &options, err);
    if (status == MODELLAB_OK && known) {
        put(models, &facts, *out);
    }
    return status;
}

static void let_go(mli_other_model *one)
{
    if (one->opener != NULL) {
        one->opener->close(one->model);
    }
    memset(one, 0, sizeof(*one));
}

void mli_worker_models_unpin(mli_worker_models *models)
{
    models->pinned = models->clock;
}

/* The place that was used longest ago, of those that are not in use; NULL = all are. */
static mli_other_model *oldest(mli_worker_models *models, bool filled)
{
    mli_other_model *best = NULL;
    for (size_t i = 0; i < MLI_WORKER_OTHERS; i++) {
        mli_other_model *one = &models->others[i];
        bool free = one->opener == NULL ? !filled : one->used <= models->pinned;
        if (free && (best == NULL || one->used < best->used)) {
            best = one;
        }
    }
    return best;
}

static int64_t bytes_kept(const mli_worker_models *models)
{
    int64_t sum = 0;
    for (size_t i = 0; i < MLI_WORKER_OTHERS; i++) {
        sum += models->others[i].bytes;
    }
    return sum;
}

static mli_other_model *find_other(mli_worker_models *models, const char *name,
                                   const mli_model_opener *opener, const char *identity)
{
    for (size_t i = 0; i < MLI_WORKER_OTHERS; i++) {
        mli_other_model *one = &models->others[i];
        if (one->opener == opener && strcmp(one->name, name) == 0 &&
            strcmp(one->identity, identity) == 0) {
            return one;
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status
load(mli_worker_models *models, const modellab_allocator *alloc, mli_model_files *files,
     const char *name, const char *identity, const mli_model_opener *opener,
     const mli_cancel_word *cancel, mli_other_model **out, modellab_error *err)
{
    mli_other_model *place = oldest(models, false);
    if (place == NULL) {
        return mli_fail(err, MODELLAB_E_LIMIT, "a step may use %d models", MLI_WORKER_OTHERS);
    }
    let_go(place);
    modellab_status status = opener->open(files, alloc, cancel, &place->model, &place->bytes, err);
    if (status != MODELLAB_OK) {
        memset(place, 0, sizeof(*place));
        return status;
    }
    place->opener = opener;
    (void)mli_str_copy(place->name, sizeof(place->name), name); /* a valid one fits */
    (void)mli_str_copy(place->identity, sizeof(place->identity), identity);
    place->used = ++models->clock;
    for (mli_other_model *old = oldest(models, true);
         old != NULL && bytes_kept(models) > MLI_WORKER_OTHERS_BYTES; old = oldest(models, true)) {
        let_go(old);
    }
    *out = place;
    return MODELLAB_OK;
}

modellab_status mli_worker_models_open(mli_worker_models *models, const mli_model_store *store,
                                       const char *name, const mli_model_opener *opener, int image,
                                       const mli_cancel_word *cancel, void **out, char sha256[65],
                                       modellab_error *err)
{
    mli_model_files files;
    *out = NULL;
    if (!mli_model_name_valid(name)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "\"%.96s\" is no name of a model", name);
    }
    modellab_status status = mli_model_store_open(store, name, &files, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    char identity[65];
    files.image = image;
    status = mli_model_files_identity(&files, cancel, identity, err);
    if (status == MODELLAB_OK) {
        mli_other_model *one = find_other(models, name, opener, identity);
        if (one == NULL) {
            status = load(models, store->alloc, &files, name, identity, opener, cancel, &one, err);
        }
        if (status == MODELLAB_OK) {
            one->used = ++models->clock;
            *out = one->model;
            memcpy(sha256, files.sha256, sizeof(files.sha256));
        }
    }
    mli_model_files_dispose(&files);
    return status;
}

int32_t mli_worker_models_count(const mli_worker_models *models)
{
    int32_t count = 0;
    for (size_t i = 0; i < MLI_WORKER_OTHERS; i++) {
        count += models->others[i].opener != NULL;
    }
    for (size_t i = 0; i < MLI_WORKER_MODELS; i++) {
        count += models->kept[i].model != NULL;
    }
    return count;
}

void mli_worker_models_close(mli_worker_models *models)
{
    for (size_t i = 0; i < MLI_WORKER_MODELS; i++) {
        mli_asr_model_unref(models->kept[i].model);
    }
    for (size_t i = 0; i < MLI_WORKER_OTHERS; i++) {
        let_go(&models->others[i]);
    }
    memset(models, 0, sizeof(*models));
}
