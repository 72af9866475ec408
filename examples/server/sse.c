/* Frames of server-sent events, and their place between hub and stream. */
#include "sse.h"

#include "problem.h"
#include "reply.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST "retry: 2000\n\n"

typedef struct client {
    stream *to;
    bool cursors;
    int64_t number; /* in the hub */
} client;

/* Under the stream's lock: its client is gone. */
static void on_gone(void *user)
{
    const client *one = user;
    hub_leave(one->number);
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
    (void)why; /* a client that comes again is told: 204, 404 */
    stream_end(one->to);
}

static bool is_gone(void *user)
{
    client *one = user;
    return stream_is_gone(one->to);
}

static void release(void *user)
{
    client *one = user;
    stream_unwatch(one->to);
    stream_on_drain(one->to, NULL, NULL);
    stream_end(one->to); /* what waits still goes out */
    stream_unref(one->to);
    free(one);
}

static client *client_create(bool cursors)
{
    client *one = calloc(1, sizeof *one);
    stream *to = stream_create(0);
    if (one != NULL && to != NULL) {
        one->to = to;
        one->cursors = cursors;
        one->number = hub_number();
        return one;
    }
    stream_unref(to);
    free(one);
    return NULL;
}

void sse_reply(call *c, const hub_wish *wish, bool cursors)
{
    static const hub_taker taker = {take_event, take_idle, count_waiting,
                                    take_end,   is_gone,   release};
    client *one = client_create(cursors);
    if (one == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    stream *to = stream_ref(one->to); /* the reply's */
    stream_farewell(to, FIRST);
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
    reply_header(c, "X-Accel-Buffering", "no");
    reply_stream(c, 200, "text/event-stream", to);
}

bool sse_read_cursor(const char *text, int64_t *sequence)
{
    return text[0] == 'e' && strlen(text) <= 19 &&
           text_number(text + 1, strlen(text + 1), sequence);
}
