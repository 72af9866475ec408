/* The words of a text, and what makes two of them the same. */
#include "speech/align_pair.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "text/unicode_fold.h"
#include <stdbool.h>

enum { LOOK_BYTES = 65536 };

uint64_t mli_align_key(const char *text, size_t bytes)
{
    uint64_t hash = 14695981039346656037u, all = 14695981039346656037u;
    bool any = false;
    for (size_t at = 0; at < bytes;) {
        uint32_t c = 0;
        at += mli_utf8_decode(text + at, bytes - at, &c);
        all = (all ^ c) * 1099511628211u;
        if (!mli_unicode_is_letter(c) && !mli_unicode_is_number(c))
            continue;
        c = mli_unicode_lower(c);
        hash = (hash ^ c) * 1099511628211u;
        any = true;
    }
    return any ? hash : all;
}

/* Counts words, or writes them. SIZE_MAX: the text is not UTF-8; `*stopped`: cancelled. */
static size_t split(const char *text, size_t bytes, const mli_cancel_word *cancel,
                    mli_align_word *out, bool *stopped)
{
    size_t count = 0, from = 0, look = LOOK_BYTES;
    bool inside = false;
    for (size_t at = 0; at <= bytes;) {
        uint32_t c = ' ';
        size_t width = at < bytes ? mli_utf8_decode(text + at, bytes - at, &c) : 1;
        if (width == 0)
            return SIZE_MAX;
        bool blank = c == 0 || mli_unicode_is_space(c);
        if (inside && blank) {
            if (out != NULL)
                out[count] =
                    (mli_align_word){from, at - from, mli_align_key(text + from, at - from), false};
            count++;
        }
        if (!inside && !blank)
            from = at;
        inside = !blank;
        at += width;
        if (at >= look) {
            look += LOOK_BYTES;
            *stopped = mli_cancelled(cancel);
            if (*stopped)
                return count;
        }
    }
    return count;
}

modellab_status mli_align_words(const modellab_allocator *alloc, const char *text, size_t bytes,
                                const mli_cancel_word *cancel, mli_align_word **out, size_t *count,
                                modellab_error *err)
{
    bool stopped = false;
    *out = NULL;
    *count = split(text, bytes, cancel, NULL, &stopped);
    if (*count == SIZE_MAX) {
        *count = 0;
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the text is not UTF-8");
    }
    if (!stopped) {
        *out = mli_alloc_array(alloc, *count + 1, sizeof **out);
        if (*out == NULL)
            return mli_no_memory(err);
        (void)split(text, bytes, cancel, *out, &stopped);
    }
    return stopped ? mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while a text was read")
                   : MODELLAB_OK;
}
