/* Errors: what they say, what they must not touch, and the table of codes. */
#include "base/error.h"
#include "base/status.h"
#include "base/str.h"
#include "unit/unit.h"
#include <errno.h>
#include <string.h>

static void filled(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(mli_fail(&err, MODELLAB_E_LIMIT, "at most %d", 7), MODELLAB_E_LIMIT);
    assert_int_equal(err.code, MODELLAB_E_LIMIT);
    assert_string_equal(err.message, "at most 7");
    assert_true(err.detail == -1 && err.os_error == 0);
    assert_int_equal(mli_fail_at(&err, MODELLAB_E_INVALID_JSON, 42, "x"), MODELLAB_E_INVALID_JSON);
    assert_true(err.detail == 42);
    assert_int_equal(mli_fail_os(&err, -ENOSPC, "writing %s", "f"), MODELLAB_E_NO_SPACE);
    assert_int_equal(err.os_error, ENOSPC);
    assert_string_equal(err.message, "writing f: no space left on the device");
    assert_int_equal(mli_fail_os(&err, 9999, "reading"), MODELLAB_E_IO);
    assert_string_equal(err.message, "reading: error 9999");
    assert_int_equal(mli_no_memory(&err), MODELLAB_E_NO_MEMORY);
    mli_error_clear(&err);
    assert_true(err.code == 0 && err.message[0] == '\0' && err.detail == -1);
    assert_int_equal(mli_fail(NULL, MODELLAB_E_IO, "nobody listens"), MODELLAB_E_IO);
    mli_error_clear(NULL);
}

static void long_messages(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char text[600];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xC3\xA9", 2);
    text[sizeof text - 2] = '\0';
    mli_fail(&err, MODELLAB_E_IO, "%s", text);
    assert_true(strlen(err.message) >= 250 && strlen(err.message) < sizeof err.message);
    assert_true(mli_utf8_valid(err.message, strlen(err.message)));
    /* A long subject never pushes the reason out. */
    text[100] = '\0';
    mli_fail_os(&err, ENOENT, "%s", text);
    assert_non_null(strstr(err.message, ": no such file or directory"));
}

static void older_struct(void **state)
{
    struct {
        modellab_error err;
        char guard[8];
    } box;
    (void)state;
    memset(&box, 'G', sizeof box);
    box.err.size = offsetof(modellab_error, message) + 16;
    mli_fail(&box.err, MODELLAB_E_IO, "a message that is longer than sixteen bytes");
    assert_string_equal(box.err.message, "a message that ");
    assert_int_equal(box.err.message[16], 'G');
    box.err.size = 8; /* too small to be ours: left alone */
    mli_fail(&box.err, MODELLAB_E_LIMIT, "x");
    assert_int_equal(box.err.code, MODELLAB_E_IO);
}

static void table(void **state)
{
    (void)state;
    assert_string_equal(mli_status_name(MODELLAB_OK), "MODELLAB_OK");
    assert_string_equal(mli_status_name(MODELLAB_E_NOT_FOUND), "MODELLAB_E_NOT_FOUND");
    assert_string_equal(mli_status_text(MODELLAB_E_NOT_FOUND), "not found");
    assert_string_equal(mli_status_name(12345), "MODELLAB_E_UNKNOWN");
#define KNOWN(name, number, sentence)                                                              \
    assert_string_equal(mli_status_name(number), "MODELLAB_" #name);                               \
    assert_string_equal(mli_status_text(number), sentence);
    MODELLAB_STATUS_LIST(KNOWN)
#undef KNOWN
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(filled), cmocka_unit_test(long_messages),
                                       cmocka_unit_test(older_struct), cmocka_unit_test(table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
