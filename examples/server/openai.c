/* Errors of OpenAI's API, and the events of its streams. */
#include "openai.h"

#include "problem.h"
#include "reply.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

json_t *openai_error_json(int http, const char *param, const char *code, const char *message)
{
    const char *type = http == 401   ? "authentication_error"
                       : http == 403 ? "permission_error"
                       : http == 429 ? "rate_limit_error"
                       : http >= 500 ? "server_error"
                                     : "invalid_request_error";
    return json_pack("{s:{s:s, s:s, s:s?, s:s?}}", "error", "message", message, "type", type,
                     "param", param, "code", code);
}

void openai_refuse(call *c, int http, const char *param, const char *code, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    call_note(c, MODELLAB_LOG_INFO, "openai.refused", message, "code", code != NULL ? code : "");
    openai_advise(c, http);
    reply_json(c, http, openai_error_json(http, param, code, message));
}

void openai_advise(call *c, int http)
{
    if (http == 503)
        reply_header(c, "Retry-After", "1");
    else if (http >= 429 || http == 409) /* those that the client would try again */
        reply_header(c, "x-should-retry", "false");
}

/* Places of a run's request, and the parameters that they come from. */
static const char *param_of(const char *pointer, const char *otherwise)
{
    static const struct {
        const char *pointer, *param;
    } places[] = {{"/config/asr/language", "language"},
                  {"/config/asr/initial_prompt", "prompt"},
                  {"/config/asr/temperatures", "temperature"},
                  {"/config/asr/model", "model"},
                  {"/config/asr/vad", "chunking_strategy"},
                  {"/config/diarization/known", "known_speaker_references"},
                  {"/input", "file"}};
    for (size_t i = 0; i < COUNT(places); i++)
        if (strncmp(pointer, places[i].pointer, strlen(places[i].pointer)) == 0)
            return places[i].param;
    return otherwise;
}

static const char *code_of(modellab_status status, char out[64])
{
    static const struct {
        modellab_status status;
        const char *code;
    } codes[] = {{MODELLAB_E_INVALID_AUDIO, "invalid_audio"},
                 {MODELLAB_E_UNSUPPORTED_FORMAT, "unsupported_format"},
                 {MODELLAB_E_LIMIT, "too_large"},
                 {MODELLAB_E_NOT_FOUND, "model_not_found"},
                 {MODELLAB_E_SCHEMA, "invalid_value"},
                 {MODELLAB_E_INVALID_ARGUMENT, "invalid_value"}};
    const char *slug;
    for (size_t i = 0; i < COUNT(codes); i++)
        if (codes[i].status == status)
            return codes[i].code;
    (void)problem_http(status, &slug);
    (void)snprintf(out, 64, "%s", slug);
    for (char *at = out; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at;
    return out;
}

void openai_fail(call *c, modellab_status status, const modellab_error *err,
                 modellab_report *owned_report, const char *param)
{
    const char *slug, *message = err != NULL && err->message[0] != '\0'
                                     ? err->message
                                     : modellab_status_text(status);
    int http = problem_http(status, &slug);
    char code[64], text[512];
    http = http == 422 ? 400 : http; /* what is invalid is a bad request there */
    for (size_t i = 0; i < modellab_report_count(owned_report); i++) {
        modellab_finding finding = MODELLAB_FINDING_INIT;
        if (modellab_report_at(owned_report, i, &finding, NULL) != MODELLAB_OK ||
            finding.severity != MODELLAB_SEVERITY_ERROR)
            continue;
        param = param_of(finding.pointer, param);
        (void)snprintf(text, sizeof text, "%s", finding.text);
        message = text;
        break;
    }
    if (status == MODELLAB_E_CAP_EXCEEDED)
        reply_header(c, "Retry-After", "60");
    openai_refuse(c, http, param, code_of(status, code), "%s", message);
    modellab_report_unref(owned_report);
}

json_t *openai_run_error(const modellab_run_info *run, int *http)
{
    static const struct {
        modellab_reason reason;
        int http;
        const char *param, *code;
    } reasons[] = {{MODELLAB_REASON_INVALID_AUDIO, 400, "file", "invalid_audio"},
                   {MODELLAB_REASON_UNSUPPORTED_FORMAT, 415, "file", "unsupported_format"},
                   {MODELLAB_REASON_AUDIO_TOO_LONG, 413, "file", "too_large"},
                   {MODELLAB_REASON_UNSUPPORTED_REQUEST, 400, NULL, "invalid_value"},
                   {MODELLAB_REASON_MODEL_NOT_FOUND, 404, "model", "model_not_found"},
                   {MODELLAB_REASON_AUDIO_CAP, 429, NULL, "cap_exceeded"},
                   {MODELLAB_REASON_COST_CAP, 429, NULL, "cap_exceeded"},
                   {MODELLAB_REASON_CPU_CAP, 429, NULL, "cap_exceeded"},
                   {MODELLAB_REASON_MEMORY_CAP, 429, NULL, "cap_exceeded"},
                   {MODELLAB_REASON_NO_SPACE, 507, NULL, "no_space"},
                   {MODELLAB_REASON_CANCELLED_BY_USER, 409, NULL, "cancelled"}};
    const char *param = NULL, *code = modellab_reason_name(run->reason);
    *http = run->status == MODELLAB_RUN_TIMEOUT ? 504 : 500;
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].reason == run->reason) {
            *http = reasons[i].http;
            param = reasons[i].param;
            code = reasons[i].code;
        }
    return openai_error_json(*http, param, code,
                             run->message[0] != '\0' ? run->message
                                                     : modellab_reason_text(run->reason));
}

bool openai_event(stream *s, json_t *owned)
{
    char *text = owned != NULL ? json_dumps(owned, JSON_COMPACT) : NULL;
    json_decref(owned);
    if (text == NULL)
        return false;
    size_t bytes = strlen(text);
    char *line = malloc(bytes + 9);
    bool good = line != NULL;
    if (good) {
        memcpy(line, "data: ", 6);
        memcpy(line + 6, text, bytes);
        memcpy(line + 6 + bytes, "\n\n", 2);
        good = stream_write(s, line, bytes + 8);
    }
    free(line);
    free(text);
    return good;
}
