/* A run's transcript in the shapes of OpenAI's API. */
#ifndef SERVER_OPENAI_TEXT_H
#define SERVER_OPENAI_TEXT_H

#include "openai_form.h"

/* The transcript of a run that completed, with speakers where there are some. */
MODELLAB_MUST_CHECK modellab_status openai_transcript(modellab_lab *lab, const modellab_run *run,
                                                      modellab_transcript **out,
                                                      modellab_error *err);
/* {token, bytes, logprob} of each text token (new reference; NULL: out of memory). */
json_t *openai_logprobs(const modellab_transcript *transcript, const modellab_model *model);
/* Body for the format of the wish; *json for the JSON formats, *text (a buffer) for others. */
typedef struct openai_body {
    const char *type;
    json_t *json;
    modellab_buffer *text;
} openai_body;
MODELLAB_MUST_CHECK modellab_status openai_body_make(const openai_wish *wish,
                                                     const modellab_transcript *transcript,
                                                     const modellab_model *model, openai_body *out,
                                                     modellab_error *err);
/* Segments with speakers, as events of the stream have them too (array, new reference). */
MODELLAB_MUST_CHECK modellab_status openai_diarized(const modellab_transcript *transcript,
                                                    json_t **out, modellab_error *err);

#endif
