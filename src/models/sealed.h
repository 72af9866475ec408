/* model.json: what was installed. It is written last, so that a directory without it is half
 * written. Internal to this room. */
#ifndef MLI_MODELS_SEALED_H
#define MLI_MODELS_SEALED_H

#include "base/json.h"
#include "os/file.h"

#define MLI_SEAL_MAX_FILES 256u

typedef struct mli_sealed_file {
    const char *name, *sha256; /* borrowed from the seal */
    int64_t bytes;
} mli_sealed_file;

typedef struct mli_seal {
    const modellab_allocator *alloc;
    mli_json *root;
    mli_sealed_file *files;
    size_t count;
} mli_seal;

/* E_NOT_FOUND without model.json, E_INVALID_MODEL when it cannot be read. */
MODELLAB_MUST_CHECK modellab_status mli_seal_read(mli_seal *out, const modellab_allocator *alloc,
                                                  const mli_os_files *files, const char *directory,
                                                  modellab_error *err);
void mli_seal_dispose(mli_seal *seal);

#endif
