/* Frames of server-sent events, and their place between hub and stream. */
#include "sse.h"

#include "call_private.h"
#include "lease.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include "settings.h"
#include "text.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "retry: 2000\n\n"
#define LAST(why) "retry: 2000\nevent: end\ndata: {\"reason\":\"" why "\"}\n\n"

typedef struct client {
    stream *to;
    lease *place;
    modellab_logger *log;
    const char *operation; /* static */
    const char *why;       /* static; NULL = its client has gone */
    int64_t events;
    _Atomic bool key_ended;
    bool cursors;
    int64_t number; /* in the hub */
} client;

/* Under the stream's lock: its client is gone. */
static void on_gone(void *user)
{
    const client *one = user;
    hub_leave(one->number);
}

/* On the thread of leases. */
static void on_key_end(void *user, const char *why)
{
    client *one = user;
    char text[128];
    atomic_store(&one->key_ended, true);
    (void)snprintf(text, sizeof text, LAST("key_%s"), why);
    stream_say_end(one->to, text);
}

static void on_drain(void *user)
{
    (void)user;
    hub_wake();
}

/* Text with a field's name before each of its lines. */
static char *put_field(char *to, const char *name, const char *text, size_t bytes)
{
    size_t name_bytes = strlen(name);
    const char *end = text + bytes;
    for (;;) {
        const char *line = text;
        while (text < end && *text != '\n' && *text != '\r')
            text++;
        memcpy(to, name, name_bytes);
        memcpy(to + name_bytes, line, (size_t)(text - line));
        to += name_bytes + (size_t)(text - line);
        *to++ = '\n';
        if (text == end)
            return to;
        text++;
    }
}

static bool take_event(void *user, const modellab_event_info *e, const char *json, size_t bytes)
{
    client *one = user;
    char head[128];
    int head_bytes = snprintf(head, sizeof head,
                              one->cursors ? "id: e%lld\nevent: %s\n" : "id: %lld\nevent: %s\n",
                              (long long)(one->cursors ? e->sequence : e->number), e->type);
    if (head_bytes < 0 || head_bytes >= (int)sizeof head)
        return false;
    /* at worst each byte is a line of its own */
    char *frame = malloc((size_t)head_bytes + 8 * (bytes + 1) + 1);
    if (frame == NULL)
        return false;
    memcpy(frame, head, (size_t)head_bytes);
    char *end = put_field(frame + head_bytes, "data: ", json, bytes);
    *end++ = '\n';
    bool taken = stream_write(one->to, frame, (size_t)(end - frame));
    free(frame);
    one->events += taken;
    return taken;
}

static bool take_idle(void *user)
{
    client *one = user;
    return stream_write(one->to, ":\n\n", 3);
}

static size_t count_waiting(void *user)
{
    client *one = user;
    return stream_waiting(one->to);
}

static void take_end(void *user, hub_end why)
{
    client *one = user;
    one->why = why == HUB_GONE ? "the run was deleted" : "the run has ended"; /* told: 404, 204 */
    stream_end(one->to);
}

static bool is_gone(void *user)
{
    client *one = user;
    return stream_is_gone(one->to);
}

/* Why and with what it ended, with the ids of its request. */
static void log_end(client *one)
{
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    bool stalled = stream_is_stalled(one->to);
    const char *why = atomic_load(&one->key_ended) ? "its key is not good any more"
                      : stalled                    ? "the client takes nothing"
                      : one->why != NULL           ? one->why
                      : server_is_draining()       ? "the server stops"
                                                   : "the client has gone";
    const modellab_log_field fields[] = {
        {.key = "operation", .text = one->operation, .type = MODELLAB_LOG_STRING},
        {.key = "end", .text = why, .type = MODELLAB_LOG_STRING},
        {.key = "events", .integer = one->events, .type = MODELLAB_LOG_INT},
    };
    if (stalled)
        lease_count_stalled();
    record.level = MODELLAB_LOG_INFO;
    record.event = "events.end";
    record.message = "stream of events ends";
    record.fields = fields;
    record.field_count = sizeof fields / sizeof fields[0];
    modellab_logger_log(one->log, &record);
}

static void client_destroy(client *one)
{
    lease_give_back(one->place);
    modellab_logger_unref(one->log);
    stream_unref(one->to);
    free(one);
}

static void release(void *user)
{
    client *one = user;
    lease_watch(one->place, NULL, NULL);
    stream_unwatch(one->to);
    stream_on_drain(one->to, NULL, NULL);
    stream_end(one->to); /* what waits still goes out */
    log_end(one);
    client_destroy(one);
}

/* NULL: has replied. */
static client *client_create(call *c, bool cursors)
{
    client *one = calloc(1, sizeof *one);
    stream *to = stream_create(0);
    if (one != NULL && to != NULL) {
        one->to = to;
        one->cursors = cursors;
        one->number = hub_number();
        one->operation = c->op->id;
        one->log = modellab_logger_ref(call_log(c));
        one->place = lease_take(c);
        if (one->place != NULL)
            return one;
        client_destroy(one);
        return NULL;
    }
    stream_unref(to);
    free(one);
    reply_problem(c, 500, "internal", "out of memory");
    return NULL;
}

void sse_reply(call *c, const hub_wish *wish, bool cursors)
{
    static const hub_taker taker = {take_event, take_idle, count_waiting,
                                    take_end,   is_gone,   release};
    client *one = client_create(c, cursors);
    if (one == NULL)
        return;
    stream *to = stream_ref(one->to); /* the reply's */
    stream_farewell(to, LAST("server_stops"));
    stream_set_limit(to, server_settings.send_ms);
    lease_watch(one->place, on_key_end, one);
    stream_on_drain(to, on_drain, NULL);
    stream_watch(to, on_gone, one);
    if (!stream_write(to, FIRST, sizeof FIRST - 1) ||
        !hub_join(call_lab(c), one->number, wish, &taker, one)) {
        release(one);
        stream_unref(to);
        reply_problem(c, 503, "unavailable", "the server stops, or is out of memory");
        return;
    }
    /* the hub has it, and may have released it by now */
    reply_header(c, "Cache-Control", "no-cache");
    reply_stream(c, 200, "text/event-stream", to);
}

bool sse_read_cursor(const char *text, int64_t *sequence)
{
    return text[0] == 'e' && strlen(text) <= 19 &&
           text_number(text + 1, strlen(text + 1), sequence);
}
