/* The registry of steps: its order, its schemas; which failures a run goes on after. */
#include "check/schema.h"
#include "lab/outputs.h"
#include "lab/pipeline.h"
#include "lab/request.h"
#include "unit/store/common.h"

static size_t index_of(const char *name)
{
    return mli_step_kind_index(name, strlen(name));
}

static void each_comes_after_what_it_builds_on(void **state)
{
    (void)state;
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        const mli_step_kind *kind = mli_step_kind_at(i);
        const char *lists[] = {kind->needs, kind->wants != NULL ? kind->wants : ""}, *name;
        size_t bytes;

        assert_int_equal(i, index_of(kind->name)); /* each name once */
        assert_non_null(kind->run);
        for (int k = 0; k < 2; k++) {
            while (mli_steps_next(&lists[k], &name, &bytes)) {
                assert_true(mli_step_kind_index(name, bytes) < i);
            }
        }
    }
    assert_int_equal(0, unsetenv("MODEL_LAB_TESTING"));
}

/* What the composed schema has for a step is the step's own. */
static void schemas_are_composed(void **state)
{
    mli_json *all = NULL;

    (void)state;
    ASSERT_OK(
        mli_json_parse(mli_request_schema(), strlen(mli_request_schema()), 100000, &all, err));
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        const mli_step_kind *kind = mli_step_kind_at(i);
        const mli_json *there = mli_json_get(mli_json_get(all, "$defs"), kind->name);
        const mli_json *place = mli_json_get(
            mli_json_get(mli_json_get(mli_json_get(all, "properties"), "config"), "properties"),
            kind->name);
        mli_schema *schema = NULL;
        mli_json *own = NULL;

        if (kind->schema == NULL) {
            assert_null(there);
            assert_null(place);
            continue;
        }
        ASSERT_OK(mli_schema_load(kind->schema, strlen(kind->schema), NULL, &schema, err));
        ASSERT_OK(mli_json_parse(kind->schema, strlen(kind->schema), 100000, &own, err));
        assert_true(mli_json_equal(own, there));
        assert_non_null(place);
        /* unknown options are refused, and so that a typing error is never ignored */
        assert_false(mli_json_bool(mli_json_get(own, "additionalProperties"), true));
        for (size_t m = 0; m < MLI_STEP_MODELS && kind->models[m].key != NULL; m++) {
            assert_non_null(mli_json_get(mli_json_get(own, "properties"), kind->models[m].key));
        }
        mli_json_free(own);
        mli_schema_free(schema);
    }
    mli_json_free(all);
}

static void failures_that_a_run_goes_on_after(void **state)
{
    static const struct {
        const char *steps, *failed;
        bool goes_on;
    } rows[] = {
        {"noop,noop_may_fail", "noop_may_fail", true},
        {"noop,noop_may_fail", "noop", false},
        {"noop_may_fail", "noop_may_fail", false},
        {"noop_may_fail,noop_always", "noop_may_fail", false},
        {"noop_may_fail,noop_needs,noop_always", "noop_may_fail", false},
        {"noop_may_fail,noop_needs,noop_wants", "noop_may_fail", true},
        {"noop_may_fail,noop_wants", "noop_may_fail", true},
        {"noop_may_fail,noop_wants", "noop_wants", false},
        {"", "noop_may_fail", false},
        {"ingest,asr,score", "score", true},
        {"ingest,asr,score,bundle", "asr", false},
        {"ingest,score,bundle", "score", false},
        {"noop", "nothing", false},
    };

    (void)state;
    assert_int_equal(0, setenv("MODEL_LAB_TESTING", "1", 1));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (mli_steps_tolerate(rows[i].steps, rows[i].failed) != rows[i].goes_on) {
            fail_msg("%s of %s", rows[i].failed, rows[i].steps);
        }
    }
    assert_int_equal(0, unsetenv("MODEL_LAB_TESTING"));
}

/* All steps at once fit into an order. */
static void all_outputs_have_room(void **state)
{
    static const char request[] =
        "{\"config\":{\"asr\":{\"formats\":[\"txt\",\"json\",\"verbose_json\",\"srt\",\"vtt\","
        "\"tsv\",\"ctm\"]}}}";
    mli_json *root = NULL;
    mli_outputs outputs;
    mli_buf steps;

    (void)state;
    mli_buf_init(&steps, NULL);
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        mli_buf_append_text(&steps, i > 0 ? "," : "");
        mli_buf_append_text(&steps, mli_step_kind_at(i)->name);
    }
    ASSERT_OK(mli_json_parse(request, strlen(request), 1000, &root, err));
    ASSERT_OK(mli_outputs_of(mli_buf_text(&steps), root, &outputs, err));
    mli_json_free(root);
    mli_buf_dispose(&steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_comes_after_what_it_builds_on),
        cmocka_unit_test(schemas_are_composed),
        cmocka_unit_test(failures_that_a_run_goes_on_after),
        cmocka_unit_test(all_outputs_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
