/* As test_arguments.c, of what follows a run and of what makes pieces: every public function with
 * NULL for each pointer. */
#include "unit/unit.h"

#include <modellab/modellab.h>

static modellab_error err;
static int some; /* an address that no call may follow */

#define REFUSES(call)                                                                              \
    do {                                                                                           \
        modellab_error_init(&err, sizeof err);                                                     \
        assert_int_equal(call, MODELLAB_E_INVALID_ARGUMENT);                                       \
        assert_int_equal(err.code, MODELLAB_E_INVALID_ARGUMENT);                                   \
        assert_true(err.message[0] != '\0');                                                       \
    } while (0)
#define RESETS(call)                                                                               \
    do {                                                                                           \
        out = (void *)&some;                                                                       \
        REFUSES(call);                                                                             \
        assert_null(out);                                                                          \
    } while (0)

static void segment_feeds(void **state)
{
    void *out;
    (void)state;
    RESETS(modellab_segment_feed_open(NULL, "x", (modellab_segment_feed **)&out, &err));
    REFUSES(modellab_segment_feed_open(NULL, NULL, NULL, &err));
    RESETS(modellab_segment_feed_next(NULL, 0, NULL, (modellab_transcript **)&out, &err));
    REFUSES(modellab_segment_feed_next(NULL, 0, NULL, NULL, &err));
    modellab_segment_feed_close(NULL);
}

static void uploads(void **state)
{
    void *out;
    modellab_idempotency_outcome outcome = 0;
    (void)state;
    RESETS(modellab_upload_begin(NULL, NULL, (modellab_upload **)&out, &err));
    RESETS(modellab_upload_write(NULL, "x", 1, (modellab_report **)&out, &err));
    RESETS(modellab_upload_finish(NULL, (modellab_report **)&out, &err));
    REFUSES(modellab_upload_get_info(NULL, NULL, &err));
    RESETS(modellab_upload_to_json(NULL, (modellab_buffer **)&out, &err));
    RESETS(modellab_upload_load(NULL, "x", (modellab_upload **)&out, &err));
    RESETS(modellab_upload_list(NULL, NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_upload_delete(NULL, "x", &err));
    modellab_upload_unref(NULL);
    REFUSES(modellab_step_list(NULL, &err));
    RESETS(
        modellab_idempotency_begin(NULL, "", "k", (modellab_idempotency **)&out, &outcome, &err));
    REFUSES(modellab_idempotency_add(NULL, "x", 1, &err));
    REFUSES(modellab_idempotency_match(NULL, &outcome, &err));
    REFUSES(modellab_idempotency_run_key(NULL, NULL, &err));
    REFUSES(modellab_idempotency_get_reply(NULL, NULL, &err));
    REFUSES(modellab_idempotency_finish(NULL, NULL, &err));
    modellab_idempotency_unref(NULL);
    modellab_idempotency_reply_init(NULL, 0);
}

static void traces(void **state)
{
    (void)state;
    REFUSES(modellab_request_id_create(NULL, &err));
    assert_int_equal(modellab_request_id_check(NULL), 0);
    REFUSES(modellab_trace_continue(NULL, NULL, NULL, &err));
}

static void encoders(void **state)
{
    void *out;
    float sample = 0.0f;
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    (void)state;
    modellab_encoder_options_init(NULL, sizeof options);
    RESETS(modellab_encoder_create(NULL, (modellab_encoder **)&out, &err));
    RESETS(modellab_encoder_create(&options, (modellab_encoder **)&out, &err));
    REFUSES(modellab_encoder_create(&options, NULL, &err));
    REFUSES(modellab_encoder_write(NULL, &sample, 1, &err));
    REFUSES(modellab_encoder_finish(NULL, &err));
    modellab_encoder_destroy(NULL);
    assert_null(modellab_encoder_media_type(NULL));
}

static void tokens_and_details(void **state)
{
    size_t bytes = 7;
    (void)state;
    assert_string_equal(modellab_model_token(NULL, 0, &bytes), "");
    assert_int_equal(bytes, 0);
    assert_string_equal(modellab_model_token(NULL, 0, NULL), "");
    REFUSES(modellab_record_tell(NULL, "{}", &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(segment_feeds), cmocka_unit_test(uploads),
                                       cmocka_unit_test(traces), cmocka_unit_test(encoders),
                                       cmocka_unit_test(tokens_and_details)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
