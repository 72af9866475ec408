/* modellab_buffer: how text and bytes leave the library. Made here from what the floors below
 * built. */
#ifndef MLI_API_BUFFER_H
#define MLI_API_BUFFER_H

#include "base/buf.h"
#include <modellab/types.h>

struct modellab_buffer {
    modellab_allocator alloc;
    char *data;
    size_t size;
};

/* Moves the bytes of `text` into a new buffer; `text` is empty afterwards, also on failure. */
MODELLAB_MUST_CHECK modellab_status mli_buffer_from_buf(mli_buf *text, modellab_buffer **out,
                                                        modellab_error *err);
/* Copies bytes into a new buffer. `alloc` NULL = C heap. */
MODELLAB_MUST_CHECK modellab_status mli_buffer_from_bytes(const modellab_allocator *alloc,
                                                          const void *data, size_t bytes,
                                                          modellab_buffer **out,
                                                          modellab_error *err);

#endif
