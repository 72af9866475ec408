/* Memory through the host's allocator or the C heap, with checked sizes. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "base/sized.h"
#include "os/memory.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_PAGE ((size_t)2 << 20)

static bool is_heap(const modellab_allocator *a)
{
    return a == NULL || a->alloc == NULL;
}

void *mli_alloc(const modellab_allocator *a, size_t bytes)
{
    if (bytes == 0)
        bytes = 1; /* a unique block also where malloc(0) gives NULL */
    return is_heap(a) ? malloc(bytes) : a->alloc(a->user, bytes);
}

void *mli_alloc_zero(const modellab_allocator *a, size_t bytes)
{
    if (bytes == 0)
        bytes = 1;
    if (is_heap(a))
        return calloc(1, bytes);
    void *block = a->alloc(a->user, bytes);
    if (block != NULL)
        memset(block, 0, bytes);
    return block;
}

void *mli_alloc_array(const modellab_allocator *a, size_t count, size_t item_size)
{
    size_t bytes;
    return mli_mul_overflow(count, item_size, &bytes) ? NULL : mli_alloc_zero(a, bytes);
}

void *mli_realloc_array(const modellab_allocator *a, void *block, size_t count, size_t item_size)
{
    size_t bytes;
    if (mli_mul_overflow(count, item_size, &bytes))
        return NULL;
    if (bytes == 0)
        bytes = 1;
    if (block == NULL)
        return mli_alloc(a, bytes);
    return is_heap(a) ? realloc(block, bytes) : a->realloc(a->user, block, bytes);
}

char *mli_strndup(const modellab_allocator *a, const char *text, size_t bytes)
{
    size_t total;
    if (mli_add_overflow(bytes, (size_t)1, &total))
        return NULL;
    char *copy = mli_alloc(a, total);
    if (copy != NULL) {
        memcpy(copy, text, bytes);
        copy[bytes] = '\0';
    }
    return copy;
}

char *mli_strdup(const modellab_allocator *a, const char *text)
{
    return mli_strndup(a, text, strlen(text));
}

void mli_free(const modellab_allocator *a, void *block)
{
    if (block == NULL)
        return;
    if (is_heap(a))
        free(block);
    else
        a->free(a->user, block);
}

/* Keeps the start of the underlying block just before the aligned address. */
void *mli_alloc_aligned(const modellab_allocator *a, size_t bytes, size_t align)
{
    size_t total;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if ((align & (align - 1)) != 0 || mli_add_overflow(bytes, align, &total) ||
        mli_add_overflow(total, sizeof(void *), &total))
        return NULL;
    char *block = mli_alloc(a, total);
    if (block == NULL)
        return NULL;
    size_t past = ((uintptr_t)block + sizeof(void *)) & (align - 1);
    char *aligned = block + sizeof(void *) + (past == 0 ? 0 : align - past);
    memcpy(aligned - sizeof(void *), &block, sizeof block);
    return aligned;
}

void *mli_alloc_large(const modellab_allocator *a, size_t bytes)
{
    void *block = mli_alloc_aligned(a, bytes, bytes < HUGE_PAGE ? 64 : HUGE_PAGE);
    if (block != NULL && is_heap(a))
        mli_os_pages_prefer_huge(block, bytes);
    return block;
}

void mli_free_aligned(const modellab_allocator *a, void *block)
{
    char *start;
    if (block == NULL)
        return;
    memcpy(&start, (char *)block - sizeof(void *), sizeof start);
    mli_free(a, start);
}

modellab_status mli_allocator_take(const modellab_allocator *given, modellab_allocator *out,
                                   modellab_error *err)
{
    modellab_allocator taken = MODELLAB_ALLOCATOR_INIT;
    modellab_status status =
        mli_sized_in(&taken, sizeof taken, MLI_SIZE_UP_TO(modellab_allocator, free), given, err);
    if (status != MODELLAB_OK)
        return status;
    int set = (taken.alloc != NULL) + (taken.realloc != NULL) + (taken.free != NULL);
    if (set != 0 && set != 3)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "an allocator needs alloc, realloc and free, or none of them");
    *out = taken;
    return MODELLAB_OK;
}
