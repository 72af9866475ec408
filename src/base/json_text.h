/* The one place that escapes JSON strings and writes numbers, for the writer and the dump. */
#ifndef MLI_BASE_JSON_TEXT_H
#define MLI_BASE_JSON_TEXT_H

#include "base/buf.h"

/* Quoted; bad UTF-8 becomes U+FFFD, controls, U+2028 and U+2029 are escaped. */
void mli_json_put_string(mli_buf *out, const char *text, size_t bytes);
void mli_json_put_int(mli_buf *out, int64_t value);
/* Keeps a point or an exponent, so that a real stays a real; null when not finite. */
void mli_json_put_real(mli_buf *out, double value);

#endif
