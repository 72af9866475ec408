/* The two block functions of sha256, for their dispatch and their tests. */
#ifndef MLI_BASE_SHA256_H
#define MLI_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const uint32_t mli_sha256_constants[64];

void mli_sha256_blocks_portable(uint32_t state[8], const unsigned char *data, size_t blocks);
/* true when this CPU has the SHA extensions (and the compiler could build for them). */
bool mli_sha256_has_ni(void);
void mli_sha256_blocks_ni(uint32_t state[8], const unsigned char *data, size_t blocks);

#endif
