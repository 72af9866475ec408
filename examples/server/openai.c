/* Errors and names of OpenAI's API, and the events of its streams. */
#include "openai.h"

#include "problem.h"
#include "reply.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const recognisers[] = {"whisper-1", "gpt-4o-transcribe",
                                          "gpt-4o-mini-transcribe", "gpt-4o-transcribe-diarize"};
static const char *const speakers[] = {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"};
static const char *const voices[] = {"alloy", "ash",  "ballad",  "coral", "echo",  "fable", "nova",
                                     "onyx",  "sage", "shimmer", "verse", "marin", "cedar"};

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
    reply_json(c, http, openai_error_json(http, param, code, message));
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
    if (status == MODELLAB_E_BUSY || status == MODELLAB_E_CAP_EXCEEDED)
        reply_header(c, "Retry-After", status == MODELLAB_E_BUSY ? "1" : "60");
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

static bool is_among(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool openai_is_recogniser(const char *name)
{
    return is_among(name, recognisers, COUNT(recognisers));
}

bool openai_is_speaker(const char *name)
{
    return is_among(name, speakers, COUNT(speakers));
}

static bool load_catalog(call *c, modellab_catalog **out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_catalog_load(NULL, out, &err);
    if (status != MODELLAB_OK)
        openai_fail(c, status, &err, NULL, "model");
    return status == MODELLAB_OK;
}

/* Entries of a task that are installed, one after another; *index begins with 0. */
static bool next_of(const modellab_catalog *catalog, const char *task, size_t *index,
                    modellab_catalog_entry *out)
{
    while (*index < modellab_catalog_count(catalog)) {
        *out = (modellab_catalog_entry){.size = sizeof *out};
        if (modellab_catalog_at(catalog, (*index)++, out, NULL) == MODELLAB_OK &&
            out->state == MODELLAB_MODEL_INSTALLED && strcmp(out->task, task) == 0)
            return true;
    }
    return false;
}

static bool is_multilingual(const modellab_catalog_entry *entry)
{
    return strcmp(entry->languages, "en") != 0;
}

/* The default recogniser of the catalog, or the first multilingual one. */
static void choose(const modellab_catalog *catalog, bool foreign, char out[OPENAI_NAME_BYTES])
{
    modellab_catalog_entry entry;
    out[0] = '\0';
    for (size_t i = 0; foreign && next_of(catalog, "asr", &i, &entry);)
        if (is_multilingual(&entry)) {
            if (!entry.is_default)
                (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            return;
        }
}

bool openai_recogniser(call *c, const char *asked, const char *language, bool translates,
                       char out[OPENAI_NAME_BYTES])
{
    bool foreign = translates || (language != NULL && strcmp(language, "en") != 0 &&
                                  strcmp(language, "english") != 0);
    modellab_catalog_entry entry;
    modellab_catalog *catalog = NULL;
    if (!load_catalog(c, &catalog))
        return false;
    bool found = openai_is_recogniser(asked);
    if (found)
        choose(catalog, foreign, out);
    for (size_t i = 0; !found && next_of(catalog, "asr", &i, &entry);)
        if (strcmp(entry.name, asked) == 0) {
            (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            found = true;
        }
    modellab_catalog_unref(catalog);
    if (!found)
        openai_refuse(c, 404, "model", "model_not_found",
                      "The model '%.100s' does not exist or is not installed.", asked);
    return found;
}

bool openai_voice(call *c, const char *asked, char out[OPENAI_NAME_BYTES])
{
    modellab_catalog_entry entry;
    modellab_catalog *catalog = NULL;
    size_t installed = 0, alias = 0, at = 0;
    bool found = false;
    if (!load_catalog(c, &catalog))
        return false;
    while (alias < COUNT(voices) && strcmp(voices[alias], asked) != 0)
        alias++;
    for (size_t i = 0; next_of(catalog, "tts", &i, &entry); installed++)
        if (strcmp(entry.name, asked) == 0) {
            (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            found = true;
        }
    for (size_t i = 0; !found && alias < COUNT(voices) && next_of(catalog, "tts", &i, &entry); at++)
        if (at == alias % installed) {
            (void)snprintf(out, OPENAI_NAME_BYTES, "%s", entry.name);
            found = true;
        }
    modellab_catalog_unref(catalog);
    if (!found && installed == 0)
        openai_refuse(c, 404, "model", "model_not_found",
                      "No voice is installed (modellab models pull piper-en_US-joe-medium).");
    else if (!found)
        openai_refuse(
            c, 400, "voice", "invalid_value",
            "There is no voice '%.100s': use a name of OpenAI's or of an installed voice.", asked);
    return found;
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
