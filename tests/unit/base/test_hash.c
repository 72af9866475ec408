/* sha256 and crc32c: published vectors, every variant, every way of cutting the input. */
#include "base/crc32c.h"
#include "base/hash.h"
#include "base/sha256.h"
#include "unit/unit.h"
#include <string.h>

static void sha_of(const void *data, size_t bytes, char out[65])
{
    mli_sha256 h;
    mli_sha256_init(&h);
    mli_sha256_update(&h, data, bytes);
    mli_sha256_hex(&h, out);
}

static void sha256_vectors(void **state)
{
    char hex[65], million[1000];
    mli_sha256 h;
    (void)state;
    sha_of("", 0, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha_of("abc", 3, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof million);
    mli_sha256_init(&h);
    for (int i = 0; i < 1000; i++)
        mli_sha256_update(&h, million, sizeof million);
    mli_sha256_hex(&h, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void sha256_cuts(void **state)
{
    unsigned char data[300];
    char whole[65], parts[65];
    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + 5);
    for (size_t n = 0; n <= sizeof data; n++) {
        sha_of(data, n, whole);
        for (size_t cut = 0; cut <= n; cut += 1 + n / 7) {
            mli_sha256 h;
            mli_sha256_init(&h);
            mli_sha256_update(&h, data, cut);
            mli_sha256_update(&h, data + cut, n - cut);
            mli_sha256_hex(&h, parts);
            assert_string_equal(whole, parts);
        }
    }
}

static void sha256_variants_agree(void **state)
{
    unsigned char data[64 * 9];
    (void)state;
    if (!mli_sha256_has_ni()) {
        print_message("skipped: this CPU has no SHA extensions\n");
        skip();
    }
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * i + 3 * i);
    for (size_t blocks = 0; blocks <= 9; blocks++) {
        uint32_t a[8] = {1, 2, 3, 4, 5, 6, 7, 0xFFFFFFFF}, b[8];
        memcpy(b, a, sizeof a);
        mli_sha256_blocks_portable(a, data, blocks);
        mli_sha256_blocks_ni(b, data, blocks);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void crc32c_vectors(void **state)
{
    unsigned char zeros[32] = {0}, ones[32], rising[32];
    (void)state;
    memset(ones, 0xFF, sizeof ones);
    for (size_t i = 0; i < 32; i++)
        rising[i] = (unsigned char)i;
    assert_int_equal(mli_crc32c(0, "123456789", 9), 0xE3069283);
    assert_int_equal(mli_crc32c(0, zeros, 32), 0x8A9136AA); /* RFC 3720 B.4 */
    assert_int_equal(mli_crc32c(0, ones, 32), 0x62A8AB43);
    assert_int_equal(mli_crc32c(0, rising, 32), 0x46DD794E);
    assert_int_equal(mli_crc32c(mli_crc32c(0, "1234", 4), "56789", 5), 0xE3069283);
    assert_int_equal(mli_crc32c(0, "", 0), 0);
}

static void crc32c_variants_agree(void **state)
{
    unsigned char data[100];
    (void)state;
    if (!mli_crc32c_has_sse42()) {
        print_message("skipped: this CPU has no SSE4.2\n");
        skip();
    }
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7 + 1);
    for (size_t n = 0; n < sizeof data; n++)
        assert_int_equal(mli_crc32c_portable(5, data, n), mli_crc32c_sse42(5, data, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors), cmocka_unit_test(sha256_cuts),
        cmocka_unit_test(sha256_variants_agree), cmocka_unit_test(crc32c_vectors),
        cmocka_unit_test(crc32c_variants_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
