/* The order survives its writing and reading, broken ones are refused; caps of a request are read
 * and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/caps.h"
#include "lab/order.h"
#include "store/rundir.h"

#define CHAIN "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static mli_order sample(void)
{
    mli_order order = {.run_id = "01HZXW6F9T8Q3N5V7B2C4D6E8G",
                       .request_id = "req-1",
                       .trace_id = "0af7651916cd43dd8448eb211c80319c",
                       .span_id = "b7ad6b7169203331",
                       .steps = "ingest,asr",
                       .input_name = "talk \"x\".flac",
                       .models_root = "/m",
                       .request_json = "{\"caps\":{\"cpu_seconds\":1.5}}",
                       .fence = 3,
                       .journal = {17, CHAIN},
                       .limit_ms = 600000,
                       .attempt = 2,
                       .threads = 2,
                       .log_level = 9,
                       .outputs = {2, {"audio.json", "transcript.json"}}};
    for (int i = 0; i <= MLI_ORDER_INPUT; i++) {
        order.has[i] = true;
    }
    order.has[MLI_ORDER_SPOOL] = order.has[MLI_ORDER_RESULTS] = true;
    order.has[MLI_ORDER_RESULTS + 1] = order.has[MLI_ORDER_OFFERS + 1] = true;
    return order;
}

static void written_and_read(void **state)
{
    (void)state;
    mli_buf text;
    mli_order given = sample();
    mli_order got;
    mli_json *root = NULL;
    mli_run_caps caps;
    mli_buf_init(&text, NULL);
    mli_order_write(&given, &text);
    assert_int_equal(mli_order_read(text.data, text.size, &got, &root, NULL), MODELLAB_OK);
    assert_string_equal(got.run_id, given.run_id);
    assert_string_equal(got.steps, given.steps);
    assert_string_equal(got.input_name, given.input_name);
    assert_int_equal(got.fence, 3);
    assert_int_equal(got.journal.next_n, 17);
    assert_string_equal(got.journal.chain, CHAIN);
    assert_int_equal(got.limit_ms, 600000);
    assert_int_equal(got.threads, 2);
    assert_memory_equal(got.has, given.has, sizeof(given.has));
    assert_int_equal(got.outputs.count, 2);
    assert_string_equal(got.outputs.names[1], "transcript.json");
    assert_true(got.has[MLI_ORDER_INPUT]);
    assert_false(got.has[MLI_ORDER_MODEL]);
    mli_caps_read(mli_json_get(got.request, "caps"), &caps);
    assert_int_equal(caps.cpu_ns, 1500000000);
    assert_int_equal(caps.audio_ms, 0);
    mli_json_free(root);
    mli_buf_dispose(&text);
}

/* It stands behind the document: no value of the parsed order is a copy that would stay. */
static void a_key_that_is_forgotten(void **state)
{
    static const char key[] = "canary \"key\" 0815";
    mli_buf text, dump;
    mli_order given = sample(), got;
    mli_json *root = NULL;
    (void)state;
    given.remote = true;
    given.remote_url = "https://x";
    given.remote_model = "m";
    given.remote_key = key;
    mli_buf_init(&text, NULL);
    mli_buf_init(&dump, NULL);
    mli_order_write(&given, &text);
    assert_int_equal(mli_order_read(text.data, text.size, &got, &root, NULL), MODELLAB_OK);
    assert_string_equal(got.key, key);
    assert_string_equal(got.remote_url, "https://x");
    assert_int_equal(mli_json_dump(root, &dump, NULL), MODELLAB_OK);
    assert_null(strstr(mli_buf_text(&dump), "canary"));
    mli_order_forget(&got);
    for (size_t i = 0; i < sizeof(got.key); i++) {
        assert_int_equal(got.key[i], 0);
    }
    mli_json_free(root);
    /* One without, and one that is too long. */
    given.remote_key = "";
    mli_buf_clear(&text);
    mli_order_write(&given, &text);
    assert_int_equal(mli_order_read(text.data, text.size, &got, &root, NULL), MODELLAB_OK);
    assert_string_equal(got.key, "");
    mli_json_free(root);
    char *more = calloc(1, MLI_ORDER_KEY_BYTES + 1);
    assert_non_null(more);
    memset(more, 'k', MLI_ORDER_KEY_BYTES);
    given.remote_key = more;
    mli_buf_clear(&text);
    mli_order_write(&given, &text);
    assert_int_equal(mli_order_read(text.data, text.size, &got, &root, NULL), MODELLAB_E_SCHEMA);
    assert_null(root);
    free(more);
    mli_buf_dispose(&dump);
    mli_buf_dispose(&text);
}

