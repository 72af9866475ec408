/* POST /v1/audio/speech: text is spoken in this process, and each piece goes out as it is made. The
 * call is a recorded run: the audio is its artifact; when the client goes, it is cancelled. */
#include "crew.h"
#include "delivery.h"
#include "model_pool.h"
#include "openai.h"
#include "openai_sound.h"
#include "problem.h"
#include "reply.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MOST = 4096, RATE_HZ = 24000 };
#define VOICE_LEXICON "cmudict"

typedef struct speech_wish {
    const char *input, *model, *format; /* format: of the encoder */
    char meant[OPENAI_NAME_BYTES];      /* the model, when its name stands for another */
    char voice[OPENAI_NAME_BYTES];
    double speed;
    bool as_events;
} speech_wish;

static int cpu_count(void)
{
    modellab_build_info build = {.size = sizeof build};
    return modellab_info_get(&build, NULL) == MODELLAB_OK && build.cpu_count > 0 ? build.cpu_count
                                                                                 : 1;
}

static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Nothing is passed over: what has no effect here is refused by name. */
static bool check_members(call *c)
{
    static const char *const known[] = {"model",           "input", "voice",        "instructions",
                                        "response_format", "speed", "stream_format"};
    json_t *body = (json_t *)(uintptr_t)call_json(c); /* is read only */
    for (void *at = json_object_iter(body); at != NULL; at = json_object_iter_next(body, at)) {
        const char *key = json_object_iter_key(at);
        size_t i = 0;
        while (i < sizeof known / sizeof known[0] && strcmp(known[i], key) != 0)
            i++;
        if (i == sizeof known / sizeof known[0]) {
            openai_refuse(c, 400, key, "unknown_parameter", "Unrecognized request argument: %.100s",
                          key);
            return false;
        }
    }
    const char *text = json_string_value(json_object_get(body, "instructions"));
    if (text == NULL || text[0] == '\0')
        return true;
    openai_refuse(c, 400, "instructions", "unsupported_parameter",
                  "The voices of this server cannot follow 'instructions': leave them out.");
    return false;
}

/* A member that must be text. False: has refused. */
static bool read_text(call *c, const char *key, bool needed, const char **out)
{
    const json_t *value = json_object_get(call_json(c), key);
    *out = json_string_value(value);
    if (*out != NULL || ((value == NULL || json_is_null(value)) && !needed))
        return true;
    openai_refuse(c, 400, key, value == NULL ? "missing_required_parameter" : "invalid_type",
                  value == NULL ? "Missing required parameter: '%s'." : "'%s' must be text.", key);
    return false;
}

static bool read_format(call *c, speech_wish *out)
{
    static const char *const formats[] = {"mp3", "opus", "flac", "wav", "pcm"};
    const char *name;
    if (!read_text(c, "response_format", false, &name))
        return false;
    out->format = name == NULL ? "mp3" : NULL;
    for (size_t i = 0; name != NULL && i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(formats[i], name) == 0)
            out->format = formats[i];
    if (out->format == NULL)
        openai_refuse(c, 400, "response_format",
                      strcmp(name, "aac") == 0 ? "unsupported_value" : "invalid_value",
                      strcmp(name, "aac") == 0
                          ? "AAC cannot be made here: use 'mp3', 'opus', 'flac', 'wav' or 'pcm'."
                          : "'response_format' is 'mp3', 'opus', 'flac', 'wav' or 'pcm'.");
    return out->format != NULL;
}

static bool read_speed(call *c, speech_wish *out)
{
    const json_t *speed = json_object_get(call_json(c), "speed");
    if (json_is_null(speed))
        speed = NULL;
    out->speed = speed == NULL ? 1.0 : json_number_value(speed);
    if ((speed == NULL || json_is_number(speed)) && out->speed >= 0.25 && out->speed <= 4)
        return true;
    openai_refuse(c, 400, "speed", "invalid_value", "'speed' is a number from 0.25 to 4.");
    return false;
}

static bool read_stream_format(call *c, speech_wish *out)
{
    const char *name;
    if (!read_text(c, "stream_format", false, &name))
        return false;
    out->as_events = name != NULL && strcmp(name, "sse") == 0;
    if (name == NULL || out->as_events || strcmp(name, "audio") == 0)
        return true;
    openai_refuse(c, 400, "stream_format", "invalid_value", "'stream_format' is 'audio' or 'sse'.");
    return false;
}

/* "alloy", {"id": "alloy"}, or the name of an installed voice, also as the model: then it is that
 * one, and `voice` may name another of OpenAI's only. */
static bool read_voice(call *c, speech_wish *out)
{
    const json_t *voice = json_object_get(call_json(c), "voice");
    const char *name =
        json_string_value(json_is_object(voice) ? json_object_get(voice, "id") : voice);
    if (name == NULL) {
        openai_refuse(c, 400, "voice",
                      voice == NULL ? "missing_required_parameter" : "invalid_type",
                      "'voice' is the name of a voice.");
        return false;
    }
    openai_alias(out->model, out->meant);
    if (openai_is_speaker(out->meant))
        return openai_voice(c, name, out->voice);
    if (!openai_voice_of_model(c, out->meant, out->voice))
        return false;
    if (strcmp(name, out->voice) == 0 || openai_is_voice(name))
        return true;
    openai_refuse(c, 400, "voice", "invalid_value",
                  "The model '%.100s' is one voice and not '%.100s'.", out->model, name);
    return false;
}

