/* Base64 (RFC 4648, section 4): whole groups with padding, no white space. */
#ifndef MLI_BASE_BASE64_H
#define MLI_BASE_BASE64_H

#include "base/buf.h"
#include <stdbool.h>

/* Appends the bytes that `text` stands for. False: it is no base64 (bits that stand for nothing
 * must be zero). Memory that is missing shows in out->status. */
bool mli_base64_decode(const char *text, size_t length, mli_buf *out);

#endif
