/* Bodies with files: parts in any order, each looked at before the next is read. */
#include "intake.h"

#include "jobs.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include "settings.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_MAX ((size_t)1 << 20)
#define NAME_BYTES_MAX 255
#define ONE_USE_MS ((int64_t)3600 * 1000) /* of a file that a killed server leaves */

static bool refuse_type(call *c, const char *what)
{
    reply_problem(c, 415, "unsupported-media-type", what);
    return false;
}

/* "application/json" as a whole word at the beginning. */
static bool is_type(const char *type, const char *wanted)
{
    size_t bytes = strlen(wanted);
    return text_begins(type, wanted) &&
           (type[bytes] == '\0' || strchr("; \t", type[bytes]) != NULL);
}

static bool check_type(call *c, intake *in)
{
    const char *type = call_header(c, "Content-Type");
    bool form = is_type(type, "multipart/form-data");
    in->is_json = in->kind == INTAKE_RUN && is_type(type, "application/json");
    if (in->kind == INTAKE_RUN && !form && !in->is_json)
        return refuse_type(c, "the body must be multipart/form-data with the parts `request` and "
                              "`file`, or application/json with `upload_id`");
    return true;
}

bool intake_user(call *c, json_t *request)
{
    const char *own = call_user(c);
    const json_t *asked = json_object_get(request, "user");
    if (asked != NULL && json_is_string(asked)) {
        if (call_may_see(c, json_string_value(asked)))
            return true;
        reply_problem(c, 403, "forbidden", "the key is another user's");
        return false;
    }
    if (own[0] == '\0' || asked != NULL)
        return true; /* what is no text is for the schema */
    if (json_object_set_new(request, "user", json_string(own)) == 0)
        return true;
    reply_problem(c, 500, "internal", "out of memory");
    return false;
}

bool intake_survives(json_t *request)
{
    if (server_settings.lost_attempts < 2 || !json_is_object(request) ||
        json_object_get(request, "retry") != NULL ||
        json_object_get(request, "max_attempts") != NULL)
        return true;
    json_t *retry =
        json_pack("{s:I, s:[s, s]}", "max_attempts", (json_int_t)server_settings.lost_attempts,
                  "on", "worker_lost", "host_stopped");
    return retry != NULL && json_object_set_new(request, "retry", retry) == 0;
}

static bool parse_request(call *c, intake *in)
{
    json_error_t where;
    char detail[256];
    if (in->request != NULL || !in->has_request)
        return true;
    in->request = json_loadb(in->text != NULL ? in->text : "", in->text_bytes,
                             JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(in->request))
        return intake_user(c, in->request);
    if (in->request != NULL)
        (void)snprintf(detail, sizeof detail, "the request must be a JSON object");
    else
        (void)snprintf(detail, sizeof detail, "the request: line %d, column %d: %s", where.line,
                       where.column, where.text);
    reply_problem(c, 400, "invalid-json", detail);
    return false;
}

/* The request came first: what is wrong with it is told before the file is read. */
static bool validate_before(call *c, const intake *in)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_report *report = NULL;
    if (!in->counts_before || in->request == NULL)
        return true;
    char *text = json_dumps(in->request, JSON_COMPACT);
    if (text == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    o.request = text;
    o.request_id = call_request_id(c);
    o.flags = MODELLAB_RUN_INPUT_FOLLOWS;
    modellab_status status = modellab_run_validate(call_lab(c), &o, &report, &err);
    free(text);
    if (status == MODELLAB_OK) {
        modellab_report_unref(report);
        return true;
    }
    reply_error(c, status, &err, report);
    return false;
}

/* Whose upload it is: the request's user where that is known, else the key's. One who may act for
 * others and has not said for whom yet acts for nobody. */
static const char *owner_of(const call *c, const intake *in)
{
    const char *user = json_string_value(json_object_get(in->request, "user"));
    if (user != NULL)
        return user;
    return in->kind == INTAKE_RUN && call_has_scope(c, "admin") ? "" : call_user(c);
}

static bool begin_file(call *c, intake *in, const char *filename, const char *type, bool whole_body)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_upload_options o = MODELLAB_UPLOAD_OPTIONS_INIT;
    const char *length = call_header(c, "Content-Length");
    int64_t bytes;
    if (in->upload != NULL) {
        reply_invalid(c, "/file", "there is more than one file");
        return false;
    }
    if (!parse_request(c, in) || !validate_before(c, in))
        return false;
    o.name = filename[0] != '\0' ? filename : NULL;
    o.media_type = type;
    o.user = owner_of(c, in);
    o.request_id = call_request_id(c);
    o.keep_ms = in->keeps ? 0 : ONE_USE_MS;
    if (whole_body && length != NULL && text_number(length, strlen(length), &bytes))
        o.bytes = bytes;
    modellab_status status = modellab_upload_begin(call_lab(c), &o, &in->upload, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    return status == MODELLAB_OK;
}

static bool begin_request(call *c, intake *in, const char *type)
{
    if (in->has_request) {
        reply_invalid(c, "/request", "there is more than one request");
        return false;
    }
    if (type[0] != '\0' && !is_type(type, "application/json") && !is_type(type, "text/plain"))
        return refuse_type(c, "the part `request` must be application/json");
    in->has_request = true;
    in->part = PART_REQUEST;
    return true;
}

