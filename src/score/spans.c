/* Sorting and one pass over both lists is all there is to it. */
#include "score/spans.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stdlib.h>

void mli_spans_init(mli_spans *spans, const modellab_allocator *alloc)
{
    *spans = (mli_spans){.alloc = alloc};
}

void mli_spans_dispose(mli_spans *spans)
{
    mli_free(spans->alloc, spans->items);
    mli_spans_init(spans, spans->alloc);
}

modellab_status mli_spans_add(mli_spans *spans, int64_t start, int64_t end, modellab_error *err)
{
    if (start >= end)
        return MODELLAB_OK;
    if (spans->count == spans->capacity) {
        const size_t capacity = spans->capacity == 0 ? 32 : spans->capacity * 2;
        mli_span *items = mli_realloc_array(spans->alloc, spans->items, capacity, sizeof *items);
        if (items == NULL)
            return mli_no_memory(err);
        spans->items = items;
        spans->capacity = capacity;
    }
    spans->items[spans->count++] = (mli_span){start, end};
    return MODELLAB_OK;
}

static int by_start(const void *a, const void *b)
{
    const mli_span *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

void mli_spans_join(mli_spans *spans)
{
    size_t kept = 0;
    if (spans->count == 0)
        return;
    qsort(spans->items, spans->count, sizeof *spans->items, by_start);
    for (size_t i = 1; i < spans->count; i++) {
        if (spans->items[i].start > spans->items[kept].end)
            spans->items[++kept] = spans->items[i];
        else if (spans->items[i].end > spans->items[kept].end)
            spans->items[kept].end = spans->items[i].end;
    }
    spans->count = kept + 1;
}

modellab_status mli_spans_subtract(const mli_spans *whole, const mli_spans *holes, mli_spans *out,
                                   modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t h = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < whole->count; i++) {
        int64_t at = whole->items[i].start;
        const int64_t end = whole->items[i].end;
        while (h < holes->count && holes->items[h].end <= at)
            h++;
        /* a hole may reach into the next span: it is looked at again */
        for (size_t k = h; status == MODELLAB_OK && k < holes->count && holes->items[k].start < end;
             k++) {
            status = mli_spans_add(out, at, holes->items[k].start, err);
            at = holes->items[k].end;
            h = k;
        }
        if (status == MODELLAB_OK)
            status = mli_spans_add(out, at, end, err);
    }
    return status;
}
