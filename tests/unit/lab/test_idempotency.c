/* Idempotency keys: one claim at a time, the same answer again, claims of the dead taken over. */
#include "lab/idempotency.h"
#include "lab/submit.h"
#include "unit/lab/lab_common.h"
#include <sys/wait.h>
#include <unistd.h>

static temp_folder folder;
static mli_lab *lab;
static int64_t now_ns = (int64_t)1700000000 * 1000000000;

static int64_t clock_now(void *user)
{
    (void)user;
    return now_ns;
}
static mli_os_clock clock_table;
static mli_lab_tables tables = {.clock = &clock_table};

static int set_up(void **state)
{
    (void)state;
    clock_table = mli_os_system_clock;
    clock_table.realtime_ns = clock_now;
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

/* The outcome when a request comes with a key; a claim is held in *out. */
static modellab_idempotency_outcome ask(const char *user, const char *key, const char *request,
                                        modellab_idempotency **out)
{
    modellab_idempotency_outcome outcome = 0;

    *out = NULL;
    ASSERT_OK(mli_idempotency_begin(lab, user, key, out, &outcome, err));
    if (outcome == MODELLAB_IDEMPOTENCY_RUNNING) {
        assert_null(*out);
        return outcome;
    }
    mli_sha256_update(&(*out)->parts, request, strlen(request));
    ASSERT_OK(mli_idempotency_match(*out, &outcome, err));
    return outcome;
}

static void answer(modellab_idempotency *claim, const char *body)
{
    modellab_idempotency_reply reply = MODELLAB_IDEMPOTENCY_REPLY_INIT;

    reply.http_status = 202;
    reply.media_type = "application/json";
    reply.headers = "Location: /x";
    reply.body = body;
    ASSERT_OK(mli_idempotency_finish(claim, &reply, err));
}

/* The run of a claim, as a front-end makes it. */
static void submit(const modellab_idempotency *claim, const char *user, char run_id[MLI_ULID_BYTES])
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    unsigned char wav[WAV_BYTES];
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], request[200];

    mli_idempotency_run_key(claim, key);
    (void)snprintf(request, sizeof request,
                   "{\"pipeline\":\"ingest\",\"user\":\"%s\",\"idempotency_key\":\"%s\"}", user,
                   key);
    o.request = request;
    o.input_data = wav;
    o.input_bytes = make_wav(wav, 16000, 1, 0);
    ASSERT_OK(mli_run_submit(lab, &o, run_id, NULL, err));
}

static void a_key_is_answered_once(void **state)
{
    modellab_idempotency *first, *second, *other;

    (void)state;
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "k1", "a", &first));
    assert_int_equal(MODELLAB_IDEMPOTENCY_RUNNING, ask("ann", "\"k1\"", "a", &second));
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("bob", "k1", "a", &other)); /* his own */
    answer(first, "{\"n\":1}");
    ASSERT_FAILS(MODELLAB_E_STATE,
                 mli_idempotency_finish(
                     first, &(modellab_idempotency_reply){.size = 1, .http_status = 200}, err));
    mli_idempotency_unref(first);
    mli_idempotency_unref(other); /* given up */
    assert_int_equal(MODELLAB_IDEMPOTENCY_REPLAY, ask("ann", "k1", "a", &second));
    assert_int_equal(202, second->found->row.http_status);
    assert_string_equal("{\"n\":1}", second->found->row.body);
    assert_string_equal("application/json", second->found->row.media_type);
    assert_string_equal("Location: /x", second->found->row.headers);
    mli_idempotency_unref(second);
    assert_int_equal(MODELLAB_IDEMPOTENCY_MISMATCH, ask("ann", "k1", "b", &second));
    mli_idempotency_unref(second);
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("bob", "k1", "c", &other));
    mli_idempotency_unref(other);
}

static void keys_have_their_time(void **state)
{
    modellab_idempotency *claim;
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], later[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES];

    (void)state;
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("", "k", "a", &claim));
    mli_idempotency_run_key(claim, key);
    assert_int_equal(37, strlen(key));
    answer(claim, "");
    mli_idempotency_unref(claim);
    now_ns += (int64_t)23 * 3600 * 1000000000;
    assert_int_equal(MODELLAB_IDEMPOTENCY_REPLAY, ask("", "k", "a", &claim));
    mli_idempotency_unref(claim);
    now_ns += (int64_t)2 * 3600 * 1000000000;
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("", "k", "b", &claim));
    mli_idempotency_run_key(claim, later);
    assert_string_not_equal(key, later); /* not the run of yesterday */
    mli_idempotency_unref(claim);
}

