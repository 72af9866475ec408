/* Keys: what each secret may do and when, on a clock of the test; nothing of a secret is in the
 * store; an answer for every kind of refusal; rotation with its overlap; last use. */
#include "lab/keys.h"
#include "os/thread.h"
#include "unit/lab/lab_common.h"
#include "unit/store/faulty_vfs.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static temp_folder folder;
static mli_lab *lab;
static int64_t now_ns;

static int64_t clock_of_test(void *user)
{
    (void)user;
    return now_ns;
}

static int set_up(void **state)
{
    static mli_os_clock clock;
    const mli_lab_tables tables = {.clock = &clock};

    (void)state;
    clock = mli_os_system_clock;
    clock.realtime_ns = clock_of_test;
    now_ns = INT64_C(1767225600) * 1000000000;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, &tables, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static void pass(int64_t ms)
{
    now_ns += ms * 1000000;
}

static void make(const char *scopes, int64_t lives_ms, char id[MLI_ULID_BYTES],
                 char secret[MLI_KEY_SECRET_BYTES])
{
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;

    options.name = "laptop";
    options.user = "ann";
    options.scopes = scopes;
    options.expires_ms = lives_ms > 0 ? mli_lab_now_ms(lab) + lives_ms : 0;
    ASSERT_OK(mli_key_create(lab, &options, id, secret, err));
}

static modellab_key_refusal check(const char *secret, const char *scope)
{
    modellab_key_grant grant = {.size = sizeof grant};
    modellab_error err = MODELLAB_ERROR_INIT;
    const modellab_status status = mli_key_check(lab, secret, scope, &grant, &err);

    assert_int_equal(grant.refusal == MODELLAB_KEY_GRANTED ? MODELLAB_OK : MODELLAB_E_PERMISSION,
                     status);
    assert_string_equal(grant.refusal == MODELLAB_KEY_UNKNOWN ? "" : "ann", grant.user);
    return grant.refusal;
}

static void scopes_of_keys(void **state)
{
    static const char *const all[] = {"", "runs:read", "runs:write", "models:write", "admin"};
    static const struct {
        const char *has, *may; /* a letter for each of `all` */
    } cases[] = {{"runs:read", "yynnn"},
                 {"runs:write,runs:read", "yyynn"},
                 {" models:write ", "ynnyn"},
                 {"admin", "yyyyy"}};
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make(cases[i].has, 0, id, secret);
        for (size_t s = 0; s < 5; s++)
            assert_int_equal(cases[i].may[s] == 'y' ? MODELLAB_KEY_GRANTED : MODELLAB_KEY_SCOPE,
                             check(secret, all[s]));
    }
    modellab_key_grant grant = {.size = sizeof grant};
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_check(lab, secret, "runs", &grant, err));
}

static void secrets(void **state)
{
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], other[MLI_KEY_SECRET_BYTES];

    (void)state;
    make("admin", 0, id, secret);
    make("admin", 0, id, other);
    assert_int_equal(56, strlen(secret));
    assert_true(strspn(secret + 4, "abcdefghijklmnopqrstuvwxyz234567") == 52);
    assert_string_not_equal(secret, other);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, "admin"));
    for (size_t i = 0; i < 56; i++) { /* each character counts */
        char wrong[MLI_KEY_SECRET_BYTES];
        memcpy(wrong, secret, sizeof wrong);
        wrong[i] = wrong[i] == 'a' ? 'b' : 'a';
        assert_int_equal(MODELLAB_KEY_UNKNOWN, check(wrong, ""));
        wrong[i] = '\0';
        assert_int_equal(MODELLAB_KEY_UNKNOWN, check(wrong, ""));
    }
    char longer[MLI_KEY_SECRET_BYTES + 1];
    assert_int_equal(57, snprintf(longer, sizeof longer, "%sa", secret));
    static const char *const none[] = {"", "mlk_", "Bearer x", "' OR 1=1 --"};
    assert_int_equal(MODELLAB_KEY_UNKNOWN, check(longer, ""));
    assert_int_equal(MODELLAB_KEY_UNKNOWN, check(NULL, ""));
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(MODELLAB_KEY_UNKNOWN, check(none[i], ""));
}

