/* Scores the cases on standard input, one a line, for speakers_oracle.py, times_oracle.py and
 * pairs_oracle.py: fields are separated by tabs, the first says what is scored. */
#include "base/alloc.h"
#include "score/scorer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FIELDS = 200, MOST_SEGMENTS = 4000 };

static int failed(const modellab_error *err)
{
    printf("failed: %s\n", err->message);
    return 0; /* the oracle may expect it */
}

/* A document is one field: vertical tabs stand for the ends of its lines. */
static modellab_status read_document(const char *name, char *text, mli_document *out,
                                     modellab_error *err)
{
    for (char *at = text; (at = strchr(at, '\v')) != NULL;)
        *at = '\n';
    return mli_document_read(name, text, strlen(text), NULL, out, err);
}

static modellab_status add(mli_scorer *s, char *const *fields, modellab_error *err)
{
    mli_document reference = {0}, hypothesis = {0};
    modellab_status status = read_document(fields[0], fields[1], &reference, err);
    if (status == MODELLAB_OK)
        status = read_document(fields[2], fields[3], &hypothesis, err);
    if (status == MODELLAB_OK)
        status = mli_scorer_add(s, "", &reference, &hypothesis, NULL, err);
    mli_document_dispose(&hypothesis);
    mli_document_dispose(&reference);
    return status;
}

/* score metric normalizer collar (name text name text)... -> name value ... | errors size ... */
static int score(char *const *fields, size_t count)
{
    const mli_scorer_options o = {.metric = (mli_score_metric)strtol(fields[1], NULL, 10),
                                  .normalizer = (mli_score_normalizer)strtol(fields[2], NULL, 10),
                                  .collar = strtoll(fields[3], NULL, 10)};
    mli_score_value values[MLI_SCORE_MAX_VALUES];
    mli_scorer s;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    mli_scorer_init(&s, &o);
    for (size_t i = 4; status == MODELLAB_OK && i + 3 < count; i += 4)
        status = add(&s, fields + i, &err);
    if (status == MODELLAB_OK) {
        const size_t n = mli_scorer_values(&s, values);
        for (size_t i = 0; i < n; i++)
            printf("%s %.17g ", values[i].name, values[i].value);
        putchar('|');
        for (size_t i = 0; i < s.file_count; i++)
            printf(" %.17g %.17g", s.files[i].unit.errors, s.files[i].unit.size);
        putchar('\n');
    }
    mli_scorer_dispose(&s);
    return status == MODELLAB_OK ? 0 : failed(&err);
}

static void print_pairs(const mli_matched_pairs *p)
{
    printf("%lld %.17g %.17g %.17g %.17g %.17g\n", (long long)p->segments, p->difference, p->z,
           p->p, p->p_random, p->squares);
}

static size_t read_errors(const char *text, int64_t *out)
{
    size_t count = 0;
    while (*text != '\0' && count < MOST_SEGMENTS) {
        char *end;
        out[count++] = strtoll(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return count;
}

/* matched seed rounds a,a,... b,b,... -> segments difference z p p_random squares */
static int matched(char *const *fields)
{
    static int64_t a[MOST_SEGMENTS], b[MOST_SEGMENTS];
    mli_matched_pairs pairs;
    modellab_error err = MODELLAB_ERROR_INIT;
    const size_t count = read_errors(fields[3], a);
    if (read_errors(fields[4], b) != count)
        return 2;
    if (mli_score_matched_pairs(a, b, count, strtoull(fields[1], NULL, 10),
                                (uint32_t)strtoul(fields[2], NULL, 10), NULL, &pairs,
                                &err) != MODELLAB_OK)
        return failed(&err);
    print_pairs(&pairs);
    return 0;
}

/* compare seed (reference a b)... -> the same */
static int compare(char *const *fields, size_t count)
{
    const mli_scorer_options o = {.metric = MLI_SCORE_WER, .seed = strtoull(fields[1], NULL, 10)};
    mli_scorer systems[2];
    mli_matched_pairs pairs;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = MODELLAB_OK;
    for (size_t k = 0; k < 2; k++) {
        mli_scorer_init(&systems[k], &o);
        for (size_t i = 2; status == MODELLAB_OK && i + 2 < count; i += 3)
            status = mli_scorer_add_text(&systems[k], "", fields[i], strlen(fields[i]),
                                         fields[i + 1 + k], strlen(fields[i + 1 + k]), &err);
    }
    if (status == MODELLAB_OK)
        status = mli_scorer_matched(&systems[0], &systems[1], &pairs, &err);
    if (status == MODELLAB_OK)
        print_pairs(&pairs);
    mli_scorer_dispose(&systems[0]);
    mli_scorer_dispose(&systems[1]);
    return status == MODELLAB_OK ? 0 : failed(&err);
}

static int score_line(char *line)
{
    char *fields[MOST_FIELDS];
    size_t count = 0;
    for (char *at = line; at != NULL && count < MOST_FIELDS; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    if (count >= 8 && count % 4 == 0 && strcmp(fields[0], "score") == 0)
        return score(fields, count);
    if (count == 5 && strcmp(fields[0], "matched") == 0)
        return matched(fields);
    if (count >= 5 && count % 3 == 2 && strcmp(fields[0], "compare") == 0)
        return compare(fields, count);
    fprintf(stderr, "not a case: %.20s\n", line);
    return 2;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    int wrong = 0;
    ssize_t length;
    while (wrong == 0 && (length = getline(&line, &capacity, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        wrong = score_line(line);
    }
    free(line);
    return wrong;
}
