/* HMAC-SHA256 (RFC 2104) and the comparison of secrets. */
#ifndef MLI_BASE_HMAC_H
#define MLI_BASE_HMAC_H

#include "base/hash.h"
#include <stdbool.h>

typedef struct mli_hmac {
    mli_sha256 inner, outer;
} mli_hmac;

void mli_hmac_init(mli_hmac *h, const void *key, size_t bytes);
void mli_hmac_update(mli_hmac *h, const void *data, size_t bytes);
void mli_hmac_final(mli_hmac *h, unsigned char out[32]);
/* Takes the same time wherever the first difference is. */
bool mli_equal_secret(const void *a, const void *b, size_t bytes);
/* Overwrites memory that held a secret; not optimised away. */
void mli_wipe(void *memory, size_t bytes);

#endif
