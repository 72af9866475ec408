/* The registry of steps and pipelines, and the resolution of what was asked for into the full list
 * of steps in the order of execution. */
#ifndef MLI_LAB_PIPELINE_H
#define MLI_LAB_PIPELINE_H

#include "base/buf.h"
#include "base/json.h"
#include "check/findings.h"

struct mli_worker;

/* A step in the worker: returns OK, or why it failed. E_CANCELLED when the cancel word ended it. */
typedef modellab_status (*mli_step_fn)(struct mli_worker *w, modellab_error *err);
/* The key of a step (step_key.h): what its result depends on. */
typedef modellab_status (*mli_step_key_fn)(struct mli_worker *w, char out[65], modellab_error *err);

/* A model that a step needs. */
typedef struct mli_step_model {
    const char *key;  /* member of config.<step> that names another one than the default */
    const char *task; /* of the catalog: "vad", "speaker-embedding", "tts", "lexicon" ... */
    const char *name; /* the default, in the catalog; NULL: the lab's default (asr) */
    /* Member of config.<step>: needed only when it is true; "member=value": only when it is this
     * text, which is its default, too; NULL = always. */
    const char *when;
} mli_step_model;

enum { MLI_STEP_MODELS = 3 };

typedef struct mli_step_kind {
    const char *name, *text;
    const char *needs;   /* steps that must have completed, comma-separated; they are added */
    const char *wants;   /* steps that it uses when they are there; NULL = none; never added */
    const char *outputs; /* artifacts that it may write, comma-separated (outputs.h) */
    const char *streams; /* those of them that it writes piece by piece; NULL = none */
    /* More that it may write when its option `asked` is true; NULL = nothing. */
    const char *asked, *asked_outputs;
    const char *schema;   /* of config.<name> (step_schemas.h); NULL = nothing to configure */
    const char *text_key; /* member of config.<name> with the text that it works on, instead of an
                             input; NULL = none */
    mli_step_model models[MLI_STEP_MODELS];
    /* In the worker. */
    mli_step_fn run;
    mli_step_key_fn key; /* NULL: never taken over */
    mli_step_fn samples; /* makes the samples that later steps hear, when its own result was taken
                            over; NULL: it leaves them as they are */
    bool needs_input;
    bool text_or_reference; /* needs config.<name>.text, or else config.score.reference_text */
    bool for_tests;         /* offered with MODEL_LAB_TESTING=1 only */
    bool may_fail;          /* the run goes on without it, as mli_steps_tolerate() says */
    bool always;            /* done also when another step has failed; then the run still failed */
    /* Rights that its sandbox gets (sandbox_profile.h); most steps need none. */
    bool needs_network, needs_programs;
    bool writes_transcripts; /* also one for each format that the request asks for */
} mli_step_kind;

typedef struct mli_pipeline {
    const char *name, *text;
    const char *steps;       /* resolved, comma-separated */
    const char *config;      /* options of its steps where a request gives none, JSON; NULL */
    int64_t max_duration_ms; /* deadline of its runs, 0 = the configured one */
} mli_pipeline;

#define MLI_STEP_MAX 64 /* most steps of the registry */

/* pipelines.c */
size_t mli_pipeline_count(void);
const mli_pipeline *mli_pipeline_at(size_t index); /* sorted by name; NULL beyond the end */
const mli_pipeline *mli_pipeline_find(const char *name);

/* pipeline.c: the step, or also the pipeline, that was probably meant; NULL = none. Static. */
const char *mli_pipeline_nearest(const char *name, bool among_pipelines);

/* step_kinds.c: all of the registry, those of tests too. Each comes after what it needs and wants.
 */
size_t mli_step_kind_count(void);
const mli_step_kind *mli_step_kind_at(size_t index);         /* NULL beyond the end */
const mli_step_kind *mli_step_kind_find(const char *name);   /* one that is offered */
bool mli_step_kind_is_offered(const mli_step_kind *kind);    /* those of tests: to tests alone */
size_t mli_step_kind_index(const char *name, size_t length); /* of one offered; else the count */

/* step_list.c: those that are offered, as a JSON array (modellab_step_list()). */
MODELLAB_MUST_CHECK modellab_status mli_steps_write(mli_buf *out, modellab_error *err);

/* Whether a step with these options (config.<step>) needs it. */
bool mli_step_model_is_needed(const mli_step_model *model, const mli_json *config);

/* The next name of a comma-separated list, without blanks around it; false at the end. */
bool mli_steps_next(const char **list, const char **name, size_t *length);
bool mli_steps_contain(const char *steps, const char *name);
bool mli_steps_need_input(const char *steps);
/* Whether the run of `steps` goes on without a result when the step `name` fails: it may fail, and
 * the run makes something else that neither leads to it nor comes of it. A run of one purpose alone
 * fails with it. To a step that is done always only what it needs leads. */
bool mli_steps_tolerate(const char *steps, const char *name);

/* Appends the resolved steps of `names` (comma-separated) to `out`. Findings at `pointer`:
 * pipeline.unknown_step (error, with a suggestion), pipeline.empty (error),
 * pipeline.added_dependency (info). Unknown steps are left out. */
void mli_steps_resolve(const char *names, const char *pointer, mli_buf *out, mli_findings *report);
/* The same for a pipeline's name, or steps when it is none: pipeline.unknown (error). */
void mli_pipeline_resolve(const char *name_or_steps, const char *pointer, mli_buf *out,
                          mli_findings *report);

#endif
