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
#include <sys/wait.h>
#include <unistd.h>

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

static int set_up(void **state)
{
    (void)unsetenv("MODEL_LAB_PRICE_SHEET"); /* of a test that failed */
    (void)unsetenv("MODEL_LAB_REMOTE_PART_BYTES");
    return kit_set_up(state);
}

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
    return kit_execute(k, NULL, id);
}

/* Whether files below the lab hold the key. */
static bool files_with_key(const kit *k)
{
    char command[400];
    (void)snprintf(command, sizeof(command), "grep -rq '%s' '%s'", KEY, k->root);
    int how = system(command);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) < 2); /* 2: it could not look */
    return WEXITSTATUS(how) == 0;
}

/* Planted: a file that holds it is found. */
static void expect_no_file_with_key(const kit *k)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/runs/planted", k->root);
    assert_false(files_with_key(k));
    kit_write_bytes(path, "x" KEY "x", strlen(KEY) + 2);
    assert_true(files_with_key(k));
    assert_int_equal(unlink(path), 0);
}

static void a_summary_by_the_service(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
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
    char *text = kit_read_artifact(k, id, "summary.json", &bytes);
    const char *expected = "{\"provider\":\"remote\",\"model\":\"tiny-chat\",\"answered_by\":"
                           "\"tiny-chat-2026\",\"calls\":2,\"tokens_in\":70,\"tokens_out\":9,"
                           "\"text\":\"They say hello.\",\"sentences\":[]}\n";
    if (bytes != strlen(expected) || memcmp(text, expected, bytes) != 0) {
        fail_msg("%.*s", (int)bytes, text);
    }
    free(text);
    /* both tries are counted */
    kit_expect_json(run, "\"api_calls\":2");
    assert_int_equal(s.requests, 2);
    /* the run's ids went out, the key too, and the words that were said */
    char header[200];
    (void)snprintf(header, sizeof(header), "X-Request-Id: %s", info.request_id);
    assert_non_null(strcasestr(s.head, header));
    assert_non_null(strcasestr(s.head, "traceparent: 00-"));
    assert_non_null(strcasestr(s.head, "Authorization: Bearer " KEY));
    assert_non_null(strcasestr(s.body, "hello"));
    assert_non_null(strstr(s.body, "at most 2 sentences"));
    expect_no_file_with_key(k);
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
    kit_expect_json(run, "\"transcript.json\""); /* it is kept all the same */
    modellab_run_unref(run);
}

/* A cent for a call. */
static void set_price(kit *k)
{
    static const char sheet[] = "{\"version\":1,\"id\":\"cent\",\"currency\":\"USD\",\"prices\":{"
                                "\"api_call\":\"0.01\"}}";
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/prices.json", k->root);
    kit_write_bytes(path, sheet, sizeof(sheet) - 1);
    assert_int_equal(setenv("MODEL_LAB_PRICE_SHEET", path, 1), 0);
    kit_reopen(k);
}

static void expect_cost(const modellab_run *run, int calls, const char *cost)
{
    char text[64];
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_FAILED);
    assert_int_equal(kit_info(run).reason, MODELLAB_REASON_COST_CAP);
    assert_string_equal(kit_info(run).failed_step, "summary");
    (void)snprintf(text, sizeof(text), "\"api_calls\":%d", calls);
    kit_expect_json(run, text);
    kit_expect_json(run, cost);
    kit_expect_json(run, "\"transcript.json\"");
}

/* The cap acts before the call that would pass it, be it the first or one that is tried again; what
 * was spent is within the cap. */
