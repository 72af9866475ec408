/* The allocator that a host may give when it creates a handle. There is no global setter. NULL
 * everywhere means the C library's heap. @since 0.1 */
#ifndef MODELLAB_ALLOC_H
#define MODELLAB_ALLOC_H

#include <modellab/export.h>

/** Allocation functions with the contracts of malloc, realloc and free, called from any thread of
 * the library. The struct is copied when the handle is created; what `user` points to must live
 * until the last handle made with it is gone. Memory of third-party libraries (SQLite, libsndfile,
 * OpenBLAS, libcurl, jansson) does not pass here. */
typedef struct modellab_allocator {
    size_t size; /**< sizeof(modellab_allocator) */
    void *user;
    void *(*alloc)(void *user, size_t bytes);
    void *(*realloc)(void *user, void *block, size_t bytes);
    void (*free)(void *user, void *block);
} modellab_allocator;

#define MODELLAB_ALLOCATOR_INIT                                                                    \
    {                                                                                              \
        sizeof(modellab_allocator), NULL, NULL, NULL, NULL                                         \
    }

#endif