/* A process claims, and is killed before it has answered: who asks next goes on in its place. */
static void claims_of_the_dead_are_taken_over(void **state)
{
    modellab_idempotency *claim;
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES], told[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES] = "";
    int pipes[2], answers[2], how = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(0, pipe(pipes));
    assert_int_equal(0, pipe(answers));
    pid = fork();
    if (pid == 0) {
        char wait;

        lab = open_lab(&folder, NULL, &tables, 0);
        if (ask("ann", "k", "a", &claim) != MODELLAB_IDEMPOTENCY_NEW) {
            _exit(1);
        }
        mli_idempotency_run_key(claim, key);
        if (write(pipes[1], key, sizeof key) != sizeof key || read(answers[0], &wait, 1) != 1) {
            _exit(2);
        }
        _exit(0);
    }
    assert_int_equal(sizeof told, read(pipes[0], told, sizeof told));
    assert_int_equal(MODELLAB_IDEMPOTENCY_RUNNING, ask("ann", "k", "a", &claim)); /* it lives */
    assert_int_equal(0, kill(pid, SIGKILL));
    assert_int_equal(pid, waitpid(pid, &how, 0));
    now_ns += 1000000000;
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "k", "a", &claim));
    mli_idempotency_run_key(claim, key);
    assert_string_equal(told, key); /* what it had made is found by it */
    answer(claim, "x");
    mli_idempotency_unref(claim);
    assert_int_equal(MODELLAB_IDEMPOTENCY_REPLAY, ask("ann", "k", "a", &claim));
    mli_idempotency_unref(claim);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(0, close(pipes[i]) + close(answers[i]));
    }
}

/* The call fails between the run and its answer: a retry finds the run, and no other request may
 * have it. What made no run is free for another request. */
static void a_run_that_was_stored_is_found_again(void **state)
{
    modellab_idempotency *claim;
    modellab_error why = MODELLAB_ERROR_INIT;
    char first[MLI_ULID_BYTES], again[MLI_ULID_BYTES];

    (void)state;
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "k", "a", &claim));
    submit(claim, "bob", first); /* somebody with rights of all submits for him */
    mli_idempotency_unref(claim);
    now_ns += 1000000000;
    assert_int_equal(MODELLAB_IDEMPOTENCY_MISMATCH, ask("ann", "k", "b", &claim));
    assert_int_equal(
        MODELLAB_E_STATE,
        mli_idempotency_finish(claim, &(modellab_idempotency_reply){.size = 1, .http_status = 200},
                               &why));
    mli_idempotency_unref(claim);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "k", "a", &claim));
        submit(claim, "bob", again);
        assert_string_equal(first, again);
        assert_int_equal(1, count_runs(lab));
        if (i == 1) {
            answer(claim, again);
        }
        mli_idempotency_unref(claim);
    }
    assert_int_equal(MODELLAB_IDEMPOTENCY_REPLAY, ask("ann", "k", "a", &claim));
    mli_idempotency_unref(claim);
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "other", "a", &claim));
    mli_idempotency_unref(claim);
    assert_int_equal(MODELLAB_IDEMPOTENCY_NEW, ask("ann", "other", "b", &claim));
    submit(claim, "bob", again);
    assert_string_not_equal(first, again);
    mli_idempotency_unref(claim);
}

static void keys_are_read(void **state)
{
    static const char *const bad[] = {"",        "\"\"",     "a b",         "\"a",  "a\"b",
                                      "\"a\\\"", "\"a\\x\"", "caf\xc3\xa9", "\x01", "\"a\"b\""};
    static const char *const good[][2] = {
        {"abc", "abc"},
        {"\"abc\"", "abc"},
        {"\"a b\"", "a b"},
        {"\"a\\\"b\\\\\"", "a\"b\\"},
        {"8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"}};
    char key[MLI_IDEMPOTENCY_KEY_BYTES], text[200];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_idempotency_key_read(bad[i], key, err));
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        ASSERT_OK(mli_idempotency_key_read(good[i][0], key, err));
        assert_string_equal(good[i][1], key);
    }
    memset(text, 'x', sizeof text);
    text[128] = '\0';
    ASSERT_OK(mli_idempotency_key_read(text, key, err));
    text[128] = 'x';
    text[129] = '\0';
    ASSERT_FAILS(MODELLAB_E_INVALID_ARGUMENT, mli_idempotency_key_read(text, key, err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_is_answered_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_have_their_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(claims_of_the_dead_are_taken_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_run_that_was_stored_is_found_again, set_up, tear_down),
        cmocka_unit_test(keys_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