/* A row whose hash shares the digits that are looked for is not the key. */
static void the_whole_hash_counts(void **state)
{
    char hash[65], other[65];
    mli_key_row row = {.hash = hash,
                       .scopes = "admin",
                       .previous_hash = "",
                       .expires_ms = -1,
                       .revoked_ms = -1,
                       .previous_until_ms = -1};

    (void)state;
    memset(hash, 'a', 64);
    hash[64] = '\0';
    assert_int_equal(MODELLAB_KEY_GRANTED, mli_key_decide(&row, hash, MLI_SCOPE_ADMIN, 0));
    for (size_t i = 0; i < 64; i++) {
        memcpy(other, hash, sizeof other);
        other[i] = 'b';
        assert_int_equal(MODELLAB_KEY_UNKNOWN, mli_key_decide(&row, other, 0, 0));
    }
}

static void expiry_and_revocation(void **state)
{
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], other[MLI_KEY_SECRET_BYTES];

    (void)state;
    make("admin", 5000, id, secret);
    pass(4999);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, "admin"));
    pass(1);
    assert_int_equal(MODELLAB_KEY_EXPIRED, check(secret, "admin"));
    make("runs:read", 0, id, secret);
    ASSERT_OK(mli_key_revoke(lab, id, err));
    ASSERT_OK(mli_key_revoke(lab, id, err));
    assert_int_equal(MODELLAB_KEY_REVOKED, check(secret, "runs:read"));
    assert_int_equal(MODELLAB_KEY_REVOKED, check(secret, "admin")); /* before its scopes */
    ASSERT_FAILS(MODELLAB_E_STATE, mli_key_rotate(lab, id, 0, other, err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_key_revoke(lab, "01J00000000000000000000000", err));
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_key_rotate(lab, "x", 0, other, err));
}

static void rotation(void **state)
{
    char id[MLI_ULID_BYTES], first[MLI_KEY_SECRET_BYTES], second[MLI_KEY_SECRET_BYTES],
        third[MLI_KEY_SECRET_BYTES];

    (void)state;
    make("runs:read", 0, id, first);
    ASSERT_OK(mli_key_rotate(lab, id, 10000, second, err));
    assert_int_equal(MODELLAB_KEY_GRANTED, check(first, "runs:read"));
    assert_int_equal(MODELLAB_KEY_GRANTED, check(second, "runs:read"));
    assert_int_equal(MODELLAB_KEY_SCOPE, check(first, "admin"));
    pass(9999);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(first, "runs:read"));
    pass(1);
    assert_int_equal(MODELLAB_KEY_EXPIRED, check(first, "runs:read"));
    ASSERT_OK(mli_key_rotate(lab, id, 10000, third, err)); /* the one before the last is gone */
    assert_int_equal(MODELLAB_KEY_UNKNOWN, check(first, "runs:read"));
    assert_int_equal(MODELLAB_KEY_GRANTED, check(second, "runs:read"));
    ASSERT_OK(mli_key_rotate(lab, id, 0, first, err)); /* at once */
    assert_int_equal(MODELLAB_KEY_EXPIRED, check(third, "runs:read"));
    ASSERT_OK(mli_key_revoke(lab, id, err));
    assert_int_equal(MODELLAB_KEY_REVOKED, check(first, ""));
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_rotate(lab, id, -1, first, err));
}

static void lists_and_last_use(void **state)
{
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], other[MLI_ULID_BYTES],
        ignored[MLI_KEY_SECRET_BYTES];
    modellab_key_list *list = NULL;

    (void)state;
    make("runs:read", 0, id, secret);
    pass(5);
    make("admin", 0, other, ignored);
    const int64_t used_ms = mli_lab_now_ms(lab);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, ""));
    pass(59999); /* written once a minute, not at each use */
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, ""));
    assert_int_equal(MODELLAB_KEY_SCOPE, check(secret, "admin"));
    ASSERT_OK(mli_key_list_load(lab, NULL, &list, err));
    assert_int_equal(2, list->rows->count);
    assert_string_equal(id, list->rows->rows[0].id);
    assert_memory_equal(secret, list->rows->rows[0].hint, 8);
    assert_int_equal(8, strlen(list->rows->rows[0].hint));
    assert_int_equal(used_ms, list->rows->rows[0].used_ms);
    assert_int_equal(-1, list->rows->rows[1].used_ms);
    mli_key_list_unref(list);
    pass(1);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, ""));
    ASSERT_OK(mli_key_list_load(lab, id, &list, err));
    assert_int_equal(1, list->rows->count);
    assert_int_equal(used_ms + 60000, list->rows->rows[0].used_ms);
    assert_string_equal("active", mli_key_state(&list->rows->rows[0], mli_lab_now_ms(lab)));
    mli_key_list_unref(list);
    ASSERT_FAILS(MODELLAB_E_NOT_FOUND, mli_key_list_load(lab, "x", &list, err));
}

