/* What the files of the image cache share. Internal to this room. */
#ifndef MLI_MODELS_CACHE_PRIVATE_H
#define MLI_MODELS_CACHE_PRIVATE_H

#include "models/cache.h"

bool mli_image_key_equal(const mli_image_key *a, const mli_image_key *b);
/* Opens the lock file of the image at `path`, which is not locked yet. */
MODELLAB_MUST_CHECK modellab_status mli_image_cache_open_lock(const mli_image_cache *cache,
                                                              const char *path, int *fd,
                                                              modellab_error *err);

#endif
