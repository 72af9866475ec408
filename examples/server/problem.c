/* Problems: the closed list of their slugs, and how the library's statuses map to them. */
#include "problem.h"

#include "call_private.h"
#include "reply.h"
#include "text.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *slug, *title;
} problems[] = {
    {"bad-request", "The request is malformed"},
    {"invalid-json", "The body is no valid JSON"},
    {"unauthorized", "A valid API key is needed"},
    {"forbidden", "This is not allowed"},
    {"not-found", "There is no such thing"},
    {"method-not-allowed", "This path has other methods"},
    {"not-acceptable", "This version or form cannot be given"},
    {"timeout", "It took too long"},
    {"conflict", "Not possible in this state"},
    {"gone", "This is no longer there"},
    {"length-required", "The length must be told"},
    {"too-large", "A limit of size was exceeded"},
    {"unsupported-media-type", "This kind of body is not supported"},
    {"range-not-satisfiable", "The file is shorter than that"},
    {"misdirected", "This server does not answer for that host"},
    {"invalid", "The request does not fulfil its rules"},
    {"precondition-failed", "It was changed in between"},
    {"precondition-required", "A condition is needed"},
    {"too-many-requests", "The limit of requests is reached"},
    {"cap-exceeded", "A cap was exceeded"},
    {"head-too-large", "The head of the request is too large"},
    {"upgrade-required", "This path is a WebSocket"},
    {"internal", "Internal error"},
    {"unsupported", "This is not supported"},
    {"unavailable", "Not available at the moment"},
    {"draining", "The server is about to stop"},
    {"version", "This version of HTTP is not supported"},
    {"no-space", "There is no space left"},
};

static const struct {
    modellab_status status;
    int http;
    const char *slug;
} mapped[] = {
    {MODELLAB_E_NOT_FOUND, 404, "not-found"},
    {MODELLAB_E_SCHEMA, 422, "invalid"},
    {MODELLAB_E_INVALID_JSON, 400, "invalid-json"},
    {MODELLAB_E_INVALID_ARGUMENT, 422, "invalid"},
    {MODELLAB_E_INVALID_AUDIO, 422, "invalid"},
    {MODELLAB_E_UNSUPPORTED_FORMAT, 415, "unsupported-media-type"},
    {MODELLAB_E_LIMIT, 413, "too-large"},
    {MODELLAB_E_STATE, 409, "conflict"},
    {MODELLAB_E_RUN_FINAL, 409, "conflict"},
    {MODELLAB_E_ALREADY_EXISTS, 409, "conflict"},
    {MODELLAB_E_PERMISSION, 403, "forbidden"},
    {MODELLAB_E_CAP_EXCEEDED, 429, "cap-exceeded"},
    {MODELLAB_E_NO_SPACE, 507, "no-space"},
    {MODELLAB_E_BUSY, 503, "unavailable"},
    {MODELLAB_E_TIMEOUT, 504, "timeout"},
    {MODELLAB_E_CANCELLED, 503, "unavailable"},
    {MODELLAB_E_UNSUPPORTED, 501, "unsupported"},
    {MODELLAB_E_STORE_NEWER, 503, "unavailable"},
    {MODELLAB_E_STORE_CORRUPT, 503, "unavailable"},
    {MODELLAB_E_STORE_READ_ONLY, 503, "unavailable"},
    {MODELLAB_E_STORE_FAILED, 503, "unavailable"},
};

int problem_http(modellab_status status, const char **slug)
{
    for (size_t i = 0; i < sizeof mapped / sizeof mapped[0]; i++)
        if (mapped[i].status == status) {
            *slug = mapped[i].slug;
            return mapped[i].http;
        }
    *slug = "internal";
    return 500;
}

bool problem_at(size_t index, const char **slug, const char **title)
{
    if (index >= sizeof problems / sizeof problems[0])
        return false;
    *slug = problems[index].slug;
    *title = problems[index].title;
    return true;
}

static const char *title_of(const char *slug)
{
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (strcmp(problems[i].slug, slug) == 0)
            return problems[i].title;
    return "Error";
}

static json_t *problem_object(int http, const char *slug, const char *detail, const char *instance,
                              const char *request_id)
{
    char type[80];
    (void)snprintf(type, sizeof type, "/api/v1/problems#%s", slug);
    return json_pack("{s:s, s:s, s:i, s:s, s:s*, s:s}", "type", type, "title", title_of(slug),
                     "status", http, "detail", detail, "instance", instance, "request_id",
                     request_id);
}

