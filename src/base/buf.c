/* Growing byte buffer with a sticky failure. */
#include "base/buf.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "os/locale.h"
#include <string.h>

void mli_buf_init(mli_buf *b, const modellab_allocator *alloc)
{
    *b = (mli_buf){.alloc = alloc, .status = MODELLAB_OK};
}

void mli_buf_dispose(mli_buf *b)
{
    mli_free(b->alloc, b->data);
    mli_buf_init(b, b->alloc);
}

void mli_buf_wipe(mli_buf *b)
{
    volatile char *data = b->data; /* no compiler may leave it out */
    for (size_t i = 0; data != NULL && i < b->capacity; i++)
        data[i] = 0;
    mli_buf_dispose(b);
}

void mli_buf_clear(mli_buf *b)
{
    b->size = 0;
    b->status = MODELLAB_OK;
    if (b->data != NULL)
        b->data[0] = '\0';
}

/* Room for `bytes` more and the NUL. */
static bool reserve(mli_buf *b, size_t bytes)
{
    size_t need, total;
    if (b->status != MODELLAB_OK)
        return false;
    if (mli_add_overflow(b->size, bytes, &need) || mli_add_overflow(need, (size_t)1, &total)) {
        b->status = MODELLAB_E_NO_MEMORY;
        return false;
    }
    if (b->limit != 0 && need > b->limit) {
        b->status = MODELLAB_E_LIMIT;
        return false;
    }
    if (total <= b->capacity)
        return true;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity < total)
        capacity = capacity > SIZE_MAX / 2 ? total : capacity * 2;
    char *data = mli_realloc_array(b->alloc, b->data, capacity, 1);
    if (data == NULL) {
        b->status = MODELLAB_E_NO_MEMORY;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void mli_buf_reserve(mli_buf *b, size_t bytes)
{
    (void)reserve(b, bytes); /* the failure stays in the buffer */
}

void *mli_buf_extend(mli_buf *b, size_t bytes)
{
    if (!reserve(b, bytes))
        return NULL;
    char *room = b->data + b->size;
    b->size += bytes;
    b->data[b->size] = '\0';
    return room;
}

void mli_buf_append(mli_buf *b, const void *data, size_t bytes)
{
    void *room = mli_buf_extend(b, bytes);
    if (room != NULL && bytes > 0)
        memcpy(room, data, bytes);
}

void mli_buf_append_text(mli_buf *b, const char *text)
{
    mli_buf_append(b, text, strlen(text));
}

void mli_buf_append_char(mli_buf *b, char c)
{
    mli_buf_append(b, &c, 1);
}

void mli_buf_printf(mli_buf *b, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    int n = mli_os_vformat(small, sizeof small, format, args);
    va_end(args);
    if (n < 0) {
        if (b->status == MODELLAB_OK)
            b->status = MODELLAB_E_INTERNAL;
        return;
    }
    if ((size_t)n < sizeof small) {
        mli_buf_append(b, small, (size_t)n);
        return;
    }
    char *room = mli_buf_extend(b, (size_t)n);
    if (room == NULL)
        return;
    va_start(args, format);
    n = mli_os_vformat(room, (size_t)n + 1, format, args);
    va_end(args);
    if (n < 0)
        b->status = MODELLAB_E_INTERNAL;
}

modellab_status mli_buf_status(const mli_buf *b, modellab_error *err)
{
    if (b->status == MODELLAB_OK)
        return MODELLAB_OK;
    if (b->status == MODELLAB_E_NO_MEMORY)
        return mli_no_memory(err);
    if (b->status == MODELLAB_E_CANCELLED)
        return mli_fail(err, b->status, "cancelled");
    if (b->status == MODELLAB_E_LIMIT)
        return mli_fail(err, b->status, "the text would exceed %zu bytes", b->limit);
    return mli_fail(err, b->status, "text could not be formatted");
}

const char *mli_buf_text(const mli_buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *mli_buf_take(mli_buf *b, size_t *bytes)
{
    char *data = NULL;
    if (reserve(b, 0)) {
        data = b->data;
        data[b->size] = '\0';
        if (bytes != NULL)
            *bytes = b->size;
        b->data = NULL;
        b->size = b->capacity = 0;
    }
    return data;
}
