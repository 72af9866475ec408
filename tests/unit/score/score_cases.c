/* Scores the cases on standard input, one a line, for score_oracle.py: fields are separated by
 * tabs, the first says what is scored. */
#include "base/alloc.h"
#include "score/der.h"
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

enum { MOST = 400 };

/* start:end:speaker,start:end:speaker ... or "-" */
static size_t read_turns(const char *text, mli_turn *out, uint32_t *speakers)
{
    size_t count = 0;
    *speakers = 0;
    while (*text != '-' && *text != '\0' && count < MOST) {
        char *end;
        out[count].start = strtoll(text, &end, 10);
        out[count].end = strtoll(end + 1, &end, 10);
        out[count].speaker = *end == ':' ? (uint32_t)strtoul(end + 1, &end, 10) : 0;
        if (out[count].speaker >= *speakers)
            *speakers = out[count].speaker + 1;
        count++;
        text = *end == ',' ? end + 1 : end;
    }
    return count;
}

/* turns collar skip uem reference hypothesis -> sums, rates, mapping */
static int score_turns(char *const *fields)
{
    static mli_turn r[MOST], h[MOST], u[MOST];
    static mli_span uem[MOST];
    mli_turns reference = {.items = r}, hypothesis = {.items = h};
    uint32_t unused;
    mli_der_options o = {.collar = strtoll(fields[1], NULL, 10), .skip_overlap = *fields[2] == '1'};
    int32_t reference_of[MOST];
    mli_der d;
    modellab_error err = MODELLAB_ERROR_INIT;
    o.uem_count = read_turns(fields[3], u, &unused);
    o.uem = *fields[3] != '-' ? uem : NULL;
    for (size_t i = 0; i < o.uem_count; i++)
        uem[i] = (mli_span){u[i].start, u[i].end};
    reference.count = read_turns(fields[4], r, &reference.speakers);
    hypothesis.count = read_turns(fields[5], h, &hypothesis.speakers);
    if (mli_der_score(&reference, &hypothesis, &o, &d, reference_of, &err) != MODELLAB_OK) {
        printf("failed: %s\n", err.message);
        return 1;
    }
    const mli_der_rates rates = mli_der_rates_of(&d);
    const int64_t times[] = {
        d.total,        d.correct,        d.confusion,      d.miss,
        d.false_alarm,  d.speech,         d.speech_miss,    d.speech_false_alarm,
        d.purity_total, d.purity_correct, d.coverage_total, d.coverage_correct};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        printf("%lld ", (long long)times[i]);
    printf("%.17g %lld %.17g %.17g %.17g %.17g %.17g", d.jaccard_errors,
           (long long)d.jaccard_speakers, rates.der, rates.jer, rates.purity, rates.coverage,
           rates.detection);
    for (uint32_t i = 0; i < hypothesis.speakers; i++)
        printf(" %d", (int)reference_of[i]);
    putchar('\n');
    return 0;
}

static int score_line(char *line)
{
    char *fields[6];
    size_t count = 0;
    for (char *at = line; at != NULL && count < 6; count++) {
        fields[count] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    if (count == 3 && strcmp(fields[0], "words") == 0)
        return score_words(fields[1], fields[2]);
    if (count == 6 && strcmp(fields[0], "turns") == 0)
        return score_turns(fields);
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
