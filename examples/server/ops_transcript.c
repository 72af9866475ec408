/* The transcript of a run in every format, search in it, and the names of its speakers. */
#include "conditions.h"
#include "problem.h"
#include "reply.h"
#include "seen_run.h"
#include <stdlib.h>
#include <string.h>

/* What a format is called here, and what its bytes are. */
static const struct {
    const char *name, *type;
} formats[] = {{"json", NULL}, /* all of it: the library's verbose_json */
               {"verbose_json", "application/json"},
               {"diarized_json", "application/json"},
               {"txt", "text/plain; charset=utf-8"},
               {"srt", "application/x-subrip; charset=utf-8"},
               {"srt_words", "application/x-subrip; charset=utf-8"},
               {"vtt", "text/vtt; charset=utf-8"},
               {"vtt_words", "text/vtt; charset=utf-8"},
               {"tsv", "text/tab-separated-values; charset=utf-8"},
               {"ctm", "text/plain; charset=utf-8"},
               {"stm", "text/plain; charset=utf-8"},
               {"rttm", "text/plain; charset=utf-8"},
               {"textgrid", "text/plain; charset=utf-8"}};

static bool load(call *c, bool names, modellab_transcript **out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *id = seen_run_id(c);
    *out = NULL;
    if (id == NULL)
        return false;
    modellab_status status = modellab_run_transcript(
        call_lab(c), id, names ? MODELLAB_TRANSCRIPT_WITH_NAMES : 0, out, &err);
    if (status != MODELLAB_OK)
        reply_error(c, status, &err, NULL);
    return status == MODELLAB_OK;
}

static void get_transcript(call *c)
{
    const char *name = call_query(c, "format"), *type = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *transcript;
    modellab_buffer *text = NULL;
    bool names;
    name = name != NULL ? name : "json";
    size_t i = 0;
    while (i < sizeof formats / sizeof formats[0] && strcmp(formats[i].name, name) != 0)
        i++;
    if (i == sizeof formats / sizeof formats[0]) {
        reply_invalid(c, "?format",
                      "must be json, verbose_json, diarized_json, txt, srt, srt_words, vtt, "
                      "vtt_words, tsv, ctm, stm, rttm or textgrid");
        return;
    }
    type = formats[i].type;
    if (!call_query_bool(c, "names", true, &names) || !load(c, names, &transcript))
        return;
    modellab_transcript_format format =
        type != NULL ? modellab_transcript_format_from_name(name) : MODELLAB_FORMAT_VERBOSE_JSON;
    modellab_status status = modellab_transcript_write(transcript, format, NULL, &text, &err);
    modellab_transcript_unref(transcript);
    if (status == MODELLAB_OK)
        reply_buffer(c, 200, type != NULL ? type : "application/json", text);
    else
        reply_error(c, status, &err, NULL);
}

static void search(call *c)
{
    modellab_search_options options = MODELLAB_SEARCH_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript *transcript;
    modellab_buffer *found = NULL;
    const char *query = call_query(c, "q");
    int64_t limit, context;
    bool accents;
    if (query == NULL) {
        reply_invalid(c, "?q", "must be what to look for");
        return;
    }
    if (!call_query_int(c, "limit", 1, 1000, 50, &limit) ||
        !call_query_int(c, "context", 1, 1000, 60, &context) ||
        !call_query_bool(c, "accents", false, &accents) || !load(c, true, &transcript))
        return;
    options.limit = (int32_t)limit;
    options.context = (int32_t)context;
    options.flags = accents ? MODELLAB_SEARCH_ACCENTS : 0;
    options.cancel = call_cancel(c);
    modellab_status status = modellab_transcript_search(transcript, query, &options, &found, &err);
    modellab_transcript_unref(transcript);
    if (status == MODELLAB_E_INVALID_ARGUMENT)
        reply_invalid(c, "?q", err.message);
    else
        reply_made(c, status, found, &err);
}

static void reply_speakers(call *c, const char *id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    modellab_status status = modellab_run_speakers(call_lab(c), id, &json, &err);
    reply_made(c, status, json, &err);
}

static void get_speakers(call *c)
{
    const char *id = seen_run_id(c);
    if (id != NULL)
        reply_speakers(c, id);
}

static bool may_rename(call *c, const char *id)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *json = NULL;
    if (!change_asks(c))
        return true;
    modellab_status status = modellab_run_speakers(call_lab(c), id, &json, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    bool met = change_met(c, modellab_buffer_data(json), modellab_buffer_size(json));
    modellab_buffer_destroy(json);
    return met;
}

static void put_alone(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const json_t *names = json_object_get(call_json(c), "names");
    const char *id = seen_run_id(c);
    if (id == NULL)
        return;
    if (!json_is_object(names) || json_object_size(call_json(c)) != 1) {
        reply_invalid(c, "/names", "must be an object of names, and nothing else");
        return;
    }
    if (!may_rename(c, id))
        return;
    char *text = json_dumps(names, JSON_COMPACT);
    if (text == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return;
    }
    modellab_status status =
        modellab_note_put(call_lab(c), id, MODELLAB_NOTE_SPEAKERS, text, 0, &err);
    free(text);
    reply_tagged(c);
    if (status == MODELLAB_OK)
        reply_speakers(c, id);
    else if (status == MODELLAB_E_SCHEMA || status == MODELLAB_E_LIMIT ||
             status == MODELLAB_E_INVALID_JSON)
        reply_invalid(c, "/names", err.message);
    else
        reply_error(c, status, &err, NULL);
}

static void put_speakers(call *c)
{
    change_begin();
    put_alone(c);
    change_end();
}

static const operation table[] = {
    {.id = "getRunTranscript",
     .method = "GET",
     .path = "/api/v1/runs/{id}/transcript",
     .scope = "runs:read",
     .run = get_transcript},
    {.id = "searchRunTranscript",
     .method = "GET",
     .path = "/api/v1/runs/{id}/transcript/search",
     .scope = "runs:read",
     .run = search},
    {.id = "getRunSpeakers",
     .method = "GET",
     .path = "/api/v1/runs/{id}/speakers",
     .scope = "runs:read",
     .run = get_speakers},
    {.id = "putRunSpeakers",
     .method = "PUT",
     .path = "/api/v1/runs/{id}/speakers",
     .scope = "runs:write",
     .body = BODY_JSON,
     .flags = OP_MATCHES,
     .run = put_speakers},
};
OPERATION_TABLE(ops_transcript);
