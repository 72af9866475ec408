/* Runs that ask a remote service: where nothing was said nothing is asked, a request that cannot be
 * read is no run without one, the key is in no memory that is given back, and the sandbox opens
 * certificates, not the keys beside them. */
#include "base/error.h"
#include "lab/digest_provider.h"
#include "lab/order.h"
#include "lab/remote_call.h"
#include "lab/remote_service.h"
#include "lab/worker.h"
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "canary-key-1234"
#define CHAIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void a_request_that_cannot_be_read(void **state)
{
    static const struct {
        const char *request;
        modellab_status status;
        bool wanted;
    } cases[] = {
        {"{\"config\":{\"summary\":{\"provider\":\"remote\"}}}", MODELLAB_OK, true},
        {"{\"config\":{\"summary\":{\"text\":\"remote\"}}}", MODELLAB_OK, false},
        {"{\"config\":{}}", MODELLAB_OK, false},
        {"{\"config\":{\"summary\":{\"provider\":\"remote\"}}", MODELLAB_E_INVALID_JSON, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool wanted = true;
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_int_equal(mli_remote_wanted_by(cases[i].request, &wanted, &err), cases[i].status);
        assert_int_equal(wanted, cases[i].wanted);
    }
}

/* Blocks with their size in front; one that is given back is searched for the key. */
enum { FRONT = 16 };
static int leaks, blocks;

static void look(const unsigned char *block)
{
    size_t bytes;
    memcpy(&bytes, block, sizeof(bytes));
    leaks += memmem(block + FRONT, bytes, KEY, strlen(KEY)) != NULL;
}

static void *own_alloc(void *user, size_t bytes)
{
    unsigned char *block = calloc(1, bytes + FRONT);
    (void)user;
    assert_non_null(block);
    memcpy(block, &bytes, sizeof(bytes));
    blocks++;
    return block + FRONT;
}

static void own_free(void *user, void *at)
{
    (void)user;
    if (at != NULL) {
        look((unsigned char *)at - FRONT);
        free((unsigned char *)at - FRONT);
    }
}

static void *own_realloc(void *user, void *at, size_t bytes)
{
    unsigned char *block = own_alloc(user, bytes);
    if (at != NULL) {
        size_t old;
        memcpy(&old, (unsigned char *)at - FRONT, sizeof(old));
        memcpy(block, at, old < bytes ? old : bytes);
        own_free(user, at);
    }
    return block;
}

static void no_copy_of_the_key(void **state)
{
    const modellab_allocator alloc = {sizeof(alloc), NULL, own_alloc, own_realloc, own_free};
    char request[100000];
    mli_order order = {.run_id = "01HZXW6F9T8Q3N5V7B2C4D6E8G",
                       .steps = "summary",
                       .request_id = "",
                       .trace_id = "",
                       .span_id = "",
                       .input_name = "",
                       .input_sha256 = "",
                       .models_root = "/m",
                       .remote = true,
                       .remote_url = "https://x",
                       .remote_key = KEY,
                       .remote_model = "m",
                       .request_json = request,
                       .fence = 1,
                       .journal = {1, CHAIN}};
    mli_buf text;
    (void)state;
    memset(request, ' ', sizeof(request)); /* long: without room from the start it would move */
    request[0] = '{';
    request[sizeof(request) - 2] = '}';
    request[sizeof(request) - 1] = '\0';
    leaks = blocks = 0;
    mli_buf_init(&text, &alloc);
    mli_order_write(&order, &text);
    assert_int_equal(text.status, MODELLAB_OK);
    assert_non_null(memmem(text.data, text.size, KEY, strlen(KEY)));
    mli_buf_wipe(&text);
    assert_true(blocks > 0);
    assert_int_equal(leaks, 0);
    assert_null(text.data);
    mli_buf_wipe(&text); /* an empty one */
}

static void what_fits_into_a_cap(void **state)
{
    (void)state;
    assert_true(mli_remote_call_fits(INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX)); /* no cap */
    assert_true(mli_remote_call_fits(100, 40, 50, 10));
    assert_false(mli_remote_call_fits(100, 40, 51, 10));
    assert_false(mli_remote_call_fits(100, 41, 50, 10));
    assert_false(mli_remote_call_fits(100, 0, 0, 101));
    assert_true(mli_remote_call_fits(0, 0, 0, 0)); /* what is free always fits */
    assert_false(mli_remote_call_fits(100, INT64_MAX, INT64_MAX, 1));
    assert_true(mli_remote_call_fits(100, -5, -5, 100));
}

static void calls_of_a_request(void **state)
{
    mli_remote_forecast f;
    (void)state;
    assert_int_equal(mli_remote_forecast_make(
                         "{\"config\":{\"summary\":{\"provider\":\"embedded\"}}}", 60, &f, NULL),
                     MODELLAB_OK);
    assert_int_equal(f.high, 0);
    static const char both[] = "{\"config\":{\"summary\":{\"provider\":\"remote\"},\"chapters\":{"
                               "\"provider\":\"remote\"}}}";
    assert_int_equal(mli_remote_forecast_make(both, 60, &f, NULL), MODELLAB_OK);
    assert_int_equal(f.expected, 2);
    assert_int_equal(f.low, 2);
    assert_int_equal(f.high, 8);
    /* ten hours: three parts each, and one summary of three */
    assert_int_equal(mli_remote_forecast_make(both, 36000, &f, NULL), MODELLAB_OK);
    assert_int_equal(f.expected, 7);
    assert_int_equal(f.low, 2);
}

/* A call would fail: there is leave for none. */
static void nothing_was_said(void **state)
{
    static const char *const made[][2] = {{"summary", "\"text\":\"\""},
                                          {"chapters", "\"chapters\":[]"},
                                          {"action_items", "\"items\":[]"}};
    mli_page page = {0};
    mli_transcript silence = {.duration = 2};
    (void)state;
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
        mli_worker w = {.clock = &mli_os_system_clock,
                        .page = &page,
                        .step = made[i][0],
                        .audio_seconds = 2,
                        .caps = {.api_calls = MLI_CAP_NO_CALLS},
                        .order = {.remote_url = "http://127.0.0.1:1", .remote_model = "m"}};
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_buf text;
        mli_buf_init(&text, NULL);
        if (mli_digest_provider_find("remote")->make(&w, &silence, &text, &err) != MODELLAB_OK) {
            fail_msg("%s: %s", made[i][0], err.message);
        }
        assert_non_null(strstr(mli_buf_text(&text), made[i][1]));
        assert_non_null(strstr(mli_buf_text(&text), "\"calls\":0"));
        mli_buf_dispose(&text);
    }
}

