/* Live transcription over a WebSocket: PCM16 in, partial and final results out. docs/live.md tells
 * the messages. */
#include "call.h"
#include "jobs.h"
#include "live.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "settings.h"
#include "text.h"
#include "websocket.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MOST (256u * 1024u)
#define DETECTOR "silero-vad-v6"

/* One client. The stream calls it until it has been destroyed. */
typedef struct listener {
    pthread_mutex_t lock;
    websocket *socket; /* referenced; NULL until it is open and after it has closed */
    modellab_live *live;
    char model[128];
    int64_t rate;
    /* The socket's thread: what the queue had no room for. */
    char *pending;
    size_t pending_bytes;
    bool ends;            /* when that has gone */
    atomic_bool stopping; /* the server is */
} listener;

static _Atomic int streams;

/* Models stay open: the next client does not wait for them. */
static struct {
    pthread_mutex_t lock;
    struct open_model {
        char name[128];
        modellab_model *model;
    } * items; /* as many as the settings say; NULL before the first one */
    size_t next;
} models = {.lock = PTHREAD_MUTEX_INITIALIZER};

static modellab_status open_model(const char *name, modellab_model **out, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t at = 0, most = (size_t)server_settings.live_models;
    *out = NULL;
    (void)pthread_mutex_lock(&models.lock);
    if (models.items == NULL)
        models.items = calloc(most, sizeof *models.items);
    if (models.items == NULL) {
        (void)pthread_mutex_unlock(&models.lock);
        return MODELLAB_E_NO_MEMORY;
    }
    while (at < most && strcmp(models.items[at].name, name) != 0)
        at++;
    if (at == most) {
        modellab_model *model = NULL;
        status = modellab_model_open(name, NULL, &model, err);
        if (status == MODELLAB_OK) {
            at = models.next++ % most;
            modellab_model_unref(models.items[at].model);
            models.items[at].model = model;
            (void)strncpy(models.items[at].name, name, sizeof models.items[at].name - 1);
        }
    }
    if (status == MODELLAB_OK)
        *out = modellab_model_ref(models.items[at].model);
    (void)pthread_mutex_unlock(&models.lock);
    return status;
}

void live_stop(void)
{
    (void)pthread_mutex_lock(&models.lock);
    for (size_t i = 0; models.items != NULL && i < (size_t)server_settings.live_models; i++)
        modellab_model_unref(models.items[i].model);
    free(models.items);
    models.items = NULL;
    (void)pthread_mutex_unlock(&models.lock);
}

static websocket *socket_of(listener *one)
{
    (void)pthread_mutex_lock(&one->lock);
    websocket *w = one->socket != NULL ? websocket_ref(one->socket) : NULL;
    (void)pthread_mutex_unlock(&one->lock);
    return w;
}

/* Sends an object, which is given back. */
static bool send_json(websocket *w, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    bool sent = text != NULL && w != NULL && websocket_send(w, text, strlen(text));
    free(text);
    json_decref(object);
    return sent;
}

static json_t *words_of(const modellab_transcript *text, const modellab_segment *segment)
{
    json_t *words = json_array();
    for (int64_t i = 0; i < segment->word_count; i++) {
        modellab_word w = {.size = sizeof w};
        if (modellab_transcript_word_at(text, segment->first_word + i, &w, NULL) == MODELLAB_OK &&
            json_array_append_new(words,
                                  json_pack("{s:f, s:f, s:s, s:f}", "start", w.start, "end", w.end,
                                            "word", w.text, "probability", w.probability)) != 0) {
            json_decref(words);
            return NULL;
        }
    }
    return words;
}

static json_t *segments_of(const modellab_transcript *text)
{
    modellab_transcript_info info = {.size = sizeof info};
    json_t *segments = json_array();
    if (text == NULL || modellab_transcript_get_info(text, &info, NULL) != MODELLAB_OK)
        return segments;
    for (int64_t i = 0; i < info.segment_count; i++) {
        modellab_segment s = {.size = sizeof s};
        if (modellab_transcript_segment_at(text, i, &s, NULL) != MODELLAB_OK)
            continue; /* the index is one of its own */
        json_t *item = json_pack("{s:I, s:f, s:f, s:s}", "id", (json_int_t)s.id, "start", s.start,
                                 "end", s.end, "text", s.text);
        if (item != NULL && s.word_count > 0 &&
            json_object_set_new(item, "words", words_of(text, &s)) != 0) {
            json_decref(item);
            item = NULL;
        }
        if (json_array_append_new(segments, item) != 0) {
            json_decref(segments);
            return NULL;
        }
    }
    return segments;
}