char *problem_alone(int http, const char *slug, const char *detail, const char *request_id)
{
    json_t *body = problem_object(http, slug, detail, NULL, request_id);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    return text;
}

/* The shape that clients of OpenAI read. */
static json_t *openai_error(int http, const char *slug, const char *detail, json_t *errors)
{
    const char *type = http == 401   ? "authentication_error"
                       : http == 403 ? "permission_error"
                       : http == 429 ? "rate_limit_error"
                       : http >= 500 ? "server_error"
                                     : "invalid_request_error";
    const char *param = json_string_value(json_object_get(json_array_get(errors, 0), "pointer"));
    char code[64];
    if (http == 401 || http == 429) /* as they are called there */
        slug = http == 401                         ? "invalid_api_key"
               : strcmp(slug, "cap-exceeded") == 0 ? slug
                                                   : "rate_limit_exceeded";
    (void)snprintf(code, sizeof code, "%s", slug);
    for (char *at = code; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at;
    json_t *body =
        json_pack("{s:{s:s, s:s, s:s?, s:s}}", "error", "message", detail, "type", type, "param",
                  param != NULL && param[0] == '/' ? param + 1 : param, "code", code);
    json_decref(errors);
    return body;
}

static void send_problem(call *c, int http, const char *slug, const char *detail, const char *key,
                         json_t *more)
{
    json_t *body;
    bool as_openai = (c->op != NULL && (c->op->flags & OP_OPENAI) != 0) ||
                     (c->path != NULL && text_begins(c->path, "/v1/")); /* also what is not there */
    if (as_openai) {
        body = openai_error(http, slug, detail, more);
    } else {
        body = problem_object(http, slug, detail, c->path, c->request_id);
        if (more != NULL && json_object_set_new(body, key, more) != 0) {
            json_decref(body);
            body = NULL;
        }
    }
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (c->phase == CALL_NEW || c->phase == CALL_ENTERING)
        c->refused = slug; /* from a closed list: static */
    if (http == 401)
        reply_header(c, "WWW-Authenticate", "Bearer realm=\"modellab\"");
    reply_bytes_owned(c, http, as_openai ? "application/json" : "application/problem+json", text,
                      text != NULL ? strlen(text) : 0, NULL);
}

void reply_problem_more(call *c, int http, const char *slug, const char *detail, const char *key,
                        json_t *owned)
{
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++)
        if (strcmp(problems[i].slug, slug) == 0)
            slug = problems[i].slug; /* ours lives for ever */
    send_problem(c, http, slug, detail, key, owned);
}

void reply_problem(call *c, int http, const char *slug, const char *detail)
{
    reply_problem_more(c, http, slug, detail, NULL, NULL);
}

void reply_invalid(call *c, const char *pointer, const char *detail)
{
    char whole[256];
    (void)snprintf(whole, sizeof whole, "%s%s%s", pointer, pointer[0] != '\0' ? ": " : "", detail);
    send_problem(c, 422, "invalid", whole, "errors",
                 json_pack("[{s:s, s:s}]", "pointer", pointer, "detail", detail));
}

void reply_later(call *c, int http, const char *slug, const char *detail, int64_t seconds)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)(seconds > 0 ? seconds : 1));
    reply_header(c, "Retry-After", text);
    reply_problem(c, http, slug, detail);
}

/* Findings of severity error as RFC 9457 has them. NULL: there are none. */
static json_t *errors_of(const modellab_report *report)
{
    json_t *list = NULL;
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &finding, NULL) != MODELLAB_OK ||
            finding.severity != MODELLAB_SEVERITY_ERROR)
            continue;
        if (list == NULL)
            list = json_array();
        if (json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "pointer", finding.pointer,
                                                  "detail", finding.text, "id", finding.id)) != 0)
            break; /* out of memory: what there is goes out */
    }
    return list;
}

void reply_error(call *c, modellab_status status, const modellab_error *err,
                 modellab_report *owned_report)
{
    const char *slug;
    int http = problem_http(status, &slug);
    const char *detail =
        err != NULL && err->message[0] != '\0' ? err->message : modellab_status_text(status);
    if (http >= 500)
        call_note(c, MODELLAB_LOG_WARN, "http.error", detail, "status",
                  modellab_status_name(status));
    if (status == MODELLAB_E_BUSY || status == MODELLAB_E_CAP_EXCEEDED)
        reply_header(c, "Retry-After", status == MODELLAB_E_BUSY ? "1" : "60");
    json_t *errors = errors_of(owned_report);
    send_problem(c, http, slug, detail, "errors", errors);
    modellab_report_unref(owned_report);
}
