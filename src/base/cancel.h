/* The cancel word: any thread or process sets it, loops look at it (at least every 10 ms). */
#ifndef MLI_BASE_CANCEL_H
#define MLI_BASE_CANCEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef _Atomic uint32_t mli_cancel_word; /* 0 = go on */

static inline bool mli_cancelled(const mli_cancel_word *word)
{
    return word != NULL && atomic_load_explicit(word, memory_order_relaxed) != 0;
}

#endif