static void tell_end(listener *one, websocket *w, const modellab_live_event *e)
{
    unsigned code = WEBSOCKET_FAILED;
    if (e->status == MODELLAB_OK || e->status == MODELLAB_E_CANCELLED ||
        e->status == MODELLAB_E_RUN_FINAL)
        code = WEBSOCKET_DONE;
    else if (e->status == MODELLAB_E_TIMEOUT || e->status == MODELLAB_E_CAP_EXCEEDED ||
             e->status == MODELLAB_E_LIMIT)
        code = WEBSOCKET_TOO_LONG;
    bool stopping = atomic_load(&one->stopping);
    const char *text = stopping ? "the server stops: what was said until now is kept" : e->text;
    if (stopping)
        code = WEBSOCKET_STOPS;
    (void)send_json(w, json_pack("{s:s, s:s, s:I, s:f, s:s}", "type", "end", "status",
                                 modellab_status_name(e->status), "finals", (json_int_t)e->index,
                                 "seconds", e->end, "message", text));
    websocket_close(w, code,
                    stopping                   ? "the server stops"
                    : e->status == MODELLAB_OK ? "all is said"
                                               : e->text);
}

/* On the stream's thread. */
static int32_t hear(void *user, const modellab_live_event *e)
{
    static const char *const kinds[] = {"", "partial", "final", "delay"};
    listener *one = user;
    websocket *w = socket_of(one);
    bool sent = true;
    if (w == NULL)
        return e->kind == MODELLAB_LIVE_END ? 0 : 1; /* nobody listens any more */
    if (e->kind == MODELLAB_LIVE_END) {
        tell_end(one, w, e);
    } else {
        json_t *message = json_pack("{s:s, s:I, s:f, s:f, s:f, s:s}", "type", kinds[e->kind],
                                    "index", (json_int_t)e->index, "start", e->start, "end", e->end,
                                    "delay_seconds", e->delay_seconds, "text", e->text);
        if (message != NULL && e->kind == MODELLAB_LIVE_FINAL &&
            json_object_set_new(message, "segments", segments_of(e->transcript)) != 0) {
            json_decref(message);
            message = NULL;
        }
        sent = send_json(w, message);
        if (!sent && e->kind != MODELLAB_LIVE_FINAL)
            sent = true; /* what does not count is left out for a slow client */
        if (!sent)
            websocket_close(w, WEBSOCKET_FAILED, "the client is too slow");
    }
    websocket_unref(w);
    return sent ? 0 : 1;
}

/* Waits for the stream's thread: on a job. */
static void destroy(void *user)
{
    listener *one = user;
    modellab_live_destroy(one->live);
    (void)pthread_mutex_destroy(&one->lock);
    free(one->pending);
    free(one);
    atomic_fetch_sub(&streams, 1);
}

static void opened(websocket *w, void *user)
{
    listener *one = user;
    (void)pthread_mutex_lock(&one->lock);
    one->socket = websocket_ref(w);
    (void)pthread_mutex_unlock(&one->lock);
    (void)send_json(w, json_pack("{s:s, s:s, s:s, s:I, s:s}", "type", "ready", "run_id",
                                 modellab_live_run_id(one->live), "model", one->model, "rate",
                                 (json_int_t)one->rate, "format", "pcm16"));
}

/* Audio; while the queue is full nothing more is read from the client. */
static void take_binary(websocket *w, void *user, const void *data, size_t bytes)
{
    listener *one = user;
    if (one->pending != NULL || /* one message was on its way when it was paused */
        modellab_live_push(one->live, data, bytes, NULL) == MODELLAB_E_BUSY) {
        char *grown = realloc(one->pending, one->pending_bytes + bytes + 1);
        if (grown == NULL || one->pending_bytes > 4 * MESSAGE_MOST) {
            free(grown);
            if (grown != NULL)
                one->pending = NULL;
            websocket_close(w, WEBSOCKET_FAILED, "out of memory");
            return;
        }
        memcpy(grown + one->pending_bytes, data, bytes);
        one->pending = grown;
        one->pending_bytes += bytes;
        websocket_pause(w, true);
    } /* other refusals come with its END */
}

static void try_again(websocket *w, void *user)
{
    listener *one = user;
    size_t at = 0;
    modellab_status status = MODELLAB_OK;
    while (at < one->pending_bytes && status != MODELLAB_E_BUSY) {
        size_t part = one->pending_bytes - at < 8192 ? one->pending_bytes - at : 8192;
        status = modellab_live_push(one->live, one->pending + at, part, NULL);
        at += status != MODELLAB_E_BUSY ? part : 0;
    }
    memmove(one->pending, one->pending + at, one->pending_bytes - at);
    one->pending_bytes -= at;
    if (one->pending_bytes > 0)
        return;
    free(one->pending);
    one->pending = NULL;
    websocket_pause(w, false);
    if (one->ends)
        modellab_live_end(one->live);
}

