/* sha256 (FIPS 180-4): buffering, padding, the portable block function and the choice of variant.
 */
#include "base/sha256.h"
#include "base/hash.h"
#include "base/str.h"
#include <stdatomic.h>
#include <string.h>

const uint32_t mli_sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t load_be(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void expand(uint32_t w[64], const unsigned char *block)
{
    for (int i = 0; i < 16; i++)
        w[i] = load_be(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        uint32_t s0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3;
        uint32_t s1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
}

void mli_sha256_blocks_portable(uint32_t state[8], const unsigned char *data, size_t blocks)
{
    uint32_t w[64], s[8];
    for (; blocks > 0; blocks--, data += 64) {
        expand(w, data);
        memcpy(s, state, sizeof s);
        for (int i = 0; i < 64; i++) {
            uint32_t sum1 = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25);
            uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
            uint32_t t1 = s[7] + sum1 + choose + mli_sha256_constants[i] + w[i];
            uint32_t sum0 = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22);
            uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
            memmove(s + 1, s, 7 * sizeof s[0]);
            s[4] += t1;
            s[0] = t1 + sum0 + majority;
        }
        for (int i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

static void process(uint32_t state[8], const unsigned char *data, size_t blocks)
{
    static atomic_int variant; /* 0 unknown, 1 portable, 2 SHA extensions */
    int v = atomic_load_explicit(&variant, memory_order_relaxed);
    if (v == 0) {
        v = mli_sha256_has_ni() ? 2 : 1;
        atomic_store_explicit(&variant, v, memory_order_relaxed);
    }
    if (v == 2)
        mli_sha256_blocks_ni(state, data, blocks);
    else
        mli_sha256_blocks_portable(state, data, blocks);
}

void mli_sha256_init(mli_sha256 *h)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(h->state, start, sizeof start);
    h->bytes = 0;
}

void mli_sha256_update(mli_sha256 *h, const void *data, size_t bytes)
{
    const unsigned char *from = data;
    size_t held = (size_t)(h->bytes % 64);
    if (bytes == 0)
        return;
    h->bytes += bytes;
    if (held > 0) {
        size_t take = 64 - held < bytes ? 64 - held : bytes;
        memcpy(h->block + held, from, take);
        if (held + take < 64)
            return;
        process(h->state, h->block, 1);
        from += take;
        bytes -= take;
    }
    if (bytes >= 64)
        process(h->state, from, bytes / 64);
    memcpy(h->block, from + bytes / 64 * 64, bytes % 64);
}

void mli_sha256_final(mli_sha256 *h, unsigned char out[32])
{
    uint64_t bits = h->bytes * 8;
    size_t held = (size_t)(h->bytes % 64);
    h->block[held++] = 0x80;
    if (held > 56) {
        memset(h->block + held, 0, 64 - held);
        process(h->state, h->block, 1);
        held = 0;
    }
    memset(h->block + held, 0, 56 - held);
    for (int i = 0; i < 8; i++)
        h->block[56 + i] = (unsigned char)(bits >> (56 - 8 * i));
    process(h->state, h->block, 1);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 4; j++)
            out[4 * i + j] = (unsigned char)(h->state[i] >> (24 - 8 * j));
}

void mli_sha256_hex(mli_sha256 *h, char out[65])
{
    unsigned char digest[32];
    mli_sha256_final(h, digest);
    mli_hex(digest, sizeof digest, out);
}
