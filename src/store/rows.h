/* Rows of the store as plain structs. Loaded rows are one block each (strings point into it) and
 * are freed by their mli_*_free; rows that a caller fills borrow his strings. NULL text is stored
 * as "". */
#ifndef MLI_STORE_ROWS_H
#define MLI_STORE_ROWS_H

#include "store/ledger.h"
#include <modellab/run.h>
#include <stdbool.h>

/* Parts of a run that retention removes. */
enum { MLI_PART_RUN = 1, MLI_PART_INPUT = 2, MLI_PART_ARTIFACTS = 4 };

typedef struct mli_run_row {
    const char *id;
    const char *request_id, *trace_id, *span_id, *user;
    const char *trace_parent, *trace_state; /* of who asked for it (W3C), "" = nobody's */
    const char *pipeline;                   /* name, or "steps" when only steps were given */
    const char *steps;                      /* resolved, comma-separated, in order */
    const char *input_name, *input_sha256;
    const char *message, *failed_step;
    const char *model, *model_sha256, *engine;
    const char *sandbox;     /* level that its worker reached, "" = not known */
    const char *price_sheet; /* id */
    const char *price_json;  /* the sheet itself, kept with the run */
    const char *currency;
    const char *request_json;    /* as accepted, defaults resolved (docs/request.md) */
    const char *labels_json;     /* object */
    const char *idempotency_key; /* "" = none */
    const char *parent_run_id;
    const char *owner;     /* JSON identity of who executes it, "" while queued */
    const char *seal_json; /* its files as they were at its end (store/seal.h), "" = not known */
    const char *methods;   /* JSON: how each measure was made; "" until there are any */
    const char *experiment_id, *candidate; /* that it belongs to; "" = none */
    const char *estimate_json;             /* JSON: what it was expected to take; "" = none */
    modellab_run_status status;
    modellab_reason reason;
    int32_t priority, attempt, max_attempts;
    int32_t is_record; /* 1: executed by a host itself (record.h); its lock is the host's */
    int32_t imported;  /* 1: came from another lab */
    int32_t deleting;  /* MLI_PART_* whose removal was begun; with RUN the run is gone for all */
    int32_t removed;   /* MLI_PART_* that retention has taken away */
    int32_t gate, size_class; /* mli_gate, mli_size_class */
    int64_t fence, last_event, journal_line;
    int64_t created_ms, started_ms, ended_ms; /* -1: not yet */
    int64_t not_before_ms;                    /* queued, but not to be started earlier */
    int64_t retry_delay_ms;                   /* the last delay before a retry; 0 = none */
    int64_t cancel_requested_ms;              /* -1: not requested */
    int64_t input_bytes;
    int64_t peak_memory_bytes, api_calls, cost_micros;
    int64_t reserved_cost_micros, estimated_cost_micros;
    int64_t max_duration_ms; /* 0 = none */
    int64_t queued_ms;       /* when it came into the queue, the last time */
    int64_t queue_wait_ms;   /* in the queue until its claims, all attempts together */
    int64_t wall_ms;         /* executing, all ended attempts together */
    int64_t max_queue_ms;    /* longest wait in the queue, 0 = none */
    int64_t queue_until_ms;  /* when that has passed, 0 = never */
    int64_t head_ms;         /* when it was put to the head of the queue, 0 = it was not */
    int64_t expected_ms;     /* time that it will probably take */
    double audio_seconds, progress_seconds, cpu_seconds, gpu_seconds, estimated_cpu_seconds;
    mli_amounts need; /* what it holds of its user's caps while it runs; written only (ledger.h) */
} mli_run_row;

#define MLI_STEP_ROW_INIT                                                                          \
    .peak_memory_bytes = -1, .cpu_seconds = -1, .gpu_seconds = -1, .audio_seconds = -1,            \
    .api_calls = -1, .ended_ms = -1

/* All numbers "not known", priority normal, one attempt, status QUEUED, texts "". */
void mli_run_row_init(mli_run_row *row);

typedef struct mli_run_row_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_run_row **rows;
} mli_run_row_list;

