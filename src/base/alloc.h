/* Memory through the host's allocator. `a` NULL is the C heap. Sizes are checked; a size of 0 gives
 * a unique block. Every function returns NULL when memory is short; nothing is logged here. */
#ifndef MLI_BASE_ALLOC_H
#define MLI_BASE_ALLOC_H

#include <modellab/alloc.h>
#include <modellab/status.h>

MODELLAB_MUST_CHECK void *mli_alloc(const modellab_allocator *a, size_t bytes);
MODELLAB_MUST_CHECK void *mli_alloc_zero(const modellab_allocator *a, size_t bytes);
/* count * item_size, checked; zeroed. */
MODELLAB_MUST_CHECK void *mli_alloc_array(const modellab_allocator *a, size_t count,
                                          size_t item_size);
/* On failure the old block stays valid. */
MODELLAB_MUST_CHECK void *mli_realloc_array(const modellab_allocator *a, void *block, size_t count,
                                            size_t item_size);
MODELLAB_MUST_CHECK char *mli_strdup(const modellab_allocator *a, const char *text);
MODELLAB_MUST_CHECK char *mli_strndup(const modellab_allocator *a, const char *text, size_t bytes);
void mli_free(const modellab_allocator *a, void *block);
/* `align` is a power of two; freed with mli_free_aligned only. Not zeroed. */
MODELLAB_MUST_CHECK void *mli_alloc_aligned(const modellab_allocator *a, size_t bytes,
                                            size_t align);
/* For scratch memory that is used as a whole: 64-byte aligned, and from 2 MiB on in huge pages
 * where the C heap and the system allow it. Freed with mli_free_aligned only. Not zeroed. */
MODELLAB_MUST_CHECK void *mli_alloc_large(const modellab_allocator *a, size_t bytes);
void mli_free_aligned(const modellab_allocator *a, void *block);

/* Checks a host's table (size, all functions set, or all NULL = C heap) and copies it to `*out`. */
MODELLAB_MUST_CHECK modellab_status mli_allocator_take(const modellab_allocator *given,
                                                       modellab_allocator *out,
                                                       modellab_error *err);
#endif