/* No more audio, behind what still waits here. */
static void end_it(listener *one)
{
    one->ends = true;
    if (one->pending == NULL)
        modellab_live_end(one->live);
}

static void take_text(websocket *w, void *user, const char *text, size_t bytes)
{
    listener *one = user;
    json_t *message = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *action = json_string_value(json_object_get(message, "action"));
    if (action != NULL && strcmp(action, "end") == 0)
        end_it(one);
    else if (action != NULL && strcmp(action, "cancel") == 0)
        modellab_live_cancel(one->live);
    else if (!send_json(w, json_pack("{s:s, s:s}", "type", "error", "message",
                                     "audio comes in binary messages, action is end or cancel")))
        websocket_close(w, WEBSOCKET_FAILED, "the client is too slow");
    json_decref(message);
}

static void closed(websocket *w, void *user)
{
    listener *one = user;
    (void)w;
    (void)pthread_mutex_lock(&one->lock);
    websocket *held = one->socket;
    one->socket = NULL;
    (void)pthread_mutex_unlock(&one->lock);
    websocket_unref(held);
    if (atomic_load(&one->stopping))
        modellab_live_stop(one->live, "The server stopped before the stream had ended.");
    else
        modellab_live_cancel(one->live);
    if (!job_run(destroy, one))
        destroy(one);
}

/* The server drains: what was said until now is recognised and kept. */
static void stops(websocket *w, void *user)
{
    listener *one = user;
    (void)w;
    atomic_store(&one->stopping, true);
    end_it(one);
}

static const websocket_handler handler = {.open = opened,
                                          .text = take_text,
                                          .binary = take_binary,
                                          .tick = try_again,
                                          .stops = stops,
                                          .closed = closed,
                                          .most = MESSAGE_MOST,
                                          .lasts = true};

/* Starts the stream and its run. False: has replied. */
static bool start(call *c, listener *one, const char *language)
{
    modellab_live_options options = MODELLAB_LIVE_OPTIONS_INIT;
    modellab_record_options record = MODELLAB_RECORD_OPTIONS_INIT;
    modellab_asr_options asr = MODELLAB_ASR_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = open_model(one->model, &options.asr, &err);
    if (status == MODELLAB_OK)
        status = open_model(DETECTOR, &options.vad, &err);
    asr.language = language;
    asr.threads = 1;
    options.callback = hear;
    options.user = one;
    options.rate_hz = (int32_t)one->rate;
    options.asr_options = &asr;
    options.lab = call_lab(c);
    options.record = &record;
    record.user = call_user(c);
    record.request_id = call_request_id(c);
    record.trace_parent = call_trace_parent(c);
    record.trace_state = call_trace_state(c);
    if (status == MODELLAB_OK)
        status = modellab_live_open(&options, &one->live, &err);
    modellab_model_unref(options.asr);
    modellab_model_unref(options.vad);
    if (status == MODELLAB_E_UNSUPPORTED_MODEL)
        reply_invalid(c, "?model", err.message);
    else if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    return status == MODELLAB_OK;
}

/* A name of an installed model, never a path. */
static bool is_name(const char *text)
{
    return text[0] != '.' && strlen(text) < sizeof((listener *)0)->model &&
           text[strspn(
               text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")] == '\0';
}

static void connect_live(call *c)
{
    const char *model = call_query(c, "model"), *language = call_query(c, "language");
    int64_t rate;
    model = model != NULL && model[0] != '\0' ? model : "whisper-tiny.en";
    if (!websocket_is_asked(c) || !call_query_int(c, "rate", 8000, 48000, 16000, &rate))
        return;
    if (!is_name(model)) {
        reply_problem(c, 404, "not-found", "there is no such model");
        return;
    }
    if (atomic_fetch_add(&streams, 1) >= server_settings.live_streams) {
        atomic_fetch_sub(&streams, 1);
        reply_later(c, 503, "unavailable", "there are as many live streams as can be", 5);
        return;
    }
    listener *one = calloc(1, sizeof *one);
    if (one == NULL || pthread_mutex_init(&one->lock, NULL) != 0) {
        reply_problem(c, 500, "internal", "out of memory");
        free(one);
        atomic_fetch_sub(&streams, 1);
        return;
    }
    (void)strncpy(one->model, model, sizeof one->model - 1);
    one->rate = rate;
    if (!start(c, one, language) || !websocket_accept(c, &handler, one))
        destroy(one);
}

static const operation table[] = {
    {.id = "connectLive",
     .method = "GET",
     .path = "/api/v1/live",
     .scope = "runs:write",
     .run = connect_live},
};
OPERATION_TABLE(ops_live);
