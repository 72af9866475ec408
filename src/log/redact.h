/* What may be shown of secrets, paths and URLs. */
#ifndef MLI_LOG_REDACT_H
#define MLI_LOG_REDACT_H

#include <stddef.h>

/* A part of the caller's text. */
typedef struct mli_log_piece {
    const char *text;
    size_t bytes;
} mli_log_piece;

#define MLI_LOG_STUB_BYTES 20 /* "secret:" + 12 hex digits + NUL */

/* Equal secrets give equal stubs under one key; nobody can tell the secret from it. `bytes` 0 =
 * NUL-terminated. Returns the stub's bytes. */
size_t mli_log_redact_secret(const unsigned char key[32], const char *text, size_t bytes,
                             char stub[MLI_LOG_STUB_BYTES]);
/* Relative to `root` ("" = none) when below it, else the last component. */
mli_log_piece mli_log_redact_path(const char *text, size_t bytes, const char *root);
/* Scheme and host with path: without user info, query and fragment; in two pieces. */
void mli_log_redact_url(const char *text, size_t bytes, mli_log_piece pieces[2]);

#endif
