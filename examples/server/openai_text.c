/* From the library's transcript to json, text, subtitles, verbose_json and diarized_json. The
 * library writes; what clients do not know of is left out, usage and log probabilities are added.
 */
#include "openai_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TRANSCRIPT_BYTES_MOST ((int64_t)64 << 20)
#define LEAST_LOGPROB (-9999.0) /* as there, of what has no probability */

static bool id_of(const modellab_run *run, const char *name, modellab_artifact_info *out)
{
    for (size_t i = modellab_run_artifact_count(run); i > 0; i--) {
        *out = (modellab_artifact_info){.size = sizeof *out};
        if (modellab_run_artifact_at(run, i - 1, out, NULL) == MODELLAB_OK && out->is_late == 0 &&
            strcmp(out->name, name) == 0)
            return true;
    }
    return false;
}

modellab_status openai_transcript(modellab_lab *lab, const modellab_run *run,
                                  modellab_transcript **out, modellab_error *err)
{
    modellab_run_info info = {.size = sizeof info};
    modellab_artifact_info artifact;
    modellab_buffer *text = NULL;
    *out = NULL;
    modellab_status status = modellab_run_get_info(run, &info, err);
    if (status == MODELLAB_OK && !id_of(run, "who_said_what.json", &artifact) &&
        !id_of(run, "transcript.json", &artifact))
        status = MODELLAB_E_NOT_FOUND;
    if (status == MODELLAB_OK)
        status = modellab_run_read_artifact(lab, info.id, artifact.id, TRANSCRIPT_BYTES_MOST, &text,
                                            err);
    if (status == MODELLAB_OK)
        status = modellab_transcript_read_json(modellab_buffer_data(text),
                                               modellab_buffer_size(text), NULL, out, err);
    modellab_buffer_destroy(text);
    return status;
}

