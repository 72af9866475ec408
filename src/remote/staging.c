/* Lock, folders and the final rename of a pull or an import. */
#include "remote/staging.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include <errno.h>
#include <string.h>

modellab_status mli_staging_path(const modellab_allocator *alloc, const char *folder,
                                 const char *name, const char *suffix, char **out,
                                 modellab_error *err)
{
    mli_buf path;
    *out = NULL;
    mli_buf_init(&path, alloc);
    mli_buf_printf(&path, "%s/%s%s", folder, name, suffix);
    modellab_status status = mli_buf_status(&path, err);
    if (status == MODELLAB_OK)
        *out = mli_buf_take(&path, NULL);
    mli_buf_dispose(&path);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status make_paths(mli_staging *s, const char *name, char **lock,
                                                      modellab_error *err)
{
    const modellab_allocator *alloc = s->store->alloc;
    char *pull = NULL;
    modellab_status status = mli_staging_path(alloc, s->store->root, "", "", &s->models, err);
    if (status == MODELLAB_OK)
        status = mli_model_store_dir(s->store, name, &s->target, err);
    if (status == MODELLAB_OK)
        status = mli_staging_path(alloc, s->models, ".pull", "", &pull, err);
    if (status == MODELLAB_OK)
        status = mli_staging_path(alloc, pull, name, "", &s->folder, err);
    if (status == MODELLAB_OK)
        status = mli_staging_path(alloc, s->folder, "ready", "", &s->ready, err);
    if (status == MODELLAB_OK)
        status = mli_staging_path(alloc, pull, name, ".lock", lock, err);
    mli_free(alloc, pull);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status take_lock(mli_staging *s, const char *path,
                                                     const char *name, modellab_error *err)
{
    const mli_os_files *f = s->store->files;
    s->lock = f->open(f->user, path, MLI_OS_WRITE | MLI_OS_CREATE, 0644);
    if (s->lock < 0)
        return mli_fail_os(err, s->lock, "the lock of model %s", name);
    int rc = f->lock(f->user, s->lock, false);
    if (rc == -EWOULDBLOCK)
        return mli_fail(err, MODELLAB_E_BUSY,
                        "model %s is being pulled or imported by another process", name);
    return rc != 0 ? mli_fail_os(err, rc, "the lock of model %s", name) : MODELLAB_OK;
}

modellab_status mli_staging_open(mli_staging *out, const mli_model_store *store, const char *name,
                                 modellab_error *err)
{
    char *lock = NULL;
    *out = (mli_staging){.store = store, .lock = -1};
    if (!mli_model_name_valid(name))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a model's name has letters, digits, '.', '_' and '-' only");
    modellab_status status = make_paths(out, name, &lock, err);
    int rc = status == MODELLAB_OK ? mli_os_make_dirs(store->files, out->ready, 0755) : 0;
    if (rc != 0)
        status = mli_fail_os(err, rc, "the models folder cannot be written");
    if (status == MODELLAB_OK)
        status = take_lock(out, lock, name, err);
    /* a pull that ended between our mkdir and our lock may have removed the folder */
    if (status == MODELLAB_OK && (rc = mli_os_make_dirs(store->files, out->ready, 0755)) != 0)
        status = mli_fail_os(err, rc, "the models folder cannot be written");
    mli_free(store->alloc, lock);
    if (status != MODELLAB_OK)
        mli_staging_close(out);
    return status;
}

void mli_staging_close(mli_staging *s)
{
    const modellab_allocator *alloc = s->store->alloc;
    if (s->lock >= 0)
        (void)s->store->files->close(s->store->files->user,
                                     s->lock); /* holds no data: drops the lock */
    mli_free(alloc, s->folder);
    mli_free(alloc, s->ready);
    mli_free(alloc, s->target);
    mli_free(alloc, s->models);
    *s = (mli_staging){.store = s->store, .lock = -1};
}

modellab_status mli_staging_clear(mli_staging *s, modellab_error *err)
{
    int rc = mli_os_remove_tree(s->store->files, s->folder);
    return rc != 0 ? mli_fail_os(err, rc, "removing what was fetched") : MODELLAB_OK;
}

/* What stands at the target (a damaged model) is moved away first: rename() does not replace a
 * folder that has files. */
MODELLAB_MUST_CHECK static modellab_status move_away(mli_staging *s, modellab_error *err)
{
    const mli_os_files *f = s->store->files;
    mli_os_stat st;
    char *old = NULL;
    int rc = f->stat(f->user, s->target, false, &st);
    if (rc == -ENOENT)
        return MODELLAB_OK;
    if (rc != 0)
        return mli_fail_os(err, rc, "the model's folder");
    modellab_status status =
        mli_staging_path(s->store->alloc, s->folder, "replaced", "", &old, err);
    if (status == MODELLAB_OK && (rc = mli_os_remove_tree(f, old)) != 0)
        status = mli_fail_os(err, rc, "the damaged model");
    if (status == MODELLAB_OK && (rc = f->rename(f->user, s->target, old)) != 0)
        status = mli_fail_os(err, rc, "the damaged model");
    mli_free(s->store->alloc, old);
    return status;
}

modellab_status mli_staging_install(mli_staging *s, const mli_catalog_model *model,
                                    const char *origin, modellab_error *err)
{
    const mli_os_files *f = s->store->files;
    modellab_status status = mli_model_store_seal(s->store, s->ready, model, origin, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = mli_os_sync_dir(f, s->ready);
    if (rc != 0)
        return mli_fail_os(err, rc, "the model's folder");
    status = move_away(s, err);
    if (status != MODELLAB_OK)
        return status;
    rc = f->rename(f->user, s->ready, s->target);
    if (rc == 0)
        rc = mli_os_sync_dir(f, s->models);
    if (rc != 0)
        return mli_fail_os(err, rc, "putting the model in its place");
    return mli_staging_clear(s, err);
}
