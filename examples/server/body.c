/* Collecting bodies: JSON in memory, everything else given on to the sink of its operation. */
#include "body.h"

#include "call_private.h"
#include "multipart.h"
#include "problem.h"
#include "reply.h"
#include "settings.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_MAX (1 << 20)
#define IGNORED_MAX 65536
/* What a form may have beside its file: a request of 1 MiB, or the fields of OpenAI's dialect. */
#define FORM_MAX ((int64_t)9 << 20)

static bool refuse_size(call *c)
{
    char detail[96];
    (void)snprintf(detail, sizeof detail, "the body may have at most %lld bytes",
                   (long long)c->body.most);
    reply_problem(c, 413, "too-large", detail);
    return false;
}

static bool is_json_type(const char *type)
{
    size_t bytes = type != NULL ? strcspn(type, "; \t") : 0;
    return text_begins(type, "application/json") ||
           (bytes > 5 && text_begins(type + bytes - 5, "+json"));
}

static bool is_form(const call *c)
{
    return text_begins(call_header(c, "Content-Type"), "multipart/form-data");
}

bool body_check_head(call *c)
{
    const char *coding = call_header(c, "Content-Encoding");
    bool reads = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    c->body.most = c->op->body_max;
    if (c->body.most == 0)
        c->body.most = c->op->body == BODY_STREAM ? server_settings.max_upload_bytes
                       : c->op->body == BODY_JSON ? JSON_MAX
                                                  : IGNORED_MAX;
    if (c->op->body == BODY_STREAM && is_form(c))
        c->body.most +=
            c->body.most < INT64_MAX - FORM_MAX ? FORM_MAX : 0; /* the cap is the file's */
    if (!c->body.present)
        return true;
    if (reads) {
        c->body.closes = true;
        reply_problem(c, 400, "bad-request", "what only reads has no body");
        return false;
    }
    if (coding != NULL && !text_same(coding, "identity")) {
        reply_problem(c, 415, "unsupported-media-type", "bodies are taken without an encoding");
        return false;
    }
    if (c->op->body == BODY_JSON && !is_json_type(call_header(c, "Content-Type"))) {
        reply_problem(c, 415, "unsupported-media-type", "the body must be application/json");
        return false;
    }
    return c->body.announced <= c->body.most || refuse_size(c);
}

static body_result take_json(call *c, const void *data, size_t bytes)
{
    call_body_state *body = &c->body;
    if (c->op->body == BODY_NONE)
        return BODY_MORE; /* read, so that the next request can follow, and thrown away */
    if (body->room - body->bytes <= bytes) {
        size_t room =
            body->announced > 0 ? (size_t)body->announced + 1 : 2 * (body->bytes + bytes) + 1;
        char *grown = realloc(body->text, room);
        if (grown == NULL) {
            reply_problem(c, 500, "internal", "out of memory");
            return BODY_REFUSED;
        }
        body->text = grown;
        body->room = room;
    }
    memcpy(body->text + body->bytes, data, bytes);
    body->bytes += bytes;
    body->text[body->bytes] = '\0';
    return BODY_MORE;
}

static bool take_part(void *user, const char *name, const char *filename, const char *type)
{
    call *c = user;
    return c->op->sink->part(c, name, filename, type);
}

static bool take_data(void *user, const void *data, size_t bytes)
{
    call *c = user;
    return c->op->sink->data(c, data, bytes);
}

static bool take_form(call *c, const void *data, size_t bytes)
{
    const multipart_reader reader = {take_part, take_data, c};
    if (c->body.form == NULL)
        c->body.form = multipart_create(call_header(c, "Content-Type"), &reader);
    if (c->body.form == NULL) {
        reply_problem(c, 400, "bad-request", "multipart/form-data needs a boundary");
        return false;
    }
    if (multipart_take(c->body.form, data, bytes))
        return true;
    const char *fault = multipart_fault(c->body.form);
    if (fault != NULL && multipart_is_coded(c->body.form))
        reply_problem(c, 415, "unsupported-media-type", fault);
    else if (fault != NULL)
        reply_problem(c, 400, "bad-request", fault);
    return false;
}

static body_result take_stream(call *c, const void *data, size_t bytes)
{
    const char *type = call_header(c, "Content-Type");
    bool good = true;
    if (is_form(c)) {
        good = take_form(c, data, bytes);
    } else {
        if (!c->body.part_began)
            good = c->op->sink->part(c, "", "", type != NULL ? type : "");
        c->body.part_began = true;
        good = good && c->op->sink->data(c, data, bytes);
    }
    if (!good && !c->replied)
        reply_problem(c, 500, "internal", "the body was refused without a reason");
    return good ? BODY_MORE : BODY_REFUSED;
}

body_result body_piece(call *c, const void *data, size_t bytes)
{
    c->body.received += (int64_t)bytes;
    if (c->body.received > c->body.most) {
        (void)refuse_size(c);
        return BODY_REFUSED;
    }
    return c->op->body == BODY_STREAM ? take_stream(c, data, bytes) : take_json(c, data, bytes);
}

static bool parse_json(call *c)
{
    json_error_t where;
    char detail[256];
    if (c->body.bytes == 0 && (c->op->flags & OP_BODY_EMPTY) != 0) {
        c->body.json = json_object();
        return c->body.json != NULL;
    }
    c->body.json = json_loadb(c->body.text != NULL ? c->body.text : "", c->body.bytes,
                              JSON_REJECT_DUPLICATES, &where);
    if (c->body.json != NULL)
        return true;
    if (c->body.bytes == 0)
        (void)snprintf(detail, sizeof detail, "a JSON body is needed");
    else
        (void)snprintf(detail, sizeof detail, "line %d, column %d: %s", where.line, where.column,
                       where.text);
    reply_problem(c, 400, "invalid-json", detail);
    return false;
}

bool body_complete(call *c)
{
    c->body.complete = true;
    if (c->op->body == BODY_JSON)
        return parse_json(c);
    if (c->body.form != NULL) {
        bool ended = multipart_is_whole(c->body.form);
        if (!ended && !c->replied)
            reply_problem(c, 400, "bad-request",
                          "the multipart body ends before its last boundary");
        return ended;
    }
    return true;
}

void body_drop(call *c)
{
    multipart_destroy(c->body.form);
    c->body.form = NULL;
    if (c->body.began && c->op->sink->drop != NULL)
        c->op->sink->drop(c);
    c->body.began = false;
    json_decref(c->body.json);
    c->body.json = NULL;
    free(c->body.text);
    c->body.text = NULL;
}
