/* Replies from the operation to the wire: the headers that all have, then libmicrohttpd, or the
 * socket itself where the body of the request was not read to its end. */
#include "reply.h"

#include "call_private.h"
#include "counters.h"
#include "problem.h"
#include "server.h"
#include "text.h"
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_LIMIT_MS 60000
#define SLOWEST_BYTES_A_MS 1 /* who reads more slowly than 1 KB/s is let go */

void reply_header(call *c, const char *name, const char *value)
{
    size_t name_bytes = strlen(name) + 1, value_bytes = strlen(value) + 1;
    reply_line *line = malloc(sizeof *line + name_bytes + value_bytes);
    if (line == NULL)
        return; /* a reply without it is better than none */
    line->next = NULL;
    line->name = (char *)(line + 1);
    line->value = line->name + name_bytes;
    memcpy(line->name, name, name_bytes);
    memcpy(line->value, value, value_bytes);
    for (char *at = line->value; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' '; /* no line ends from anywhere */
    *(c->reply.last_line != NULL ? &c->reply.last_line->next : &c->reply.lines) = line;
    c->reply.last_line = line;
}

const char *reply_line_value(const call *c, const char *name)
{
    for (const reply_line *line = c->reply.lines; line != NULL; line = line->next)
        if (text_same(line->name, name))
            return line->value;
    return NULL;
}

void reply_location(call *c, const char *path)
{
    reply_header(c, "Location", path);
}

void reply_tagged(call *c)
{
    c->tagged = true;
}

bool reply_done(const call *c)
{
    return c->replied;
}

/* Everything but the lines. */
static void free_body(call_reply *reply)
{
    free(reply->type);
    free(reply->bytes);
    modellab_buffer_destroy(reply->buffer);
    if (reply->kind == REPLY_STREAM)
        stream_gone(reply->lasting);
    if (reply->kind == REPLY_FILE && reply->file.release != NULL)
        reply->file.release(reply->file.user);
    if (reply->kind == REPLY_UPGRADE)
        upgrade_abandon(&reply->upgrading);
}

void reply_free(call_reply *reply)
{
    free_body(reply);
    for (reply_line *line = reply->lines, *next; line != NULL; line = next) {
        next = line->next;
        free(line);
    }
    *reply = (call_reply){.kind = REPLY_NONE};
}

bool reply_commit(call *c, call_reply *reply)
{
    (void)pthread_mutex_lock(&c->lock);
    bool first = !c->replied, wakes = first && !c->in_run;
    if (first) {
        reply->lines = c->reply.lines;
        reply->last_line = c->reply.last_line;
        c->reply = *reply;
        c->replied = true;
    }
    (void)pthread_mutex_unlock(&c->lock);
    if (!first) {
        call_note(c, MODELLAB_LOG_ERROR, "http.twice", "an operation replied twice", "operation",
                  c->op != NULL ? c->op->id : NULL);
        free_body(reply);
    } else if (wakes) {
        call_resume(c);
    }
    return first;
}

static void common_lines(call *c)
{
    char timing[80];
    int64_t now = text_now_ms();
    reply_header(c, "X-Request-Id", c->request_id);
    if (c->trace_parent[0] != '\0')
        reply_header(c, "traceparent", c->trace_parent);
    reply_header(c, "API-Version", "1");
    reply_header(c, "Accept-Version", "1");
    reply_header(c, "X-Content-Type-Options", "nosniff");
    (void)snprintf(timing, sizeof timing, "wait;dur=%lld, run;dur=%lld",
                   (long long)(c->run_ms > 0 ? c->run_ms - c->began_ms : now - c->began_ms),
                   (long long)(c->run_ms > 0 ? now - c->run_ms : 0));
    reply_header(c, "Server-Timing", timing);
    if (reply_line_value(c, "Cache-Control") == NULL)
        reply_header(c, "Cache-Control",
                     reply_line_value(c, "ETag") != NULL ? "no-cache" : "no-store");
    if (c->origin != NULL) {
        reply_header(c, "Access-Control-Allow-Origin", c->origin);
        reply_header(
            c, "Access-Control-Expose-Headers",
            "API-Version, Deprecation, ETag, Idempotency-Replayed, Link, Location, RateLimit, "
            "RateLimit-Policy, Retry-After, Server-Timing, Sunset, X-Request-Id");
        if (strcmp(c->method, "OPTIONS") == 0) {
            reply_header(c, "Access-Control-Allow-Headers",
                         "Accept, Accept-Version, Authorization, Content-Type, Idempotency-Key, "
                         "If-Match, If-None-Match, Last-Event-ID, Prefer, Range, traceparent, "
                         "tracestate, X-Request-Id");
            reply_header(c, "Access-Control-Max-Age", "600");
        }
    }
    reply_header(c, "Vary", "Accept-Encoding, Origin");
    if (c->op != NULL && c->op->deprecation != NULL) {
        const deprecation *old = c->op->deprecation;
        char text[200], date[30];
        (void)snprintf(text, sizeof text, "@%lld", (long long)old->since);
        reply_header(c, "Deprecation", text);
        text_date(old->sunset, date);
        reply_header(c, "Sunset", date);
        (void)snprintf(text, sizeof text,
                       "<%s>; rel=\"successor-version\", "
                       "</api/v1/openapi.json>; rel=\"deprecation\"",
                       old->successor);
        reply_header(c, "Link", text);
    }
}

/* Whole, on the socket itself; the connection ends with it. */
static enum MHD_Result send_direct(call *c)
{
    const char *body =
        c->reply.kind == REPLY_BUFFER ? modellab_buffer_data(c->reply.buffer) : c->reply.bytes;
    const union MHD_ConnectionInfo *socket =
        MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    size_t room = 256 + c->reply.byte_count, at = 0;
    for (const reply_line *line = c->reply.lines; line != NULL; line = line->next)
        room += strlen(line->name) + strlen(line->value) + 4;
    char *text = malloc(room);
    if (text == NULL || socket == NULL || c->reply.kind > REPLY_BUFFER) {
        free(text);
        return MHD_NO; /* the connection is broken off */
    }
    const char *phrase = MHD_get_reason_phrase_for((unsigned)c->reply.http);
    at += (size_t)snprintf(text, room, "HTTP/1.1 %d %s\r\nConnection: close\r\n", c->reply.http,
                           phrase != NULL ? phrase : "Error");
    for (const reply_line *line = c->reply.lines; line != NULL; line = line->next)
        at += (size_t)snprintf(text + at, room - at, "%s: %s\r\n", line->name, line->value);
    at +=
        (size_t)snprintf(text + at, room - at, "Content-Length: %zu\r\n\r\n", c->reply.byte_count);
    if (c->reply.byte_count > 0 && strcmp(c->method, "HEAD") != 0) {
        memcpy(text + at, body, c->reply.byte_count);
        at += c->reply.byte_count;
    }
    linger_reply(socket->connect_fd, text, at);
    free(text);
    c->bytes_out = (int64_t)c->reply.byte_count;
    return MHD_NO; /* libmicrohttpd closes its own descriptor */
}

static void free_bytes(void *bytes)
{
    free(bytes);
}

static void free_buffer(void *buffer)
{
    modellab_buffer_destroy(buffer);
}

/* The response of libmicrohttpd takes over what the reply holds. NULL: out of memory. */
static struct MHD_Response *build(call *c)
{
    struct MHD_Response *response = NULL;
    switch (c->reply.kind) {
    case REPLY_FILE:
        return ranges_response(c);
    case REPLY_STREAM:
        return stream_response(c->reply.lasting, c);
    case REPLY_UPGRADE:
        return upgrade_response(c);
    case REPLY_BUFFER:
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            c->reply.byte_count, (void *)(uintptr_t)modellab_buffer_data(c->reply.buffer),
            free_buffer, c->reply.buffer);
        if (response != NULL)
            c->reply.buffer = NULL;
        return response;
    default:
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            c->reply.byte_count, c->reply.bytes, free_bytes, c->reply.bytes);
        if (response != NULL)
            c->reply.bytes = NULL;
        return response;
    }
}

