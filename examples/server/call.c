/* A call: what its head tells, its ids and its lines in the log. */
#include "call.h"

#include "body.h"
#include "call_private.h"
#include "problem.h"
#include "server.h"
#include "settings.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATE_BYTES 1025 /* a tracestate that is kept at most */

static void take_ids(call *c)
{
    modellab_trace trace = MODELLAB_TRACE_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *id = call_header(c, "X-Request-Id"), *state = call_header(c, "tracestate");
    if (modellab_request_id_check(id))
        (void)snprintf(c->request_id, sizeof c->request_id, "%s", id);
    else if (modellab_request_id_create(c->request_id, &err) != MODELLAB_OK)
        (void)snprintf(c->request_id, sizeof c->request_id, "unknown");
    if (modellab_trace_continue(call_header(c, "traceparent"), state, &trace, &err) != MODELLAB_OK)
        return; /* no random bytes: without a trace */
    memcpy(c->trace_id, trace.trace_id, sizeof c->trace_id);
    memcpy(c->trace_parent, trace.parent, sizeof c->trace_parent);
    if (trace.keeps_state && strlen(state) < STATE_BYTES)
        c->trace_state = strdup(state);
}

static void take_logger(call *c)
{
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    context.request_id = c->request_id;
    context.trace_id = c->trace_id[0] != '\0' ? c->trace_id : NULL;
    if (modellab_logger_child(server_log(), &context, &c->log, &err) != MODELLAB_OK)
        c->log = modellab_logger_ref(server_log());
}

call *call_create(struct MHD_Connection *mhd, connection *link, const char *method,
                  const char *path)
{
    call *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->mhd = mhd;
    c->link = link;
    c->began_us = text_now_us();
    c->began_ms = c->began_us / 1000;
    c->method = strdup(method);
    size_t room = strlen(path) + 1;
    c->path = malloc(room);
    if (c->method == NULL || c->path == NULL || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(c->method);
        free(c->path);
        free(c);
        return NULL;
    }
    if (!text_decode(path, room - 1, false, c->path, room))
        c->path[0] = '\0'; /* enter_head() refuses it */
    take_ids(c);
    take_logger(c);
    return c;
}

void call_destroy(call *c)
{
    body_drop(c);
    for (size_t i = 0; i < c->param_count; i++)
        free(c->params[i].value);
    for (size_t i = 0; i < c->query_count; i++)
        free(c->query[i].name);
    free(c->query);
    reply_free(&c->reply);
    modellab_cancel_unref(c->cancel);
    modellab_logger_unref(c->log);
    (void)pthread_mutex_destroy(&c->lock);
    free(c->piece);
    free(c->method);
    free(c->path);
    free(c->trace_state);
    free(c->origin);
    free(c->user);
    free(c->key_id);
    free(c->scopes);
    free(c);
}

const char *call_param(const call *c, const char *name)
{
    size_t bytes = strlen(name);
    for (size_t i = 0; i < c->param_count; i++)
        if (c->params[i].name_bytes == bytes && memcmp(c->params[i].name, name, bytes) == 0)
            return c->params[i].value;
    return "";
}

const char *call_query(const call *c, const char *name)
{
    for (size_t i = 0; i < c->query_count; i++)
        if (strcmp(c->query[i].name, name) == 0)
            return c->query[i].value;
    return NULL;
}

void call_query_each(const call *c, bool (*each)(void *user, const char *name, const char *value),
                     void *user)
{
    for (size_t i = 0; i < c->query_count; i++)
        if (!each(user, c->query[i].name, c->query[i].value))
            return;
}

bool call_query_int(call *c, const char *name, int64_t least, int64_t most, int64_t otherwise,
                    int64_t *out)
{
    const char *text = call_query(c, name);
    char pointer[80], detail[120];
    *out = otherwise;
    if (text == NULL)
        return true;
    bool negative = text[0] == '-';
    if (text_number(text + negative, strlen(text + negative), out)) {
        *out = negative ? -*out : *out;
        if (*out >= least && *out <= most)
            return true;
    }
    (void)snprintf(pointer, sizeof pointer, "%s", name);
    (void)snprintf(detail, sizeof detail, "must be a whole number from %lld to %lld",
                   (long long)least, (long long)most);
    reply_invalid(c, pointer, detail);
    return false;
}

