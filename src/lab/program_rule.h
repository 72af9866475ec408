/* Which programs the steps of runs may have started, and how: fixed command lines. Pure. */
#ifndef MLI_LAB_PROGRAM_RULE_H
#define MLI_LAB_PROGRAM_RULE_H

#include <stdbool.h>
#include <stdint.h>

/* A program as a step declares it. */
typedef struct mli_program_rule {
    const char *name, *step;
    const char *variable; /* setting that holds its path; unset = it is not there */
    /* Its whole command line but for the path, NULL-terminated. "%" stands for a word of the asker:
     * letters, digits and hyphens, at most 16. */
    const char *args[8];
    int64_t limit_ms;     /* of the process */
    int64_t memory_bytes; /* its address space */
} mli_program_rule;

/* What a worker asks for. */
typedef struct mli_program_ask {
    int64_t fence;
    char step[64], program[64];
    char word[17]; /* "" = none */
} mli_program_ask;

/* How the run stands. */
typedef struct mli_program_view {
    const char *steps; /* of the run, comma-separated */
    bool stopping;     /* it was asked to stop, or has ended */
    bool busy;         /* a program of it runs already */
} mli_program_view;

/* NULL, and the rule: it may be started. Else why not, a sentence. */
const char *mli_program_refusal(const mli_program_view *run, const mli_program_ask *ask,
                                const mli_program_rule **rule);

#endif
