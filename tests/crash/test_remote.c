/* Summaries made by a remote service, with real workers and weights: what goes out and comes back,
 * that calls are counted and capped before they are made, that a worker of such a run is used once,
 * cancel while the service thinks, and that the key stands nowhere. test_remote WORKER HOST */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crash/kit.h"
#include "unit/remote/chat_script.h"

#define KEY "canary-key-0815"
#define CHAT(content)                                                                              \
    "{\"model\":\"tiny-chat-2026\",\"choices\":[{\"message\":{\"content\":\"" content              \
    "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":70,\"completion_tokens\":9}}"
#define SUMMARY CHAT("{\\\"text\\\":\\\"They say hello.\\\"}")
#define REQUEST(more)                                                                              \
    "{\"steps\":[\"summary\"],\"config\":{\"summary\":{\"provider\":\"remote\",\"sentences\":2}"   \
    "}" more "}"

static void start_service(script *s, const reply *replies, int count)
{
    char url[64];
    script_start(s, replies, count);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/v1", s->port);
    assert_int_equal(setenv("MODEL_LAB_REMOTE_URL", url, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_REMOTE_API_KEY", KEY, 1), 0);
    assert_int_equal(setenv("MODEL_LAB_REMOTE_MODEL", "tiny-chat", 1), 0);
}

static modellab_run *execute(kit *k, const char *request, char id[MODELLAB_RUN_ID_BYTES])
{
    kit_submit_start(k, request, 12.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    (void)kit_wait_final(k, id);
    kit_stop_host(k, host);
    return kit_load(k, id);
}

static void expect_json(const modellab_run *run, const char *part)
{
    modellab_buffer *json = NULL;
    assert_int_equal(modellab_run_to_json(run, &json, NULL), MODELLAB_OK);
    if (strstr(modellab_buffer_data(json), part) == NULL) {
        fail_msg("no %s in %s", part, (const char *)modellab_buffer_data(json));
    }
    modellab_buffer_destroy(json);
}

/* Files below the lab that hold the key. */
static int files_with_key(const kit *k)
{
    char command[400];
    (void)snprintf(command, sizeof(command), "grep -rq '%s' '%s'", KEY, k->root);
    return system(command) == 0;
}

static void a_summary_by_the_service(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], path[512];
    static script s;
    const reply replies[] = {{503, "", "", 0, 0, false}, {200, "", SUMMARY, 0, 0, false}};
    start_service(&s, replies, 2);
    modellab_run *run = execute(k, REQUEST(""), id);
    script_stop(&s);
    modellab_run_info info = kit_info(run);
    if (info.status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", info.message);
    }
    size_t bytes = 0;
    kit_run_path(k, id, "artifacts/1-summary.json", path);
    char *text = kit_read_bytes(path, &bytes);
    const char *expected = "{\"provider\":\"remote\",\"model\":\"tiny-chat\",\"answered_by\":"
                           "\"tiny-chat-2026\",\"calls\":2,\"tokens_in\":70,\"tokens_out\":9,"
                           "\"text\":\"They say hello.\",\"sentences\":[]}\n";
    if (bytes != strlen(expected) || memcmp(text, expected, bytes) != 0) {
        fail_msg("%.*s", (int)bytes, text);
    }
    free(text);
    /* both tries are counted */
    expect_json(run, "\"api_calls\":2");
    assert_int_equal(s.requests, 2);
    /* the run's ids went out, the key too, and the words that were said */
    char header[200];
    (void)snprintf(header, sizeof(header), "X-Request-Id: %s", info.request_id);
    assert_non_null(strcasestr(s.head, header));
    assert_non_null(strcasestr(s.head, "traceparent: 00-"));
    assert_non_null(strcasestr(s.head, "Authorization: Bearer " KEY));
    assert_non_null(strcasestr(s.body, "hello"));
    assert_non_null(strstr(s.body, "at most 2 sentences"));
    assert_int_equal(files_with_key(k), 0);
    modellab_run_unref(run);
}

static void no_call_beyond_the_cap(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{200, "", SUMMARY, 0, 0, false}};
    start_service(&s, replies, 1);
    modellab_run *run = execute(k, REQUEST(",\"caps\":{\"api_calls\":0}"), id);
    script_stop(&s);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    assert_int_equal(info.reason, MODELLAB_REASON_API_CALLS_CAP);
    assert_int_equal(s.requests, 0);
    expect_json(run, "\"transcript.json\""); /* it is kept all the same */
    modellab_run_unref(run);
}

static void an_answer_of_another_form(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{200, "", CHAT("{\\\"summary\\\":\\\"x\\\"}"), 0, 0, false}};
    start_service(&s, replies, 1);
    modellab_run *run = execute(k, REQUEST(""), id);
    script_stop(&s);
    modellab_run_info info = kit_info(run);
    assert_int_equal(info.status, MODELLAB_RUN_FAILED);
    assert_string_equal(info.failed_step, "summary");
    assert_non_null(strstr(info.message, "has not the form asked for"));
    assert_int_equal(files_with_key(k), 0);
    modellab_run_unref(run);
}

static void cancel_while_it_thinks(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{200, "", SUMMARY, 30000, 0, false}};
    start_service(&s, replies, 1);
    kit_submit_start(k, REQUEST(""), 12.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    for (int i = 0; s.requests == 0; i++) {
        assert_true(i < 12000); /* a minute */
        kit_sleep_ms(5);
    }
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_stop_host(k, host);
    script_stop(&s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(a_summary_by_the_service),
        KIT_TEST(no_call_beyond_the_cap),
        KIT_TEST(an_answer_of_another_form),
        KIT_TEST(cancel_while_it_thinks),
    };
    if (!kit_arguments(argc, argv, 0)) {
        return 2;
    }
    if (!kit_find_models()) {
        (void)printf("skipped: " KIT_NO_MODELS "\n");
        return 0;
    }
    if (!kit_make_cache()) {
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return kit_remove_cache() ? failed : 1;
}
