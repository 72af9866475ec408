/* Numbers of the ZIP format. */
#ifndef MLI_STORE_ZIP_PRIVATE_H
#define MLI_STORE_ZIP_PRIVATE_H

#include <stdint.h>

#define ZIP_LOCAL 0x04034b50u
#define ZIP_CENTRAL 0x02014b50u
#define ZIP_END 0x06054b50u
#define ZIP_LOCAL_BYTES 30
#define ZIP_CENTRAL_BYTES 46
#define ZIP_END_BYTES 22
#define ZIP_VERSION 10u
#define ZIP_DATE 0x21u /* 1980-01-01: bundles of the same run are the same bytes */
#define ZIP_FILE_MAX ((int64_t)0xfffffffe)
#define ZIP_BLOCK ((size_t)64 * 1024)

static inline void zip_put16(unsigned char *at, uint32_t value)
{
    at[0] = (unsigned char)(value & 255u);
    at[1] = (unsigned char)(value >> 8 & 255u);
}

static inline void zip_put32(unsigned char *at, uint32_t value)
{
    zip_put16(at, value & 65535u);
    zip_put16(at + 2, value >> 16);
}

static inline uint32_t zip_get16(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8;
}

static inline uint32_t zip_get32(const unsigned char *at)
{
    return zip_get16(at) | zip_get16(at + 2) << 16;
}

#endif
