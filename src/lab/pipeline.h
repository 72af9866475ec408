/* The registry of steps and pipelines, and the resolution of what was asked for into the full list
 * of steps in the order of execution. */
#ifndef MLI_LAB_PIPELINE_H
#define MLI_LAB_PIPELINE_H

#include "base/buf.h"
#include "check/findings.h"

typedef struct mli_step_kind {
    const char *name, *text;
    const char *needs;   /* steps, comma-separated */
    const char *outputs; /* artifacts that it may write, comma-separated (outputs.h) */
    bool needs_input;
    bool for_tests; /* offered with MODEL_LAB_TESTING=1 only */
    /* Rights that its sandbox gets (sandbox_profile.h); most steps need none. */
    bool needs_network, needs_programs;
    bool writes_transcripts; /* also one for each format that the request asks for */
} mli_step_kind;

typedef struct mli_pipeline {
    const char *name, *text;
    const char *steps;       /* resolved, comma-separated */
    int64_t max_duration_ms; /* deadline of its runs, 0 = the configured one */
} mli_pipeline;

#define MLI_STEP_MAX 64 /* most steps of the registry */

size_t mli_pipeline_count(void);
const mli_pipeline *mli_pipeline_at(size_t index); /* sorted by name; NULL beyond the end */
const mli_pipeline *mli_pipeline_find(const char *name);
/* All of the registry, those of tests too. */
size_t mli_step_kind_count(void);
const mli_step_kind *mli_step_kind_at(size_t index); /* NULL beyond the end */
const mli_step_kind *mli_step_kind_find(const char *name);
bool mli_steps_contain(const char *steps, const char *name);
bool mli_steps_need_input(const char *steps);

/* Appends the resolved steps of `names` (comma-separated) to `out`. Findings at `pointer`:
 * pipeline.unknown_step (error, with a suggestion), pipeline.empty (error),
 * pipeline.added_dependency (info). Unknown steps are left out. */
void mli_steps_resolve(const char *names, const char *pointer, mli_buf *out, mli_findings *report);
/* The same for a pipeline's name, or steps when it is none: pipeline.unknown (error). */
void mli_pipeline_resolve(const char *name_or_steps, const char *pointer, mli_buf *out,
                          mli_findings *report);

#endif
