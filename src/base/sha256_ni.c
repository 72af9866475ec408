/* sha256 blocks with the x86 SHA extensions: four rounds a step, the message schedule kept in four
 * vectors that rotate. Other CPUs report that they have no such variant. */
#include "base/sha256.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

bool mli_sha256_has_ni(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_SSSE3) == 0 || (c & bit_SSE4_1) == 0)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29)) != 0;
}

/* State is held as (A,B,E,F) and (C,D,G,H), the order that the instruction wants. */
__attribute__((target("sha,sse4.1,ssse3"))) static void load_state(const uint32_t *s, __m128i *abef,
                                                                   __m128i *cdgh)
{
    *abef = _mm_set_epi32((int)s[0], (int)s[1], (int)s[4], (int)s[5]);
    *cdgh = _mm_set_epi32((int)s[2], (int)s[3], (int)s[6], (int)s[7]);
}

__attribute__((target("sha,sse4.1,ssse3"))) static void store_state(uint32_t *s, __m128i abef,
                                                                    __m128i cdgh)
{
    s[0] = (uint32_t)_mm_extract_epi32(abef, 3);
    s[1] = (uint32_t)_mm_extract_epi32(abef, 2);
    s[4] = (uint32_t)_mm_extract_epi32(abef, 1);
    s[5] = (uint32_t)_mm_extract_epi32(abef, 0);
    s[2] = (uint32_t)_mm_extract_epi32(cdgh, 3);
    s[3] = (uint32_t)_mm_extract_epi32(cdgh, 2);
    s[6] = (uint32_t)_mm_extract_epi32(cdgh, 1);
    s[7] = (uint32_t)_mm_extract_epi32(cdgh, 0);
}

__attribute__((target("sha,sse4.1,ssse3"))) void
mli_sha256_blocks_ni(uint32_t state[8], const unsigned char *data, size_t blocks)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bll, 0x0405060700010203ll);
    __m128i abef, cdgh;
    load_state(state, &abef, &cdgh);
    for (; blocks > 0; blocks--, data += 64) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data + i), swap);
#pragma GCC unroll 16
        for (int step = 0; step < 16; step++) {
            if (step >= 4) {
                /* w[t] = s1(w[t-2]) + w[t-7] + s0(w[t-15]) + w[t-16], four at a time */
                __m128i last = w[(step + 3) & 3], before = w[(step + 2) & 3];
                __m128i sum = _mm_sha256msg1_epu32(w[step & 3], w[(step + 1) & 3]);
                sum = _mm_add_epi32(sum, _mm_alignr_epi8(last, before, 4));
                w[step & 3] = _mm_sha256msg2_epu32(sum, last);
            }
            const __m128i *k = (const __m128i *)(const void *)(mli_sha256_constants + 4 * step);
            __m128i wk = _mm_add_epi32(w[step & 3], _mm_loadu_si128(k));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0E));
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    store_state(state, abef, cdgh);
}
#else
bool mli_sha256_has_ni(void)
{
    return false;
}

void mli_sha256_blocks_ni(uint32_t state[8], const unsigned char *data, size_t blocks)
{
    mli_sha256_blocks_portable(state, data, blocks);
}
#endif
