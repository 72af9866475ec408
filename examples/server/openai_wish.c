/* From the fields of a form to what a run is asked for. Each field has its rule; what is not known
 * is refused by name. */
#include "openai_form.h"

#include "text.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A field's value as one of a list; -1: has refused. */
static int one_of(call *c, const openai_field *field, const char *param, const char *const *list)
{
    for (int i = 0; list[i] != NULL; i++)
        if (strcmp(list[i], field->value) == 0)
            return i;
    openai_refuse(c, 400, param, "invalid_value", "Invalid value '%.60s' for '%s'.", field->value,
                  param);
    return -1;
}

static bool read_number(call *c, const openai_field *field, const char *param, double least,
                        double most, double *out)
{
    char *end = NULL;
    *out = strtod(field->value, &end);
    if (field->bytes > 0 && *end == '\0' && isfinite(*out) && *out >= least && *out <= most)
        return true;
    openai_refuse(c, 400, param, "invalid_value", "'%s' is a number from %g to %g.", param, least,
                  most);
    return false;
}

static bool read_format(call *c, const openai_field *field, openai_wish *out)
{
    static const char *const all[] = {"json", "text",          "srt", "verbose_json",
                                      "vtt",  "diarized_json", NULL};
    int i = one_of(c, field, "response_format", all);
    if (i == OPENAI_DIARIZED_JSON && out->translates) {
        openai_refuse(c, 400, "response_format", "invalid_value",
                      "Translations have no 'diarized_json'.");
        return false;
    }
    out->format = i >= 0 ? (openai_format)i : OPENAI_JSON;
    return i >= 0;
}

static bool read_granularity(call *c, const openai_field *field, openai_wish *out)
{
    static const char *const all[] = {"word", "segment", NULL};
    int i = one_of(c, field, "timestamp_granularities", all);
    out->words = out->words || i == 0;
    out->segments = out->segments || i == 1;
    return i >= 0;
}

static bool read_stream(call *c, const openai_field *field, openai_wish *out)
{
    static const char *const all[] = {"false", "true", "False", "True", "0", "1", NULL};
    int i = one_of(c, field, "stream", all);
    out->streams = i % 2 == 1;
    return i >= 0;
}

static bool read_include(call *c, const openai_field *field, openai_wish *out)
{
    static const char *const all[] = {"logprobs", NULL};
    out->logprobs = one_of(c, field, "include", all) == 0;
    return out->logprobs;
}

static bool read_language(call *c, const openai_field *field, openai_wish *out)
{
    if (field->bytes == 0)
        return true; /* detected */
    out->language = field->value;
    if (field->bytes <= 32 && text_is_utf8(field->value, field->bytes))
        return true;
    openai_refuse(c, 400, "language", "invalid_value", "'language' is a code such as 'en'.");
    return false;
}

static bool read_prompt(call *c, const openai_field *field, openai_wish *out)
{
    out->prompt = field->bytes > 0 ? field->value : NULL;
    if (field->bytes <= 4000 && strlen(field->value) == field->bytes &&
        text_is_utf8(field->value, field->bytes))
        return true;
    openai_refuse(c, 400, "prompt", "invalid_value", "'prompt' is text of at most 4,000 bytes.");
    return false;
}

static bool read_temperature(call *c, const openai_field *field, openai_wish *out)
{
    return read_number(c, field, "temperature", 0, 1, &out->temperature);
}

enum { PADDING_MS_MOST = 5000, SILENCE_MS_MOST = 60000 };

static bool refuse_chunking(call *c)
{
    openai_refuse(c, 400, "chunking_strategy", "invalid_value",
                  "'chunking_strategy' is 'auto' or {\"type\": \"server_vad\", "
                  "\"prefix_padding_ms\": 0 to %d, \"silence_duration_ms\": 0 to %d, "
                  "\"threshold\": above 0, at most 1}.",
                  (int)PADDING_MS_MOST, (int)SILENCE_MS_MOST);
    return false;
}

/* A number of server_vad. */
static bool set_chunking(call *c, const char *name, double value, openai_wish *out)
{
    bool is_padding = strcmp(name, "prefix_padding_ms") == 0;
    double most = is_padding ? PADDING_MS_MOST : SILENCE_MS_MOST;
    if (strcmp(name, "threshold") == 0) {
        out->threshold = value;
        return (value > 0 && value <= 1) || refuse_chunking(c);
    }
    if ((!is_padding && strcmp(name, "silence_duration_ms") != 0) ||
        !(value >= 0 && value <= most && value == floor(value)))
        return refuse_chunking(c);
    *(is_padding ? &out->padding_ms : &out->silence_ms) = (int32_t)value;
    return true;
}

