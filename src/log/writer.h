/* Bounded writing of JSON text into a caller's room: what does not fit sets `cut` and is left out.
 */
#ifndef MLI_LOG_WRITER_H
#define MLI_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct mli_log_writer {
    char *at, *end;
    bool cut;
} mli_log_writer;

/* Quoted and escaped; at most `limit` bytes of the text. */
void mli_log_put_string(mli_log_writer *w, const char *text, size_t bytes, size_t limit);
void mli_log_put_int(mli_log_writer *w, int64_t value);

static inline void mli_log_put(mli_log_writer *w, const char *text, size_t bytes)
{
    if ((size_t)(w->end - w->at) < bytes) {
        w->cut = true;
        return;
    }
    memcpy(w->at, text, bytes);
    w->at += bytes;
}

#define MLI_LOG_PUT(w, literal) mli_log_put(w, literal, sizeof(literal) - 1)

#endif
