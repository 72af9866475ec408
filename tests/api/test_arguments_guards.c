/* The public functions of keys, rates, signatures and webhooks with NULL for each pointer: an error
 * or a neutral answer, never a crash, and outputs that are reset (as test_arguments.c). */
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

static void keys(void **state)
{
    void *out;
    (void)state;
    modellab_key_options_init(NULL, 8);
    RESETS(modellab_key_create(NULL, NULL, NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_key_create(NULL, NULL, NULL, NULL, &err));
    RESETS(modellab_key_rotate(NULL, "x", 0, (modellab_buffer **)&out, &err));
    REFUSES(modellab_key_revoke(NULL, "x", &err));
    REFUSES(modellab_key_check(NULL, NULL, NULL, NULL, &err));
    assert_string_equal("unknown", modellab_key_refusal_name(-1));
    RESETS(modellab_key_list_load(NULL, NULL, (modellab_key_list **)&out, &err));
    REFUSES(modellab_key_list_load(NULL, NULL, NULL, &err));
    REFUSES(modellab_key_list_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_key_list_count(NULL), 0);
    modellab_key_list_unref(NULL);
}

static void signatures(void **state)
{
    unsigned char mac[32];
    (void)state;
    REFUSES(modellab_hmac_sha256(NULL, 1, "x", 1, mac, &err));
    REFUSES(modellab_hmac_sha256("x", 1, NULL, 1, mac, &err));
    assert_int_equal(0, modellab_secret_equal(NULL, "x", 1));
    REFUSES(modellab_signature_write(NULL, 0, NULL, 0, NULL, &err));
    REFUSES(modellab_signature_check(NULL, NULL, NULL, 0, 0, 0, &err));
}

static void rates(void **state)
{
    void *out;
    (void)state;
    modellab_rate_options_init(NULL, 8);
    REFUSES(modellab_rate_create(NULL, NULL, &err));
    RESETS(modellab_rate_create(NULL, (modellab_rate **)&out, &err));
    REFUSES(modellab_rate_take(NULL, NULL, 0, 0, NULL, &err));
    modellab_rate_unref(NULL);
}

static void webhooks(void **state)
{
    void *out;
    (void)state;
    modellab_webhook_options_init(NULL, 8);
    RESETS(modellab_webhook_create(NULL, NULL, NULL, (modellab_buffer **)&out, &err));
    REFUSES(modellab_webhook_delete(NULL, "x", &err));
    REFUSES(modellab_webhook_enable(NULL, "x", &err));
    REFUSES(modellab_webhook_test(NULL, "x", NULL, &err));
    RESETS(modellab_webhook_list_load(NULL, NULL, (modellab_webhook_list **)&out, &err));
    REFUSES(modellab_webhook_list_load(NULL, NULL, NULL, &err));
    REFUSES(modellab_webhook_list_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_webhook_list_count(NULL), 0);
    modellab_webhook_list_unref(NULL);
    RESETS(modellab_delivery_list_load(NULL, "x", NULL, NULL, 0, (modellab_delivery_list **)&out,
                                       &err));
    REFUSES(modellab_delivery_list_at(NULL, 0, NULL, &err));
    assert_int_equal(modellab_delivery_list_count(NULL), 0);
    modellab_delivery_list_unref(NULL);
    RESETS(modellab_webhook_sender_start(NULL, (modellab_webhook_sender **)&out, &err));
    modellab_webhook_sender_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(signatures),
        cmocka_unit_test(rates),
        cmocka_unit_test(webhooks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
