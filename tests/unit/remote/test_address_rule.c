/* Addresses that users give: every special network with both its ends and what lies beside it, what
 * is allowed all the same, ports, and URLs that hide where they lead. */
#include "remote/address_rule.h"
#include "unit/unit.h"
#include <string.h>

static mli_os_address address(const char *text, int32_t port)
{
    mli_os_address a;

    if (!mli_os_address_parse(text, &a))
        fail_msg("%s", text);
    a.port = port;
    return a;
}

static void special_addresses(void **state)
{
    static const char *const special[] = {"0.0.0.0",
                                          "0.255.255.255",
                                          "10.0.0.0",
                                          "10.255.255.255",
                                          "100.64.0.0",
                                          "100.127.255.255",
                                          "127.0.0.0",
                                          "127.0.0.1",
                                          "127.255.255.255",
                                          "169.254.0.0",
                                          "169.254.169.254",
                                          "169.254.255.255",
                                          "172.16.0.0",
                                          "172.31.255.255",
                                          "192.0.0.0",
                                          "192.0.0.255",
                                          "192.0.2.1",
                                          "192.88.99.1",
                                          "192.168.0.0",
                                          "192.168.255.255",
                                          "198.18.0.0",
                                          "198.19.255.255",
                                          "198.51.100.7",
                                          "203.0.113.7",
                                          "224.0.0.1",
                                          "239.255.255.255",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "192.31.196.1",
                                          "192.52.193.1",
                                          "192.175.48.1",
                                          "::",
                                          "::1",
                                          "::ffff:8.8.8.8",
                                          "::ffff:127.0.0.1",
                                          "::8.8.8.8",
                                          "64:ff9b::8.8.8.8",
                                          "64:ff9b:1::1",
                                          "100::1",
                                          "2001::1",
                                          "2001:0:4136:e378:8000:63bf:3fff:fdd2",
                                          "2001:1ff::1",
                                          "2001:10::1",
                                          "2001:20::1",
                                          "2001:db8::1",
                                          "2001:db8:ffff::1",
                                          "2002:7f00:1::",
                                          "2620:4f:8000::1",
                                          "3fff::1",
                                          "3fff:fff::1",
                                          "4000::1",
                                          "5f00::1",
                                          "fc00::1",
                                          "fdff::1",
                                          "fe80::1",
                                          "febf::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "1fff::1"};
    static const char *const open[] = {"1.0.0.1",
                                       "9.255.255.255",
                                       "11.0.0.0",
                                       "100.63.255.255",
                                       "100.128.0.0",
                                       "126.255.255.255",
                                       "128.0.0.0",
                                       "169.253.255.255",
                                       "169.255.0.0",
                                       "172.15.255.255",
                                       "172.32.0.0",
                                       "192.0.1.0",
                                       "192.0.3.0",
                                       "192.167.255.255",
                                       "192.169.0.0",
                                       "198.17.255.255",
                                       "198.20.0.0",
                                       "8.8.8.8",
                                       "203.0.112.255",
                                       "203.0.114.0",
                                       "223.255.255.255",
                                       "2001:200::1",
                                       "2001:4860:4860::8888",
                                       "2001:db7::1",
                                       "2001:db9::1",
                                       "2003::1",
                                       "2606:4700::1111",
                                       "2a00::1",
                                       "3ffe::1"};

    (void)state;
    for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
        const mli_os_address a = address(special[i], 443);
        if (!mli_address_is_special(&a))
            fail_msg("%s is special", special[i]);
    }
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        const mli_os_address a = address(open[i], 443);
        if (mli_address_is_special(&a))
            fail_msg("%s is not special", open[i]);
    }
}

static bool may(const char *networks, const char *text, int32_t port, bool is_tls)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const mli_os_address a = address(text, port);
    mli_address_rule rule;

    assert_int_equal(MODELLAB_OK, mli_address_rule_parse(networks, &rule, &err));
    return mli_address_may(&rule, &a, is_tls);
}

