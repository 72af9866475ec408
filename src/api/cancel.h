/* modellab_cancel: the public token around a cancel word (base/cancel.h). */
#ifndef MLI_API_CANCEL_H
#define MLI_API_CANCEL_H

#include "base/cancel.h"
#include <modellab/types.h>

struct modellab_cancel {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    mli_cancel_word word;
};

/* The word that loops poll; NULL for no token. */
static inline const mli_cancel_word *mli_cancel_word_of(const modellab_cancel *cancel)
{
    return cancel == NULL ? NULL : &cancel->word;
}

#endif
