/* Calls of an OpenAI-compatible service against a server that answers by a script: success, 429 and
 * 5xx that pass or do not, slow, oversized, malformed, broken off; caps before the call, cancel
 * while it waits; headers; and the key, which stands in no message. */
#include "base/buf.h"
#include "base/error.h"
#include "remote/chat.h"
#include "unit/remote/chat_script.h"
#include "unit/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY "canary-key-4711"
#define GOOD                                                                                       \
    "{\"id\":\"x\",\"model\":\"tiny-chat\",\"choices\":[{\"message\":{\"role\":\"assistant\","     \
    "\"content\":\"{\\\"text\\\":\\\"short\\\"}\"},\"finish_reason\":\"stop\"}],\"usage\":{"       \
    "\"prompt_tokens\":12,\"completion_tokens\":3}}"

/* What the caller of the service keeps. */
typedef struct book {
    int leaves, allowed; /* allowed: leaves that are given; -1 = any */
    int sent, unsent, pulses;
    int64_t tokens;
    mli_cancel_word cancel;
    int cancel_at_pulse, timeout_ms, max_wait_ms;
    char url[64], text[256], model[MLI_CHAT_MODEL];
    int tries;
    modellab_error err;
    int64_t took_ms;
} book;

static modellab_status leave(void *user, modellab_error *err)
{
    book *b = user;
    if (b->allowed >= 0 && b->leaves >= b->allowed)
        return mli_fail(err, MODELLAB_E_CAP_EXCEEDED, "no call is left");
    b->leaves++;
    return MODELLAB_OK;
}

static void made(void *user, bool sent, int64_t tokens_in, int64_t tokens_out)
{
    book *b = user;
    b->sent += sent;
    b->unsent += !sent;
    if (tokens_in >= 0)
        b->tokens += tokens_in + tokens_out;
}

