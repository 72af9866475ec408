/* A sentence in the few characters that its speaker knows: ASCII and some symbols, each with its
 * place in the caller's text. Accents fall away, typographic marks become plain ones. */
#ifndef MLI_TEXT_CLEAN_H
#define MLI_TEXT_CLEAN_H

#include "base/buf.h"

/* Symbols that have no ASCII form, as single bytes. */
enum {
    MLI_CLEAN_EURO = 0x80,
    MLI_CLEAN_POUND,
    MLI_CLEAN_YEN,
    MLI_CLEAN_DEGREE,
    MLI_CLEAN_TIMES,
    MLI_CLEAN_DIVIDED,
    MLI_CLEAN_CENT,
    MLI_CLEAN_SECTION,
    MLI_CLEAN_PLUS_MINUS,
    MLI_CLEAN_APPROX
};

typedef struct mli_clean {
    mli_buf text;   /* no byte below ' ' */
    mli_buf places; /* uint32_t: the caller's offset of each byte, and of the end */
    size_t unsaid;  /* characters for which there is no word: other scripts, pictures, bad bytes */
} mli_clean;

void mli_clean_init(mli_clean *c, const modellab_allocator *alloc);
void mli_clean_dispose(mli_clean *c);
/* Replaces what it holds. `base` is the offset of `text` in the caller's text. */
MODELLAB_MUST_CHECK modellab_status mli_clean_set(mli_clean *c, const char *text, size_t bytes,
                                                  size_t base, modellab_error *err);
static inline uint32_t mli_clean_place(const mli_clean *c, size_t at)
{
    return ((const uint32_t *)(const void *)c->places.data)[at];
}

#endif