/* "auto", or JSON. */
static bool read_chunking(call *c, const openai_field *field, openai_wish *out)
{
    const char *key;
    json_t *value;
    out->detects_speech = true;
    if (strcmp(field->value, "auto") == 0)
        return true;
    json_t *json = json_loadb(field->value, field->bytes, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(json, "type"));
    bool good = (type != NULL && strcmp(type, "server_vad") == 0) || refuse_chunking(c);
    json_object_foreach(json, key, value)
    {
        if (!good)
            break;
        if (strcmp(key, "type") != 0)
            good = json_is_number(value) ? set_chunking(c, key, json_number_value(value), out)
                                         : refuse_chunking(c);
    }
    json_decref(json);
    return good;
}

/* As some clients write an object in a form: chunking_strategy[threshold]. */
static bool read_chunking_member(call *c, const openai_field *field, const char *member,
                                 openai_wish *out)
{
    char name[32];
    double value;
    size_t bytes = strlen(member);
    out->detects_speech = true;
    if (strcmp(member, "[type]") == 0)
        return strcmp(field->value, "server_vad") == 0 || refuse_chunking(c);
    if (bytes < 3 || bytes > sizeof name || member[bytes - 1] != ']')
        return refuse_chunking(c);
    (void)snprintf(name, sizeof name, "%.*s", (int)bytes - 2, member + 1);
    return read_number(c, field, "chunking_strategy", 0, SILENCE_MS_MOST, &value) &&
           set_chunking(c, name, value, out);
}

static bool read_name(call *c, const openai_field *field, openai_wish *out)
{
    if (out->name_count == OPENAI_SPEAKERS_MOST || field->bytes == 0 || field->bytes > 64) {
        openai_refuse(c, 400, "known_speaker_names", "invalid_value",
                      "'known_speaker_names' are at most %d, of 1 to 64 bytes.",
                      (int)OPENAI_SPEAKERS_MOST);
        return false;
    }
    out->names[out->name_count++] = field->value;
    return true;
}

static bool read_clip(call *c, const openai_field *field, openai_wish *out)
{
    if (out->clip_count == OPENAI_SPEAKERS_MOST || !text_begins(field->value, "data:")) {
        openai_refuse(c, 400, "known_speaker_references", "invalid_value",
                      "'known_speaker_references' are at most %d data: URLs with audio.",
                      (int)OPENAI_SPEAKERS_MOST);
        return false;
    }
    out->clips[out->clip_count++] = field->value;
    return true;
}

static bool read_nothing(call *c, const openai_field *field, openai_wish *out)
{
    (void)c, (void)field, (void)out;
    return true; /* the model is looked at when all is known */
}

static const struct {
    const char *name; /* with and without [] */
    bool in_translations;
    bool (*read)(call *c, const openai_field *field, openai_wish *out);
} rules[] = {{"model", true, read_nothing},
             {"response_format", true, read_format},
             {"prompt", true, read_prompt},
             {"temperature", true, read_temperature},
             {"language", false, read_language},
             {"timestamp_granularities", false, read_granularity},
             {"stream", false, read_stream},
             {"include", false, read_include},
             {"chunking_strategy", false, read_chunking},
             {"known_speaker_names", false, read_name},
             {"known_speaker_references", false, read_clip}};

static bool read_field(call *c, const openai_field *field, openai_wish *out)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        size_t bytes = strlen(rules[i].name);
        const char *rest = field->name + bytes;
        if (strncmp(field->name, rules[i].name, bytes) != 0 ||
            (rest[0] != '\0' && rest[0] != '[') || (out->translates && !rules[i].in_translations))
            continue;
        if (rules[i].read == read_chunking && rest[0] == '[')
            return read_chunking_member(c, field, rest, out);
        if (rest[0] == '\0' || rest[1] == ']' || (rest[1] >= '0' && rest[1] <= '9'))
            return rules[i].read(c, field, out);
    }
    openai_refuse(c, 400, field->name, "unknown_parameter", "Unrecognized request argument: %.100s",
                  field->name);
    return false;
}

static bool refuse_together(call *c, const char *param, const char *what)
{
    openai_refuse(c, 400, param, "invalid_value", "%s", what);
    return false;
}

