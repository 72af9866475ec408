/* Members of an object as they stand in its text: values of each kind, quotes and brackets within
 * strings, names that begin alike, texts that are cut anywhere. */
#include "json_slice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char object[] =
    " { \"a\" : \"x\\\"},{\\\\\" ,\"ab\":{\"a\":[1,{\"z\":\"]\"}],\"b\":{}},\n\"n\":-1.5e3 "
    ",\"t\":true,"
    "\"e\":\"\",\"l\":[ ],\"a\":2,\"z\":null }";

static void is(const json_slice *slice, const char *text)
{
    assert_non_null(slice->text);
    assert_int_equal(strlen(text), slice->bytes);
    assert_memory_equal(text, slice->text, slice->bytes);
}

static void values(void **state)
{
    json_slice wanted[] = {{.name = "z"}, {.name = "a"}, {.name = "ab"}, {.name = "n"},
                           {.name = "t"}, {.name = "e"}, {.name = "l"}};
    (void)state;
    assert_true(json_slice_find(object, wanted, 7));
    is(&wanted[0], "null");
    is(&wanted[1], "\"x\\\"},{\\\\\"");
    is(&wanted[2], "{\"a\":[1,{\"z\":\"]\"}],\"b\":{}}");
    is(&wanted[3], "-1.5e3");
    is(&wanted[4], "true");
    is(&wanted[5], "\"\"");
    is(&wanted[6], "[ ]");
}

static void missing(void **state)
{
    json_slice b = {.name = "b"}, empty = {.name = ""};
    (void)state;
    assert_false(json_slice_find(object, &b, 1)); /* within another one only */
    assert_false(json_slice_find("{}", &b, 1));
    assert_false(json_slice_find("[\"b\"]", &b, 1));
    assert_false(json_slice_find("", &b, 1));
    assert_true(json_slice_find("{\"\":1}", &empty, 1));
    is(&empty, "1");
}

/* Each beginning, in a block of its own size: nothing behind it is read. */
static void cut(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < sizeof object - 1; bytes++) {
        json_slice z = {.name = "z"};
        char *text = malloc(bytes + 1);
        assert_non_null(text);
        memcpy(text, object, bytes);
        text[bytes] = '\0';
        if (json_slice_find(text, &z, 1))
            assert_in_range(z.text + z.bytes - text, 1, bytes);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(missing),
                                       cmocka_unit_test(cut)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
