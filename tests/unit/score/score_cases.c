/* Scores the cases on standard input, one a line, for score_oracle.py: fields are separated by
 * tabs, the first says what is scored. */
#include "base/alloc.h"
#include "score/wer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_MONOTONIC, &t) == 0 ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec
                                                   : 0.0;
}

static void print_counts(const mli_edit_counts *c)
{
    printf("%lld %lld %lld %lld ", (long long)c->hits, (long long)c->substitutions,
           (long long)c->deletions, (long long)c->insertions);
}

static void print_rates(const mli_edit_counts *c)
{
    const mli_wer_rates r = mli_wer_rates_of(c);
    printf("%.17g %.17g %.17g %.17g ", r.wer, r.mer, r.wil, r.wip);
}

/* words reference hypothesis -> seconds, counts, rates, kinds of the words' steps; counts of the
 * characters */
static int score_words(const char *reference, const char *hypothesis)
{
    mli_wer_alignment alignment;
    mli_edit_counts characters;
    modellab_error err = MODELLAB_ERROR_INIT;
    const size_t n = strlen(reference), m = strlen(hypothesis);
    const double start = now();
    modellab_status status = mli_wer_align(reference, n, hypothesis, m, NULL, &alignment, &err);
    printf("%.6f ", now() - start);
    if (status == MODELLAB_OK)
        status = mli_wer_count(reference, n, hypothesis, m, NULL, NULL, &characters, &err);
    if (status == MODELLAB_OK) {
        print_counts(&alignment.path.counts);
        print_rates(&alignment.path.counts);
        print_counts(&characters);
        for (size_t i = 0; i < alignment.path.count; i++)
            putchar("=sdi"[alignment.path.kinds[i]]);
        putchar('\n');
    } else {
        printf("failed: %s\n", err.message);
    }
    mli_wer_alignment_dispose(&alignment);
    return status == MODELLAB_OK ? 0 : 1;
}

static int score_line(char *line)
{
    char *fields[4];
    size_t count = 0;
    for (char *at = line; at != NULL && count < 4; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    if (count == 3 && strcmp(fields[0], "words") == 0)
        return score_words(fields[1], fields[2]);
    fprintf(stderr, "not a case: %.20s\n", line);
    return 2;
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    int failed = 0;
    ssize_t length;
    while (failed == 0 && (length = getline(&line, &capacity, stdin)) > 0) {
        if (line[length - 1] == '\n')
            line[length - 1] = '\0';
        failed = score_line(line);
    }
    free(line);
    return failed;
}
