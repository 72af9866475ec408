/* The lines that each request has in the log: its start, what was decided about it, its end. */
#include "call_private.h"
#include "text.h"
#include <string.h>

static modellab_log_field text_field(const char *key, const char *text)
{
    return (modellab_log_field){.key = key, .text = text, .type = MODELLAB_LOG_STRING};
}

static modellab_log_field number_field(const char *key, int64_t number)
{
    return (modellab_log_field){.key = key, .integer = number, .type = MODELLAB_LOG_INT};
}

static void write_line(const call *c, const char *event, const char *message,
                       const modellab_log_field *fields, size_t count)
{
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;
    bool quiet = c->op != NULL && (c->op->flags & OP_QUIET) != 0;
    record.level = quiet ? MODELLAB_LOG_DEBUG : MODELLAB_LOG_INFO;
    record.event = event;
    record.message = message;
    record.fields = fields;
    record.field_count = count;
    modellab_logger_log(c->log, &record);
}

void call_log_start(const call *c)
{
    const modellab_log_field fields[] = {
        text_field("operation", c->op != NULL ? c->op->id : NULL),
        text_field("method", c->method),
        text_field("path", c->path),
        text_field("client", c->link->address),
        number_field("body_bytes", c->body.announced),
    };
    write_line(c, "http.start", "request begins", fields, sizeof fields / sizeof fields[0]);
}

void call_log_decision(const call *c)
{
    const modellab_log_field fields[] = {
        text_field("decision", c->refused == NULL ? "allowed" : "refused"),
        text_field("why", c->refused),
        text_field("key", c->key_id),
        text_field("user", c->user),
    };
    write_line(c, "http.decision",
               c->refused == NULL ? "request goes to its operation" : "request is refused", fields,
               sizeof fields / sizeof fields[0]);
    if (c->refused == NULL && c->op->deprecation != NULL)
        call_note(c, MODELLAB_LOG_WARN, "http.deprecated", "a deprecated operation was called",
                  "operation", c->op->id);
}

void call_log_end(const call *c, const char *how, int64_t milliseconds)
{
    const modellab_log_field fields[] = {
        text_field("operation", c->op != NULL ? c->op->id : NULL),
        number_field("status", c->sent_http),
        text_field("end", how),
        number_field("body_bytes", c->body.received),
        number_field("reply_bytes", c->bytes_out),
        number_field("ms", milliseconds),
    };
    write_line(c, "http.end", "request ends", fields, sizeof fields / sizeof fields[0]);
}
