/* sha256 (FIPS 180-4) and crc32c (Castagnoli, RFC 3720), incremental. Hardware paths where the CPU
 * has them, same results. */
#ifndef MLI_BASE_HASH_H
#define MLI_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct mli_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    unsigned char block[64];
} mli_sha256;

void mli_sha256_init(mli_sha256 *h);
void mli_sha256_update(mli_sha256 *h, const void *data, size_t bytes);
void mli_sha256_final(mli_sha256 *h, unsigned char out[32]);
void mli_sha256_hex(mli_sha256 *h, char out[65]);                  /* final + hex */
uint32_t mli_crc32c(uint32_t crc, const void *data, size_t bytes); /* start with 0 */

#endif
