/* Signatures of messages as a header: "t=<seconds>,v1=<hex>", HMAC-SHA256 of "<t>.<body>". */
#ifndef MLI_BASE_SIGNATURE_H
#define MLI_BASE_SIGNATURE_H

#include <modellab/signature.h>

void mli_signature_write(const char *secret, int64_t time_s, const void *body, size_t bytes,
                         char out[MODELLAB_SIGNATURE_BYTES]);
/* As modellab_signature_check(), with a time. */
MODELLAB_MUST_CHECK modellab_status mli_signature_check(const char *secret, const char *header,
                                                        const void *body, size_t bytes,
                                                        int64_t now_s, int64_t tolerance_s,
                                                        modellab_error *err);

#endif