/* What the fields say together. */
static bool check(call *c, const openai_wish *w)
{
    if ((w->words || w->segments) && w->format != OPENAI_VERBOSE_JSON)
        return refuse_together(c, "timestamp_granularities",
                               "'timestamp_granularities' need response_format 'verbose_json'.");
    if (w->logprobs && w->format != OPENAI_JSON)
        return refuse_together(c, "include", "'logprobs' need response_format 'json'.");
    if (w->streams && (w->format == OPENAI_SRT || w->format == OPENAI_VTT))
        return refuse_together(c, "stream", "Subtitles are not streamed.");
    if (w->name_count != w->clip_count)
        return refuse_together(c, "known_speaker_names",
                               "There must be as many 'known_speaker_names' as references.");
    if (w->name_count > 0 && w->format != OPENAI_DIARIZED_JSON)
        return refuse_together(c, "known_speaker_names",
                               "Known speakers need response_format 'diarized_json'.");
    for (size_t i = 0; i < w->clip_count; i++)
        if (!openai_clip_check(c, w->clips[i]))
            return false;
    return true;
}

static const char *value_of(const openai_form *form, const char *name)
{
    for (size_t i = 0; i < form->count; i++)
        if (strcmp(form->fields[i].name, name) == 0)
            return form->fields[i].value;
    return NULL;
}

bool openai_wish_read(call *c, const openai_form *form, bool translates, bool whole,
                      openai_wish *out)
{
    *out = (openai_wish){.translates = translates, .padding_ms = -1, .silence_ms = -1};
    for (size_t i = 0; i < form->count; i++)
        if (!read_field(c, &form->fields[i], out))
            return false;
    if (!whole)
        return true;
    const char *model = value_of(form, "model");
    if (model == NULL || form->upload == NULL) {
        const char *param = model == NULL ? "model" : "file";
        openai_refuse(c, 400, param, "missing_required_parameter",
                      "Missing required parameter: '%s'.", param);
        return false;
    }
    out->segments = out->segments || !out->words;
    openai_wish asked = *out;
    asked.segments = value_of(form, "timestamp_granularities") != NULL ||
                     value_of(form, "timestamp_granularities[]") != NULL;
    return check(c, &asked) && openai_recogniser(c, model, out->language, translates, out->model);
}

/* Adds a member unless there is nothing to add. */
static bool put(json_t *object, const char *key, json_t *owned)
{
    return owned != NULL && json_object_set_new(object, key, owned) == 0;
}

static json_t *recognition(const openai_wish *w)
{
    json_t *asr = json_object();
    bool good = asr != NULL;
    if (w->model[0] != '\0')
        good = good && put(asr, "model", json_string(w->model));
    if (w->language != NULL)
        good = good && put(asr, "language", json_string(w->language));
    if (w->prompt != NULL)
        good = good && put(asr, "initial_prompt", json_string(w->prompt));
    if (w->temperature > 0)
        good = good && put(asr, "temperatures", json_pack("[f]", w->temperature));
    if (w->translates)
        good = good && put(asr, "task", json_string("translate"));
    if (w->words)
        good = good && put(asr, "word_times", json_true());
    if (w->detects_speech)
        good = good && put(asr, "vad", json_true());
    if (w->threshold > 0)
        good = good && put(asr, "vad_threshold", json_real(w->threshold));
    if (w->padding_ms >= 0)
        good = good && put(asr, "vad_pad_ms", json_integer(w->padding_ms));
    if (w->silence_ms >= 0)
        good = good && put(asr, "vad_min_silence_ms", json_integer(w->silence_ms));
    if (!good) {
        json_decref(asr);
        return NULL;
    }
    return asr;
}

static json_t *known_speakers(const openai_wish *w)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < w->name_count; i++)
        if (json_array_append_new(
                list, json_pack("{s:s, s:s}", "name", w->names[i], "clip", w->clips[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

json_t *openai_wish_request(const call *c, const openai_wish *w)
{
    bool speakers = w->format == OPENAI_DIARIZED_JSON;
    json_t *request =
        json_pack("{s:s, s:{s:o}, s:{s:s}}", "pipeline",
                  speakers ? "asr_with_diarization" : "transcribe", "config", "asr", recognition(w),
                  "labels", "api", w->translates ? "openai.translations" : "openai.transcriptions");
    bool good = request != NULL;
    if (good && call_user(c)[0] != '\0')
        good = put(request, "user", json_string(call_user(c)));
    if (good && w->name_count > 0)
        good = put(json_object_get(request, "config"), "diarization",
                   json_pack("{s:o}", "known", known_speakers(w)));
    if (!good) {
        json_decref(request);
        return NULL;
    }
    return request;
}
