/* Which candidate an experiment calls the better one, from what is kept of its runs: the side that
 * errs less, not the other; not before all runs have ended; not by a score that cannot be read. */
#include "score/scorer.h"
#include "unit/lab/experiment_common.h"

enum { INPUTS = 8 };

/* Two candidates on eight inputs, begun. */
static int begin(void **state)
{
    mli_buf document;
    if (set_up(state) != 0)
        return -1;
    mli_buf_init(&document, NULL);
    mli_buf_printf(&document, "{\"name\":\"x\",\"inputs\":[");
    for (int i = 0; i < INPUTS; i++)
        mli_buf_printf(&document, "%s{\"file\":\"a.wav\",\"name\":\"%d\"}", i > 0 ? "," : "", i);
    mli_buf_printf(&document, "],\"candidates\":[" INGEST("a") "," INGEST("b") "]}");
    assert_int_equal(MODELLAB_OK, mli_buf_status(&document, NULL));
    assert_int_equal(0, start(created(document.data)));
    mli_buf_dispose(&document);
    return 0;
}

/* What is kept of a run whose words were `heard`; NULL = its score cannot be read. */
static void kept_of(const char *heard, mli_buf *out)
{
    static const char said[] = "one two three four five six seven eight nine ten";
    const mli_scorer_options o = {.metric = MLI_SCORE_WER, .normalizer = MLI_SCORE_SIMPLE};
    mli_scorer scorer;
    mli_jw w;
    mli_scorer_init(&scorer, &o);
    mli_buf_clear(out);
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "status", "COMPLETED");
    mli_jw_kreal(&w, "audio_seconds", 30.0);
    mli_jw_kreal(&w, "wall_seconds", 3.0);
    mli_jw_kreal(&w, "cpu_seconds", 3.0);
    mli_jw_key(&w, "score");
    mli_jw_object(&w);
    mli_jw_key(&w, "words");
    mli_jw_object(&w);
    mli_jw_key(&w, "pool");
    if (heard != NULL) {
        ASSERT_OK(mli_scorer_add_text(&scorer, "x", said, strlen(said), heard, strlen(heard), err));
        mli_scorer_write_pool(&scorer, &w);
    } else {
        mli_jw_string(&w, "nonsense");
    }
    mli_jw_end_object(&w);
    mli_jw_end_object(&w);
    mli_jw_end_object(&w);
    assert_int_equal(MODELLAB_OK, mli_buf_status(out, NULL));
    mli_scorer_dispose(&scorer);
}

/* Keeps what the runs of a candidate gave, of the first `count` inputs. */
static void keep(int candidate, int count, const char *heard)
{
    mli_experiment_cell_list *cells = NULL;
    mli_buf text;
    mli_buf_init(&text, NULL);
    kept_of(heard, &text);
    ASSERT_OK(mli_store_experiment_cells(lab->store, id, NULL, &cells, err));
    assert_int_equal(2 * INPUTS, cells->count);
    for (size_t i = 0; i < cells->count; i++) {
        mli_experiment_cell cell = cells->rows[i];
        cell.kept_json = mli_buf_text(&text);
        if (cell.candidate == candidate && cell.input < count)
            ASSERT_OK(mli_store_experiment_keep(lab->store, id, &cell, err));
    }
    mli_experiment_cell_list_free(cells);
    mli_buf_dispose(&text);
}

static void expect(const char *verdict, const char *by)
{
    mli_json *root = NULL;
    mli_buf text;
    mli_buf_init(&text, NULL);
    ASSERT_OK(mli_experiment_compare(lab, id, NULL, &text, err));
    ASSERT_OK(mli_json_parse(text.data, text.size, 1 << 20, &root, err));
    const mli_json *decision =
        mli_json_get(mli_json_at(mli_json_get(root, "verdicts"), 0), "decision");
    assert_string_equal(verdict, mli_json_string(mli_json_get(decision, "verdict"), ""));
    assert_string_equal(by, mli_json_string(mli_json_get(decision, "decided_by"), ""));
    mli_json_free(root);
    mli_buf_dispose(&text);
}

static const char right[] = "one two three four five six seven eight nine ten";
static const char wrong[] = "one too tree four five sick seven";

static void the_first_is_better(void **state)
{
    (void)state;
    keep(0, INPUTS, right);
    expect("PENDING", "open");
    keep(1, INPUTS - 1, wrong);
    expect("PENDING", "open");
    keep(1, INPUTS, wrong);
    expect("A_BETTER", "wer");
}

static void the_second_is_better(void **state)
{
    (void)state;
    keep(0, INPUTS, wrong);
    keep(1, INPUTS, right);
    expect("B_BETTER", "wer");
}

static void a_score_that_cannot_be_read(void **state)
{
    (void)state;
    keep(0, INPUTS, right);
    keep(1, INPUTS, NULL);
    expect("A_BETTER", "failures");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_better, begin, tear_down),
        cmocka_unit_test_setup_teardown(the_second_is_better, begin, tear_down),
        cmocka_unit_test_setup_teardown(a_score_that_cannot_be_read, begin, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
