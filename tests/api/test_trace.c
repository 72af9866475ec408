/* Request ids and trace contexts through the public header: what is kept, what begins anew. */
#include "unit/unit.h"

#include <modellab/modellab.h>
#include <string.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static void request_ids(void **state)
{
    char one[MODELLAB_REQUEST_ID_BYTES], two[MODELLAB_REQUEST_ID_BYTES], longest[130];
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(modellab_request_id_create(one, &err), MODELLAB_OK);
    assert_int_equal(modellab_request_id_create(two, &err), MODELLAB_OK);
    assert_int_equal(strlen(one), MODELLAB_REQUEST_ID_BYTES - 1);
    assert_string_not_equal(one, two);
    assert_int_equal(modellab_request_id_check(one), 1);
    memset(longest, 'a', sizeof longest);
    longest[129] = '\0';
    assert_int_equal(modellab_request_id_check(longest), 0);
    longest[128] = '\0';
    assert_int_equal(modellab_request_id_check(longest), 1);
    assert_int_equal(modellab_request_id_check("A.b_c-9"), 1);
    assert_int_equal(modellab_request_id_check(""), 0);
    assert_int_equal(modellab_request_id_check("a b"), 0);
    assert_int_equal(modellab_request_id_check("a\r\nb"), 0);
    assert_int_equal(modellab_request_id_check(NULL), 0);
}

static void traces_that_go_on(void **state)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_trace trace = MODELLAB_TRACE_INIT;
    (void)state;
    assert_int_equal(modellab_trace_continue("00-" TRACE "-" SPAN "-00", "a=1", &trace, &err),
                     MODELLAB_OK);
    assert_string_equal(trace.trace_id, TRACE);
    assert_string_equal(trace.parent_span_id, SPAN);
    assert_string_not_equal(trace.span_id, SPAN);
    assert_int_equal(trace.is_new, 0);
    assert_int_equal(trace.is_sampled, 0);
    assert_int_equal(trace.keeps_state, 1);
    assert_int_equal(strlen(trace.parent), MODELLAB_TRACE_PARENT_BYTES - 1);
    assert_memory_equal(trace.parent, "00-" TRACE "-", 36);
    assert_memory_equal(trace.parent + 36, trace.span_id, 16);
    assert_string_equal(trace.parent + 52, "-00");
    /* a later version counts by its beginning, and goes on as ours */
    assert_int_equal(modellab_trace_continue("cc-" TRACE "-" SPAN "-01-more", NULL, &trace, &err),
                     MODELLAB_OK);
    assert_string_equal(trace.trace_id, TRACE);
    assert_memory_equal(trace.parent, "00-", 3);
    assert_int_equal(trace.keeps_state, 0);
    assert_int_equal(modellab_trace_continue("00-" TRACE "-" SPAN "-01", "a=1,a=2", &trace, &err),
                     MODELLAB_OK);
    assert_int_equal(trace.keeps_state, 0); /* a key twice */
}

static void traces_that_begin(void **state)
{
    static const char *const bad[] = {NULL,
                                      "",
                                      "00-" TRACE "-" SPAN,
                                      "00-" TRACE "-" SPAN "-01-more",
                                      "ff-" TRACE "-" SPAN "-01",
                                      "00-00000000000000000000000000000000-" SPAN "-01",
                                      "00-" TRACE "-0000000000000000-01",
                                      "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"};
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        modellab_trace trace = MODELLAB_TRACE_INIT;
        assert_int_equal(modellab_trace_continue(bad[i], "a=1", &trace, &err), MODELLAB_OK);
        assert_int_equal(trace.is_new, 1);
        assert_int_equal(trace.keeps_state, 0);
        assert_string_equal(trace.parent_span_id, "");
        assert_int_equal(strlen(trace.trace_id), 32);
        assert_string_not_equal(trace.trace_id, TRACE);
    }
    modellab_trace small = {.size = 8};
    assert_int_equal(modellab_trace_continue(NULL, NULL, &small, &err), MODELLAB_E_ABI_TOO_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(request_ids),
                                       cmocka_unit_test(traces_that_go_on),
                                       cmocka_unit_test(traces_that_begin)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
