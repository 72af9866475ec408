/* Drafts: an image that another process writes through one descriptor, and that is checked before
 * it gets its name in the cache. */
#include "base/alloc.h"
#include "base/error.h"
#include "models/cache_private.h"
#include "models/file_read.h"

#include <errno.h>
#include <stdio.h>

static bool draft_names(mli_image_draft *d, const mli_image_cache *cache)
{
    char name[160], temporary[192];
    if (!mli_image_key_name(&d->key, name)) {
        return false;
    }
    /* Under the lock there is one at a time; a builder in this process removes what a crash left.
     */
    (void)snprintf(temporary, sizeof temporary, "%s.draft.tmp", name);
    d->directory = mli_path_join(d->alloc, cache->directory, "images");
    d->path = d->directory == NULL ? NULL : mli_path_join(d->alloc, d->directory, name);
    d->temporary = d->directory == NULL ? NULL : mli_path_join(d->alloc, d->directory, temporary);
    return d->path != NULL && d->temporary != NULL;
}

MODELLAB_MUST_CHECK static modellab_status
begin_draft(mli_image_draft *d, const mli_image_cache *cache, modellab_error *err)
{
    const mli_os_files *f = d->files;
    int rc = mli_os_make_dirs(f, d->directory, 0755);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot create the image cache");
    }
    modellab_status status = mli_image_cache_open_lock(cache, d->path, &d->lock, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    rc = f->lock(f->user, d->lock, false);
    if (rc != 0) {
        return rc == -EWOULDBLOCK ? mli_fail(err, MODELLAB_E_BUSY, "the image is being made")
                                  : mli_fail_os(err, -rc, "cannot lock the image cache");
    }
    rc = f->unlink(f->user, d->temporary);
    if (rc == 0 || rc == -ENOENT) {
        d->fd = f->open(f->user, d->temporary,
                        MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0444);
        rc = d->fd < 0 ? d->fd : 0;
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot create the packed image");
}

modellab_status mli_image_draft_begin(mli_image_draft *out, const mli_image_cache *cache,
                                      const mli_image_key *key, modellab_error *err)
{
    *out = (mli_image_draft){
        .alloc = cache->alloc, .files = cache->files, .key = *key, .lock = -1, .fd = -1};
    modellab_status status =
        !mli_image_key_valid(key)
            ? mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the key of the image is not valid")
        : draft_names(out, cache) ? begin_draft(out, cache, err)
                                  : mli_no_memory(err);
    if (status != MODELLAB_OK) {
        mli_image_draft_drop(out);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status check_draft(const mli_image_draft *d,
                                                       modellab_error *err)
{
    mli_cached_image image;
    modellab_status status = mli_cached_image_from_fd(&image, d->alloc, d->files, d->fd, true, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    bool same = mli_image_key_equal(&image.image.key, &d->key);
    mli_cached_image_close(&image);
    return same ? MODELLAB_OK
                : mli_fail(err, MODELLAB_E_INVALID_MODEL, "image: made of another model");
}

modellab_status mli_image_draft_publish(mli_image_draft *draft, modellab_error *err)
{
    const mli_os_files *f = draft->files;
    modellab_status status = check_draft(draft, err);
    if (status == MODELLAB_OK) {
        int rc = f->sync(f->user, draft->fd);
        if (rc == 0) {
            rc = f->rename(f->user, draft->temporary, draft->path);
        }
        if (rc == 0) {
            rc = mli_os_sync_dir(f, draft->directory);
        }
        status = rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot finish the packed image");
    }
    mli_image_draft_drop(draft);
    return status;
}

void mli_image_draft_drop(mli_image_draft *draft)
{
    const mli_os_files *f = draft->files;
    if (draft->fd >= 0) {
        (void)f->close(f->user, draft->fd); /* what counts was synced */
        /* Gone when it was published; the next draft or builder removes what stays. */
        (void)f->unlink(f->user, draft->temporary);
    }
    if (draft->lock >= 0) {
        (void)f->close(f->user, draft->lock); /* releases it */
    }
    mli_free(draft->alloc, draft->directory);
    mli_free(draft->alloc, draft->path);
    mli_free(draft->alloc, draft->temporary);
    draft->directory = draft->path = draft->temporary = NULL;
    draft->lock = draft->fd = -1;
}
