/* modellab_live: opening a stream, and the side of who pushes. */
#include "api/live.h"

#include "api/transcript.h"
#include "api/vad.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include "base/str.h"
#include "lab/state.h"
#include <math.h>

/* First shipped sizes. */
enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_live_options, record),
    STATS_FIRST = MLI_SIZE_UP_TO(modellab_live_stats, reserved),
    RECORD_FIRST = MLI_SIZE_UP_TO(modellab_record_options, caps),
    ASR_FIRST = MLI_SIZE_UP_TO(modellab_asr_options, tracker)
};
#define LONGEST_PIECE ((int64_t)30 * MLI_AUDIO_RATE)

void modellab_live_options_init(modellab_live_options *options, size_t size)
{
    const modellab_live_options init = MODELLAB_LIVE_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

MODELLAB_MUST_CHECK static modellab_status check_options(modellab_live_options *o,
                                                         modellab_error *err)
{
    o->format = o->format == 0 ? MODELLAB_LIVE_PCM16 : o->format;
    o->when_full = o->when_full == 0 ? MODELLAB_LIVE_FULL_BUSY : o->when_full;
    o->rate_hz = o->rate_hz == 0 ? MLI_AUDIO_RATE : o->rate_hz;
    o->queue_seconds = o->queue_seconds == 0.0 ? 30.0 : o->queue_seconds;
    o->partial_seconds = o->partial_seconds == 0.0 ? 1.0 : o->partial_seconds;
    o->max_delay_seconds = o->max_delay_seconds == 0.0 ? 2.0 : o->max_delay_seconds;
    if (o->asr == NULL || o->vad == NULL || o->callback == NULL)
        return bad("asr, vad and callback must not be NULL", err);
    if (o->format < MODELLAB_LIVE_PCM16 || o->format > MODELLAB_LIVE_FLOAT32)
        return bad("format has no such value", err);
    if (o->when_full < MODELLAB_LIVE_FULL_BUSY || o->when_full > MODELLAB_LIVE_FULL_BLOCK)
        return bad("when_full has no such value", err);
    if (o->rate_hz < 4000 || o->rate_hz > 192000)
        return bad("rate_hz must be 4000 to 192000", err);
    if (!(o->queue_seconds >= 0.1 && o->queue_seconds <= 600.0))
        return bad("queue_seconds must be 0.1 to 600", err);
    if (!(o->partial_seconds < 0.0 || o->partial_seconds >= 0.1))
        return bad("partial_seconds must be at least 0.1, or negative", err);
    if (!(o->max_delay_seconds > 0.0))
        return bad("max_delay_seconds must not be negative", err);
    if (o->asr->asr == NULL || o->vad->vad == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "%s",
                        o->asr->asr == NULL ? "asr is no model for speech recognition"
                                            : "vad is no detector of voice activity");
    return MODELLAB_OK;
}

/* The caller's text, kept; NULL stays so. */
MODELLAB_MUST_CHECK static modellab_status keep(const modellab_live *live, const char *text,
                                                char **out, modellab_error *err)
{
    *out = text == NULL ? NULL : mli_strdup(&live->alloc, text);
    return text == NULL || *out != NULL ? MODELLAB_OK : mli_no_memory(err);
}

/* How final and partial results are made. */
MODELLAB_MUST_CHECK static modellab_status
take_asr(modellab_live *live, const modellab_asr_options *given, modellab_error *err)
{
    static const double greedy = 0.0;
    modellab_asr_options o = MODELLAB_ASR_OPTIONS_INIT;
    modellab_status status = mli_sized_in(&o, sizeof o, ASR_FIRST, given, err);

    if (status == MODELLAB_OK)
        status = keep(live, o.language, &live->language, err);
    if (status == MODELLAB_OK)
        status = keep(live, o.initial_prompt, &live->prompt, err);
    if (status != MODELLAB_OK)
        return status;
    o.language = live->language;
    o.initial_prompt = live->prompt;
    o.progress = NULL;
    o.segment = NULL;
    o.cancel = NULL;
    o.tracker = NULL;
    o.vad = NULL;
    o.vad_options = NULL;
    o.batch_size = 0;
    status = mli_asr_call_prepare(&live->final, &o, err);
    o.beam_size = 0;
    o.temperature_count = 1;
    o.temperatures = &greedy;
    o.word_times = MODELLAB_CHOICE_NO;
    o.hallucination_silence_seconds = 0.0;
    return status == MODELLAB_OK ? mli_asr_call_prepare(&live->partial, &o, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status
take_rules(modellab_live *live, const modellab_vad_options *given, modellab_error *err)
{
    modellab_vad_options o;
    modellab_status status;

    mli_live_rules_init(&live->rules);
    status = mli_vad_rules_of(given, &o, &live->rules, err);
    if (status == MODELLAB_OK && live->rules.max_speech > LONGEST_PIECE)
        live->rules.max_speech = LONGEST_PIECE;
    if (status == MODELLAB_OK &&
        live->rules.max_speech < 2 * live->rules.pad + 4 * live->rules.step)
        status = bad("max_speech_seconds leaves no room for speech beside its padding", err);
    return status;
}

static void take_plain(modellab_live *live, const modellab_live_options *o)
{
    double most;

    live->callback = o->callback;
    live->user = o->user;
    live->is_float = o->format == MODELLAB_LIVE_FLOAT32;
    live->sample_bytes = live->is_float ? sizeof(float) : sizeof(int16_t);
    live->blocks = o->when_full == MODELLAB_LIVE_FULL_BLOCK;
    live->rate_hz = o->rate_hz;
    live->max_delay = o->max_delay_seconds;
    live->partial_samples =
        o->partial_seconds < 0.0 ? 0 : llround(fmin(o->partial_seconds, 1e6) * MLI_AUDIO_RATE);
    most = ceil(o->queue_seconds * (double)o->rate_hz) * (double)live->sample_bytes;
    mli_live_ring_init(&live->ring, &live->alloc, (size_t)most);
}

static void give_back(modellab_live *live)
{
    modellab_allocator alloc = live->alloc;

    mli_live_ring_dispose(&live->ring);
    mli_transcript_unref(live->all);
    mli_free(&alloc, live->language);
    mli_free(&alloc, live->prompt);
    modellab_lab_unref(live->lab);
    modellab_model_unref(live->vad);
    modellab_model *last = live->asr;
    mli_free(&alloc, live);
    modellab_model_unref(last);
}

/* 0, or an errno value; then nothing of it is left. */
MODELLAB_MUST_CHECK static int make_locks(modellab_live *live)
{
    int rc = mli_os_mutex_init(&live->lock);

    if (rc != 0)
        return rc;
    rc = mli_os_cond_init(&live->to_worker);
    if (rc == 0) {
        rc = mli_os_cond_init(&live->from_worker);
        if (rc != 0)
            mli_os_cond_destroy(&live->to_worker);
    }
    if (rc != 0)
        mli_os_mutex_destroy(&live->lock);
    return rc;
}

static void destroy_locks(modellab_live *live)
{
    mli_os_cond_destroy(&live->from_worker);
    mli_os_cond_destroy(&live->to_worker);
    mli_os_mutex_destroy(&live->lock);
}

/* Starts the thread and waits until it has its sessions and its run. */
MODELLAB_MUST_CHECK static modellab_status start(modellab_live *live, modellab_error *err)
{
    modellab_status status;
    int rc = make_locks(live);

    if (rc != 0)
        return mli_fail_os(err, rc, "the locks of the stream could not be made");
    rc = mli_os_thread_start(&live->thread, 0, mli_live_work, live);
    if (rc != 0) {
        destroy_locks(live);
        return mli_fail(err, MODELLAB_E_BUSY, "no thread could be started for the stream");
    }
    mli_os_mutex_lock(&live->lock);
    while (!live->ready)
        mli_os_cond_wait(&live->from_worker, &live->lock);
    status = live->status;
    if (status != MODELLAB_OK)
        (void)mli_fail_at(err, status, live->error.detail, "%s", live->error.message);
    mli_os_mutex_unlock(&live->lock);
    if (status != MODELLAB_OK) {
        mli_os_thread_join(live->thread);
        destroy_locks(live);
    }
    return status;
}

modellab_status modellab_live_open(const modellab_live_options *options, modellab_live **out,
                                   modellab_error *err)
{
    modellab_live_options o = MODELLAB_LIVE_OPTIONS_INIT;
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_live *live;
    modellab_status status;

    if (out == NULL)
        return bad("out must not be NULL", err);
    *out = NULL;
    if (options == NULL)
        return bad("options must not be NULL", err);
    status = mli_sized_in(&o, sizeof o, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = mli_sized_in(&record, sizeof record, RECORD_FIRST, o.record, err);
    if (status == MODELLAB_OK)
        status = check_options(&o, err);
    if (status != MODELLAB_OK)
        return status;
    live = mli_alloc_zero(&o.asr->alloc, sizeof *live);
    if (live == NULL)
        return mli_no_memory(err);
    live->alloc = o.asr->alloc;
    live->error = live->asked_error = (modellab_error)MODELLAB_ERROR_INIT;
    live->asr = modellab_model_ref(o.asr);
    live->vad = modellab_model_ref(o.vad);
    live->lab = modellab_lab_ref(o.lab);
    live->record_options = &record;
    live->journal_fd = -1;
    live->pid = mli_os_pid();
    take_plain(live, &o);
    status = take_rules(live, o.vad_options, err);
    if (status == MODELLAB_OK)
        status = take_asr(live, o.asr_options, err);
    if (status == MODELLAB_OK)
        status = start(live, err);
    if (status != MODELLAB_OK) {
        give_back(live);
        return status;
    }
    *out = live;
    return MODELLAB_OK;
}

/* Why nothing can be pushed any more; under the lock. */
MODELLAB_MUST_CHECK static modellab_status may_push(const modellab_live *live, modellab_error *err)
{
    if (live->over && live->status != MODELLAB_OK)
        return mli_fail_at(err, live->status, live->error.detail, "%s", live->error.message);
    if (live->over || live->ended)
        return mli_fail(err, MODELLAB_E_STATE, "the stream has been ended");
    if (live->cancelled) /* the stop word alone may be for another reason, which END will tell */
        return mli_live_cancelled(live, err);
    return MODELLAB_OK;
}

/* In a forked child the thread does not exist, and the lock may be held by nobody. */
static bool is_parents(const modellab_live *live)
{
    return live->pid != mli_os_pid();
}

MODELLAB_MUST_CHECK static modellab_status forked(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_FORKED, "the stream is the parent's of this process");
}

/* Under the lock: puts all of it, waiting for room where the stream blocks. */
MODELLAB_MUST_CHECK static modellab_status put(modellab_live *live, const unsigned char *data,
                                               size_t bytes, modellab_error *err)
{
    modellab_status status = may_push(live, err);

    if (status == MODELLAB_OK && !live->blocks && bytes > live->ring.most)
        return mli_fail(err, MODELLAB_E_LIMIT, "this is more than the whole queue holds");
    if (status == MODELLAB_OK && !live->blocks && bytes > mli_live_ring_room(&live->ring))
        return mli_fail(err, MODELLAB_E_BUSY, "the queue is full: recognition is behind");
    while (status == MODELLAB_OK && bytes > 0) {
        size_t room = mli_live_ring_room(&live->ring), part = bytes < room ? bytes : room;

        if (part == 0) {
            mli_os_cond_wait(&live->from_worker, &live->lock);
            status = may_push(live, err);
            continue;
        }
        status = mli_live_ring_put(&live->ring, data, part, err);
        if (status == MODELLAB_OK) {
            live->pushed += (int64_t)part;
            data += part;
            bytes -= part;
            mli_os_cond_signal(&live->to_worker);
        }
    }
    return status;
}

modellab_status modellab_live_push(modellab_live *live, const void *data, size_t bytes,
                                   modellab_error *err)
{
    modellab_status status;

    if (live == NULL || (data == NULL && bytes > 0))
        return bad(live == NULL ? "live must not be NULL" : "data must not be NULL", err);
    if (is_parents(live))
        return forked(err);
    if (live->blocks && atomic_load(&live->worker) == mli_os_thread_key())
        return mli_fail(err, MODELLAB_E_BUSY, "the stream would wait for its own callback");
    mli_os_mutex_lock(&live->lock);
    status = put(live, data, bytes, err);
    if (live->in_partial && mli_live_seconds(live, (int64_t)live->ring.count) > live->max_delay)
        atomic_store(&live->break_off, 1);
    mli_os_mutex_unlock(&live->lock);
    return status;
}

void modellab_live_end(modellab_live *live)
{
    if (live != NULL && !is_parents(live)) {
        mli_os_mutex_lock(&live->lock);
        live->ended = true;
        mli_os_cond_broadcast(&live->to_worker);
        mli_os_cond_broadcast(&live->from_worker);
        mli_os_mutex_unlock(&live->lock);
    }
}

/* `why` NULL: as somebody wished; else the host goes. The first one counts. */
static void end_now(modellab_live *live, const char *why)
{
    mli_os_mutex_lock(&live->lock);
    if (why != NULL && !live->cancelled)
        (void)mli_str_copy(live->stop_why, sizeof live->stop_why, why); /* cut */
    live->cancelled = true;
    /* in this order: who clears the second one looks at the first one after that */
    atomic_store(&live->stop, 1);
    atomic_store(&live->break_off, 1);
    mli_os_cond_broadcast(&live->to_worker);
    mli_os_cond_broadcast(&live->from_worker);
    mli_os_mutex_unlock(&live->lock);
}

void modellab_live_cancel(modellab_live *live)
{
    if (live != NULL && !is_parents(live))
        end_now(live, NULL);
}

void modellab_live_stop(modellab_live *live, const char *why)
{
    if (live != NULL && !is_parents(live))
        end_now(live, why != NULL && why[0] != '\0'
                          ? why
                          : mli_reason_text(MODELLAB_REASON_HOST_STOPPED));
}

modellab_status modellab_live_finish(modellab_live *live, modellab_transcript **out,
                                     modellab_error *err)
{
    modellab_status status;

    if (out != NULL)
        *out = NULL;
    if (live == NULL)
        return bad("live must not be NULL", err);
    if (is_parents(live))
        return forked(err);
    if (atomic_load(&live->worker) == mli_os_thread_key())
        return mli_fail(err, MODELLAB_E_BUSY, "the stream would wait for its own callback");
    modellab_live_end(live);
    mli_os_mutex_lock(&live->lock);
    while (!live->over)
        mli_os_cond_wait(&live->from_worker, &live->lock);
    status = live->status;
    if (status != MODELLAB_OK)
        (void)mli_fail_at(err, status, live->error.detail, "%s", live->error.message);
    if (out != NULL)
        *out = mli_transcript_public(mli_transcript_ref(live->all));
    mli_os_mutex_unlock(&live->lock);
    return status;
}

const char *modellab_live_run_id(const modellab_live *live)
{
    return live == NULL ? "" : live->run_id;
}

modellab_status modellab_live_get_stats(modellab_live *live, modellab_live_stats *out,
                                        modellab_error *err)
{
    modellab_live_stats stats;

    if (live == NULL || out == NULL)
        return bad(live == NULL ? "live must not be NULL" : "out must not be NULL", err);
    if (is_parents(live))
        return forked(err);
    mli_os_mutex_lock(&live->lock);
    stats = live->stats;
    stats.pushed_seconds = mli_live_seconds(live, live->pushed);
    stats.waiting_seconds = mli_live_seconds(live, (int64_t)live->ring.count);
    mli_os_mutex_unlock(&live->lock);
    stats.size = sizeof stats;
    return mli_sized_out(out, &stats, sizeof stats, STATS_FIRST, err);
}

void modellab_live_destroy(modellab_live *live)
{
    if (live != NULL && !is_parents(live)) {
        modellab_live_cancel(live);
        mli_os_thread_join(live->thread);
        destroy_locks(live);
        give_back(live);
    }
}
