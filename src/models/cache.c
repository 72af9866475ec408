/* Finds, builds and maps packed images in the cache directory. Two builders are kept apart by a
 * lock file; readers need no lock, as files appear whole by rename. */
#include "models/cache.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "models/cache_private.h"
#include "models/file_read.h"
#include "os/clock.h"
#include "os/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define WAIT_NS ((int64_t)5000000) /* between looks at a held lock: cancel is seen in time */
#define MAX_IMAGE ((size_t)64 << 30)

bool mli_image_key_name(const mli_image_key *key, char out[160])
{
    out[0] = '\0';
    if (!mli_image_key_valid(key)) {
        return false;
    }
    int bytes = snprintf(out, 160, "%s-%s-%s.mlimg", key->source_sha256, key->weights, key->layout);
    return bytes > 0 && bytes < 160;
}

bool mli_image_key_equal(const mli_image_key *a, const mli_image_key *b)
{
    return strcmp(a->source_sha256, b->source_sha256) == 0 && strcmp(a->weights, b->weights) == 0 &&
           strcmp(a->layout, b->layout) == 0;
}

/* Maps and checks an open descriptor of `bytes`. */
MODELLAB_MUST_CHECK static modellab_status
map_image(mli_cached_image *out, const modellab_allocator *alloc, int fd, size_t bytes, bool verify,
          const mli_cancel_word *cancel, modellab_error *err)
{
    int rc = mli_os_file_map(fd, bytes, &out->map);
    if (rc != 0) {
        return mli_fail_os(err, rc, "cannot map the packed image");
    }
    out->map_bytes = bytes;
    modellab_status status = mli_image_open(&out->image, alloc, out->map, bytes, err);
    if (status == MODELLAB_OK && verify) {
        status = mli_image_verify(&out->image, cancel, err);
    }
    return status;
}

void mli_cached_image_close(mli_cached_image *image)
{
    mli_image_dispose(&image->image);
    mli_os_file_unmap(image->map, image->map_bytes);
    if (image->fd >= 0 && image->files != NULL) {
        (void)image->files->close(image->files->user, image->fd); /* was only read */
    }
    memset(image, 0, sizeof *image);
    image->fd = -1;
}

modellab_status mli_cached_image_from_fd(mli_cached_image *out, const modellab_allocator *alloc,
                                         const mli_os_files *files, int fd, bool verify,
                                         modellab_error *err)
{
    mli_os_stat st;
    memset(out, 0, sizeof *out);
    out->fd = -1;
    int rc = files->fstat(files->user, fd, &st);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at the packed image");
    }
    if (st.kind != MLI_OS_REGULAR || st.bytes <= 0 || (uint64_t)st.bytes > MAX_IMAGE) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: not a file of an allowed size");
    }
    modellab_status status = map_image(out, alloc, fd, (size_t)st.bytes, verify, NULL, err);
    if (status != MODELLAB_OK) {
        mli_cached_image_close(out);
    }
    return status;
}

/* Opens the file of a key. E_NOT_FOUND when absent, E_INVALID_MODEL when damaged. */
MODELLAB_MUST_CHECK static modellab_status look(const mli_image_cache *cache,
                                                const mli_image_key *key, const char *path,
                                                const mli_cancel_word *cancel,
                                                mli_cached_image *out, modellab_error *err)
{
    size_t bytes;
    memset(out, 0, sizeof *out);
    out->files = cache->files;
    modellab_status status = mli_file_open(cache->files, path, MAX_IMAGE, &out->fd, &bytes, err);
    if (status == MODELLAB_OK) {
        status = map_image(out, cache->alloc, out->fd, bytes, true, cancel, err);
    }
    if (status == MODELLAB_OK && !mli_image_key_equal(&out->image.key, key)) {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: made of another model");
    }
    if (status != MODELLAB_OK) {
        mli_cached_image_close(out);
    }
    return status;
}

typedef struct leftovers {
    const mli_image_cache *cache;
    const char *directory, *prefix;
} leftovers;

static int remove_leftover(void *arg, const char *name)
{
    leftovers *l = arg;
    size_t n = strlen(name), p = strlen(l->prefix);
    if (n > p + 4 && strncmp(name, l->prefix, p) == 0 && strcmp(name + n - 4, ".tmp") == 0) {
        char *path = mli_path_join(l->cache->alloc, l->directory, name);
        if (path != NULL) {
            /* what cannot be removed now is found again by the next builder */
            (void)l->cache->files->unlink(l->cache->files->user, path);
            mli_free(l->cache->alloc, path);
        }
    }
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status build_file(const mli_image_cache *cache,
                                                      const mli_image_key *key,
                                                      const char *directory, const char *path,
                                                      const char *name, mli_image_build_fn build,
                                                      void *user, modellab_error *err)
{
    mli_image_writer *writer = NULL;
    leftovers l = {cache, directory, name};
    int rc = cache->files->list(cache->files->user, directory, remove_leftover, &l);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot list the image cache");
    }
    modellab_status status =
        mli_image_writer_create(&writer, cache->alloc, cache->files, path, key, err);
    if (status == MODELLAB_OK) {
        status = build(user, writer, err);
    }
    mli_image_writer_destroy(writer);
    return status;
}

