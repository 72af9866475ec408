/* Growing byte buffer and text builder. After a failed append the buffer is marked failed, further
 * appends do nothing, and mli_buf_status() tells once at the end. The data is always
 * NUL-terminated. */
#ifndef MLI_BASE_BUF_H
#define MLI_BASE_BUF_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdarg.h>
#include <stdbool.h>

typedef struct mli_buf {
    const modellab_allocator *alloc; /* borrowed */
    char *data;                      /* NULL while empty */
    size_t size, capacity, limit;    /* limit: most bytes, 0 = none; beyond it fails with E_LIMIT */
    modellab_status status;
} mli_buf;

void mli_buf_init(mli_buf *b, const modellab_allocator *alloc);
void mli_buf_dispose(mli_buf *b);
void mli_buf_wipe(mli_buf *b);  /* overwrites the bytes, then disposes: of what is secret */
void mli_buf_clear(mli_buf *b); /* keeps the memory, clears the failure */
void mli_buf_reserve(mli_buf *b, size_t bytes); /* grows once for so many more */
void mli_buf_append(mli_buf *b, const void *data, size_t bytes);
void mli_buf_append_text(mli_buf *b, const char *text);
void mli_buf_append_char(mli_buf *b, char c);
__attribute__((format(printf, 2, 3))) void mli_buf_printf(mli_buf *b, const char *format, ...);
/* Uninitialised room for `bytes` at the end, counted in size; NULL on failure. */
MODELLAB_MUST_CHECK void *mli_buf_extend(mli_buf *b, size_t bytes);
MODELLAB_MUST_CHECK modellab_status mli_buf_status(const mli_buf *b, modellab_error *err);
const char *mli_buf_text(const mli_buf *b); /* "" while empty */
/* Hands the bytes (NUL-terminated, from alloc) to the caller and empties the buffer. */
MODELLAB_MUST_CHECK char *mli_buf_take(mli_buf *b, size_t *bytes);

#endif
