/* Models that a worker keeps loaded from one run to the next: the few that were used last. */
#ifndef MLI_LAB_WORKER_MODELS_H
#define MLI_LAB_WORKER_MODELS_H

#include "models/installed.h"
#include "os/file.h"
#include "speech/asr_model.h"

enum { MLI_WORKER_MODELS = 2 };

/* An image is known by its file, which stays what it is for as long as it is mapped here. */
typedef struct mli_kept_model {
    mli_asr_model *model; /* referenced; NULL = an empty place */
    uint64_t device, inode;
    int64_t used;
} mli_kept_model;

/* How a model of a task other than speech recognition is made of its files. */
typedef struct mli_model_opener {
    const char *task;
    /* `*bytes`: what it takes in memory. Files need not stay. */
    modellab_status (*open)(mli_model_files *files, const modellab_allocator *alloc,
                            const mli_cancel_word *cancel, void **out, int64_t *bytes,
                            modellab_error *err);
    void (*close)(void *model);
} mli_model_opener;

/* Of a detector of voice activity, an mli_silero: step_vad.c. */

enum { MLI_WORKER_OTHERS = 4 };
#define MLI_WORKER_OTHERS_BYTES ((int64_t)1 << 30) /* that is kept at most; one may be more */

/* Known by task, name and what all its files hold: who installs another model under a name gets
 * that one. */
typedef struct mli_other_model {
    const mli_model_opener *opener; /* NULL = an empty place */
    void *model;
    char name[MLI_MODEL_NAME_MAX + 1], identity[65];
    int64_t bytes, used;
} mli_other_model;

typedef struct mli_worker_models {
    mli_kept_model kept[MLI_WORKER_MODELS];
    mli_other_model others[MLI_WORKER_OTHERS];
    int64_t clock;  /* counts uses */
    int64_t pinned; /* of what was used after this, nothing makes room: a step works with it */
} mli_worker_models;

/* The model of the image behind `fd` (which stays the caller's): a new reference. */
MODELLAB_MUST_CHECK modellab_status mli_worker_models_from_fd(mli_worker_models *models,
                                                              const mli_os_files *files, int fd,
                                                              const mli_cancel_word *cancel,
                                                              mli_asr_model **out,
                                                              modellab_error *err);
/* A step begins: what was opened before may make room from now on. */
void mli_worker_models_unpin(mli_worker_models *models);
/* `image`: descriptor of the packed image that came with the run, for openers that can use it; -1.
 * The model `name` of the models root, which is a name there and no path, loaded or as it was kept.
 * Borrowed: it stays at least until the next mli_worker_models_unpin(). `sha256` gets that of its
 * weights. E_NOT_FOUND, E_INVALID_MODEL, E_LIMIT (a step with too many). */
MODELLAB_MUST_CHECK modellab_status
mli_worker_models_open(mli_worker_models *models, const mli_model_store *store, const char *name,
                       const mli_model_opener *opener, int image, const mli_cancel_word *cancel,
                       void **out, char sha256[65], modellab_error *err);
int32_t mli_worker_models_count(const mli_worker_models *models);
void mli_worker_models_close(mli_worker_models *models);

#endif
