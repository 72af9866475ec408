/* Collecting bodies: JSON in memory, everything else given on to the sink of its operation. */
#include "body.h"

#include "call_private.h"
#include "problem.h"
#include "reply.h"
#include "settings.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JSON_MAX (1 << 20)
#define IGNORED_MAX 65536
#define FORM_BUFFER_BYTES 8192

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

bool body_check_head(call *c)
{
    const char *coding = call_header(c, "Content-Encoding");
    bool reads = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
    c->body.most = c->op->body_max;
    if (c->body.most == 0)
        c->body.most = c->op->body == BODY_STREAM ? server_settings.max_upload_bytes
                       : c->op->body == BODY_JSON ? JSON_MAX
                                                  : IGNORED_MAX;
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

/* A piece of a part of multipart/form-data. */
static enum MHD_Result take_part(void *user, enum MHD_ValueKind kind, const char *key,
                                 const char *filename, const char *type, const char *coding,
                                 const char *data, uint64_t offset, size_t bytes)
{
    call *c = user;
    const body_sink *sink = c->op->sink;
    (void)kind;
    if (coding != NULL && !text_same(coding, "binary") && !text_same(coding, "8bit") &&
        !text_same(coding, "7bit")) {
        reply_problem(c, 415, "unsupported-media-type", "parts are taken without an encoding");
        return MHD_NO;
    }
    if (key == NULL || !text_is_utf8(key, strlen(key)) ||
        (filename != NULL && !text_is_utf8(filename, strlen(filename)))) {
        reply_problem(c, 400, "bad-request", "a part has no name, or names that are no UTF-8");
        return MHD_NO;
    }
    bool good = true;
    /* A part whose value has not come yet is told of once without bytes, and then again. */
    bool goes_on = c->body.part_is_empty && c->body.part_key == key;
    c->body.part_is_empty = offset == 0 && bytes == 0;
    c->body.part_key = key;
    if (offset == 0 && !goes_on)
        good = sink->part(c, key, filename != NULL ? filename : "", type != NULL ? type : "");
    if (good && bytes > 0)
        good = sink->data(c, data, bytes);
    return good ? MHD_YES : MHD_NO;
}

static body_result take_stream(call *c, const void *data, size_t bytes)
{
    const char *type = call_header(c, "Content-Type");
    bool good = true;
    if (text_begins(type, "multipart/form-data")) {
        if (c->body.form == NULL)
            c->body.form = MHD_create_post_processor(c->mhd, FORM_BUFFER_BYTES, take_part, c);
        good = c->body.form != NULL && MHD_post_process(c->body.form, data, bytes) == MHD_YES;
        if (!good && !c->replied)
            reply_problem(c, 400, "bad-request", "the multipart body is malformed");
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
        bool ended = MHD_destroy_post_processor(c->body.form) == MHD_YES;
        c->body.form = NULL;
        if (!ended && !c->replied)
            reply_problem(c, 400, "bad-request",
                          "the multipart body ends before its last boundary");
        return ended;
    }
    return true;
}

void body_drop(call *c)
{
    if (c->body.form != NULL)
        (void)MHD_destroy_post_processor(c->body.form); /* what was left does not matter */
    c->body.form = NULL;
    if (c->body.began && c->op->sink->drop != NULL)
        c->op->sink->drop(c);
    c->body.began = false;
    json_decref(c->body.json);
    c->body.json = NULL;
    free(c->body.text);
    c->body.text = NULL;
}