typedef struct mli_step_row {
    const char *name, *message;
    const char *key;         /* sha256 of what its result depends on (lab/step_key.h); "" = none */
    const char *reused_from; /* run whose result it took over; "" = none */
    /* {"requested":{...},"resolved":{...}}: its options as asked for and with all defaults; "" =
     * not known. An end of the step that does not tell keeps what its begin told. */
    const char *config_json;
    /* What its end told: {"models":[{"option","name","sha256"},...],"result":{...}} (column
     * models_json, which held the array of models alone before there were results); "" = nothing.
     */
    const char *told_json;
    modellab_run_status status;
    modellab_reason reason;
    int64_t started_ms, ended_ms; /* -1 */
    int64_t peak_memory_bytes;    /* -1 */
    double cpu_seconds;           /* -1; of the last attempt */
    double earlier_cpu_seconds;   /* of those before it; read only */
    double gpu_seconds, audio_seconds;
    int64_t api_calls;
    int32_t position; /* order of execution */
    int32_t attempt;
} mli_step_row;

/* Of all attempts; -1 = not known. */
double mli_step_cpu_seconds(const mli_step_row *step);

typedef struct mli_artifact_row {
    const char *id; /* ULID */
    const char *step, *name, *media_type, *sha256;
    const char *file; /* its file below artifacts/; never sent out */
    const char *role; /* "result", "partial", "late", "log" ... */
    int64_t bytes;
    int64_t fence;
} mli_artifact_row;

typedef struct mli_event_row {
    int64_t number, time_ms;
    const char *type, *step, *data; /* data: JSON object, NULL = {} */
} mli_event_row;

typedef struct mli_event_row_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_event_row *rows;
    char *run_id, *request_id, *trace_id;
    char *text; /* block of the strings */
} mli_event_row_list;

/* A run with all that belongs to it. */
typedef struct mli_run_record {
    const modellab_allocator *alloc;
    mli_run_row *run;
    size_t step_count, artifact_count;
    mli_step_row *steps;         /* in the order of execution */
    mli_artifact_row *artifacts; /* in the order of creation */
    char *step_text, *artifact_text;
} mli_run_record;

typedef struct mli_run_record_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_run_record **records;
} mli_run_record_list;

/* -1 or NULL = leave as it is. */
typedef struct mli_run_measures {
    double audio_seconds, progress_seconds, cpu_seconds, gpu_seconds;
    int64_t peak_memory_bytes, api_calls, cost_micros;
    const char *model, *model_sha256, *engine, *sandbox;
} mli_run_measures;

#define MLI_RUN_MEASURES_INIT                                                                      \
    {                                                                                              \
        -1, -1, -1, -1, -1, -1, -1, NULL, NULL, NULL, NULL                                         \
    }

typedef struct mli_run_transition {
    modellab_run_status to;
    modellab_reason reason;
    const char *message, *failed_step; /* NULL = "" */
    const char *event_type;            /* see mli_state_event() in lab/state.h */
    const char *event_data;            /* JSON object, NULL = {} */
    const char *seal_json;             /* for a final status; NULL = not known */
    int64_t ended_ms;      /* of a final status: when the work ended, if that was before; 0 = now */
    const char *methods;   /* JSON, NULL = leave as it is */
    int64_t not_before_ms; /* for QUEUED again */
    int64_t retry_delay_ms;  /* likewise; 0 = leave as it is */
    int64_t worked_until_ms; /* last sign of life of a run found dead; 0 = it worked until now */
} mli_run_transition;

/* A counter with up to two labels; histogram buckets are counters of family "<name>_bucket". */
typedef struct mli_total {
    const char *family, *label1, *label2;
    double value;
} mli_total;

/* What is added to a counter with one label; "" = without. */
typedef struct mli_store_counter {
    const char *family, *label;
    double value;
} mli_store_counter;

typedef struct mli_total_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_total *rows;
    char *text;
} mli_total_list;

/* A row of the caps table. */
typedef struct mli_cap_row {
    const char *user; /* "*" = everybody who has none of his own */
    mli_cap cap;
    int64_t updated_ms;
} mli_cap_row;

typedef struct mli_cap_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_cap_row *rows;
    char *text;
} mli_cap_list;

void mli_run_row_free(const modellab_allocator *alloc, mli_run_row *row);
void mli_run_row_list_free(mli_run_row_list *list);
void mli_event_row_list_free(mli_event_row_list *list);
void mli_run_record_free(mli_run_record *record);
void mli_run_record_list_free(mli_run_record_list *list);
void mli_total_list_free(mli_total_list *list);
void mli_cap_list_free(mli_cap_list *list);

#endif
