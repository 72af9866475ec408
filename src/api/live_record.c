/* The run of a live stream. All of it happens on the stream's own thread, so that the tracker's
 * clock is that thread's; what the sessions' own threads take is added. */
#include "api/live.h"

#include "base/error.h"
#include "base/str.h"
#include "kernels/blas.h"
#include "kernels/isa.h"
#include "lab/outputs.h"
#include "log/logger.h"
#include "os/clock.h"
#include "os/locale.h"
#include "text/format.h"
#include "track/tracker.h"
#include <string.h>

#define LOOK_NS ((int64_t)50000000)

/* The run names its model and what computes. */
MODELLAB_MUST_CHECK static modellab_status name_engine(modellab_live *live, modellab_error *err)
{
    mli_asr_model_info info = mli_asr_model_info_of(live->asr->asr);
    mli_run_measures measures = MLI_RUN_MEASURES_INIT;
    mli_store_change change = {.measures = &measures};
    char engine[128];

    (void)mli_os_format(engine, sizeof engine, "isa=%s blas=%s weights=%s", /* fits */
                        mli_isa_name(mli_isa_current()), mli_blas_core_in_use(),
                        info.weights == MLI_ASR_WEIGHTS_F32 ? "f32" : "f16");
    measures.model = live->asr->name;
    measures.model_sha256 = live->asr->sha256;
    measures.engine = engine;
    return mli_record_apply(live->record, &change, err);
}

modellab_status mli_live_record_begin(modellab_live *live, modellab_error *err)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_status status;

    if (live->lab == NULL)
        return MODELLAB_OK;
    if (live->record_options != NULL)
        options = *live->record_options;
    if (options.pipeline == NULL || options.pipeline[0] == '\0')
        options.pipeline = "live";
    status = modellab_record_begin(live->lab, &options, &live->record, err);
    if (status == MODELLAB_OK)
        status = mli_live_journal_open(live, err);
    if (status == MODELLAB_OK)
        status = mli_record_step_begin(live->record, "asr", err);
    if (status == MODELLAB_OK)
        status = name_engine(live, err);
    if (status == MODELLAB_OK)
        (void)mli_str_copy(live->run_id, sizeof live->run_id, live->record->ids.run_id); /* fits */
    return status;
}

/* What was worked since the last time. */
MODELLAB_MUST_CHECK static modellab_status account(modellab_live *live, modellab_error *err)
{
    modellab_record *r = live->record;
    int64_t cpu = mli_asr_session_cpu_ns(live->session->inner) + mli_pool_cpu_ns(live->pool);
    int64_t heard = mli_live_cuts_heard(live->cuts);
    modellab_status status =
        mli_span_add_cpu(r->tracker, r->step.span, cpu - live->counted_cpu_ns, err);

    if (status == MODELLAB_OK)
        status = mli_span_add(r->tracker, r->step.span,
                              (double)(heard - live->counted_samples) / MLI_AUDIO_RATE, 0, err);
    live->counted_cpu_ns = cpu;
    live->counted_samples = heard;
    mli_record_progress(r, (double)heard / MLI_AUDIO_RATE);
    return status;
}

modellab_status mli_live_record_check(modellab_live *live, modellab_error *err)
{
    const mli_os_clock *clock = &mli_os_system_clock;
    int64_t now = clock->monotonic_ns(clock->user);
    modellab_status status;

    if (live->record == NULL || now - live->looked_ns < LOOK_NS)
        return MODELLAB_OK;
    live->looked_ns = now;
    status = account(live, err);
    return status == MODELLAB_OK ? mli_record_check(live->record, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status put_transcript(modellab_live *live, bool partial,
                                                          modellab_error *err)
{
    char name[MLI_OUTPUT_NAME_BYTES];
    mli_buf text;

    mli_output_transcript(mli_format_name(MLI_TEXT_VERBOSE_JSON), partial, name);
    mli_buf_init(&text, &live->alloc);
    modellab_status status = mli_format_write(live->all, MLI_TEXT_VERBOSE_JSON, NULL, &text, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        status = mli_record_add_artifact(live->record, name, "application/json", text.data,
                                         text.size, NULL, err);
    mli_buf_dispose(&text);
    return status;
}

static modellab_reason reason_of(modellab_status status)
{
    switch (status) {
    case MODELLAB_E_INVALID_AUDIO:
        return MODELLAB_REASON_INVALID_AUDIO;
    case MODELLAB_E_LIMIT:
        return MODELLAB_REASON_AUDIO_TOO_LONG;
    case MODELLAB_E_NO_SPACE:
        return MODELLAB_REASON_NO_SPACE;
    case MODELLAB_E_IO:
        return MODELLAB_REASON_IO_ERROR;
    case MODELLAB_E_NO_MEMORY:
        return MODELLAB_REASON_OOM;
    case MODELLAB_E_CALLBACK:
        return MODELLAB_REASON_HOST_FAILED;
    default:
        return MODELLAB_REASON_INTERNAL;
    }
}

/* How the run ends when the stream ended with `worked`. */
MODELLAB_MUST_CHECK static modellab_status finish(modellab_live *live, modellab_status worked,
                                                  const modellab_error *why, modellab_error *err)
{
    modellab_record *r = live->record;

    if (worked == MODELLAB_OK)
        return mli_record_finish(r, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL, err);
    if (r->stop_status != 0) /* the record's own check has asked for it */
        return mli_record_finish(r, r->stop_status, r->stop_reason, NULL, err);
    if (worked == MODELLAB_E_CANCELLED && live->stop_why[0] != '\0')
        return mli_record_finish(r, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_HOST_STOPPED,
                                 live->stop_why, err);
    if (worked == MODELLAB_E_CANCELLED)
        return mli_record_finish(r, MODELLAB_RUN_CANCELLED, MODELLAB_REASON_CANCELLED_BY_USER, NULL,
                                 err);
    return mli_record_finish(r, MODELLAB_RUN_FAILED, reason_of(worked), why->message, err);
}

modellab_status mli_live_record_end(modellab_live *live, modellab_status worked,
                                    modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT, late = MODELLAB_ERROR_INIT;
    modellab_status status = worked, ended;

    if (live->record == NULL)
        return worked;
    if (err != NULL)
        why = *err;
    mli_live_journal_close(live); /* before the end seals it */
    if (live->cuts != NULL && worked != MODELLAB_E_RUN_FINAL && worked != MODELLAB_E_FENCED) {
        ended = account(live, &late);
        if (ended == MODELLAB_OK && live->all != NULL) /* NULL: it could not be put together */
            ended = put_transcript(live, worked != MODELLAB_OK, &late);
        if (status == MODELLAB_OK && ended != MODELLAB_OK) {
            status = ended;
            why = late;
        } else if (ended != MODELLAB_OK) {
            mli_log_error(live->record->logger, MODELLAB_LOG_WARN, "live.not_kept",
                          "what was recognised could not be kept", ended, &late);
        }
        ended = finish(live, status, &why, &late);
        if (status == MODELLAB_OK && ended != MODELLAB_OK) {
            status = ended;
            why = late;
        }
    }
    if (status != MODELLAB_OK && err != NULL)
        *err = why;
    mli_record_destroy(live->record);
    live->record = NULL;
    return status;
}
