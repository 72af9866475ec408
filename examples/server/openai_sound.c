/* One job thread makes the samples and writes here; the network thread takes them. A slow client
 * makes the thread pause (STREAM_BYTES wait); one that takes nothing for a minute is let go. */
#include "openai_sound.h"

#include "openai.h"
#include "reply.h"
#include "stream.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STREAM_BYTES ((size_t)4 << 20)
#define PAUSE_BYTES ((size_t)1 << 20)
#define KEPT_BYTES_MOST ((size_t)64 << 20)
#define EVENT_BYTES 24000u
enum { PATIENCE_MS = 60000, TOKENS_A_SECOND = 50 };

typedef struct bytes {
    unsigned char *data;
    size_t size, room;
} bytes;

struct sound {
    call *c; /* until it is answered */
    modellab_record *record;
    modellab_logger *log;
    modellab_cancel *cancel;
    modellab_encoder *encoder;
    stream *to;
    const char *format;
    int32_t rate_hz;
    bool as_events, is_gone, is_full; /* full: too much to be kept */
    char name[24];
    size_t characters;
    double seconds;
    bytes piece, kept;
    modellab_status why; /* of the record's check, or of an encoder */
    modellab_error said;
};

static bool append(bytes *b, const void *data, size_t count)
{
    if (b->room - b->size < count) {
        size_t room = b->room > 0 ? b->room : 4096;
        while (room - b->size < count)
            room *= 2;
        unsigned char *grown = realloc(b->data, room);
        if (grown == NULL)
            return false;
        b->data = grown;
        b->room = room;
    }
    memcpy(b->data + b->size, data, count);
    b->size += count;
    return true;
}

static void on_gone(void *user)
{
    modellab_cancel_set(user);
}

static int32_t on_bytes(void *user, const void *data, size_t count)
{
    sound *s = user;
    s->is_full = s->is_full || s->kept.size + count > KEPT_BYTES_MOST;
    if (!s->is_full && !append(&s->kept, data, count))
        s->is_full = true;
    return append(&s->piece, data, count) ? 0 : 1;
}

sound *sound_create(call *c, modellab_record *owned, const char *format, int32_t rate_hz,
                    bool as_events, size_t characters)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    sound *s = calloc(1, sizeof *s);
    stream *to = stream_create(STREAM_BYTES);
    modellab_cancel *cancel = NULL;
    if (s == NULL || to == NULL || modellab_cancel_create(NULL, &cancel, &err) != MODELLAB_OK) {
        free(s);
        stream_unref(to);
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
    stream_watch(to, on_gone, cancel);
    return s;
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
                 stream_ref(s->to));
}

/* Holds the maker up while much waits. False: the client is gone, or takes nothing. */
static bool wait_for_room(const sound *s)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    int64_t since = text_now_ms();
    size_t before = stream_waiting(s->to);
    while (stream_waiting(s->to) > PAUSE_BYTES) {
        if (stream_is_gone(s->to) || text_now_ms() - since > PATIENCE_MS)
            return false;
        (void)nanosleep(&nap, NULL); /* cut short is fine */
        if (stream_waiting(s->to) < before) {
            before = stream_waiting(s->to);
            since = text_now_ms();
        }
    }
    return !stream_is_gone(s->to);
}