static void what_is_refused(void **state)
{
    static const char *const scopes[] = {NULL, "", " ", "runs:read runs", "ADMIN", "admin;x"};
    modellab_key_options options = MODELLAB_KEY_OPTIONS_INIT;
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], name[600];

    (void)state;
    for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
        options.scopes = scopes[i];
        ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_create(lab, &options, id, secret, err));
    }
    options.scopes = "admin";
    options.expires_ms = mli_lab_now_ms(lab);
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_create(lab, &options, id, secret, err));
    options.expires_ms = 0;
    memset(name, 'x', sizeof name);
    name[513] = '\0';
    options.name = name;
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_create(lab, &options, id, secret, err));
    options.name = "two\nlines";
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_create(lab, &options, id, secret, err));
    options.name = NULL;
    options.user = "\xff";
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_key_create(lab, &options, id, secret, err));
}

/* Nothing of a secret but its hint is in any file of the lab. */
static void the_store_has_no_secret(void **state)
{
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], command[1200];

    (void)state;
    make("admin", 0, id, secret);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, ""));
    assert_true(snprintf(command, sizeof command, "grep -raq '%s' '%s'", id, folder.path) > 0);
    assert_int_equal(0, system(command)); /* the look finds what is there */
    assert_true(snprintf(command, sizeof command, "grep -raq '%s' '%s'", secret + 8, folder.path) >
                0);
    assert_int_not_equal(0, system(command));
}

/* Changes of keys that reach the store, by all threads. Each takes so long that all others have
 * looked at the key before it is there: it never comes. */
static atomic_int changes;

static modellab_status count_change(mli_store *store, const mli_key_change *change,
                                    modellab_error *err)
{
    (void)store, (void)change, (void)err;
    atomic_fetch_add(&changes, 1);
    return MODELLAB_OK;
}

static char shared_secret[MLI_KEY_SECRET_BYTES];

static void *check_often(void *arg)
{
    for (int i = 0; i < 50; i++) {
        modellab_key_grant grant = {.size = sizeof grant};
        if (mli_key_check(lab, shared_secret, "admin", &grant, NULL) != MODELLAB_OK)
            atomic_fetch_add((atomic_int *)arg, 1);
    }
    return NULL;
}

static void many_at_once_note_a_use_once(void **state)
{
    char id[MLI_ULID_BYTES];
    mli_store_ops counting = *lab->store->ops;
    mli_os_thread threads[8];
    atomic_int refused = 0;

    (void)state;
    make("admin", 0, id, shared_secret);
    const mli_store_ops *real = lab->store->ops;
    counting.key_change = count_change;
    lab->store->ops = &counting;
    for (int minute = 1; minute <= 2; minute++) {
        for (int i = 0; i < 8; i++)
            assert_int_equal(0, mli_os_thread_start(&threads[i], 0, check_often, &refused));
        for (int i = 0; i < 8; i++)
            mli_os_thread_join(threads[i]);
        assert_int_equal(minute, atomic_load(&changes));
        assert_int_equal(0, atomic_load(&refused));
        pass(60000);
    }
    lab->store->ops = real;
}

/* Somebody else writes and does not end: the check neither fails nor waits for him. */
static void a_busy_store_is_not_waited_for(void **state)
{
    char id[MLI_ULID_BYTES], secret[MLI_KEY_SECRET_BYTES], path[600];
    modellab_key_list *list = NULL;
    sqlite3 *other = NULL;

    (void)state;
    make("admin", 0, id, secret);
    assert_true(snprintf(path, sizeof path, "%s/lab.sqlite", lab->root) > 0);
    assert_int_equal(SQLITE_OK, sqlite3_open(path, &other));
    assert_int_equal(SQLITE_OK, sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    faulty.sleeps = 0;
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, "admin"));
    assert_int_equal(0, faulty.sleeps);
    assert_int_equal(SQLITE_OK, sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL));
    assert_int_equal(SQLITE_OK, sqlite3_close(other));
    pass(60000);
    assert_int_equal(MODELLAB_KEY_GRANTED, check(secret, "admin"));
    ASSERT_OK(mli_key_list_load(lab, id, &list, err));
    assert_int_equal(mli_lab_now_ms(lab), list->rows->rows[0].used_ms);
    mli_key_list_unref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scopes_of_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_whole_hash_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expiry_and_revocation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rotation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_and_last_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_store_has_no_secret, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_at_once_note_a_use_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_busy_store_is_not_waited_for, set_up, tear_down),
    };

    if (faulty_vfs_install() != SQLITE_OK) {
        return 2;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
