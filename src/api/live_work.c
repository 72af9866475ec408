/* The thread of a live stream: takes what was pushed, lets the detector hear it, recognises pieces
 * that have ended, and in between, when it keeps up, the one that goes on. */
#include "api/live.h"

#include "api/transcript.h"
#include "audio/pcm.h"
#include "base/alloc.h"
#include "base/error.h"
#include "os/clock.h"
#include <string.h>

enum { TAKE = 1600 };                     /* samples at once */
#define LOOK_NS ((int64_t)100000000)      /* a stream that is recorded looks around so often */
#define SMALLEST_NS ((int64_t)1000000000) /* a thread that waits without end wakes so often */

/* Samples as they are taken out of the queue. */
typedef union taken {
    unsigned char bytes[TAKE * sizeof(float)];
    float values[TAKE];
} taken;

double mli_live_seconds(const modellab_live *live, int64_t bytes)
{
    return (double)(bytes / (int64_t)live->sample_bytes) / (double)live->rate_hz;
}

/* Who reads the stop word sees why it was set: that was written before it. */
modellab_status mli_live_cancelled(const modellab_live *live, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_CANCELLED, "%s",
                    live->stop_why[0] != '\0' ? live->stop_why : "the stream was cancelled");
}

/* Whether to go on: the stop word, then the run. */
MODELLAB_MUST_CHECK static modellab_status check(modellab_live *live, modellab_error *err)
{
    if (live->asked != MODELLAB_OK)
        return mli_fail_at(err, live->asked, live->asked_error.detail, "%s",
                           live->asked_error.message);
    if (mli_cancelled(&live->stop))
        return mli_live_cancelled(live, err);
    return mli_live_record_check(live, err);
}

/* Several times a second while a piece is recognised. */
static void on_pulse(void *user)
{
    modellab_live *live = user;

    if (live->asked == MODELLAB_OK) {
        live->asked_error = (modellab_error)MODELLAB_ERROR_INIT;
        live->asked = mli_live_record_check(live, &live->asked_error);
        if (live->asked != MODELLAB_OK) {
            atomic_store(&live->stop, 1);
            atomic_store(&live->break_off, 1);
        }
    }
}

/* What the callback returns. */
static int32_t call_back(modellab_live *live, modellab_live_event *event)
{
    event->size = sizeof *event;
    mli_os_mutex_lock(&live->lock);
    double pushed = mli_live_seconds(live, live->pushed);
    live->stats.finals += event->kind == MODELLAB_LIVE_FINAL;
    live->stats.partials += event->kind == MODELLAB_LIVE_PARTIAL;
    live->stats.dropped += event->kind == MODELLAB_LIVE_DELAY;
    mli_os_mutex_unlock(&live->lock);
    event->delay_seconds = pushed > event->end ? pushed - event->end : 0.0;
    return live->callback(live->user, event);
}