static void no_call_that_the_cap_cannot_pay(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{503, "", "", 0, 0, false}, {200, "", SUMMARY, 0, 0, false}};
    set_price(k);
    start_service(&s, replies, 2);
    modellab_run *run = execute(k, REQUEST(",\"caps\":{\"cost_micros\":15000}"), id);
    assert_int_equal(s.requests, 1);
    expect_cost(run, 1, "\"cost\":{\"micros\":10000");
    assert_non_null(strstr(kit_info(run).message, "costs 10000 millionths"));
    modellab_run_unref(run);
    run = execute(k, REQUEST(",\"caps\":{\"cost_micros\":9999}"), id);
    assert_int_equal(s.requests, 1);
    expect_cost(run, 0, "\"cost\":{\"micros\":0");
    modellab_run_unref(run);
    run = execute(k, REQUEST(",\"caps\":{\"cost_micros\":10000}"), id); /* just enough */
    script_stop(&s);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    assert_int_equal(s.requests, 2);
    modellab_run_unref(run);
}

/* Before anything is stored: how many calls, and what they cost. */
static void an_estimate_has_the_calls(void **state)
{
    kit *k = *state;
    modellab_report *report = NULL;
    modellab_estimate e = MODELLAB_ESTIMATE_INIT, plain = MODELLAB_ESTIMATE_INIT;
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    set_price(k);
    o.request = REQUEST("");
    o.input_path = kit_sample;
    assert_int_equal(modellab_run_validate(k->lab, &o, &report, NULL), MODELLAB_OK);
    assert_true(kit_has_finding(report, "estimate.api_calls"));
    modellab_report_unref(report);
    report = NULL;
    assert_int_equal(modellab_run_estimate(k->lab, &o, &e, &report, NULL), MODELLAB_OK);
    modellab_report_unref(report);
    report = NULL;
    o.request = "{\"steps\":[\"summary\"]}";
    assert_int_equal(modellab_run_estimate(k->lab, &o, &plain, &report, NULL), MODELLAB_OK);
    modellab_report_unref(report);
    assert_int_equal(e.cost_micros - plain.cost_micros, 10000);
    assert_int_equal(e.cost_micros_high - plain.cost_micros_high, 40000); /* four tries */
}

#define SAYS(word)                                                                                 \
    {                                                                                              \
        200, "", CHAT("{\\\"text\\\":\\\"" word "\\\"}"), 0, 0, false                              \
    }

/* Each part has its call, and one more makes one summary of theirs. */
static void a_long_transcript_goes_out_in_parts(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES], text[64];
    static script s;
    const reply replies[] = {SAYS("p1."), SAYS("p2."), SAYS("p3."), SAYS("p4."),
                             SAYS("p5."), SAYS("p6."), SAYS("p7."), SAYS("p8.")};
    assert_int_equal(setenv("MODEL_LAB_REMOTE_PART_BYTES", "1024", 1), 0);
    start_service(&s, replies, 8);
    kit_submit_sample(k, REQUEST(""), 3, id);
    modellab_run *run = kit_execute(k, NULL, id);
    script_stop(&s);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *made = kit_read_json(k, id, "summary.json");
    int64_t parts = mli_json_int(mli_json_get(made, "parts"), 0);
    assert_in_range(parts, 2, 7);
    assert_int_equal(s.requests, parts + 1);
    assert_int_equal(mli_json_int(mli_json_get(made, "calls"), 0), parts + 1);
    assert_int_equal(mli_json_int(mli_json_get(made, "tokens_in"), 0), 70 * (parts + 1));
    (void)snprintf(text, sizeof(text), "p%d.", (int)parts + 1);
    assert_string_equal(mli_json_string(mli_json_get(made, "text"), ""), text);
    const char *at = s.body; /* the last call has what the others made, in order */
    for (int i = 1; i <= parts; i++) {
        (void)snprintf(text, sizeof(text), "] p%d.", i);
        at = strstr(at, text);
        assert_non_null(at);
    }
    assert_null(strstr(s.body, "hello"));
    (void)snprintf(text, sizeof(text), "\"api_calls\":%d", (int)parts + 1);
    kit_expect_json(run, text);
    mli_json_free(made);
    modellab_run_unref(run);
}

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define LONG SAYS(X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50)

