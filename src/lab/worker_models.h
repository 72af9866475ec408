/* Models that a worker keeps loaded from one run to the next: the few that were used last. */
#ifndef MLI_LAB_WORKER_MODELS_H
#define MLI_LAB_WORKER_MODELS_H

#include "os/file.h"
#include "speech/asr_model.h"

enum { MLI_WORKER_MODELS = 2 };

/* An image is known by its file, which stays what it is for as long as it is mapped here. */
typedef struct mli_kept_model {
    mli_asr_model *model; /* referenced; NULL = an empty place */
    uint64_t device, inode;
    int64_t used;
} mli_kept_model;

typedef struct mli_worker_models {
    mli_kept_model kept[MLI_WORKER_MODELS];
    int64_t clock; /* counts uses */
} mli_worker_models;

/* The model of the image behind `fd` (which stays the caller's): a new reference. */
MODELLAB_MUST_CHECK modellab_status mli_worker_models_from_fd(mli_worker_models *models,
                                                              const mli_os_files *files, int fd,
                                                              const mli_cancel_word *cancel,
                                                              mli_asr_model **out,
                                                              modellab_error *err);
int32_t mli_worker_models_count(const mli_worker_models *models);
void mli_worker_models_close(mli_worker_models *models);

#endif