static bool read_wish(call *c, speech_wish *out)
{
    const char *ignored;
    *out = (speech_wish){.speed = 1.0};
    if (!json_is_object(call_json(c))) {
        openai_refuse(c, 400, NULL, "invalid_type", "The body must be a JSON object.");
        return false;
    }
    if (!read_text(c, "model", true, &out->model) || !read_text(c, "input", true, &out->input) ||
        !read_text(c, "instructions", false, &ignored) || !check_members(c) ||
        !read_format(c, out) || !read_speed(c, out) || !read_stream_format(c, out))
        return false;
    if (out->input[0] == '\0' || characters(out->input) > INPUT_MOST) {
        openai_refuse(c, 400, "input",
                      out->input[0] == '\0' ? "string_below_min_length" : "string_above_max_length",
                      "'input' has 1 to %d characters.", (int)INPUT_MOST);
        return false;
    }
    return read_voice(c, out);
}

/* Like the request of step tts, for whoever looks at the run. */
static char *config_of(const speech_wish *w)
{
    json_t *config =
        json_pack("{s:{s:s, s:s, s:f}, s:{s:s, s:i}}", "tts", "text", w->input, "voice", w->voice,
                  "speed", w->speed, "output", "format", w->format, "rate_hz", (int)RATE_HZ);
    char *text = config != NULL ? json_dumps(config, JSON_COMPACT) : NULL;
    json_decref(config);
    return text;
}

MODELLAB_MUST_CHECK static modellab_status begin_record(call *c, const speech_wish *w,
                                                        modellab_record **out, modellab_error *err)
{
    modellab_record_options options = MODELLAB_RECORD_OPTIONS_INIT;
    char *config = config_of(w);
    *out = NULL;
    if (config == NULL)
        return MODELLAB_E_NO_MEMORY;
    options.pipeline = "speak";
    options.user = call_user(c);
    options.request_id = call_request_id(c);
    options.trace_parent = call_trace_parent(c);
    options.trace_state = call_trace_state(c);
    options.config_json = config;
    modellab_status status = modellab_record_begin(call_lab(c), &options, out, err);
    free(config);
    return status == MODELLAB_OK ? modellab_record_step_begin(*out, "tts", err) : status;
}

MODELLAB_MUST_CHECK static modellab_status say(sound *s, const speech_wish *w,
                                               modellab_model *voice, modellab_model *lexicon,
                                               modellab_error *err)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options text = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_session *session = NULL;
    int others = crew_busy(&crew_of_speech), cpus = cpu_count();
    options.speed = w->speed;
    options.threads = others < cpus ? cpus / (others > 0 ? others : 1) : 1;
    options.output_rate_hz = RATE_HZ;
    options.chunk = sound_take;
    options.user = s;
    options.cancel = sound_cancel(s);
    options.tracker = modellab_record_tracker(sound_record(s));
    text.lexicon = lexicon;
    modellab_status status = modellab_tts_session_create(voice, &options, &session, err);
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_text(session, w->input, strlen(w->input), &text, NULL, err);
    modellab_tts_session_destroy(session);
    return status;
}

static void work(call *c, const speech_wish *w)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model *voice = NULL, *lexicon = NULL;
    modellab_record *record = NULL;
    modellab_status status = model_pool_open(w->voice, call_log(c), &voice, &err);
    if (status == MODELLAB_OK)
        status = model_pool_open(VOICE_LEXICON, call_log(c), &lexicon, &err);
    if (status == MODELLAB_OK)
        status = begin_record(c, w, &record, &err);
    sound *s = status == MODELLAB_OK
                   ? sound_create(c, record, w->format, RATE_HZ, w->as_events, characters(w->input))
                   : NULL;
    if (s != NULL) {
        status = say(s, w, voice, lexicon, &err);
        sound_end(s, status, &err); /* replies, where nothing was heard yet */
    } else {
        if (status != MODELLAB_OK)
            modellab_record_destroy(record); /* else sound_create() has done so */
        openai_fail(c, status != MODELLAB_OK ? status : MODELLAB_E_NO_MEMORY, &err, NULL, NULL);
    }
    modellab_model_unref(lexicon);
    modellab_model_unref(voice);
}

/* What a call asks for, on a thread of the crew: a reply goes out when the function of the
 * operation has returned, and this one's goes out while it is made. */
typedef struct speech_job {
    call *c;
    speech_wish wish;
    char *input; /* the call and its body may be gone before the last word is said */
} speech_job;

static void run_job(void *user)
{
    speech_job *job = user;
    work(job->c, &job->wish);
    free(job->input);
    free(job);
}

/* Replies where nobody can say it now. */
static void begin_job(call *c, const speech_wish *wish)
{
    speech_job *job = calloc(1, sizeof *job);
    char *input = job != NULL ? strdup(wish->input) : NULL;
    if (input == NULL) {
        free(job);
        openai_refuse(c, 500, NULL, "internal", "Out of memory.");
        return;
    }
    *job = (speech_job){.c = c, .wish = *wish, .input = input};
    job->wish.input = input;
    job->wish.model = NULL; /* borrowed too, and not needed any more */
    if (!delivery_is_crowded() && crew_run(&crew_of_speech, 2 * cpu_count(), run_job, job))
        return;
    free(input);
    free(job);
    reply_later(c, 503, "unavailable", "too much is being said at the moment", 1);
}

static void speak(call *c)
{
    speech_wish wish;
    if (read_wish(c, &wish))
        begin_job(c, &wish);
}

static const operation table[] = {
    {.id = "createSpeech",
     .method = "POST",
     .path = "/v1/audio/speech",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_OPENAI,
     .run = speak},
};
OPERATION_TABLE(openai_speech);
