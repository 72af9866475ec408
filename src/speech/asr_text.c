/* Measures of a text: how repetitive it is, and where it begins and ends. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include <string.h>
#include <zlib.h>

modellab_status mli_asr_compression_ratio(const modellab_allocator *alloc, const char *text,
                                          size_t bytes, double *out, modellab_error *err)
{
    /* A window's text is at most a few thousand bytes. */
    if (bytes > 1024 * 1024)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text is too long");
    uLongf size = compressBound((uLong)bytes);
    Bytef *packed = mli_alloc(alloc, size);
    if (packed == NULL)
        return mli_no_memory(err);
    int code = compress(packed, &size, (const Bytef *)text, (uLong)bytes);
    mli_free(alloc, packed);
    if (code == Z_MEM_ERROR)
        return mli_no_memory(err);
    if (code != Z_OK)
        return mli_fail(err, MODELLAB_E_INTERNAL, "zlib failed with code %d", code);
    *out = (double)bytes / (double)size;
    return MODELLAB_OK;
}

static bool blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void mli_asr_strip(const char *text, size_t bytes, size_t *first, size_t *size)
{
    size_t from = 0, to = bytes;
    while (from < to && blank(text[from]))
        from++;
    while (to > from && blank(text[to - 1]))
        to--;
    *first = from;
    *size = to - from;
}