MODELLAB_MUST_CHECK static modellab_status tell_piece(modellab_live *live, modellab_live_kind kind,
                                                      const mli_live_piece *piece,
                                                      mli_transcript *text, modellab_error *err)
{
    modellab_live_event event = {.kind = kind,
                                 .index = piece->index,
                                 .start = (double)piece->start / MLI_AUDIO_RATE,
                                 .end = (double)piece->end / MLI_AUDIO_RATE,
                                 .text = ""};

    if (text != NULL) {
        event.text = text->text;
        event.transcript = mli_transcript_public(text);
    }
    if (call_back(live, &event) != 0)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the stream");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status final(modellab_live *live, const mli_live_piece *piece,
                                                 modellab_error *err)
{
    mli_transcript *text = NULL;
    int64_t first = (int64_t)live->all->segment_count;
    modellab_status status = mli_live_recognise(live, piece, false, first, &text, err);

    for (size_t i = 0; status == MODELLAB_OK && i < text->segment_count; i++)
        status = mli_transcript_add(live->all, &text->segments[i], err);
    if (status == MODELLAB_OK && (first == 0 || live->all->language[0] == '\0'))
        status = mli_transcript_set_info(live->all, text->task, text->language,
                                         text->language_probability, text->duration, err);
    if (status == MODELLAB_OK && text->has_words)
        live->all->has_words = true;
    live->pieces = piece->index + 1;
    if (status == MODELLAB_OK)
        status = mli_live_journal_keep(live, piece, text, err);
    if (status == MODELLAB_OK)
        status = tell_piece(live, MODELLAB_LIVE_FINAL, piece, text, err);
    mli_transcript_unref(text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status all_finals(modellab_live *live, modellab_error *err)
{
    mli_live_piece piece;
    bool found = true;
    modellab_status status = MODELLAB_OK;

    while (status == MODELLAB_OK && found) {
        status = mli_live_cuts_next(live->cuts, &live->stop, &found, &piece, err);
        if (status == MODELLAB_OK && found)
            status = final(live, &piece, err);
        if (status == MODELLAB_OK)
            status = check(live, err);
    }
    return status;
}

/* Seconds that wait; also notes whether a partial result is being made. */
static double waiting(modellab_live *live, bool in_partial)
{
    mli_os_mutex_lock(&live->lock);
    double seconds = mli_live_seconds(live, (int64_t)live->ring.count);
    live->in_partial = in_partial && seconds <= live->max_delay;
    mli_os_mutex_unlock(&live->lock);
    return seconds;
}

/* The piece that goes on, when it has been heard for long enough since the last time. */
MODELLAB_MUST_CHECK static modellab_status partial(modellab_live *live, modellab_error *err)
{
    mli_live_piece piece;
    mli_transcript *text = NULL;
    modellab_status status = MODELLAB_E_CANCELLED;
    modellab_error why = MODELLAB_ERROR_INIT;
    int64_t since;

    if (live->partial_samples == 0 || !mli_live_cuts_open(live->cuts, &piece))
        return MODELLAB_OK;
    since = live->partial_at > piece.start ? live->partial_at : piece.start;
    if (piece.end - since < live->partial_samples)
        return MODELLAB_OK;
    live->partial_at = piece.end;
    atomic_store(&live->break_off, 0);
    if (mli_cancelled(&live->stop)) /* it may have been set just before */
        return mli_live_cancelled(live, err);
    if (waiting(live, true) <= live->max_delay)
        status =
            mli_live_recognise(live, &piece, true, (int64_t)live->all->segment_count, &text, &why);
    (void)waiting(live, false);
    if (status == MODELLAB_OK) {
        status = tell_piece(live, MODELLAB_LIVE_PARTIAL, &piece, text, err);
        mli_transcript_unref(text);
        return status;
    }
    if (mli_cancelled(&live->stop))
        return check(live, err);
    if (status == MODELLAB_E_CANCELLED)
        return tell_piece(live, MODELLAB_LIVE_DELAY, &piece, NULL, err);
    return mli_fail(err, status, "%s", why.message);
}

MODELLAB_MUST_CHECK static modellab_status take_samples(void *user, const float *samples,
                                                        size_t count, modellab_error *err)
{
    modellab_live *live = user;
    modellab_status status = mli_live_cuts_push(live->cuts, samples, count, err);

    return status == MODELLAB_OK ? all_finals(live, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status hear(modellab_live *live, const taken *in, size_t bytes,
                                                modellab_error *err)
{
    size_t count = bytes / live->sample_bytes;
    float samples[TAKE];

    for (size_t i = 0; i < count; i++) {
        if (live->is_float) {
            memcpy(&samples[i], in->bytes + i * sizeof(float), sizeof(float));
        } else {
            int value = in->bytes[2 * i] | in->bytes[2 * i + 1] << 8;

            samples[i] = (float)(value < 32768 ? value : value - 65536) / 32768.0f;
        }
    }
    return live->rate == NULL ? take_samples(live, samples, count, err)
                              : mli_rate_push(live->rate, samples, count, err);
}

/* Takes what was pushed; waits for it until it is time to look around. *ended: there is no more. */
static size_t take(modellab_live *live, taken *out, bool *ended)
{
    const mli_os_clock *clock = &mli_os_system_clock;
    int64_t until =
        clock->monotonic_ns(clock->user) + (live->record != NULL ? LOOK_NS : SMALLEST_NS);
    size_t bytes = 0;
    bool in_time = true;

    mli_os_mutex_lock(&live->lock);
    while (in_time && !mli_cancelled(&live->stop)) {
        bytes = mli_live_ring_take(&live->ring, out->bytes, TAKE * live->sample_bytes,
                                   live->sample_bytes);
        if (bytes > 0 || live->ended)
            break;
        in_time = mli_os_cond_wait_until(&live->to_worker, &live->lock, until) == 0;
    }
    *ended = bytes == 0 && live->ended;
    if (bytes > 0)
        mli_os_cond_broadcast(&live->from_worker);
    mli_os_mutex_unlock(&live->lock);
    return bytes;
}

static void note_heard(modellab_live *live)
{
    mli_os_mutex_lock(&live->lock);
    live->stats.done_seconds = (double)mli_live_cuts_heard(live->cuts) / MLI_AUDIO_RATE;
    mli_os_mutex_unlock(&live->lock);
}

MODELLAB_MUST_CHECK static modellab_status run(modellab_live *live, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    taken in;
    bool ended = false;

    while (status == MODELLAB_OK && !ended) {
        size_t bytes = take(live, &in, &ended);

        status = check(live, err);
        if (status == MODELLAB_OK && bytes > 0)
            status = hear(live, &in, bytes, err);
        note_heard(live);
        if (status == MODELLAB_OK && bytes > 0)
            status = partial(live, err);
    }
    if (status == MODELLAB_OK && live->rate != NULL)
        status = mli_rate_finish(live->rate, err);
    if (status == MODELLAB_OK) {
        mli_live_cuts_end(live->cuts);
        status = all_finals(live, err);
    }
    note_heard(live);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status set_up(modellab_live *live, modellab_error *err)
{
    const mli_pcm_format format = {1, live->rate_hz};
    const mli_pcm_sink sink = {take_samples, live};
    int32_t threads = live->final.given.threads;
    modellab_status status = modellab_asr_session_create(live->asr, threads, &live->session, err);

    if (status == MODELLAB_OK)
        status = mli_pool_create(1, &live->alloc, &live->pool, err);
    if (status == MODELLAB_OK)
        status = mli_live_cuts_create(&live->cuts, &live->alloc, live->vad->vad, live->pool,
                                      &live->rules, err);
    if (status == MODELLAB_OK && live->rate_hz != MLI_AUDIO_RATE)
        status = mli_rate_create(&live->alloc, format, MLI_AUDIO_RATE, sink, &live->rate, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_create(&live->alloc, &live->all, err);
    if (status == MODELLAB_OK) {
        const mli_asr_options *o = &live->final.inner;

        live->final.inner.pulse = live->partial.inner.pulse = on_pulse;
        live->final.inner.user = live->partial.inner.user = live;
        live->final.inner.cancel = &live->stop;
        live->partial.inner.cancel = &live->break_off;
        status = mli_transcript_set_info(live->all, o->translate ? "translate" : "transcribe", "",
                                         0.0, 0.0, err);
    }
    return status == MODELLAB_OK ? mli_live_record_begin(live, err) : status;
}

/* Makes `all` a whole transcript. */
MODELLAB_MUST_CHECK static modellab_status close_all(modellab_live *live, modellab_status worked,
                                                     modellab_error *err)
{
    mli_transcript *all = live->all;
    double seconds = (double)mli_live_cuts_heard(live->cuts) / MLI_AUDIO_RATE;
    modellab_status status = mli_transcript_set_info(all, all->task, all->language,
                                                     all->language_probability, seconds, NULL);

    if (status == MODELLAB_OK)
        status = mli_transcript_finish(all, NULL);
    if (worked != MODELLAB_OK)
        mli_transcript_set_partial(all);
    if (status != MODELLAB_OK) { /* half a transcript is none */
        mli_transcript_unref(all);
        live->all = NULL;
    }
    return worked != MODELLAB_OK || status == MODELLAB_OK
               ? worked
               : mli_fail(err, status, "the transcript could not be put together");
}

/* What the sessions hold is given back by the thread that used them. */
static void tear_down(modellab_live *live)
{
    mli_rate_destroy(live->rate);
    mli_live_cuts_destroy(live->cuts);
    modellab_asr_session_destroy(live->session);
    mli_pool_destroy(live->pool);
    live->rate = NULL;
    live->cuts = NULL;
    live->session = NULL;
    live->pool = NULL;
}

static void say(modellab_live *live, bool over, modellab_status status, const modellab_error *err)
{
    mli_os_mutex_lock(&live->lock);
    live->ready = true;
    live->over = over;
    live->stats.is_over = over;
    live->status = status;
    live->error = *err;
    if (over)
        mli_live_ring_dispose(&live->ring);
    mli_os_cond_broadcast(&live->from_worker);
    mli_os_mutex_unlock(&live->lock);
}

/* After END nobody waits for the callback any more; what it returns changes nothing. */
static void tell_end(modellab_live *live, modellab_status status, double seconds,
                     const modellab_error *err)
{
    modellab_live_event event = {.kind = MODELLAB_LIVE_END,
                                 .status = status,
                                 .index = live->pieces,
                                 .end = seconds,
                                 .text = err->message};

    (void)call_back(live, &event);
}

void *mli_live_work(void *arg)
{
    modellab_live *live = arg;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status;
    double seconds;

    mli_os_thread_set_name("modellab-live");
    atomic_store(&live->worker, mli_os_thread_key());
    status = set_up(live, &err);
    if (status != MODELLAB_OK) {
        status = mli_live_record_end(live, status, &err);
        tear_down(live);
        say(live, true, status, &err);
        return NULL;
    }
    say(live, false, MODELLAB_OK, &err);
    status = run(live, &err);
    if (status == MODELLAB_E_CANCELLED) /* what was recognised on the way does not know why */
        status = live->asked != MODELLAB_OK ? check(live, &err) : mli_live_cancelled(live, &err);
    seconds = (double)mli_live_cuts_heard(live->cuts) / MLI_AUDIO_RATE;
    status = close_all(live, status, &err);
    status = mli_live_record_end(live, status, &err);
    tear_down(live);
    if (status == MODELLAB_OK)
        mli_error_clear(&err);
    tell_end(live, status, seconds, &err);
    say(live, true, status, &err);
    return NULL;
}
