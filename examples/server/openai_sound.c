/* One thread makes the samples; the delivery keeps and sends them (delivery.h). The run ends when
 * its client has taken everything, or is gone. */
#include "openai_sound.h"

#include "delivery.h"
#include "openai.h"
#include "reply.h"
#include "server.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_A_SECOND = 50 };

struct sound {
    call *c; /* until it is answered */
    modellab_record *record;
    modellab_logger *log;
    modellab_cancel *cancel;
    modellab_encoder *encoder;
    delivery *to;
    const char *format;
    int32_t rate_hz;
    bool as_events, has_more, is_gone;
    char name[24];
    size_t characters;
    double seconds;
    modellab_status why;    /* of the record's check, or of an encoder */
    modellab_status status; /* of the whole */
    modellab_error said;
};

static int32_t on_bytes(void *user, const void *data, size_t count)
{
    sound *s = user;
    s->has_more = true;
    return delivery_add(s->to, data, count) ? 0 : 1;
}

sound *sound_create(call *c, modellab_record *owned, const char *format, int32_t rate_hz,
                    bool as_events, size_t characters)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    sound *s = calloc(1, sizeof *s);
    modellab_cancel *cancel = NULL;
    modellab_status status =
        s != NULL ? modellab_cancel_create(NULL, &cancel, &err) : MODELLAB_E_NO_MEMORY;
    delivery *to = status == MODELLAB_OK ? delivery_create(call_log(c), cancel, as_events) : NULL;
    if (to == NULL) {
        modellab_cancel_unref(cancel);
        free(s);
        modellab_record_destroy(owned);
        return NULL;
    }
    *s = (sound){.c = c,
                 .record = owned,
                 .log = modellab_logger_ref(call_log(c)),
                 .cancel = cancel,
                 .to = to,
                 .format = format,
                 .rate_hz = rate_hz,
                 .as_events = as_events,
                 .characters = characters,
                 .said = MODELLAB_ERROR_INIT};
    (void)snprintf(s->name, sizeof s->name, "speech.%s", format);
    return s;
}

static void drop(sound *s)
{
    modellab_record_destroy(s->record); /* one that is not finished ends as its check said */
    delivery_unref(s->to);
    modellab_encoder_destroy(s->encoder);
    modellab_cancel_unref(s->cancel);
    modellab_logger_unref(s->log);
    free(s);
}

modellab_cancel *sound_cancel(const sound *s)
{
    return s->cancel;
}

modellab_record *sound_record(const sound *s)
{
    return s->record;
}

/* The first bytes are there: the head of the reply goes out. */
static void answer(sound *s)
{
    call *c = s->c;
    if (c == NULL)
        return;
    s->c = NULL;
    reply_header(c, "X-Run-Id", modellab_record_run_id(s->record));
    reply_header(c, "Cache-Control", "no-cache");
    if (s->as_events)
        reply_header(c, "X-Accel-Buffering", "no");
    reply_stream(c, 200,
                 s->as_events ? "text/event-stream" : modellab_encoder_media_type(s->format),
                 delivery_stream(s->to));
}

/* Sends what was encoded. */
static bool flush(sound *s)
{
    if (!s->has_more)
        return true;
    s->has_more = false;
    answer(s);
    s->is_gone = !delivery_push(s->to) || s->is_gone;
    return !s->is_gone;
}

MODELLAB_MUST_CHECK static modellab_status begin_file(sound *s)
{
    modellab_encoder_options options = MODELLAB_ENCODER_OPTIONS_INIT;
    if (s->encoder != NULL)
        return MODELLAB_OK;
    options.format = s->format;
    options.rate_hz = s->rate_hz;
    options.write = on_bytes;
    options.user = s;
    return modellab_encoder_create(&options, &s->encoder, &s->said);
}

int32_t sound_take(void *user, const float *samples, size_t count)
{
    sound *s = user;
    s->why = modellab_record_check(s->record, &s->said);
    if (s->why == MODELLAB_OK && s->c != NULL && modellab_cancel_is_set(call_cancel(s->c)) != 0)
        s->is_gone = true;
    if (s->why == MODELLAB_OK && !s->is_gone)
        s->why = begin_file(s);
    if (s->why == MODELLAB_OK && !s->is_gone)
        s->why = modellab_encoder_write(s->encoder, samples, count, &s->said);
    if (s->why != MODELLAB_OK || s->is_gone || !flush(s))
        return 1;
    s->seconds += (double)count / s->rate_hz;
    modellab_record_progress(s->record, s->seconds);
    return 0;
}

