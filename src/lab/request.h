/* The request of a run: its contract (docs/request.md), and the accepted form with all defaults
 * resolved, which is stored and which the worker reads. */
#ifndef MLI_LAB_REQUEST_H
#define MLI_LAB_REQUEST_H

#include "base/json.h"
#include "check/findings.h"
#include "lab/caps.h"
#include "lab/retry.h"
#include "speech/enhance_ops.h"

/* Of the built-in catalog; that of the catalog in force: lab/default_model.h. */
#define MLI_REQUEST_DEFAULT_MODEL "whisper-tiny.en"
/* Of a request as given, and of its accepted form: nobody stores a longer one, and all who read it
 * again accept one of this size. */
#define MLI_REQUEST_MAX_BYTES ((size_t)1024 * 1024)

/* JSON Schema text. Static. */
const char *mli_request_schema(void);

/* A model of one of the steps. Texts are the request's, or static. */
typedef struct mli_request_model {
    const char *step, *key, *task, *name;
} mli_request_model;

enum { MLI_REQUEST_MODELS = 24 };

/* Texts are owned by the request. */
typedef struct mli_request {
    mli_json *given;
    mli_buf json;  /* accepted form, canonical */
    mli_buf steps; /* resolved, comma-separated */
    mli_buf labels;
    mli_json *own_config; /* when that of its pipeline was put under it; NULL = it had none */
    bool has_defaults;    /* that was so */
    mli_json *template;   /* of the lab, when its pipeline is one; else NULL */
    const char *pipeline; /* name, or "custom" when steps were given */
    const char *user, *idempotency_key;
    const char *model; /* of speech recognition, else of the first step that has one; "" = none */
    mli_request_model models[MLI_REQUEST_MODELS];
    size_t model_count;
    mli_enhance_chain operators; /* that prepare the audio */
    int64_t text_chars; /* of the text that its steps work on, without an input; -1 = none */
    int32_t priority;
    mli_retry_policy retry;
    int64_t max_duration_ms; /* request, pipeline, configuration, in this order; 0 = none */
    int64_t max_queue_ms;    /* 0 = none, -1 = as configured */
    mli_run_caps caps;
    bool needs_input;
    bool safe; /* admission by the upper bound of the estimate */
    bool hold;
} mli_request;

/* What the configuration says where a request says nothing. */
typedef struct mli_request_defaults {
    int64_t max_duration_ms; /* 0 = none */
    mli_retry_policy retry;
    const struct mli_schema *schema; /* of requests; NULL: read for this one */
    const char *model;               /* NULL = none: then a request must name one */
    const char *no_model;            /* why there is none */
    const struct modellab_lab *lab;  /* whose templates it may name; NULL: built-in ones only */
    bool is_template;                /* what comes with each run may be missing: texts */
} mli_request_defaults;

/* The schema of requests, read. New; mli_schema_free(). */
MODELLAB_MUST_CHECK modellab_status mli_request_schema_load(const modellab_allocator *alloc,
                                                            struct mli_schema **out,
                                                            modellab_error *err);
/* Reads and checks; findings go to `report`. OK also with findings of severity error: then
 * report->worst says so and the accepted form is not made. E_INVALID_JSON, E_LIMIT, E_NO_MEMORY:
 * could not be checked. Dispose of it in every case. An accepted form above MLI_REQUEST_MAX_BYTES
 * is a finding (request.too_large). */
MODELLAB_MUST_CHECK modellab_status mli_request_read(const char *text, size_t bytes,
                                                     const modellab_allocator *alloc,
                                                     const mli_request_defaults *defaults,
                                                     mli_request *out, mli_findings *report,
                                                     modellab_error *err);
/* Sets caps that the request leaves open and that `ceilings` have (0 = none), and makes the
 * accepted form anew. A cap above its ceiling is a finding, and E_CAP_EXCEEDED; an accepted form
 * that became too large is one, and E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_request_bound(mli_request *request,
                                                      const mli_run_caps *ceilings,
                                                      mli_findings *report, modellab_error *err);
/* Of a request that is to run now: steps that need a text of their own or the run's reference (an
 * experiment's candidates get theirs with the inputs). */
void mli_request_check_texts(const mli_request *request, mli_findings *report);
void mli_request_dispose(mli_request *request);

#endif
