/* An allocator for fault tests: counts, fails call number `fail_at` (or all from there on), and
 * knows what is still allocated. */
#ifndef TESTS_UNIT_FAILING_ALLOC_H
#define TESTS_UNIT_FAILING_ALLOC_H

#include <modellab/alloc.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct failing_alloc {
    long calls, fail_at, live; /* fail_at < 0: never */
    bool from_there_on;
} failing_alloc;

static inline bool failing_alloc_fails(failing_alloc *f)
{
    long n = f->calls++;
    return f->fail_at >= 0 && (f->from_there_on ? n >= f->fail_at : n == f->fail_at);
}

static inline void *failing_alloc_alloc(void *user, size_t bytes)
{
    failing_alloc *f = user;
    void *block = failing_alloc_fails(f) ? NULL : malloc(bytes);
    f->live += block != NULL;
    return block;
}

static inline void *failing_alloc_realloc(void *user, void *block, size_t bytes)
{
    return failing_alloc_fails(user) ? NULL : realloc(block, bytes);
}

static inline void failing_alloc_free(void *user, void *block)
{
    failing_alloc *f = user;
    f->live -= block != NULL;
    free(block);
}

static inline modellab_allocator failing_alloc_table(failing_alloc *f)
{
    return (modellab_allocator){sizeof(modellab_allocator), f, failing_alloc_alloc,
                                failing_alloc_realloc, failing_alloc_free};
}

#endif