/* The end of the run: what was said of it first counts. */
static void end_record(sound *s, delivery_end how)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status ended = MODELLAB_OK;
    if (s->status == MODELLAB_OK && how == DELIVERY_TAKEN)
        ended = modellab_record_finish(s->record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE,
                                       NULL, &err);
    else if (how == DELIVERY_STALLED || how == DELIVERY_GONE)
        ended = modellab_record_finish(s->record, MODELLAB_RUN_CANCELLED,
                                       server_is_draining() ? MODELLAB_REASON_HOST_STOPPED
                                                            : MODELLAB_REASON_CANCELLED_BY_USER,
                                       server_is_draining()      ? "The server stops."
                                       : how == DELIVERY_STALLED ? "The client did not read."
                                                                 : "The client went away.",
                                       &err);
    else if (how == DELIVERY_TAKEN && s->why != MODELLAB_E_CANCELLED &&
             s->why != MODELLAB_E_TIMEOUT && s->why != MODELLAB_E_CAP_EXCEEDED)
        ended = modellab_record_finish(s->record, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_FAILED,
                                       s->said.message, &err);
    if (ended != MODELLAB_OK)
        modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.run_not_ended", err.message);
}

static void end_step(sound *s, modellab_status status, const char *message)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    if (modellab_record_step_end(
            s->record, status == MODELLAB_OK ? MODELLAB_RUN_COMPLETED : MODELLAB_RUN_FAILED,
            message, &err) != MODELLAB_OK)
        modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.run_not_ended", err.message);
}

static void keep(sound *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    size_t bytes = 0;
    const void *whole = delivery_whole(s->to, &bytes);
    if (whole == NULL ||
        modellab_record_add_artifact(s->record, s->name, modellab_encoder_media_type(s->format),
                                     whole, bytes, NULL, &err) != MODELLAB_OK)
        modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.not_kept",
                              whole == NULL ? "it is too much" : err.message);
}

static json_t *done_event(const sound *s)
{
    json_int_t heard = (json_int_t)(s->seconds * TOKENS_A_SECOND + 0.5);
    json_int_t read = (json_int_t)s->characters;
    if (!s->as_events)
        return NULL;
    return json_pack("{s:s, s:{s:I, s:I, s:I}}", "type", "speech.audio.done", "usage",
                     "input_tokens", read, "output_tokens", heard, "total_tokens", read + heard);
}

/* Somebody may cancel the run, or its time be up, while a slow client reads. */
static bool goes_on(void *user)
{
    sound *s = user;
    s->why = modellab_record_check(s->record, &s->said);
    return s->why == MODELLAB_OK;
}

static void settled(void *user, delivery_end how)
{
    sound *s = user;
    if (s->status != MODELLAB_OK && how != DELIVERY_STALLED)
        how = s->is_gone ? DELIVERY_GONE : DELIVERY_TAKEN; /* of what could be heard */
    end_record(s, how);
    drop(s);
}

/* It failed: nothing was heard yet, and an error is the answer; or it breaks off. */
static void fail(sound *s, modellab_status status, const modellab_error *err)
{
    const delivery_owner owner = {.settled = settled, .user = s};
    call *c = s->c;
    s->status = status;
    if (err != &s->said)
        s->said = *err;
    if (c != NULL) {
        end_record(s, s->is_gone ? DELIVERY_GONE : DELIVERY_TAKEN);
        openai_fail(c, s->is_gone ? MODELLAB_E_CANCELLED : status, err, NULL,
                    status == MODELLAB_E_INVALID_ARGUMENT ? "input" : NULL);
        drop(s);
        return;
    }
    modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.broken_off", err->message);
    delivery_finish(
        s->to, true,
        s->as_events && !s->is_gone ? openai_error_json(500, NULL, "internal", err->message) : NULL,
        &owner);
}

void sound_end(sound *s, modellab_status status, const modellab_error *err)
{
    const delivery_owner owner = {.goes_on = goes_on, .settled = settled, .user = s};
    if (status == MODELLAB_OK && s->encoder != NULL)
        status = modellab_encoder_finish(s->encoder, &s->said);
    if (status == MODELLAB_OK && !flush(s))
        status = MODELLAB_E_CALLBACK;
    s->is_gone = s->is_gone || modellab_cancel_is_set(s->cancel) != 0;
    if (s->why != MODELLAB_OK) {
        status = s->why;
        err = &s->said;
    }
    if (status == MODELLAB_OK)
        keep(s);
    end_step(s, status, status == MODELLAB_OK ? NULL : err->message);
    if (status != MODELLAB_OK) {
        fail(s, status, err);
        return;
    }
    answer(s); /* nothing can be said of silence, but that it is */
    delivery_finish(s->to, false, done_event(s), &owner);
}
