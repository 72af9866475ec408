/* Trace contexts from outside: tables of the standard's rules. */
#include "base/trace.h"
#include "unit/unit.h"
#include <stdio.h>
#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define ZEROS "0000000000000000"

static void parents(void **state)
{
    static const struct {
        const char *text;
        bool valid;
        unsigned flags;
    } cases[] = {
        {"00-" TRACE "-" SPAN "-01", true, 1},
        {"00-" TRACE "-" SPAN "-00", true, 0},
        {"00-" TRACE "-" SPAN "-ff", true, 1},
        {"00-" TRACE "-" SPAN "-02", true, 0},
        {"00-" TRACE "-" SPAN "-01-", false, 0}, /* version 00 has nothing behind */
        {"00-" TRACE "-" SPAN "-01 ", false, 0},
        {"00-" TRACE "-" SPAN "-0", false, 0},
        {"00-" TRACE "-" SPAN "-1", false, 0},
        {"00-" TRACE "-" SPAN, false, 0},
        {"01-" TRACE "-" SPAN "-01", true, 1}, /* later versions by their beginning */
        {"cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", true, 1},
        {"cc-" TRACE "-" SPAN "-01-", true, 1},
        {"cc-" TRACE "-" SPAN "-01.what", false, 0},
        {"fe-" TRACE "-" SPAN "-01x", false, 0},
        {"ff-" TRACE "-" SPAN "-01", false, 0},
        {"ff-" TRACE "-" SPAN "-01-x", false, 0},
        {"00-" ZEROS ZEROS "-" SPAN "-01", false, 0},
        {"00-" TRACE "-" ZEROS "-01", false, 0},
        {"00-" ZEROS "0000000000000001-" SPAN "-01", true, 1},
        {"00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01", false, 0},
        {"00-" TRACE "-00F067AA0BA902B7-01", false, 0},
        {"0A-" TRACE "-" SPAN "-01", false, 0},
        {"00-" TRACE "-" SPAN "-0G", false, 0},
        {"00_" TRACE "-" SPAN "-01", false, 0},
        {"00-" TRACE "_" SPAN "-01", false, 0},
        {"00-" TRACE "-" SPAN "_01", false, 0},
        {" 00-" TRACE "-" SPAN "-01", false, 0},
        {".0-" TRACE "-" SPAN "-01", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {NULL, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mli_trace_parent p;
        char out[MLI_TRACE_PARENT_BYTES];

        if (mli_trace_parent_read(cases[i].text, &p) != cases[i].valid) {
            fail_msg("%s", cases[i].text == NULL ? "NULL" : cases[i].text);
        }
        if (cases[i].valid) {
            assert_memory_equal(cases[i].text + 3, p.trace_id, 32);
            assert_memory_equal(cases[i].text + 36, p.span_id, 16);
            assert_int_equal(cases[i].flags, p.flags);
            mli_trace_parent_write(&p, out);
            assert_int_equal(55, strlen(out));
            assert_memory_equal("00-", out, 3);
            assert_memory_equal(cases[i].text + 3, out + 3, 49);
        }
    }
}

/* Every character of a good one, replaced by every other. */
static void one_wrong_character(void **state)
{
    static const char good[] = "00-" TRACE "-" SPAN "-01";

    (void)state;
    for (size_t i = 0; i + 1 < sizeof good; i++) {
        for (int c = 1; c < 256; c++) {
            char text[sizeof good];
            mli_trace_parent p;

            memcpy(text, good, sizeof good);
            text[i] = (char)c;
            bool dash = i == 2 || i == 35 || i == 52;
            bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            bool fine = dash ? c == '-' : hex;
            assert_int_equal(fine, mli_trace_parent_read(text, &p));
        }
    }
}

static void repeat(char *out, size_t count, char c)
{
    memset(out, c, count);
    out[count] = '\0';
}

static void states(void **state)
{
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"rojo=00f067aa0ba902b7", true},
        {"rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true},
        {"a=1 , b=2\t,\tc=3", true},
        {"a=1,,b=2,", true}, /* empty members are allowed */
        {"fw529a3039@dt=FfAAAAAAAAAA", true},
        {"1tenant@system=x", true},
        {"foo@=1", false},
        {"@foo=1", false},
        {"foo@@bar=1", false},
        {"foo@bar@baz=1", false},
        {"1foo=1", false}, /* a digit begins only the name of a tenant */
        {"foo@1bar=1", false},
        {"foo@tooooooooooolong=1", false},
        {"FOO=1", false},
        {"foo=", false},
        {"foo", false},
        {"=1", false},
        {"foo=1=2", false},
        {"foo=b\x01r", false},
        {"foo=b\xc3\xa4r", false},
        {"foo=a b c", true},
        {"a=1,a=2", false},
        {"a=1,b=2,a=1", false},
        {"a_-*/=1", true},
        {"a.b=1", false},
        {"", false},
        {",, ,", false},
        {NULL, false},
    };
    char text[4096] = "", key[300];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (mli_trace_state_valid(cases[i].text) != cases[i].valid) {
            fail_msg("%s", cases[i].text == NULL ? "NULL" : cases[i].text);
        }
    }
    for (int i = 1; i <= 33; i++) {
        size_t n = strlen(text);
        assert_true(snprintf(text + n, sizeof text - n, "%sk%d=%d", i > 1 ? "," : "", i, i) > 0);
        assert_int_equal(i <= 32, mli_trace_state_valid(text));
    }
    for (size_t n = 255; n <= 257; n++) {
        repeat(key, n, 'k');
        assert_true(snprintf(text, sizeof text, "%s=v", key) > 0);
        assert_int_equal(n <= 256, mli_trace_state_valid(text));
        assert_true(snprintf(text, sizeof text, "k=%s", key) > 0);
        assert_int_equal(n <= 256, mli_trace_state_valid(text));
    }
    for (size_t n = 241; n <= 242; n++) {
        repeat(key, n, 't');
        assert_true(snprintf(text, sizeof text, "%s@s=v", key) > 0);
        assert_int_equal(n <= 241, mli_trace_state_valid(text));
    }
    /* longer than we keep */
    text[0] = '\0';
    for (int i = 0; i < 10; i++) {
        size_t n = strlen(text);
        repeat(key, 120, 'v');
        assert_true(snprintf(text + n, sizeof text - n, "%sk%d=%s", i > 0 ? "," : "", i, key) > 0);
        assert_int_equal(strlen(text) < MLI_TRACE_STATE_BYTES, mli_trace_state_valid(text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parents),
        cmocka_unit_test(one_wrong_character),
        cmocka_unit_test(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
