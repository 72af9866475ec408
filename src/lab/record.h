/* Records: runs whose work the host does itself. The host process holds the run's lock, so that its
 * death frees it and reconcile ends the run. */
#ifndef MLI_LAB_RECORD_H
#define MLI_LAB_RECORD_H

#include "lab/lab.h"
#include "lab/submit.h"
#include <modellab/record.h>

typedef struct mli_record_step {
    bool open;
    char name[65];
    int32_t position;
    int64_t started_ms;
    modellab_span span;
} mli_record_step;

/* The public modellab_record; confined to one thread at a time. */
struct modellab_record {
    mli_lab *lab; /* referenced */
    mli_run_ids ids;
    int lock_fd; /* -1 once given back */
    int64_t fence;
    modellab_logger *logger;
    modellab_tracker *tracker;
    modellab_caps caps;
    int64_t max_duration_ms; /* 0 = none */
    int64_t started_ns;      /* monotonic */
    int64_t looked_ns;       /* when the store was last asked for a cancel request */
    int64_t told_ns;         /* when progress was last stored */
    int64_t said_ns;         /* when details were */
    double audio_seconds, progress_seconds;
    mli_record_step step;
    bool finished;
    modellab_run_status stop_status; /* what check() told: how an unfinished record ends */
    modellab_reason stop_reason;
};

/* As the public functions. */
MODELLAB_MUST_CHECK modellab_status mli_record_begin(mli_lab *lab,
                                                     const modellab_record_options *options,
                                                     modellab_record **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_step_begin(modellab_record *record, const char *name,
                                                          modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_step_end(modellab_record *record,
                                                        modellab_run_status status,
                                                        const char *message, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_add_artifact(
    modellab_record *record, const char *name, const char *media_type, const void *data,
    size_t bytes, char artifact_id[MLI_ULID_BYTES], modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_check(modellab_record *record, modellab_error *err);
void mli_record_progress(modellab_record *record, double audio_seconds);
MODELLAB_MUST_CHECK modellab_status mli_record_tell(modellab_record *record, const char *details,
                                                    modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_finish(modellab_record *record,
                                                      modellab_run_status status,
                                                      modellab_reason reason, const char *message,
                                                      modellab_error *err);
void mli_record_destroy(modellab_record *record);

/* Between the files of the module: measures so far with their cost, and one change of the run. */
MODELLAB_MUST_CHECK modellab_status mli_record_measure(modellab_record *record,
                                                       modellab_measures *measures,
                                                       int64_t *cost_micros, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_record_apply(modellab_record *record,
                                                     mli_store_change *change, modellab_error *err);
/* The open step as a row of this status, with what its span measured; the span is ended. */
MODELLAB_MUST_CHECK modellab_status mli_record_close_step(modellab_record *record,
                                                          modellab_run_status status,
                                                          modellab_reason reason,
                                                          const char *message, mli_step_row *row,
                                                          modellab_error *err);
#endif
