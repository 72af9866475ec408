/* HMAC-SHA256 by the vectors of RFC 4231 and every way of cutting the message; signatures: their
 * form, every changed digit, old and future times, several signatures, headers that are none. */
#include "base/hmac.h"
#include "base/signature.h"
#include "base/str.h"
#include "unit/unit.h"
#include <stdio.h>
#include <string.h>

typedef struct vector {
    const char *key, *data, *mac; /* hex */
    size_t repeat_key, repeat_data;
} vector;

static const vector vectors[] = {
    {"0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
     20, 1},
    {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", 1, 1},
    {"aa", "dd", "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe", 20, 50},
    {"0102030405060708090a0b0c0d0e0f10111213141516171819", "cd",
     "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b", 1, 50},
    {"0c", "546573742057697468205472756e636174696f6e", "a3b6167473100ee06e0c796c2955552b", 20, 1},
    {"aa",
     "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b"
     "6579204669727374",
     "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", 131, 1},
    {"aa",
     "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d73697a6520"
     "6b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174612e20546865206b6579"
     "206e6565647320746f20626520686173686564206265666f7265206265696e6720757365642062792074686520"
     "484d414320616c676f726974686d2e",
     "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2", 131, 1},
};

static size_t expand(const char *hex, size_t repeat, unsigned char *out)
{
    const size_t bytes = strlen(hex) / 2;

    for (size_t i = 0; i < repeat; i++)
        assert_true(mli_unhex(hex, bytes * 2, out + i * bytes));
    return bytes * repeat;
}

static void rfc_4231(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        unsigned char key[200], data[200], mac[32];
        const size_t key_bytes = expand(vectors[i].key, vectors[i].repeat_key, key);
        const size_t bytes = expand(vectors[i].data, vectors[i].repeat_data, data);
        for (size_t cut = 0; cut <= bytes; cut++) {
            char hex[65];
            mli_hmac h;
            mli_hmac_init(&h, key, key_bytes);
            mli_hmac_update(&h, data, cut);
            mli_hmac_update(&h, data + cut, bytes - cut);
            mli_hmac_final(&h, mac);
            mli_hex(mac, 32, hex);
            assert_memory_equal(vectors[i].mac, hex, strlen(vectors[i].mac));
        }
    }
}

static void equal_secrets(void **state)
{
    unsigned char a[64] = "one secret and what follows", b[64];

    (void)state;
    memcpy(b, a, sizeof a);
    assert_true(mli_equal_secret(a, b, sizeof a));
    assert_true(mli_equal_secret(a, b, 0));
    for (size_t i = 0; i < sizeof a; i++) { /* wherever the difference is, of whatever bit */
        for (int bit = 0; bit < 8; bit++) {
            b[i] ^= (unsigned char)(1 << bit);
            assert_false(mli_equal_secret(a, b, sizeof a));
            b[i] ^= (unsigned char)(1 << bit);
        }
    }
}

#define SECRET "whk_secret"
#define BODY "{\"kind\":\"run_completed\"}"
#define TIME 1767225600

static modellab_status check(const char *header, const char *body, int64_t now_s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const modellab_status status =
        mli_signature_check(SECRET, header, body, strlen(body), now_s, 300, &err);

    assert_true(status == MODELLAB_OK || err.message[0] != '\0');
    assert_null(strstr(err.message, SECRET));
    return status;
}

static void signatures(void **state)
{
    /* made with python3: hmac.new(b"whk_secret", b"1767225600." + body, "sha256").hexdigest() */
    static const char made[] =
        "t=1767225600,v1=2aba35d3f70ced7d54145c33e2714114d50fdfdc80b8e74091d1e61fd93f60b9";
    char out[MODELLAB_SIGNATURE_BYTES];

    (void)state;
    mli_signature_write(SECRET, TIME, BODY, strlen(BODY), out);
    assert_string_equal(made, out);
    assert_int_equal(MODELLAB_OK, check(out, BODY, TIME));
    assert_int_equal(MODELLAB_OK, check(out, BODY, TIME + 300));
    assert_int_equal(MODELLAB_OK, check(out, BODY, TIME - 300));
    assert_int_equal(MODELLAB_E_TIMEOUT, check(out, BODY, TIME + 301)); /* sent again later */
    assert_int_equal(MODELLAB_E_TIMEOUT, check(out, BODY, TIME - 301));
    assert_int_equal(MODELLAB_E_PERMISSION, check(out, BODY " ", TIME));
    for (size_t i = 16; i < strlen(made); i++) { /* each digit counts, also the last */
        char wrong[MODELLAB_SIGNATURE_BYTES];
        memcpy(wrong, made, sizeof made);
        wrong[i] = wrong[i] == '0' ? '1' : '0';
        assert_int_equal(MODELLAB_E_PERMISSION, check(wrong, BODY, TIME));
    }
    /* the time is signed: another one does not fit */
    memcpy(out, made, sizeof made);
    out[11] = '1';
    assert_int_equal(MODELLAB_E_PERMISSION, check(out, BODY, TIME + 1));
    mli_signature_write(SECRET, INT64_MAX, "", 0, out); /* fits its place */
    assert_true(strlen(out) < sizeof out);
}

static void several(void **state)
{
    char one[MODELLAB_SIGNATURE_BYTES], all[400];

    (void)state;
    mli_signature_write(SECRET, TIME, BODY, strlen(BODY), one);
    /* two secrets while one is changed, schemes of later times, blanks */
    assert_true(snprintf(all, sizeof all, "t=%d, v1=%064d , v2=xyz ,%s,v1=ab", TIME, 0,
                         strstr(one, "v1=")) > 0);
    assert_int_equal(MODELLAB_OK, check(all, BODY, TIME));
    assert_true(snprintf(all, sizeof all, "%s0", one) > 0); /* a longer one is another one */
    assert_int_equal(MODELLAB_E_PERMISSION, check(all, BODY, TIME));
    one[strlen(one) - 1] = '\0'; /* and so is a shorter one */
    assert_int_equal(MODELLAB_E_PERMISSION, check(one, BODY, TIME));
}

static void no_signatures(void **state)
{
    static const char *const headers[] = {
        "",           "t=",         "v1=ab",      "t=1",        "t=1,t=1,v1=ab",
        "t=-1,v1=ab", "t=+1,v1=ab", "t= 1,v1=ab", "t=1x,v1=ab", "t=99999999999999999999,v1=ab",
        "T=1,v1=ab",  ",,,,",       "t=1;v1=ab"};
    char long_one[3000];

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, check(headers[i], BODY, 1));
    memset(long_one, ',', sizeof long_one);
    long_one[sizeof long_one - 1] = '\0';
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, check(long_one, BODY, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_4231), cmocka_unit_test(equal_secrets), cmocka_unit_test(signatures),
        cmocka_unit_test(several),  cmocka_unit_test(no_signatures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