/* One token. Its text may be part of a character: then it is shown as one that is none. */
static json_t *logprob(const modellab_model *model, int32_t token, float probability)
{
    size_t bytes = 0;
    const char *text = modellab_model_token(model, token, &bytes);
    double value = probability > 0 ? log((double)probability) : LEAST_LOGPROB;
    json_t *list = json_array(), *shown = json_stringn(text, bytes);
    for (size_t i = 0; list != NULL && i < bytes; i++)
        if (json_array_append_new(list, json_integer((unsigned char)text[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    if (shown == NULL)
        shown = json_string("\xef\xbf\xbd");
    return json_pack("{s:o, s:o, s:f}", "token", shown, "bytes", list, "logprob", value);
}

static bool add_tokens(json_t *list, const modellab_segment *s, const modellab_model *model)
{
    for (int32_t i = 0; s->token_probabilities != NULL && i < s->token_count; i++) {
        size_t bytes = 0;
        (void)modellab_model_token(model, s->tokens[i], &bytes);
        if (bytes > 0 && json_array_append_new(
                             list, logprob(model, s->tokens[i], s->token_probabilities[i])) != 0)
            return false;
    }
    return true;
}

json_t *openai_logprobs(const modellab_transcript *transcript, const modellab_model *model)
{
    json_t *list = json_array();
    modellab_segment s = {.size = sizeof s};
    for (int64_t i = 0;
         list != NULL && modellab_transcript_segment_at(transcript, i, &s, NULL) == MODELLAB_OK;
         i++)
        if (!add_tokens(list, &s, model)) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* A format of the library as JSON (new reference). */
MODELLAB_MUST_CHECK static modellab_status written(const modellab_transcript *transcript,
                                                   modellab_transcript_format format, json_t **out,
                                                   modellab_error *err)
{
    modellab_buffer *text = NULL;
    modellab_status status = modellab_transcript_write(transcript, format, NULL, &text, err);
    *out = NULL;
    if (status == MODELLAB_OK) {
        *out = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
        status = *out != NULL ? MODELLAB_OK : MODELLAB_E_NO_MEMORY;
    }
    modellab_buffer_destroy(text);
    return status;
}

/* Keeps the members of this list in each object of an array. */
static void keep_members(json_t *array, const char *const *kept)
{
    size_t i;
    json_t *object;
    json_array_foreach(array, i, object)
    {
        void *at = json_object_iter(object);
        while (at != NULL) {
            const char *key = json_object_iter_key(at);
            bool keeps = false;
            for (size_t k = 0; kept[k] != NULL; k++)
                keeps = keeps || strcmp(kept[k], key) == 0;
            at = json_object_iter_next(object, at);
            if (!keeps)
                (void)json_object_del(object, key); /* it is there */
        }
    }
}

static json_t *usage_of(double seconds)
{
    return json_pack("{s:s, s:f}", "type", "duration", "seconds", seconds);
}

MODELLAB_MUST_CHECK static modellab_status verbose(const openai_wish *wish,
                                                   const modellab_transcript *transcript,
                                                   json_t **out, modellab_error *err)
{
    static const char *const of_segments[] = {"id",
                                              "seek",
                                              "start",
                                              "end",
                                              "text",
                                              "tokens",
                                              "temperature",
                                              "avg_logprob",
                                              "compression_ratio",
                                              "no_speech_prob",
                                              NULL};
    static const char *const of_words[] = {"word", "start", "end", NULL};
    static const char *const ours[] = {"language_code", "language_probability", "partial"};
    modellab_status status = written(transcript, MODELLAB_FORMAT_VERBOSE_JSON, out, err);
    if (status != MODELLAB_OK)
        return status;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        (void)json_object_del(*out, ours[i]); /* it need not be there */
    keep_members(json_object_get(*out, "segments"), of_segments);
    keep_members(json_object_get(*out, "words"), of_words);
    if (!wish->segments)
        (void)json_object_del(*out, "segments");
    if (!wish->words)
        (void)json_object_del(*out, "words");
    else if (json_object_get(*out, "words") == NULL)
        return json_object_set_new(*out, "words", json_array()) == 0 ? MODELLAB_OK
                                                                     : MODELLAB_E_NO_MEMORY;
    return MODELLAB_OK;
}

modellab_status openai_diarized(const modellab_transcript *transcript, json_t **out,
                                modellab_error *err)
{
    return written(transcript, MODELLAB_FORMAT_DIARIZED_JSON, out, err);
}

MODELLAB_MUST_CHECK static modellab_status plain(const modellab_transcript *transcript,
                                                 const modellab_model *model,
                                                 const openai_wish *wish, json_t **out)
{
    *out = json_pack("{s:s}", "text", modellab_transcript_text(transcript));
    bool good = *out != NULL;
    if (good && wish->logprobs)
        good = json_object_set_new(*out, "logprobs", openai_logprobs(transcript, model)) == 0;
    return good ? MODELLAB_OK : MODELLAB_E_NO_MEMORY;
}

modellab_status openai_body_make(const openai_wish *wish, const modellab_transcript *transcript,
                                 const modellab_model *model, openai_body *out, modellab_error *err)
{
    modellab_transcript_info info = {.size = sizeof info};
    modellab_status status = modellab_transcript_get_info(transcript, &info, err);
    *out = (openai_body){.type = "application/json"};
    if (status != MODELLAB_OK)
        return status;
    switch (wish->format) {
    case OPENAI_TEXT:
        out->type = "text/plain; charset=utf-8";
        return MODELLAB_OK; /* the text itself */
    case OPENAI_SRT:
        out->type = "application/x-subrip";
        return modellab_transcript_write(transcript, MODELLAB_FORMAT_SRT, NULL, &out->text, err);
    case OPENAI_VTT:
        out->type = "text/vtt";
        return modellab_transcript_write(transcript, MODELLAB_FORMAT_VTT, NULL, &out->text, err);
    case OPENAI_VERBOSE_JSON:
        status = verbose(wish, transcript, &out->json, err);
        break;
    case OPENAI_DIARIZED_JSON:
        status = openai_diarized(transcript, &out->json, err);
        break;
    case OPENAI_JSON:
        status = plain(transcript, model, wish, &out->json);
        break;
    }
    if (status == MODELLAB_OK &&
        json_object_set_new(out->json, "usage", usage_of(info.duration)) != 0)
        status = MODELLAB_E_NO_MEMORY;
    if (status != MODELLAB_OK) {
        json_decref(out->json);
        out->json = NULL;
    }
    return status;
}
