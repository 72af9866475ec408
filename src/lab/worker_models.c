/* Loaded models by the file of their image; the one that was used longest ago makes room. */
#include "lab/worker_models.h"

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

int32_t mli_worker_models_count(const mli_worker_models *models)
{
    int32_t count = 0;
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
    memset(models, 0, sizeof(*models));
}
