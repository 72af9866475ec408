/* The storages of a checkpoint, however they are kept. Internal to this room. */
#ifndef MLI_MODELS_TORCH_PRIVATE_H
#define MLI_MODELS_TORCH_PRIVATE_H

#include "models/pickle.h"

enum { MLI_TORCH_MOST_STORAGES = 1 << 16 };

typedef struct mli_torch_storage {
    mli_span key, data;
} mli_torch_storage;

/* Sorted by key once read; each key once. */
typedef struct mli_torch_storages {
    const modellab_allocator *alloc;
    mli_torch_storage *items;
    size_t count, room;
} mli_torch_storages;

MODELLAB_MUST_CHECK modellab_status mli_torch_add_storage(mli_torch_storages *list, mli_span key,
                                                          mli_span data, modellab_error *err);

/* A zip of stored members: the one pickle and all that lies in its folder `data/`. */
MODELLAB_MUST_CHECK modellab_status mli_torch_zip(const void *file, size_t bytes,
                                                  const mli_cancel_word *cancel, mli_span *pickle,
                                                  mli_torch_storages *storages,
                                                  modellab_error *err);

#endif