/* Two long summaries fill a call: then there are summaries of summaries. */
static void summaries_of_summaries(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {LONG};
    assert_int_equal(setenv("MODEL_LAB_REMOTE_PART_BYTES", "1024", 1), 0);
    start_service(&s, replies, 1);
    kit_submit_sample(k, REQUEST(""), 4, id);
    modellab_run *run = kit_execute(k, NULL, id);
    script_stop(&s);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    mli_json *made = kit_read_json(k, id, "summary.json");
    int64_t parts = mli_json_int(mli_json_get(made, "parts"), 0), calls = parts;
    assert_true(parts >= 3);
    for (int64_t left = parts; left > 1; left -= left / 2) {
        calls += left / 2; /* pairs; one that is alone waits */
    }
    assert_int_equal(s.requests, calls);
    assert_int_equal(mli_json_int(mli_json_get(made, "calls"), 0), calls);
    mli_json_free(made);
    modellab_run_unref(run);
}

/* Each chapter begins where the one before ends, from the first to the last of the 90 seconds. */
static void they_cover_all(const mli_json *list)
{
    double at = 0;
    for (size_t i = 0; i < mli_json_count(list); i++) {
        const mli_json *one = mli_json_at(list, i);
        assert_true(mli_json_number(mli_json_get(one, "start"), -1) == at);
        at = mli_json_number(mli_json_get(one, "end"), -1);
        assert_true(at > mli_json_number(mli_json_get(one, "start"), -1));
    }
    assert_true(at == 90.0);
}

/* Those of the parts one behind the other; what lies before its part begins with it. */
static void chapters_of_parts(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {
        {200, "", CHAT("{\\\"chapters\\\":[{\\\"start\\\":0,\\\"title\\\":\\\"T\\\"}]}"), 0, 0,
         false}};
    assert_int_equal(setenv("MODEL_LAB_REMOTE_PART_BYTES", "1024", 1), 0);
    start_service(&s, replies, 1);
    kit_submit_sample(
        k, "{\"steps\":[\"chapters\"],\"config\":{\"chapters\":{\"provider\":\"remote\"}}}", 3, id);
    modellab_run *run = kit_execute(k, NULL, id);
    script_stop(&s);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    mli_json *made = kit_read_json(k, id, "chapters.json");
    const mli_json *list = mli_json_get(made, "chapters");
    int64_t parts = mli_json_int(mli_json_get(made, "parts"), 0);
    assert_true(parts >= 2);
    assert_int_equal(mli_json_count(list), parts);
    assert_int_equal(s.requests, parts);
    they_cover_all(list);
    mli_json_free(made);
    modellab_run_unref(run);
}

/* What lies beyond its part ends with it, and what has no time left is left out. */
static void chapters_beyond_their_part(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{200, "",
                              CHAT("{\\\"chapters\\\":[{\\\"start\\\":0,\\\"title\\\":\\\"T\\\"},"
                                   "{\\\"start\\\":99999,\\\"title\\\":\\\"U\\\"}]}"),
                              0, 0, false}};
    assert_int_equal(setenv("MODEL_LAB_REMOTE_PART_BYTES", "1024", 1), 0);
    start_service(&s, replies, 1);
    kit_submit_sample(
        k, "{\"steps\":[\"chapters\"],\"config\":{\"chapters\":{\"provider\":\"remote\"}}}", 3, id);
    modellab_run *run = kit_execute(k, NULL, id);
    script_stop(&s);
    if (kit_info(run).status != MODELLAB_RUN_COMPLETED) {
        fail_msg("%s", kit_info(run).message);
    }
    mli_json *made = kit_read_json(k, id, "chapters.json");
    const mli_json *list = mli_json_get(made, "chapters");
    assert_true(mli_json_count(list) >= (size_t)mli_json_int(mli_json_get(made, "parts"), 99));
    they_cover_all(list);
    mli_json_free(made);
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
    assert_false(files_with_key(k));
    modellab_run_unref(run);
}

