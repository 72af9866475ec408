/* Fuzz: the document of an experiment, and the sums of scores that an experiment keeps. A document
 * is read or refused with findings; sums that are accepted are written and read again as they were.
 */
#include "lab/experiment_parts.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void read_document(const char *text, size_t size)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *document = NULL;
    mli_findings report;
    mli_findings_begin(&report, NULL);
    modellab_status status = mli_experiment_read(text, size, NULL, &document, &report, &err);
    must((status == MODELLAB_OK) == (document != NULL));
    must(status != MODELLAB_OK || report.worst >= MODELLAB_SEVERITY_ERROR ||
         mli_json_count(mli_json_get(document, "candidates")) > 0);
    mli_json_free(document);
    mli_findings_dispose(&report);
}

static void expect_same(const mli_scorer *a, const mli_scorer *b)
{
    mli_score_value of_a[MLI_SCORE_MAX_VALUES], of_b[MLI_SCORE_MAX_VALUES];
    size_t count = mli_scorer_values(a, of_a);
    must(count == mli_scorer_values(b, of_b));
    for (size_t i = 0; i < count; i++) {
        must(of_a[i].value == of_b[i].value || (isnan(of_a[i].value) && isnan(of_b[i].value)));
    }
    must(a->word_count == b->word_count && a->piece_count == b->piece_count);
}

static void read_pool(const mli_json *pool, mli_score_metric metric)
{
    const mli_scorer_options options = {.metric = metric};
    mli_scorer first, again;
    mli_buf text;
    mli_jw w;
    mli_scorer_init(&first, &options);
    mli_scorer_init(&again, &options);
    mli_buf_init(&text, NULL);
    if (mli_scorer_add_pool(&first, "x", pool, NULL) == MODELLAB_OK) {
        mli_json *root = NULL;
        mli_jw_init(&w, &text);
        mli_scorer_write_pool(&first, &w);
        must(mli_json_parse(text.data, text.size, MLI_SNAPSHOT_MAX_BYTES, &root, NULL) ==
             MODELLAB_OK);
        must(mli_scorer_add_pool(&again, "x", root, NULL) == MODELLAB_OK);
        expect_same(&first, &again);
        mli_json_free(root);
    } else {
        must(first.file_count == 0 && first.word_count == 0 && first.piece_count == 0);
    }
    mli_buf_dispose(&text);
    mli_scorer_dispose(&first);
    mli_scorer_dispose(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mli_json *root = NULL;
    read_document((const char *)data, size);
    if (mli_json_parse((const char *)data, size, 65536, &root, NULL) == MODELLAB_OK) {
        read_pool(root, MLI_SCORE_WER);
        read_pool(root, MLI_SCORE_CER);
        read_pool(root, MLI_SCORE_DER);
        mli_json_free(root);
    }
    return 0;
}
