/* Secrets are handed out once: whichever allocation fails, a key that was made or got another
 * secret has told it, and one that has not is as it was. Argument: a folder for the lab. */
#include "fault/faulty_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *folder;
static faulty_alloc faults;
static modellab_lab *lab;

#define MOST 1000 /* allocations of one call: none comes near it */

static void open_lab(const char *name)
{
    static modellab_allocator alloc;
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    char root[500];

    alloc = faulty_table(&faults);
    options.allocator = &alloc;
    (void)snprintf(root, sizeof root, "%s-%s", folder, name);
    assert_int_equal(MODELLAB_OK, modellab_lab_open(root, &options, &lab, &err));
}

static size_t count_keys(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_key_list *keys = NULL;

    assert_int_equal(MODELLAB_OK, modellab_key_list_load(lab, NULL, &keys, &err));
    size_t count = modellab_key_list_count(keys);
    modellab_key_list_unref(keys);
    return count;
}

static modellab_status check(const modellab_buffer *secret)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_key_grant grant = {.size = sizeof grant};

    return modellab_key_check(lab, modellab_buffer_data(secret), "admin", &grant, &err);
}

/* The call's allocation number n fails. */
static void fail_at(long n)
{
    faults.failed = false;
    faults.fail_at = faults.calls + n;
}

static bool has_failed(void)
{
    faults.fail_at = 0;
    return faults.failed;
}

static void a_key_without_its_secret_is_none(void **state)
{
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    char id[MODELLAB_KEY_ID_BYTES];
    size_t keys;
    bool failed = true;
    long n = 1;

    (void)state;
    options.scopes = "admin";
    open_lab("create");
    keys = count_keys();
    for (; failed && n < MOST; n++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_buffer *secret = NULL;

        fail_at(n);
        modellab_status status = modellab_key_create(lab, &options, id, &secret, &err);
        failed = has_failed();
        if (status == MODELLAB_OK) {
            keys++;
            assert_int_equal(56, modellab_buffer_size(secret));
            assert_int_equal(MODELLAB_OK, check(secret));
        } else {
            assert_int_equal(MODELLAB_E_NO_MEMORY, status);
            assert_null(secret);
            assert_string_equal("", id);
        }
        if (count_keys() != keys) {
            fail_msg("a key whose secret nobody has, after failure %ld", n);
        }
        modellab_buffer_destroy(secret);
    }
    assert_true(n > 2 && n < MOST);
    modellab_lab_unref(lab);
}

static void a_secret_that_was_not_told_is_not_in_force(void **state)
{
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *now = NULL;
    char id[MODELLAB_KEY_ID_BYTES];
    bool failed = true;
    long n = 1;

    (void)state;
    options.scopes = "admin";
    open_lab("rotate");
    assert_int_equal(MODELLAB_OK, modellab_key_create(lab, &options, id, &now, &err));
    for (; failed && n < MOST; n++) {
        modellab_buffer *secret = NULL;

        fail_at(n);
        modellab_status status = modellab_key_rotate(lab, id, 0, &secret, &err);
        failed = has_failed();
        if (status == MODELLAB_OK) {
            modellab_buffer_destroy(now);
            now = secret;
        } else {
            assert_int_equal(MODELLAB_E_NO_MEMORY, status);
            assert_null(secret);
        }
        if (check(now) != MODELLAB_OK) {
            fail_msg("the key has a secret that nobody has, after failure %ld", n);
        }
    }
    assert_true(n > 2 && n < MOST);
    modellab_buffer_destroy(now);
    modellab_lab_unref(lab);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_its_secret_is_none),
        cmocka_unit_test(a_secret_that_was_not_told_is_not_in_force),
    };

    if (argc != 2) {
        return 2;
    }
    folder = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