modellab_status mli_image_cache_open_lock(const mli_image_cache *cache, const char *path, int *fd,
                                          modellab_error *err)
{
    const mli_os_files *f = cache->files;
    size_t bytes = strlen(path) + 6;
    char *lock = mli_alloc(cache->alloc, bytes);
    if (lock == NULL) {
        return mli_no_memory(err);
    }
    (void)snprintf(lock, bytes, "%s.lock", path);
    *fd = f->open(f->user, lock, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE, 0644);
    mli_free(cache->alloc, lock);
    if (*fd < 0) {
        int rc = -*fd;
        *fd = -1;
        return mli_fail_os(err, rc, "cannot create the lock of the image cache");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status take_lock(const mli_image_cache *cache, const char *path,
                                                     const mli_cancel_word *cancel, int *fd,
                                                     modellab_error *err)
{
    const mli_os_files *f = cache->files;
    modellab_status status = mli_image_cache_open_lock(cache, path, fd, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (;;) {
        int rc = f->lock(f->user, *fd, false);
        if (rc == 0) {
            return MODELLAB_OK;
        }
        if (rc != -EWOULDBLOCK && rc != -EINTR) {
            return mli_fail_os(err, -rc, "cannot lock the image cache");
        }
        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while another process packs");
        }
        (void)mli_os_system_clock.sleep_ns(mli_os_system_clock.user,
                                           WAIT_NS); /* EINTR: look again */
    }
}

/* Why a look found nothing usable. */
static void note(mli_cache_event *event, char *reason, modellab_status status,
                 const modellab_error *why)
{
    if (event != NULL) {
        *event = status == MODELLAB_E_NOT_FOUND ? MLI_CACHE_BUILT : MLI_CACHE_REBUILT;
    }
    if (reason != NULL) {
        (void)mli_str_copy(reason, 256, why->message);
    }
}

static bool worth_building(modellab_status status)
{
    return status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_INVALID_MODEL;
}

/* With the lock held: another builder may have been faster, so look again first. */
MODELLAB_MUST_CHECK static modellab_status
build_locked(const mli_image_cache *cache, const mli_image_key *key, const char *directory,
             const char *path, const char *name, mli_image_build_fn build, void *user,
             const mli_cancel_word *cancel, mli_cached_image *out, mli_cache_event *event,
             char *reason, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    modellab_status status = look(cache, key, path, cancel, out, &why);
    if (status == MODELLAB_OK) {
        return status;
    }
    if (!worth_building(status)) {
        return mli_fail(err, status, "%s", why.message);
    }
    note(event, reason, status, &why);
    status = build_file(cache, key, directory, path, name, build, user, err);
    return status == MODELLAB_OK ? look(cache, key, path, cancel, out, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status
get_file(const mli_image_cache *cache, const mli_image_key *key, const char *directory,
         const char *name, mli_image_build_fn build, void *user, const mli_cancel_word *cancel,
         mli_cached_image *out, mli_cache_event *event, char *reason, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    int lock = -1;
    char *path = mli_path_join(cache->alloc, directory, name);
    if (path == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status = look(cache, key, path, cancel, out, &why);
    if (status != MODELLAB_OK && (build == NULL || !worth_building(status))) {
        status = mli_fail(err, status, "%s", why.message);
    } else if (status != MODELLAB_OK) {
        int rc = mli_os_make_dirs(cache->files, directory, 0755);
        status = rc == 0 ? take_lock(cache, path, cancel, &lock, err)
                         : mli_fail_os(err, -rc, "cannot create the image cache");
        if (status == MODELLAB_OK) {
            status = build_locked(cache, key, directory, path, name, build, user, cancel, out,
                                  event, reason, err);
        }
    }
    if (lock >= 0) {
        (void)cache->files->close(cache->files->user, lock); /* closing releases the lock */
    }
    mli_free(cache->alloc, path);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status get_anonymous(const mli_image_cache *cache,
                                                         const mli_image_key *key,
                                                         mli_image_build_fn build, void *user,
                                                         mli_cached_image *out, modellab_error *err)
{
    mli_image_writer *writer = NULL;
    int fd = -1;
    int rc = mli_os_memory_file("modellab-image", &fd);
    if (rc != 0) {
        return mli_fail_os(err, rc, "no anonymous file for the packed image");
    }
    modellab_status status =
        mli_image_writer_create_fd(&writer, cache->alloc, cache->files, fd, key, err);
    if (status == MODELLAB_OK) {
        status = build(user, writer, err);
    }
    mli_image_writer_destroy(writer);
    if (status == MODELLAB_OK) {
        status = mli_cached_image_from_fd(out, cache->alloc, cache->files, fd, false, err);
    }
    if (status != MODELLAB_OK) {
        (void)cache->files->close(cache->files->user, fd); /* nobody saw it */
        return status;
    }
    out->fd = fd;
    out->files = cache->files;
    return MODELLAB_OK;
}

modellab_status mli_image_cache_get(const mli_image_cache *cache, const mli_image_key *key,
                                    mli_image_build_fn build, void *user,
                                    const mli_cancel_word *cancel, mli_cached_image *out,
                                    mli_cache_event *event, char *reason, modellab_error *err)
{
    char name[160];
    memset(out, 0, sizeof *out);
    out->fd = -1;
    if (event != NULL) {
        *event = MLI_CACHE_HIT;
    }
    if (reason != NULL) {
        reason[0] = '\0';
    }
    if (!mli_image_key_name(key, name)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the key of the image is not valid");
    }
    if (cache->directory == NULL) {
        if (event != NULL) {
            *event = MLI_CACHE_BUILT;
        }
        return build == NULL ? mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no image cache")
                             : get_anonymous(cache, key, build, user, out, err);
    }
    char *directory = mli_path_join(cache->alloc, cache->directory, "images");
    if (directory == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status =
        get_file(cache, key, directory, name, build, user, cancel, out, event, reason, err);
    mli_free(cache->alloc, directory);
    return status;
}
