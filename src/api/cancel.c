/* modellab_cancel: a reference-counted word that asks work to stop. Setting it is one atomic store
 * and one system call for those that sleep, so that a program may do it in a signal handler. */
#include "api/cancel.h"

#include "base/alloc.h"
#include "base/error.h"
#include "os/words.h"

modellab_status modellab_cancel_create(const modellab_allocator *allocator, modellab_cancel **out,
                                       modellab_error *err)
{
    modellab_allocator alloc;
    modellab_cancel *cancel;
    modellab_status status;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    status = mli_allocator_take(allocator, &alloc, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    cancel = mli_alloc_zero(&alloc, sizeof *cancel);
    if (cancel == NULL) {
        return mli_no_memory(err);
    }
    cancel->alloc = alloc;
    atomic_init(&cancel->references, 1);
    atomic_init(&cancel->word, 0);
    *out = cancel;
    return MODELLAB_OK;
}

void modellab_cancel_set(modellab_cancel *cancel)
{
    if (cancel != NULL) {
        atomic_store(&cancel->word, 1);
        mli_os_system_words.wake(mli_os_system_words.user, &cancel->word);
    }
}

int32_t modellab_cancel_is_set(const modellab_cancel *cancel)
{
    return cancel != NULL && mli_cancelled(&cancel->word) ? 1 : 0;
}

modellab_cancel *modellab_cancel_ref(modellab_cancel *cancel)
{
    if (cancel != NULL) {
        atomic_fetch_add(&cancel->references, 1);
    }
    return cancel;
}

void modellab_cancel_unref(modellab_cancel *cancel)
{
    if (cancel != NULL && atomic_fetch_sub(&cancel->references, 1) == 1) {
        modellab_allocator alloc = cancel->alloc;

        mli_free(&alloc, cancel);
    }
}
