/* Sets of times as sorted spans without overlap. */
#ifndef MLI_SCORE_SPANS_H
#define MLI_SCORE_SPANS_H

#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_span {
    int64_t start, end; /* microseconds; start < end */
} mli_span;

typedef struct mli_spans {
    const modellab_allocator *alloc; /* borrowed */
    mli_span *items;
    size_t count, capacity;
} mli_spans;

void mli_spans_init(mli_spans *spans, const modellab_allocator *alloc);
void mli_spans_dispose(mli_spans *spans);
/* Appends; empty spans are left out. E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_spans_add(mli_spans *spans, int64_t start, int64_t end,
                                                  modellab_error *err);
/* Sorts, and joins what touches or overlaps. */
void mli_spans_join(mli_spans *spans);
/* What is in `whole` and not in `holes` (both joined) is appended to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_spans_subtract(const mli_spans *whole,
                                                       const mli_spans *holes, mli_spans *out,
                                                       modellab_error *err);

#endif