/* A time that the service does not know is none, also in the table for people. */
static void an_item_of_no_time(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {
        {200, "",
         CHAT("{\\\"items\\\":[{\\\"text\\\":\\\"Call Ann\\\"},{\\\"text\\\":\\\"Go\\\","
              "\\\"start\\\":2.5}]}"),
         0, 0, false}};
    size_t bytes = 0;
    start_service(&s, replies, 1);
    modellab_run *run = execute(k,
                                "{\"steps\":[\"action_items\",\"bundle\"],\"config\":{"
                                "\"action_items\":{\"provider\":\"remote\"}}}",
                                id);
    script_stop(&s);
    assert_int_equal(kit_info(run).status, MODELLAB_RUN_COMPLETED);
    mli_json *made = kit_read_json(k, id, "action_items.json");
    const mli_json *items = mli_json_get(made, "items");
    assert_int_equal(mli_json_count(items), 2);
    assert_null(mli_json_get(mli_json_at(items, 0), "start"));
    char *table = kit_read_artifact(k, id, "action_items.csv", &bytes);
    assert_string_equal(table, "start,end,assignee,due,text\r\n,,\"\",\"\",\"Call Ann\"\r\n"
                               "2.500,2.500,\"\",\"\",\"Go\"\r\n");
    free(table);
    mli_json_free(made);
    modellab_run_unref(run);
}

/* Completes on this host; tells whose worker did it. */
static pid_t worker_of(kit *k, const char *id)
{
    assert_int_equal(kit_wait_final(k, id), MODELLAB_RUN_COMPLETED);
    return kit_worker_pid(k, id);
}

/* One that may use the network is not kept for others, and none that was kept gets such a run. */
static void its_worker_is_used_once(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    pid_t pids[4];
    static script s;
    const reply replies[] = {{200, "", SUMMARY, 0, 0, false}, {200, "", SUMMARY, 0, 0, false}};
    start_service(&s, replies, 2);
    pid_t host = kit_start_host(k, &(kit_host){.workers = 1});
    for (int i = 0; i < 4; i++) { /* remote, plain, plain, remote */
        if (i == 0 || i == 3) {
            kit_submit_start(k, REQUEST(""), 12.0, id);
        } else {
            kit_submit(k, "{\"pipeline\":\"ingest\"}", 0.1, id);
        }
        pids[i] = worker_of(k, id);
    }
    kit_stop_host(k, host);
    script_stop(&s);
    assert_int_not_equal(pids[0], pids[1]);
    assert_int_equal(pids[1], pids[2]); /* others are kept here */
    assert_int_not_equal(pids[2], pids[3]);
}

static void cancel_while_it_thinks(void **state)
{
    kit *k = *state;
    char id[MODELLAB_RUN_ID_BYTES];
    static script s;
    const reply replies[] = {{200, "", SUMMARY, 600000, 0, false}};
    start_service(&s, replies, 1);
    kit_submit_start(k, REQUEST(""), 12.0, id);
    pid_t host = kit_start_host(k, &(kit_host){0});
    for (int i = 0; s.requests == 0; i++) {
        assert_true(i < KIT_PATIENCE_MS / 5);
        kit_sleep_ms(5);
    }
    (void)kit_cancel(k, id);
    (void)kit_wait_final(k, id);
    kit_expect_end(k, id, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER);
    kit_stop_host(k, host);
    script_stop(&s);
}

#define REMOTE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, kit_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        REMOTE_TEST(a_summary_by_the_service),
        REMOTE_TEST(no_call_beyond_the_cap),
        REMOTE_TEST(an_answer_of_another_form),
        REMOTE_TEST(an_item_of_no_time),
        REMOTE_TEST(no_call_that_the_cap_cannot_pay),
        REMOTE_TEST(an_estimate_has_the_calls),
        REMOTE_TEST(a_long_transcript_goes_out_in_parts),
        REMOTE_TEST(summaries_of_summaries),
        REMOTE_TEST(chapters_of_parts),
        REMOTE_TEST(chapters_beyond_their_part),
        REMOTE_TEST(its_worker_is_used_once),
        REMOTE_TEST(cancel_while_it_thinks),
    };
    int code = 0;
    if (!kit_begin_with_models(argc, argv, NULL, &code)) {
        return code;
    }
    return kit_end_with_models(cmocka_run_group_tests(tests, NULL, NULL));
}
