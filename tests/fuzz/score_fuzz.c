/* Fuzz: two documents to score, and what with. Two lines say it ("METRIC NORMALIZER COLLAR" as
 * digits, then the endings of the names), a line "---" parts the documents. What can be scored
 * gives valid JSON, rates that are no infinities, and against itself no errors. */
#include "score/scorer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static const char *const names[] = {"a",     "a.txt", "a.json", "a.srt", "a.vtt",
                                    "a.tsv", "a.ctm", "a.rttm", "a.stm", "a.uem"};

static int digit(const char *text, size_t bytes, size_t at, int count)
{
    return at < bytes && text[at] >= '0' && text[at] <= '9' ? (text[at] - '0') % count : 0;
}

static void look_at(const mli_scorer *scorer, bool same)
{
    mli_score_value values[MLI_SCORE_MAX_VALUES];
    size_t count = mli_scorer_values(scorer, values);
    mli_json *root = NULL;
    mli_buf text;
    mli_jw json;

    must(count > 0 && count <= MLI_SCORE_MAX_VALUES);
    for (size_t i = 0; i < count; i++)
        must(!isinf(values[i].value));
    /* as the reference implementation has it, a speaker of no length is missed (JER) */
    must(!same || isnan(values[0].value) || values[0].value == 0.0 ||
         scorer->o.metric == MLI_SCORE_JER);
    mli_buf_init(&text, NULL);
    mli_jw_init(&json, &text);
    must(mli_scorer_write(scorer, &json, NULL) == MODELLAB_OK);
    must(mli_json_parse(text.data, text.size, (size_t)1 << 28, &root, NULL) == MODELLAB_OK);
    mli_json_free(root);
    mli_buf_dispose(&text);
}

static void score(const mli_scorer_options *options, const mli_document *a, const mli_document *b)
{
    mli_scorer scorer;

    mli_scorer_init(&scorer, options);
    if (mli_scorer_add(&scorer, "a", a, b, NULL, NULL) == MODELLAB_OK)
        look_at(&scorer, a == b);
    else
        must(scorer.file_count == 0); /* after a failure all is as before */
    mli_scorer_dispose(&scorer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *head = size > 0 ? memchr(text, '\n', size) : NULL;
    size_t head_bytes = head != NULL ? (size_t)(head - text) : 0;
    const char *first = head != NULL ? head + 1 : text;
    size_t rest = size - (size_t)(first - text);
    const char *cut = rest > 0 ? memmem(first, rest, "\n---\n", 5) : NULL;
    size_t bytes = cut != NULL ? (size_t)(cut - first) + 1 : rest;
    const char *second = cut != NULL ? cut + 5 : first;
    size_t second_bytes = cut != NULL ? rest - bytes - 4 : rest;
    mli_document a, b;
    mli_scorer_options options = {.metric = (mli_score_metric)(1 + digit(text, head_bytes, 0, 7)),
                                  .normalizer = (mli_score_normalizer)digit(text, head_bytes, 1, 4),
                                  .collar = (int64_t)digit(text, head_bytes, 2, 10) * 125000,
                                  .skip_overlap = digit(text, head_bytes, 5, 2) != 0,
                                  .alignment = true};

    if (mli_document_read(names[digit(text, head_bytes, 3, 10)], first, bytes, NULL, &a, NULL) ==
        MODELLAB_OK) {
        score(&options, &a, &a);
        if (mli_document_read(names[digit(text, head_bytes, 4, 10)], second, second_bytes, NULL, &b,
                              NULL) == MODELLAB_OK)
            score(&options, &a, &b);
        mli_document_dispose(&b);
    }
    mli_document_dispose(&a);
    return 0;
}
