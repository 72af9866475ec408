/* crc32c (Castagnoli): two lookups a byte, or the SSE4.2 instruction where the CPU has it. */
#include "base/crc32c.h"
#include "base/hash.h"
#include <stdatomic.h>
#include <string.h>

/* Half-byte table of the polynomial 0x82F63B78: 16 entries are enough for the fallback and need no
 * initialisation at run time. */
static const uint32_t nibble[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75};

uint32_t mli_crc32c_portable(uint32_t crc, const void *data, size_t bytes)
{
    const unsigned char *p = data;
    crc = ~crc;
    for (; bytes > 0; bytes--, p++) {
        crc ^= *p;
        crc = crc >> 4 ^ nibble[crc & 15];
        crc = crc >> 4 ^ nibble[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>

bool mli_crc32c_has_sse42(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) != 0;
}

__attribute__((target("sse4.2"))) uint32_t mli_crc32c_sse42(uint32_t crc, const void *data,
                                                            size_t bytes)
{
    const unsigned char *p = data;
    uint64_t state = ~crc;
    for (; bytes >= 8; bytes -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    uint32_t tail = (uint32_t)state;
    for (; bytes > 0; bytes--, p++)
        tail = _mm_crc32_u8(tail, *p);
    return ~tail;
}
#else
bool mli_crc32c_has_sse42(void)
{
    return false;
}

uint32_t mli_crc32c_sse42(uint32_t crc, const void *data, size_t bytes)
{
    return mli_crc32c_portable(crc, data, bytes);
}
#endif

uint32_t mli_crc32c(uint32_t crc, const void *data, size_t bytes)
{
    static atomic_int variant; /* 0 unknown, 1 portable, 2 SSE4.2 */
    int v = atomic_load_explicit(&variant, memory_order_relaxed);
    if (v == 0) {
        v = mli_crc32c_has_sse42() ? 2 : 1;
        atomic_store_explicit(&variant, v, memory_order_relaxed);
    }
    return v == 2 ? mli_crc32c_sse42(crc, data, bytes) : mli_crc32c_portable(crc, data, bytes);
}