/* A body that is the file: its head tells all that the library wants to know first. */
static bool begin_whole(call *c, intake *in)
{
    const char *type = call_header(c, "Content-Type"), *name = call_query(c, "name");
    if (in->kind != INTAKE_FILE_ONLY || is_type(type, "multipart/form-data"))
        return true;
    if (name != NULL && strlen(name) > NAME_BYTES_MAX) {
        reply_invalid(c, "?name", "has at most 255 bytes");
        return false;
    }
    in->part = PART_FILE;
    return begin_file(c, in, name != NULL ? name : "", type != NULL ? type : "", true);
}

bool intake_begin(call *c, intake_kind kind, bool before)
{
    intake *in = calloc(1, sizeof *in);
    if (in == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    in->kind = kind;
    in->counts_before = before;
    in->keeps = kind == INTAKE_FILE_ONLY;
    call_set_state(c, in);
    return check_type(c, in) && begin_whole(c, in);
}

bool intake_part(call *c, const char *name, const char *filename, const char *type)
{
    intake *in = call_state(c);
    char pointer[80];
    bool whole = name[0] == '\0' && in->upload != NULL && in->kind == INTAKE_FILE_ONLY;
    in->part = PART_FILE;
    if (name[0] == '\0' && in->is_json)
        return begin_request(c, in, type);
    if (whole)
        return true; /* begun with the head */
    if (strcmp(name, "file") == 0)
        return begin_file(c, in, filename, type, false);
    if (in->kind == INTAKE_RUN && strcmp(name, "request") == 0)
        return begin_request(c, in, type);
    (void)snprintf(pointer, sizeof pointer, "/%.60s", name);
    reply_invalid(c, pointer,
                  in->kind == INTAKE_RUN ? "there are the parts `request` and `file`"
                                         : "there is the part `file`");
    return false;
}

static bool add_text(call *c, intake *in, const void *data, size_t bytes)
{
    if (bytes > REQUEST_MAX - in->text_bytes) {
        reply_problem(c, 413, "too-large", "the request may have at most 1 MiB");
        return false;
    }
    if (in->text_bytes + bytes + 1 > in->text_room) {
        size_t room = (in->text_bytes + bytes + 1) * 2;
        char *grown = realloc(in->text, room);
        if (grown == NULL) {
            reply_problem(c, 500, "internal", "out of memory");
            return false;
        }
        in->text = grown;
        in->text_room = room;
    }
    memcpy(in->text + in->text_bytes, data, bytes);
    in->text_bytes += bytes;
    in->text[in->text_bytes] = '\0';
    return true;
}

bool intake_data(call *c, const void *data, size_t bytes)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    intake *in = call_state(c);
    if (in->part == PART_REQUEST)
        return add_text(c, in, data, bytes);
    modellab_status status = modellab_upload_write(in->upload, data, bytes, &report, &err);
    if (status == MODELLAB_OK) {
        modellab_report_unref(report);
        return true;
    }
    reply_error(c, status, &err, report);
    return false;
}

bool intake_end(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    intake *in = call_state(c);
    if (!parse_request(c, in))
        return false;
    if (in->upload == NULL) {
        if (in->kind == INTAKE_RUN && in->request != NULL)
            return true;
        reply_invalid(c, in->kind == INTAKE_RUN ? "" : "/file",
                      in->kind == INTAKE_RUN ? "the body is empty" : "there is no file");
        return false;
    }
    modellab_status status = modellab_upload_finish(in->upload, &report, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, report);
        return false;
    }
    modellab_report_unref(report);
    in->file_done = true;
    return true;
}

void intake_used(call *c)
{
    intake *in = call_state(c);
    modellab_upload_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (in->file_done && modellab_upload_get_info(in->upload, &info, &err) == MODELLAB_OK &&
        modellab_upload_delete(call_lab(c), info.id, &err) == MODELLAB_OK)
        in->file_done = false; /* what could not be done is tried again by intake_drop() */
}

typedef struct leaving {
    intake *in;
    modellab_lab *lab; /* referenced */
} leaving;

/* Takes files off the disk: not on the network thread. */
static void leave(void *user)
{
    leaving *l = user;
    intake *in = l->in;
    modellab_upload_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (in->file_done && !in->keeps &&
        modellab_upload_get_info(in->upload, &info, &err) == MODELLAB_OK &&
        modellab_upload_delete(l->lab, info.id, &err) != MODELLAB_OK)
        in->keeps = true; /* it goes when its time is over; the library has logged why */
    modellab_upload_unref(in->upload);
    modellab_idempotency_unref(in->claim);
    json_decref(in->request);
    free(in->text);
    free(in);
    modellab_lab_unref(l->lab);
    free(l);
}

void intake_drop(call *c)
{
    intake *in = call_state(c);
    leaving *l = in != NULL ? malloc(sizeof *l) : NULL;
    call_set_state(c, NULL);
    if (l == NULL)
        return; /* out of memory: what is left goes with the process, files with reconcile */
    *l = (leaving){in, modellab_lab_ref(call_lab(c))};
    if (in->upload == NULL && in->claim == NULL)
        leave(l);
    else if (!job_run(leave, l))
        leave(l);
}