bool call_query_bool(call *c, const char *name, bool otherwise, bool *out)
{
    const char *text = call_query(c, name);
    char pointer[80];
    *out = otherwise;
    if (text == NULL)
        return true;
    /* "?verbose" without a value means yes */
    *out = text[0] == '\0' || strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    if (*out || strcmp(text, "0") == 0 || strcmp(text, "false") == 0)
        return true;
    (void)snprintf(pointer, sizeof pointer, "%s", name);
    reply_invalid(c, pointer, "must be true or false");
    return false;
}

const char *call_header(const call *c, const char *name)
{
    return MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, name);
}

const char *call_method(const call *c)
{
    return c->method;
}

const char *call_path(const call *c)
{
    return c->path;
}

const json_t *call_json(const call *c)
{
    return c->body.json;
}

const char *call_body(const call *c, size_t *bytes)
{
    if (bytes != NULL)
        *bytes = c->body.bytes;
    return c->body.text != NULL ? c->body.text : "";
}

void *call_state(const call *c)
{
    return c->state;
}

void call_set_state(call *c, void *state)
{
    c->state = state;
}

modellab_lab *call_lab(const call *c)
{
    (void)c;
    return server_lab();
}

modellab_logger *call_log(const call *c)
{
    return c->log;
}

const char *call_user(const call *c)
{
    return c->user != NULL ? c->user : "";
}

const char *call_key_id(const call *c)
{
    return c->key_id != NULL ? c->key_id : "";
}

bool call_has_scope(const call *c, const char *scope)
{
    if (!server_settings.keys)
        return true;
    return c->scopes != NULL &&
           (text_list_has(c->scopes, scope) || text_list_has(c->scopes, "admin"));
}

bool call_may_see(const call *c, const char *user)
{
    return call_has_scope(c, "admin") || strcmp(call_user(c), user != NULL ? user : "") == 0;
}

const char *call_request_id(const call *c)
{
    return c->request_id;
}

const char *call_trace_parent(const call *c)
{
    return c->trace_parent;
}

const char *call_trace_state(const call *c)
{
    return c->trace_state != NULL ? c->trace_state : "";
}

int64_t call_age_ms(const call *c)
{
    return text_now_ms() - c->began_ms;
}

int64_t call_age_us(const call *c)
{
    return text_now_us() - c->began_us;
}

modellab_cancel *call_cancel(const call *c)
{
    call *own = (call *)(uintptr_t)c; /* made when somebody asks for it: few do */
    (void)pthread_mutex_lock(&own->lock);
    if (own->cancel == NULL && modellab_cancel_create(NULL, &own->cancel, NULL) == MODELLAB_OK &&
        own->gone)
        modellab_cancel_set(own->cancel);
    (void)pthread_mutex_unlock(&own->lock);
    return own->cancel;
}

bool call_is_stream(call *c)
{
    (void)pthread_mutex_lock(&c->lock);
    bool is = c->replied && c->reply.kind == REPLY_STREAM;
    (void)pthread_mutex_unlock(&c->lock);
    return is;
}

stream *call_gone(call *c)
{
    stream *told = NULL;
    (void)pthread_mutex_lock(&c->lock);
    c->gone = true;
    modellab_cancel_set(c->cancel);
    if (c->replied && c->reply.kind == REPLY_STREAM)
        told = stream_ref(c->reply.lasting);
    (void)pthread_mutex_unlock(&c->lock);
    return told;
}

void call_note(const call *c, modellab_log_level level, const char *event, const char *message,
               const char *key, const char *value)
{
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    modellab_log_field field = {.key = key, .text = value, .type = MODELLAB_LOG_STRING};
    record.level = level;
    record.event = event;
    record.message = message;
    record.fields = &field;
    record.field_count = key != NULL ? 1 : 0;
    modellab_logger_log(c->log, &record);
}
