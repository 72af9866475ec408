/* HMAC-SHA256 on the sha256 of this room. */
#include "base/hmac.h"

#include <string.h>

void mli_hmac_init(mli_hmac *h, const void *key, size_t bytes)
{
    unsigned char block[64] = {0}, pad[64];

    if (bytes > sizeof block) {
        mli_sha256_init(&h->inner);
        mli_sha256_update(&h->inner, key, bytes);
        mli_sha256_final(&h->inner, block);
    } else if (bytes > 0) {
        memcpy(block, key, bytes);
    }
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x36;
    mli_sha256_init(&h->inner);
    mli_sha256_update(&h->inner, pad, sizeof pad);
    for (size_t i = 0; i < sizeof pad; i++)
        pad[i] = block[i] ^ 0x5c;
    mli_sha256_init(&h->outer);
    mli_sha256_update(&h->outer, pad, sizeof pad);
    mli_wipe(block, sizeof block);
    mli_wipe(pad, sizeof pad);
}

void mli_hmac_update(mli_hmac *h, const void *data, size_t bytes)
{
    mli_sha256_update(&h->inner, data, bytes);
}

void mli_hmac_final(mli_hmac *h, unsigned char out[32])
{
    unsigned char digest[32];

    mli_sha256_final(&h->inner, digest);
    mli_sha256_update(&h->outer, digest, sizeof digest);
    mli_sha256_final(&h->outer, out);
    mli_wipe(h, sizeof *h);
}

bool mli_equal_secret(const void *a, const void *b, size_t bytes)
{
    const volatile unsigned char *x = a, *y = b;
    unsigned char differs = 0;

    for (size_t i = 0; i < bytes; i++)
        differs |= (unsigned char)(x[i] ^ y[i]);
    return differs == 0;
}

void mli_wipe(void *memory, size_t bytes)
{
    volatile unsigned char *at = memory;

    while (bytes-- > 0)
        *at++ = 0;
}