enum MHD_Result reply_send(call *c)
{
    bool unread = c->body.closes || (c->body.present && !c->body.complete);
    int64_t size = c->reply.kind == REPLY_FILE ? c->reply.last - c->reply.first + 1
                                               : (int64_t)c->reply.byte_count;
    bool lasts = c->reply.kind == REPLY_STREAM || c->reply.kind == REPLY_UPGRADE;
    c->phase = CALL_REPLYING;
    c->sent_http = c->reply.http;
    connection_answers(c->link);
    common_lines(c);
    if (c->reply.type != NULL)
        reply_header(c, "Content-Type", c->reply.type);
    if (server_is_leaving() && !lasts && !unread)
        reply_header(c, "Connection", "close");
    if (!connection_enter(c->link, lasts ? CONNECTION_WORK : CONNECTION_REPLY,
                          lasts ? 0 : REPLY_LIMIT_MS + size / SLOWEST_BYTES_A_MS))
        return MHD_NO;
    if (unread)
        return send_direct(c);
    struct MHD_Response *response = build(c);
    if (response == NULL)
        return MHD_NO;
    for (const reply_line *line = c->reply.lines; line != NULL; line = line->next)
        if (MHD_add_response_header(response, line->name, line->value) != MHD_YES)
            call_note(c, MODELLAB_LOG_ERROR, "http.header", "a header could not be sent", "name",
                      line->name);
    c->bytes_out = size;
    enum MHD_Result queued = MHD_queue_response(c->mhd, (unsigned)c->reply.http, response);
    MHD_destroy_response(response);
    return queued;
}

void reply_json(call *c, int http, json_t *owned)
{
    char *text = owned != NULL ? json_dumps(owned, JSON_COMPACT) : NULL;
    json_decref(owned);
    if (text == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    else
        reply_bytes_owned(c, http, "application/json", text, strlen(text), NULL);
}

void reply_bytes(call *c, int http, const char *type, const void *copied, size_t bytes)
{
    char *copy = malloc(bytes + 1);
    if (copy == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    memcpy(copy, copied, bytes);
    copy[bytes] = '\0';
    reply_bytes_owned(c, http, type, copy, bytes, NULL);
}

void reply_buffer(call *c, int http, const char *type, modellab_buffer *owned)
{
    reply_bytes_owned(c, http, type, NULL, modellab_buffer_size(owned), owned);
}

void reply_empty(call *c, int http)
{
    call_reply reply = {.kind = REPLY_BYTES, .http = http};
    (void)reply_commit(c, &reply); /* a second reply has been logged */
}

void reply_stream(call *c, int http, const char *type, stream *owned)
{
    call_reply reply = {.kind = REPLY_STREAM, .http = http, .type = strdup(type), .lasting = owned};
    reply_header(c, "X-Accel-Buffering", "no");
    (void)reply_commit(c, &reply); /* likewise */
}
