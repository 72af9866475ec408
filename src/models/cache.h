/* The cache of packed images: `<cache>/images/<sha256>-<weights>-<layout>.mlimg`, found or built
 * under a lock, rebuilt when damaged, mapped read-only. */
#ifndef MLI_MODELS_CACHE_H
#define MLI_MODELS_CACHE_H

#include "models/image.h"

typedef struct mli_cached_image {
    mli_image image;
    const void *map; /* the mapping; released by mli_cached_image_close */
    size_t map_bytes;
    int fd; /* open for reading (to hand to a worker), closed with the image; -1 none */
    const mli_os_files *files;
} mli_cached_image;

typedef enum mli_cache_event {
    MLI_CACHE_HIT = 0,
    MLI_CACHE_BUILT = 1,  /* was not there */
    MLI_CACHE_REBUILT = 2 /* was damaged: `reason` says how */
} mli_cache_event;

/* Writes all sections and finishes the writer. Called with the lock held. */
typedef modellab_status (*mli_image_build_fn)(void *user, mli_image_writer *writer,
                                              modellab_error *err);

typedef struct mli_image_cache {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    /* The cache root; `images` below it is made when needed. NULL: no file, the image is built into
     * an anonymous one. */
    const char *directory;
} mli_image_cache;

/* The content of every image that is found or built is compared with its checksums before it is
 * given out. `build` NULL: only look (E_NOT_FOUND when absent, E_INVALID_MODEL when damaged).
 * `event` and `reason` (NULL accepted; reason: 256 bytes) say what happened, for the log. Cancel is
 * seen while waiting. */
MODELLAB_MUST_CHECK modellab_status mli_image_cache_get(
    const mli_image_cache *cache, const mli_image_key *key, mli_image_build_fn build, void *user,
    const mli_cancel_word *cancel, mli_cached_image *out, mli_cache_event *event, char *reason,
    modellab_error *err);
/* Opens an image from a descriptor handed over by another process (takes no ownership of fd). */
MODELLAB_MUST_CHECK modellab_status mli_cached_image_from_fd(mli_cached_image *out,
                                                             const modellab_allocator *alloc,
                                                             const mli_os_files *files, int fd,
                                                             bool verify, modellab_error *err);
void mli_cached_image_close(mli_cached_image *image);

/* Making an image in another process, which gets nothing of the cache but one descriptor. */
typedef struct mli_image_draft {
    const modellab_allocator *alloc;
    const mli_os_files *files;
    mli_image_key key;
    char *directory, *path, *temporary;
    int lock, fd; /* fd: open for writing, for the other process; -1 = no draft */
} mli_image_draft;

/* E_BUSY: somebody makes this image already. */
MODELLAB_MUST_CHECK modellab_status mli_image_draft_begin(mli_image_draft *out,
                                                          const mli_image_cache *cache,
                                                          const mli_image_key *key,
                                                          modellab_error *err);
/* After the other process is gone: checks what it wrote, all of it, and puts it into the cache.
 * E_INVALID_MODEL: it is no image of this key. The draft is over in any case. */
MODELLAB_MUST_CHECK modellab_status mli_image_draft_publish(mli_image_draft *draft,
                                                            modellab_error *err);
void mli_image_draft_drop(mli_image_draft *draft); /* without a draft: nothing */
/* Name of the file for a key: 65 + 16 + 32 + ... ; false when a part has other characters than
 * [A-Za-z0-9_.-]. */
bool mli_image_key_name(const mli_image_key *key, char out[160]);

#endif
