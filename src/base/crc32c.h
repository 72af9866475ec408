/* The two variants of crc32c, for their dispatch and their tests. */
#ifndef MLI_BASE_CRC32C_H
#define MLI_BASE_CRC32C_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

uint32_t mli_crc32c_portable(uint32_t crc, const void *data, size_t bytes);
bool mli_crc32c_has_sse42(void);
uint32_t mli_crc32c_sse42(uint32_t crc, const void *data, size_t bytes);

#endif
