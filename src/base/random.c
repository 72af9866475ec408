/* Philox4x32 with ten rounds. */
#include "base/random.h"

void mli_philox(uint64_t seed, const uint32_t counter[4], uint32_t out[4])
{
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ key0, n2 = (uint32_t)(a >> 32) ^ c3 ^ key1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = n0;
        c2 = n2;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

double mli_philox_uniform(uint32_t high, uint32_t low)
{
    uint64_t bits = ((uint64_t)high << 21) ^ ((uint64_t)low >> 11);
    return (double)(bits & (((uint64_t)1 << 53) - 1)) * (1.0 / 9007199254740992.0);
}