static void pulse(void *user)
{
    book *b = user;
    if (++b->pulses == b->cancel_at_pulse)
        b->cancel = 1;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static modellab_status call(book *b, int port)
{
    mli_chat_answer answer;
    mli_buf out;
    snprintf(b->url, sizeof b->url, "http://127.0.0.1:%d/v1", port);
    mli_chat_request r = {.base_url = b->url,
                          .key = KEY,
                          .model = "tiny-chat",
                          .system = "Answer in JSON.",
                          .user = "\"Quoted\" and gr\xc3\xbcn\n",
                          .request_id = "req-1",
                          .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                          .base_wait_ms = 20,
                          .max_wait_ms = b->max_wait_ms > 0 ? b->max_wait_ms : 2000,
                          .timeout_ms = b->timeout_ms > 0 ? b->timeout_ms : 120000,
                          .cancel = &b->cancel,
                          .leave = leave,
                          .made = made,
                          .pulse = pulse,
                          .user_data = b};
    int64_t begun = now_ms();
    b->err = (modellab_error)MODELLAB_ERROR_INIT;
    mli_buf_init(&out, NULL);
    modellab_status status = mli_chat_complete(&r, &answer, &out, &b->err);
    b->took_ms = now_ms() - begun;
    b->tries = answer.tries;
    snprintf(b->text, sizeof b->text, "%s", mli_buf_text(&out));
    snprintf(b->model, sizeof b->model, "%s", answer.model);
    mli_buf_dispose(&out);
    assert_null(strstr(b->err.message, KEY));
    assert_null(strstr(b->err.message, "127.0.0.1"));
    return status;
}

#define RUN(...)                                                                                   \
    const reply replies[] = {__VA_ARGS__};                                                         \
    static script s;                                                                               \
    script_start(&s, replies, sizeof replies / sizeof *replies);                                   \
    modellab_status status = call(&b, s.port);                                                     \
    int requests = s.requests;                                                                     \
    script_stop(&s)

static void success(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    RUN({200, "", GOOD, 0, 0, false});
    assert_int_equal(status, MODELLAB_OK);
    assert_string_equal(b.text, "{\"text\":\"short\"}");
    assert_string_equal(b.model, "tiny-chat");
    assert_int_equal(requests, 1);
    assert_int_equal(b.sent, 1);
    assert_int_equal(b.tokens, 15);
    assert_non_null(strstr(s.head, "POST /v1/chat/completions HTTP/1.1"));
    assert_non_null(strcasestr(s.head, "\r\nAuthorization: Bearer " KEY));
    assert_non_null(strcasestr(s.head, "\r\nX-Request-Id: req-1"));
    assert_non_null(strcasestr(s.head, "\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
    assert_non_null(strstr(s.body, "\"model\":\"tiny-chat\""));
    assert_non_null(strstr(s.body, "{\"role\":\"user\",\"content\":\"\\\"Quoted\\\" and gr"));
    assert_null(strstr(s.body, KEY));
}

static void passing_trouble(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    RUN({429, "Retry-After: 1\r\n", "slow down", 0, 0, false}, {503, "", "", 0, 0, false},
        {200, "", GOOD, 0, 0, false});
    assert_int_equal(status, MODELLAB_OK);
    assert_int_equal(requests, 3);
    assert_int_equal(b.leaves, 3);
    assert_int_equal(b.sent, 3);
    assert_true(b.took_ms >= 1000); /* as long as it was asked to wait */
    assert_true(b.pulses >= 5);
}

static void lasting_trouble(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    RUN({500, "", "no", 0, 0, false});
    assert_int_equal(status, MODELLAB_E_REMOTE);
    assert_int_equal(b.err.detail, 500);
    assert_int_equal(requests, 4);
    assert_true(b.took_ms >= 20 + 40 + 80);
}

static void too_long_a_wait(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    RUN({429, "Retry-After: 3600\r\n", "", 0, 0, false});
    assert_int_equal(status, MODELLAB_E_REMOTE);
    assert_int_equal(requests, 1);
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        reply one;
        modellab_status status;
        const char *text;
    } cases[] = {
        {{401, "", "", 0, 0, false}, MODELLAB_E_PERMISSION, "refused the key"},
        {{400, "", "", 0, 0, false}, MODELLAB_E_REMOTE, "HTTP 400"},
        {{302, "Location: http://127.0.0.1:9/\r\n", "", 0, 0, false},
         MODELLAB_E_REMOTE,
         "HTTP 302"},
        {{200, "", "{\"choices\":[", 0, 0, false}, MODELLAB_E_REMOTE, "no JSON"},
        {{200, "", "", 0, 0, false}, MODELLAB_E_REMOTE, "no JSON"},
        {{200, "", "{\"choices\":[]}", 0, 0, false}, MODELLAB_E_REMOTE, "no completion"},
        {{200, "", "{\"choices\":[{\"message\":{\"content\":7}}]}", 0, 0, false},
         MODELLAB_E_REMOTE,
         "no completion"},
        {{200, "", "{\"choices\":[{\"message\":{\"content\":\"x\"},\"finish_reason\":\"length\"}]}",
          0, 0, false},
         MODELLAB_E_REMOTE,
         "did not complete"},
        {{200, "", GOOD, 0, MLI_CHAT_MAX_ANSWER, false}, MODELLAB_E_LIMIT, "more than"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        book b = {.allowed = -1};
        RUN(cases[i].one);
        if (status != cases[i].status || strstr(b.err.message, cases[i].text) == NULL ||
            requests != 1 || b.sent != 1) /* it counts, whatever came back */
            fail_msg("case %zu: status %d, %d requests: %s", i, (int)status, requests,
                     b.err.message);
    }
}

static void slow(void **state)
{
    (void)state;
    int requests_seen = 0, pulses = 0;
    /* Where the service or the caller is held up for longer than that, longer. */
    for (int ms = 400; (requests_seen < 2 || pulses < 8) && ms <= 20000; ms *= 5) {
        book b = {.allowed = 2, .timeout_ms = ms}; /* as many tries as there are leaves */
        RUN({200, "", GOOD, 600000, 0, false});
        assert_int_equal(status, MODELLAB_E_CAP_EXCEEDED);
        assert_int_equal(b.sent, 2);
        assert_true(b.took_ms >= 2 * ms);
        requests_seen = requests;
        pulses = b.pulses;
    }
    assert_int_equal(requests_seen, 2);
    assert_true(pulses >= 8); /* it is alive while it waits for an answer; the pause has one */
}

static void broken_off(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    RUN({200, "", GOOD, 0, 0, true}, {200, "", GOOD, 0, 0, false});
    assert_int_equal(status, MODELLAB_OK);
    assert_int_equal(requests, 2);
    assert_string_equal(b.text, "{\"text\":\"short\"}"); /* nothing of the first */
}

/* No call was made: nothing is counted. */
static void nobody_is_there(void **state)
{
    (void)state;
    book b = {.allowed = -1};
    assert_int_equal(call(&b, 9), MODELLAB_E_NETWORK);
    assert_int_equal(b.tries, 4);
    assert_int_equal(b.sent, 0);
    assert_int_equal(b.unsent, 4);
}

static void no_leave_no_call(void **state)
{
    (void)state;
    book b = {.allowed = 0};
    RUN({200, "", GOOD, 0, 0, false});
    assert_int_equal(status, MODELLAB_E_CAP_EXCEEDED);
    assert_int_equal(requests, 0);
    assert_int_equal(b.sent + b.unsent, 0);
}

typedef struct asked {
    book b;
    script s;
} asked;

/* Once the service was asked. */
static void *cancel_soon(void *arg)
{
    asked *a = arg;
    while (atomic_load(&a->s.requests) == 0)
        usleep(1000);
    a->b.cancel = 1;
    return NULL;
}

static void cancelled(void **state)
{
    (void)state;
    /* between two tries */
    book b = {.allowed = -1, .cancel_at_pulse = 3, .max_wait_ms = 600000};
    RUN({429, "Retry-After: 600\r\n", "", 0, 0, false});
    assert_int_equal(status, MODELLAB_E_CANCELLED);
    assert_int_equal(requests, 1);
    assert_true(b.took_ms < 300000); /* not the ten minutes */
    {                                /* while an answer is waited for */
        const reply late[] = {{200, "", GOOD, 600000, 0, false}};
        static asked a;
        pthread_t thread;
        a.b = (book){.allowed = -1, .timeout_ms = 600000};
        script_start(&a.s, late, 1);
        assert_int_equal(0, pthread_create(&thread, NULL, cancel_soon, &a));
        assert_int_equal(call(&a.b, a.s.port), MODELLAB_E_CANCELLED);
        assert_int_equal(0, pthread_join(thread, NULL));
        assert_true(a.b.took_ms < 300000);
        assert_int_equal(a.b.sent, 1); /* it may have been counted there */
        script_stop(&a.s);
    }
}

static void addresses(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://example.com/v1", "ftp://127.0.0.1/", "",
                                       "file:///x"};
    for (size_t i = 0; i < 4; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_chat_answer answer;
        mli_buf out;
        mli_chat_request r = {.base_url = urls[i], .model = "m", .system = "", .user = ""};
        mli_buf_init(&out, NULL);
        assert_int_equal(mli_chat_complete(&r, &answer, &out, &err), MODELLAB_E_INVALID_ARGUMENT);
        mli_buf_dispose(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success),          cmocka_unit_test(passing_trouble),
        cmocka_unit_test(lasting_trouble),  cmocka_unit_test(too_long_a_wait),
        cmocka_unit_test(refusals),         cmocka_unit_test(slow),
        cmocka_unit_test(broken_off),       cmocka_unit_test(nobody_is_there),
        cmocka_unit_test(no_leave_no_call), cmocka_unit_test(cancelled),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