static char *base64(const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *at = text;
    for (size_t i = 0; text != NULL && i < size; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= i + 2 < size ? (uint32_t)data[i + 2] : 0;
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *at++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    if (text != NULL)
        *at = '\0';
    return text;
}

static bool send_events(sound *s)
{
    for (size_t at = 0; at < s->piece.size; at += EVENT_BYTES) {
        size_t left = s->piece.size - at;
        char *text = base64(s->piece.data + at, left < EVENT_BYTES ? left : EVENT_BYTES);
        json_t *event = text != NULL
                            ? json_pack("{s:s, s:s}", "type", "speech.audio.delta", "audio", text)
                            : NULL;
        free(text);
        if (!openai_event(s->to, event))
            return false;
    }
    return true;
}

/* Sends what was encoded. */
static bool flush(sound *s)
{
    if (s->piece.size == 0)
        return true;
    answer(s);
    bool good = wait_for_room(s);
    if (good)
        good = s->as_events ? send_events(s) : stream_write(s->to, s->piece.data, s->piece.size);
    s->piece.size = 0;
    s->is_gone = s->is_gone || !good;
    return good;
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
static void end_record(sound *s, modellab_status status, const modellab_error *err)
{
    modellab_error ignored = MODELLAB_ERROR_INIT;
    modellab_status kept = MODELLAB_OK;
    if (status == MODELLAB_OK && !s->is_full)
        kept =
            modellab_record_add_artifact(s->record, s->name, modellab_encoder_media_type(s->format),
                                         s->kept.data, s->kept.size, NULL, &ignored);
    if (kept != MODELLAB_OK || s->is_full)
        modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.not_kept", ignored.message);
    kept = modellab_record_step_end(
        s->record, status == MODELLAB_OK ? MODELLAB_RUN_COMPLETED : MODELLAB_RUN_FAILED,
        err->message, &ignored);
    if (kept == MODELLAB_OK && status == MODELLAB_OK)
        kept = modellab_record_finish(s->record, MODELLAB_RUN_COMPLETED, MODELLAB_REASON_NONE, NULL,
                                      &ignored);
    else if (kept == MODELLAB_OK && s->is_gone)
        kept = modellab_record_finish(s->record, MODELLAB_RUN_CANCELLED,
                                      MODELLAB_REASON_CANCELLED_BY_USER, "The client went away.",
                                      &ignored);
    else if (kept == MODELLAB_OK && s->why != MODELLAB_E_CANCELLED &&
             s->why != MODELLAB_E_TIMEOUT && s->why != MODELLAB_E_CAP_EXCEEDED)
        kept = modellab_record_finish(s->record, MODELLAB_RUN_FAILED, MODELLAB_REASON_HOST_FAILED,
                                      err->message, &ignored);
    if (kept != MODELLAB_OK)
        modellab_logger_write(s->log, MODELLAB_LOG_WARN, "speech.run_not_ended", ignored.message);
    modellab_record_destroy(s->record); /* one that is not finished ends as its check said */
}

static void say_done(sound *s)
{
    json_int_t heard = (json_int_t)(s->seconds * TOKENS_A_SECOND + 0.5);
    json_int_t read = (json_int_t)s->characters;
    if (s->as_events &&
        !openai_event(s->to, json_pack("{s:s, s:{s:I, s:I, s:I}}", "type", "speech.audio.done",
                                       "usage", "input_tokens", read, "output_tokens", heard,
                                       "total_tokens", read + heard)))
        modellab_logger_write(s->log, MODELLAB_LOG_INFO, "speech.client_gone", "at its end");
}

void sound_end(sound *s, modellab_status status, const modellab_error *err)
{
    call *c = s->c;
    if (status == MODELLAB_OK && s->encoder != NULL)
        status = modellab_encoder_finish(s->encoder, &s->said);
    if (status == MODELLAB_OK && !flush(s))
        status = MODELLAB_E_CALLBACK;
    s->is_gone = s->is_gone || modellab_cancel_is_set(s->cancel) != 0;
    if (s->why != MODELLAB_OK) {
        status = s->why;
        err = &s->said;
    }
    c = s->c; /* NULL: the head has gone out */
    end_record(s, status, err);
    if (c != NULL) {
        openai_fail(c, s->is_gone ? MODELLAB_E_CANCELLED : status, err, NULL,
                    status == MODELLAB_E_INVALID_ARGUMENT ? "input" : NULL);
    } else if (status == MODELLAB_OK) {
        say_done(s);
    } else if (s->as_events && !s->is_gone) {
        if (!openai_event(s->to, openai_error_json(500, NULL, "internal", err->message)))
            modellab_logger_write(s->log, MODELLAB_LOG_INFO, "speech.client_gone", "at its end");
    }
    stream_unwatch(s->to);
    stream_end(s->to);
    stream_unref(s->to);
    modellab_encoder_destroy(s->encoder);
    modellab_cancel_unref(s->cancel);
    modellab_logger_unref(s->log);
    free(s->piece.data);
    free(s->kept.data);
    free(s);
}
