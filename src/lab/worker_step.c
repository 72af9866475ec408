/* What a step asks of its worker: options, models, its key, threads. */
#include "lab/worker.h"

#include "base/error.h"
#include "base/str.h"
#include "kernels/blas.h"
#include "kernels/isa.h"
#include "lab/model_images.h"
#include "lab/step_key.h"
#include "os/locale.h"
#include "os/thread.h"
#include <string.h>

const mli_json *mli_worker_config(const mli_worker *w)
{
    return mli_json_get(mli_json_get(w->order.request, "config"), w->step);
}

/* The model that an option of the present step names. */
static const char *name_of(const mli_worker *w, const mli_step_model *model)
{
    return mli_json_string(mli_json_get(mli_worker_config(w), model->key),
                           model->name != NULL ? model->name : "");
}

static const mli_step_model *find_model(const mli_worker *w, const char *key)
{
    for (size_t i = 0; w->kind != NULL && i < MLI_STEP_MODELS; i++) {
        const mli_step_model *one = &w->kind->models[i];
        if (one->key != NULL && strcmp(one->key, key) == 0) {
            return one;
        }
    }
    return NULL;
}

void mli_worker_note_model(mli_worker *w, const char *key, const char *name, const char *sha256)
{
    for (size_t i = 0; i < w->model_count; i++) {
        if (strcmp(w->models[i].key, key) == 0) {
            return;
        }
    }
    if (w->model_count < MLI_STEP_MODELS) {
        mli_step_model_use *use = &w->models[w->model_count++];
        use->key = key;
        (void)mli_str_copy(use->name, sizeof(use->name), name);
        (void)mli_str_copy(use->sha256, sizeof(use->sha256), sha256);
    }
    if (w->model[0] == '\0') { /* of the run, unless speech recognition has one */
        (void)mli_str_copy(w->model, sizeof(w->model), name);
        (void)mli_str_copy(w->model_sha256, sizeof(w->model_sha256), sha256);
    }
}

static mli_model_store store_of(const mli_worker *w)
{
    return (mli_model_store){.alloc = w->alloc, .files = w->files, .root = w->order.models_root};
}

modellab_status mli_worker_model(mli_worker *w, const char *key, const mli_model_opener *opener,
                                 void **out, modellab_error *err)
{
    char sha256[65];
    const mli_step_model *model = find_model(w, key);
    mli_model_store store = store_of(w);
    *out = NULL;
    if (model == NULL || strcmp(model->task, opener->task) != 0) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "the step has not declared the model %s", key);
    }
    const char *name = name_of(w, model), *image = mli_model_image_step(w->order.steps);
    const bool ours = image != NULL && strcmp(image, w->step) == 0 && strcmp(key, "voice") == 0;
    modellab_status status = mli_worker_models_open(&w->context->models, &store, name, opener,
                                                    ours ? w->fds[MLI_ORDER_MODEL] : -1,
                                                    &w->page->stop, out, sha256, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        w->reason = MODELLAB_REASON_MODEL_NOT_FOUND;
    }
    if (status == MODELLAB_OK) {
        mli_worker_note_model(w, model->key, name, sha256);
    }
    return status;
}

/* What the model is, without loading it. */
MODELLAB_MUST_CHECK static modellab_status add_model(mli_worker *w, const mli_step_model *model,
                                                     mli_step_key *key, modellab_error *err)
{
    mli_model_files files;
    mli_model_store store = store_of(w);
    const char *name = name_of(w, model);
    if (!mli_model_name_valid(name)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "\"%.96s\" is no name of a model", name);
    }
    modellab_status status = mli_model_store_open(&store, name, &files, err);
    if (status != MODELLAB_OK) {
        w->reason = status == MODELLAB_E_NOT_FOUND ? MODELLAB_REASON_MODEL_NOT_FOUND : w->reason;
        return status;
    }
    char identity[65];
    status = mli_model_files_identity(&files, &w->page->stop, identity, err);
    if (status == MODELLAB_OK) {
        mli_step_key_add(key, model->key, identity);
        mli_worker_note_model(w, model->key, name, files.sha256);
    }
    mli_model_files_dispose(&files);
    return status;
}

const mli_step_past *mli_worker_past(const mli_worker *w, const char *name, size_t bytes)
{
    for (size_t i = 0; i < w->past_count; i++) {
        const char *own = w->past[i].kind->name;
        if (strlen(own) == bytes && memcmp(own, name, bytes) == 0) {
            return &w->past[i];
        }
    }
    return NULL;
}

/* False: a step that it builds on has a result that no key describes. */
static bool add_before(const mli_worker *w, const char *list, mli_step_key *key)
{
    const char *name;
    size_t bytes;
    while (list != NULL && mli_steps_next(&list, &name, &bytes)) {
        const mli_step_past *found = mli_worker_past(w, name, bytes);
        bool there = found != NULL && found->status == MODELLAB_RUN_COMPLETED;
        if (there && found->key[0] == '\0') {
            return false;
        }
        mli_step_key_add(key, "before", there ? found->key : "");
    }
    return true;
}

modellab_status mli_worker_step_key(mli_worker *w, int32_t version, const char *const *without,
                                    char out[65], modellab_error *err)
{
    static const char *const threads[] = {"threads", NULL};
    char engine[96];
    mli_step_key key;
    modellab_status status = MODELLAB_OK;
    out[0] = '\0';
    mli_step_key_begin(&key, w->step, version);
    mli_step_key_add(&key, "input_sha256", w->order.input_sha256);
    (void)mli_os_format(engine, sizeof(engine), "isa=%s blas=%s", mli_isa_name(mli_isa_current()),
                        mli_blas_core_in_use());
    mli_step_key_add(&key, "engine", engine);
    for (size_t i = 0; status == MODELLAB_OK && i < MLI_STEP_MODELS; i++) {
        if (w->kind->models[i].key != NULL &&
            mli_step_model_is_needed(&w->kind->models[i], mli_worker_config(w))) {
            status = add_model(w, &w->kind->models[i], &key, err);
        }
    }
    if (status == MODELLAB_OK && mli_worker_config(w) != NULL) {
        status = mli_step_key_options(&key, mli_worker_config(w),
                                      without != NULL ? without : threads, w->alloc, err);
    }
    if (status == MODELLAB_OK && add_before(w, w->kind->needs, &key) &&
        add_before(w, w->kind->wants, &key)) {
        mli_step_key_end(&key, out);
    }
    return status;
}

const char *mli_worker_past_key(const mli_worker *w, const char *step)
{
    const mli_step_past *past = mli_worker_past(w, step, strlen(step));
    return past != NULL ? past->key : "";
}

int32_t mli_worker_threads(const mli_worker *w)
{
    int64_t asked = mli_json_int(mli_json_get(mli_worker_config(w), "threads"), 0);
    int32_t most = mli_os_cpu_count();
    if (asked < 1 || asked > most) {
        asked = w->order.threads;
    }
    return asked < 1 || asked > most ? most : (int32_t)asked;
}