static int result_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? errno : 0;
}

/* In a child: what it may open. 0 = as it should be, 77 = no landlock here. */
static int confined(void)
{
    mli_worker_context context = {.files = &mli_os_system_files, .clock = &mli_os_system_clock};
    mli_worker w = {.context = &context,
                    .files = &mli_os_system_files,
                    .clock = &mli_os_system_clock,
                    .order = {.steps = "summary", .models_root = "", .remote = true}};
    bool certificates = result_of("/etc/ssl/certs") == 0;
    mli_worker_confine(&w);
    if (context.sandbox.landlock_error != 0) {
        return 77;
    }
    if (result_of("/etc/ssl") == 0 || result_of("/etc/ssl/private") == 0 ||
        result_of("/usr/lib/ssl/private") == 0) {
        return 1;
    }
    return certificates && result_of("/etc/ssl/certs") != 0 ? 2 : 0;
}

static void certificates_and_no_keys(void **state)
{
    int how = 0;
    (void)state;
    if (result_of("/etc/ssl") != 0) {
        print_message("skipped: there is no /etc/ssl\n");
        skip();
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(confined());
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    if (WEXITSTATUS(how) == 77) {
        print_message("skipped: no landlock here\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(how), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_that_cannot_be_read),
        cmocka_unit_test(what_fits_into_a_cap),
        cmocka_unit_test(calls_of_a_request),
        cmocka_unit_test(nothing_was_said),
        cmocka_unit_test(no_copy_of_the_key),
        cmocka_unit_test(certificates_and_no_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
