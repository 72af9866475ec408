/* The private folder of a pull or an import, `<models>/.pull/<name>/`: its lock, the partial files
 * in it, and the move of the finished model to its place. */
#ifndef MLI_REMOTE_STAGING_H
#define MLI_REMOTE_STAGING_H

#include "base/hash.h"
#include "models/installed.h"

typedef struct mli_staging {
    const mli_model_store *store;
    char *folder; /* <models>/.pull/<name> */
    char *ready;  /* <folder>/ready: becomes the model's folder */
    char *target; /* <models>/<name> */
    char *models; /* <models> */
    int lock;     /* descriptor of <models>/.pull/<name>.lock, held */
} mli_staging;

/* Makes the folders and takes the lock; E_BUSY when another process or thread has it. */
MODELLAB_MUST_CHECK modellab_status mli_staging_open(mli_staging *out, const mli_model_store *store,
                                                     const char *name, modellab_error *err);
void mli_staging_close(mli_staging *staging); /* keeps what is there for the next try */
/* Removes what was staged. */
MODELLAB_MUST_CHECK modellab_status mli_staging_clear(mli_staging *staging, modellab_error *err);
/* Seals `ready` as `model` and renames it to its place; a damaged model there is replaced. */
MODELLAB_MUST_CHECK modellab_status mli_staging_install(mli_staging *staging,
                                                        const mli_catalog_model *model,
                                                        const char *origin, modellab_error *err);
/* `<folder>/<name><suffix>`, new. */
MODELLAB_MUST_CHECK modellab_status mli_staging_path(const modellab_allocator *alloc,
                                                     const char *folder, const char *name,
                                                     const char *suffix, char **out,
                                                     modellab_error *err);

/* A file on its way: `<folder>/<name>.part`, hashed as it grows. */
typedef struct mli_part {
    mli_staging *staging;
    const mli_catalog_file *file;
    char *path;
    int fd;
    int64_t bytes; /* there so far */
    mli_sha256 hash;
} mli_part;

/* Opens or creates it and hashes what an earlier try left. */
MODELLAB_MUST_CHECK modellab_status mli_part_open(mli_part *out, mli_staging *staging,
                                                  const mli_catalog_file *file,
                                                  const mli_cancel_word *cancel,
                                                  modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_part_restart(mli_part *part, modellab_error *err);
/* More than the file's declared size is E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_part_append(mli_part *part, const void *data, size_t bytes,
                                                    modellab_error *err);
/* Size and sha256 must be right; then synced and moved to `ready`. Wrong bytes are removed. */
MODELLAB_MUST_CHECK modellab_status mli_part_finish(mli_part *part, modellab_error *err);
void mli_part_close(mli_part *part);
/* True when `ready` has this file complete. */
MODELLAB_MUST_CHECK modellab_status mli_part_is_ready(const mli_staging *staging,
                                                      const mli_catalog_file *file, bool *out,
                                                      modellab_error *err);

#endif