static void broken_orders_are_refused(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"\"version\":6", "\"version\":1"},
        {"\"lock\"", "\"luck\""},
        {"\"lock\",\"journal\"", "\"journal\",\"lock\""},
        {"\"lock\",", ""},
        {"01HZXW6F9T8Q3N5V7B2C4D6E8G", "../../etc"},
        {"ingest,asr", ""},
        {"\"fence\":3", "\"fence\":0"},
        {"\"journal_next\":17", "\"journal_next\":-1"},
        {"\"journal_chain\":\"0", "\"journal_chain\":\""},
        {"\"request\":{", "\"rquest\":{"},
        {"\"result.1\",", ""},
        {"\"offer.1\"", "\"offer.2\""},
        {"\"offer.1\"", "\"offer.72\""},
        {",\"transcript.json\"]", "]"},
        {"\"transcript.json\"]", "\"transcript.json\",\"x\"]"}};
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        mli_buf text;
        mli_buf broken;
        mli_order given = sample();
        mli_order got;
        mli_json *root = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_buf_init(&text, NULL);
        mli_buf_init(&broken, NULL);
        mli_order_write(&given, &text);
        const char *at = strstr(text.data, changes[i][0]);
        assert_non_null(at);
        mli_buf_append(&broken, text.data, (size_t)(at - text.data));
        mli_buf_append_text(&broken, changes[i][1]);
        mli_buf_append_text(&broken, at + strlen(changes[i][0]));
        assert_int_equal(mli_order_read(broken.data, broken.size, &got, &root, &err),
                         MODELLAB_E_SCHEMA);
        assert_null(root);
        /* Cut anywhere it is no JSON at all. */
        assert_int_equal(mli_order_read(text.data, text.size / (i + 2), &got, &root, &err),
                         MODELLAB_E_INVALID_JSON);
        mli_buf_dispose(&broken);
        mli_buf_dispose(&text);
    }
}

static void each_cap_by_itself(void **state)
{
    (void)state;
    static const struct {
        mli_run_caps caps;
        mli_run_use at, above;
        modellab_reason reason;
    } rows[] = {
        {{.cpu_ns = 5}, {5, -1, -1, -1, -1}, {6, -1, -1, -1, -1}, MODELLAB_REASON_CPU_CAP},
        {{.peak_memory_bytes = 5}, {-1, 5, 9, 9, 9}, {-1, 6, 9, 9, 9}, MODELLAB_REASON_MEMORY_CAP},
        {{.audio_ms = 5}, {9, 9, 5, 9, 9}, {9, 9, 6, 9, 9}, MODELLAB_REASON_AUDIO_CAP},
        {{.api_calls = 5}, {9, 9, 9, 5, 9}, {9, 9, 9, 6, 9}, MODELLAB_REASON_API_CALLS_CAP},
        {{.api_calls = MLI_CAP_NO_CALLS},
         {9, 9, 9, 0, 9},
         {9, 9, 9, 1, 9},
         MODELLAB_REASON_API_CALLS_CAP},
        {{.cost_micros = 5}, {9, 9, 9, 9, 5}, {9, 9, 9, 9, 6}, MODELLAB_REASON_COST_CAP}};
    const mli_run_use unknown = MLI_RUN_USE_INIT;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(mli_caps_passed(&rows[i].caps, &rows[i].at), MODELLAB_REASON_NONE);
        assert_int_equal(mli_caps_passed(&rows[i].caps, &rows[i].above), rows[i].reason);
        assert_int_equal(mli_caps_passed(&rows[i].caps, &unknown), MODELLAB_REASON_NONE);
    }
}