static void rules(void **state)
{
    static const char *const bad[] = {"10.0.0.0/33", "10.0.0.0/-1",  "10/8",     "localhost",
                                      "::/129",      "10.0.0.0/8/8", "1.2.3.4/", "10.0.0.0/8;::1"};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_address_rule rule;

    (void)state;
    assert_true(may(NULL, "8.8.8.8", 443, true));
    assert_true(may("", "8.8.8.8", 8443, true));
    assert_false(may(NULL, "8.8.8.8", 22, true)); /* no service of its own is spoken to */
    assert_false(may(NULL, "8.8.8.8", 1023, true));
    assert_false(may(NULL, "8.8.8.8", 443, false)); /* only by https */
    assert_false(may(NULL, "127.0.0.1", 443, true));
    assert_true(may("127.0.0.0/8", "127.0.0.1", 80, false)); /* allowed: whatever */
    assert_false(may("127.0.0.0/8", "10.0.0.1", 443, true));
    assert_true(may("10.1.2.3, fd00::/8", "10.1.2.3", 9, false));
    assert_false(may("10.1.2.3, fd00::/8", "10.1.2.4", 443, true));
    assert_true(may("10.1.2.3, fd00::/8", "fd12::1", 80, false));
    assert_true(may("10.1.2.128/25", "10.1.2.129", 80, false));
    assert_false(may("10.1.2.128/25", "10.1.2.127", 80, false));
    assert_false(may("127.0.0.0/8", "::ffff:127.0.0.1", 443, true)); /* mapped: another address */
    assert_true(may("0.0.0.0/0", "127.0.0.1", 1, false));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, mli_address_rule_parse(bad[i], &rule, &err));
}

static modellab_status url(const char *networks, const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_address_rule rule;

    assert_int_equal(MODELLAB_OK, mli_address_rule_parse(networks, &rule, &err));
    return mli_address_check_url(&rule, text, &err);
}

static void urls(void **state)
{
    static const char *const good[] = {"https://example.com",
                                       "https://example.com:8443/a?b#c",
                                       "https://8.8.8.8/x",
                                       "https://[2606:4700::1111]:443/",
                                       "https://xn--bcher-kva.example/",
                                       "https://a_b.example."};
    static const char *const malformed[] = {"",
                                            "ftp://example.com",
                                            "file:///etc/passwd",
                                            "HTTPS://example.com",
                                            "https://",
                                            "https:///x",
                                            "https://user@example.com",
                                            "https://a:b@127.0.0.1",
                                            "https://exa mple.com",
                                            "https://example.com\\@127.0.0.1",
                                            "https://example.com:0",
                                            "https://example.com:65536",
                                            "https://example.com:",
                                            "https://example.com:8x",
                                            "https://[::1",
                                            "https://[8.8.8.8]",
                                            "https://[::1]x",
                                            "https://127.1",
                                            "https://0x7f.0.0.1",
                                            "https://2130706433",
                                            "https://017700000001",
                                            "https://127.0.0.1.",
                                            "https://1.2.3.4.5",
                                            "https://ex%61mple.com",
                                            "https://b\xc3\xbc"
                                            "cher.example",
                                            "https://.example",
                                            "https://example.com/\x7f",
                                            "https://[fe80::1%25eth0]/",
                                            "gopher://127.0.0.1:11211/_stats"};
    static const char *const forbidden[] = {"http://example.com",
                                            "https://example.com:25",
                                            "https://127.0.0.1",
                                            "https://10.0.0.1:8443",
                                            "https://169.254.169.254/latest/meta-data",
                                            "https://[::1]/",
                                            "https://[::ffff:10.0.0.1]/",
                                            "https://0.0.0.0",
                                            "http://8.8.8.8/",
                                            "https://8.8.8.8:22"};
    char long_one[4000] = "https://example.com/";

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (url(NULL, good[i]) != MODELLAB_OK)
            fail_msg("%s is good", good[i]);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        if (url("0.0.0.0/0", malformed[i]) != MODELLAB_E_INVALID_ARGUMENT)
            fail_msg("%s is malformed", malformed[i]);
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden; i++)
        if (url(NULL, forbidden[i]) != MODELLAB_E_PERMISSION)
            fail_msg("%s is forbidden", forbidden[i]);
    assert_int_equal(MODELLAB_OK, url("127.0.0.0/8", "http://127.0.0.1:8080/hook"));
    assert_int_equal(MODELLAB_OK, url("127.0.0.0/8", "http://localhost:8080/hook"));
    memset(long_one + 20, 'a', sizeof long_one - 21);
    assert_int_equal(MODELLAB_E_INVALID_ARGUMENT, url(NULL, long_one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses),
        cmocka_unit_test(rules),
        cmocka_unit_test(urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
