/* modellab_model_inspect: a weight file read into memory and described as JSON. */
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "models/file_read.h"
#include "models/inspect.h"
#include <modellab/model.h>
#include <string.h>

#define MOST_BYTES ((size_t)16 << 30)

enum { OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_model_options, cancel) };

/* Foreign files are read, never mapped: who shortens them meanwhile gets an error, not a SIGBUS. */
MODELLAB_MUST_CHECK static modellab_status read_file(const modellab_allocator *alloc,
                                                     const char *path, modellab_cancel *cancel,
                                                     void **data, size_t *bytes,
                                                     modellab_error *err)
{
    const mli_os_files *files = &mli_os_system_files;
    unsigned char head[64];
    int fd = -1;
    modellab_status status = mli_file_open(files, path, MOST_BYTES, &fd, bytes, err);
    if (status != MODELLAB_OK)
        return status;
    /* what is no model is not read */
    size_t first = *bytes < sizeof head ? *bytes : sizeof head;
    status = mli_file_fill(files, fd, head, first, mli_cancel_word_of(cancel), err);
    if (status == MODELLAB_OK)
        status = mli_inspect_head(head, first, err);
    if (status == MODELLAB_OK) {
        *data = mli_alloc(alloc, *bytes);
        status = *data != NULL ? MODELLAB_OK : mli_no_memory(err);
    }
    if (status == MODELLAB_OK) {
        memcpy(*data, head, first);
        status = mli_file_fill(files, fd, (unsigned char *)*data + first, *bytes - first,
                               mli_cancel_word_of(cancel), err);
    }
    int rc = files->close(files->user, fd);
    if (status == MODELLAB_OK && rc != 0)
        status = mli_fail_os(err, -rc, "cannot close a model file");
    return status;
}

modellab_status modellab_model_inspect(const char *path, const modellab_model_options *options,
                                       modellab_buffer **out, modellab_error *err)
{
    modellab_model_options o = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_allocator alloc;
    void *data = NULL;
    size_t bytes = 0;
    mli_buf json;

    if (out != NULL)
        *out = NULL;
    if (path == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "path and out must not be NULL");
    modellab_status status = mli_sized_in(&o, sizeof o, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = mli_allocator_take(o.allocator, &alloc, err);
    if (status != MODELLAB_OK)
        return status;
    mli_buf_init(&json, &alloc);
    status = read_file(&alloc, path, o.cancel, &data, &bytes, err);
    if (status == MODELLAB_OK)
        status = mli_inspect(&alloc, data, bytes, mli_cancel_word_of(o.cancel), &json, err);
    mli_free(&alloc, data);
    if (status == MODELLAB_OK)
        status = mli_buffer_from_buf(&json, out, err);
    mli_buf_dispose(&json);
    return status;
}
