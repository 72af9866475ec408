/* Structs that cross the ABI: a caller's may be shorter (older) or longer (newer) than ours. */
#include "base/sized.h"
#include "base/error.h"
#include <string.h>

static size_t declared_size(const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

MODELLAB_MUST_CHECK static modellab_status too_small(size_t size, size_t first, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_ABI_TOO_SMALL,
                    "a struct says it has %zu bytes, its first released size is %zu (is its size "
                    "field set?)",
                    size, first);
}

modellab_status mli_sized_in(void *dst, size_t full, size_t first, const void *given,
                             modellab_error *err)
{
    memcpy(dst, &full, sizeof full);
    if (given == NULL)
        return MODELLAB_OK;
    size_t size = declared_size(given);
    if (size < first)
        return too_small(size, first, err);
    /* A page is far beyond any struct of ours: such a size was never set. */
    if (size > full + 4096)
        return mli_fail(err, MODELLAB_E_ABI_NEWER, "a struct says it has %zu bytes", size);
    for (size_t i = full; i < size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return mli_fail_at(err, MODELLAB_E_ABI_NEWER, (int64_t)i,
                               "a struct sets fields that this library does not know");
    memcpy(dst, given, size < full ? size : full);
    memcpy(dst, &full, sizeof full);
    return MODELLAB_OK;
}

modellab_status mli_sized_out(void *out, const void *src, size_t full, size_t first,
                              modellab_error *err)
{
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the struct to fill must not be NULL");
    size_t size = declared_size(out);
    if (size < first)
        return too_small(size, first, err);
    if (size > full + 4096)
        return mli_fail(err, MODELLAB_E_ABI_NEWER, "a struct says it has %zu bytes", size);
    memcpy(out, src, size < full ? size : full);
    if (size > full)
        memset((char *)out + full, 0, size - full);
    memcpy(out, &size, sizeof size);
    return MODELLAB_OK;
}

void mli_sized_init(void *dst, size_t size, const void *init, size_t full)
{
    if (dst == NULL || size < sizeof size)
        return;
    memset(dst, 0, size);
    memcpy(dst, init, size < full ? size : full);
    memcpy(dst, &size, sizeof size);
}
