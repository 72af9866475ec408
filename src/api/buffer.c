/* modellab_buffer: bytes that the library made and the caller reads, then destroys.
 * The data is always followed by a NUL, so that text needs no copy. */
#include "api/buffer.h"

#include "base/alloc.h"
#include "base/error.h"

MODELLAB_MUST_CHECK static modellab_status wrap(const modellab_allocator *alloc, char *data,
                                                size_t size, modellab_buffer **out,
                                                modellab_error *err)
{
    modellab_buffer *buffer = mli_alloc_zero(alloc, sizeof *buffer);

    if (buffer == NULL) {
        mli_free(alloc, data);
        return mli_no_memory(err);
    }
    if (alloc != NULL) {
        buffer->alloc = *alloc;
    }
    buffer->data = data;
    buffer->size = size;
    *out = buffer;
    return MODELLAB_OK;
}

modellab_status mli_buffer_from_buf(mli_buf *text, modellab_buffer **out, modellab_error *err)
{
    const modellab_allocator *alloc = text->alloc;
    modellab_status status = mli_buf_status(text, err);
    size_t size = 0;
    char *data;

    *out = NULL;
    if (status != MODELLAB_OK) {
        mli_buf_dispose(text);
        return status;
    }
    if (text->size == 0) {
        return mli_buffer_from_bytes(alloc, "", 0, out, err);
    }
    data = mli_buf_take(text, &size);
    if (data == NULL) {
        mli_buf_dispose(text);
        return mli_no_memory(err);
    }
    return wrap(alloc, data, size, out, err);
}

modellab_status mli_buffer_from_bytes(const modellab_allocator *alloc, const void *data,
                                      size_t bytes, modellab_buffer **out, modellab_error *err)
{
    char *copy = mli_strndup(alloc, data, bytes);

    *out = NULL;
    if (copy == NULL) {
        return mli_no_memory(err);
    }
    return wrap(alloc, copy, bytes, out, err);
}

const char *modellab_buffer_data(const modellab_buffer *buffer)
{
    return buffer == NULL ? "" : buffer->data;
}

size_t modellab_buffer_size(const modellab_buffer *buffer)
{
    return buffer == NULL ? 0 : buffer->size;
}

void modellab_buffer_destroy(modellab_buffer *buffer)
{
    if (buffer != NULL) {
        modellab_allocator alloc = buffer->alloc;
        const modellab_allocator *from = alloc.alloc == NULL ? NULL : &alloc;

        mli_free(from, buffer->data);
        mli_free(from, buffer);
    }
}