static void caps_from_odd_requests(void **state)
{
    (void)state;
    static const char text[] = "{\"cpu_seconds\":1e300,\"wall_seconds\":-3,\"audio_seconds\":\"x\","
                               "\"peak_memory_bytes\":1048576,\"api_calls\":7,\"cost_micros\":9}";
    mli_json *root = NULL;
    mli_run_caps caps;
    assert_int_equal(mli_json_parse(text, sizeof(text) - 1, 1000, &root, NULL), MODELLAB_OK);
    mli_caps_read(root, &caps);
    assert_true(caps.cpu_ns == INT64_MAX);
    assert_int_equal(caps.wall_ms, 0);
    assert_int_equal(caps.audio_ms, 0);
    assert_int_equal(caps.peak_memory_bytes, 1048576);
    assert_int_equal(caps.api_calls, 7);
    assert_int_equal(caps.cost_micros, 9);
    mli_json_free(root);
    assert_int_equal(mli_json_parse("{\"api_calls\":0}", 15, 1000, &root, NULL), MODELLAB_OK);
    mli_caps_read(root, &caps);
    assert_int_equal(caps.api_calls, MLI_CAP_NO_CALLS);
    mli_json_free(root);
    mli_caps_read(NULL, &caps);
    assert_int_equal(caps.cpu_ns, 0);
    assert_int_equal(caps.api_calls, 0);
}

/* The files of a run are known from its steps and its request. */
static void outputs_of_steps(void **state)
{
    static const char request[] = "{\"config\":{\"asr\":{\"formats\":[\"verbose_json\",\"txt\","
                                  "\"json\",\"srt\",\"vtt\",\"tsv\","
                                  "\"ctm\",\"srt\"]}}}";
    static const char *const expected[] = {"audio.json",
                                           "transcript.json",
                                           "transcript.txt",
                                           "transcript.text.json",
                                           "transcript.srt",
                                           "transcript.vtt",
                                           "transcript.tsv",
                                           "transcript.ctm",
                                           "transcript.partial.json",
                                           "transcript.partial.srt"};
    mli_outputs outputs;
    mli_json *root = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(mli_json_parse(request, strlen(request), 1000, &root, NULL), MODELLAB_OK);
    assert_int_equal(mli_outputs_of("ingest,asr", root, &outputs, &err), MODELLAB_OK);
    assert_int_equal(outputs.count, 15); /* each format whole and partial, each once */
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        size_t found = 0;
        for (size_t j = 0; j < outputs.count; j++) {
            found += strcmp(outputs.names[j], expected[i]) == 0;
            assert_true(mli_artifact_name_valid(outputs.names[j]));
        }
        assert_int_equal(found, 1);
    }
    mli_json_free(root);
    assert_int_equal(mli_outputs_of("ingest,asr", NULL, &outputs, &err), MODELLAB_OK);
    assert_int_equal(outputs.count, 3);
    assert_int_equal(mli_outputs_of("noop", NULL, &outputs, &err), MODELLAB_OK);
    assert_int_equal(outputs.count, 0);
    /* One that asks for more than there is room for is refused, not cut. */
    mli_buf many;
    mli_buf_init(&many, NULL);
    mli_buf_append_text(&many, "{\"config\":{\"asr\":{\"formats\":[\"srt\"");
    for (int i = 0; i < MLI_OUTPUTS_MOST / 2; i++) {
        char name[16];
        assert_true(snprintf(name, sizeof(name), ",\"f%d\"", i) > 0);
        mli_buf_append_text(&many, name);
    }
    mli_buf_append_text(&many, "]}}}");
    assert_int_equal(mli_json_parse(mli_buf_text(&many), many.size, 4000, &root, NULL),
                     MODELLAB_OK);
    mli_buf_dispose(&many);
    assert_int_equal(mli_outputs_of("ingest,asr", root, &outputs, &err), MODELLAB_E_LIMIT);
    mli_json_free(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_of_steps),        cmocka_unit_test(written_and_read),
        cmocka_unit_test(a_key_that_is_forgotten), cmocka_unit_test(broken_orders_are_refused),
        cmocka_unit_test(each_cap_by_itself),      cmocka_unit_test(caps_from_odd_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
