/* What the operations with OpenAI's shapes share: errors, models by their names there, events. */
#ifndef SERVER_OPENAI_H
#define SERVER_OPENAI_H

#include "call.h"
#include "stream.h"

enum { OPENAI_NAME_BYTES = 128 };

/* {"error": {message, type, param, code}}; type follows from http. NULL param or code = null. */
void openai_refuse(call *c, int http, const char *param, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Headers for the official client, which tries 409, 429 and all from 500 on again by itself: after
 * how long, or that it cannot help. openai_refuse() has them. */
void openai_advise(call *c, int http);
/* The same of a failed call of the library; findings of the report name the parameter. The report
 * is given back. `param`: where there is none. */
void openai_fail(call *c, modellab_status status, const modellab_error *err,
                 modellab_report *owned_report, const char *param);
/* The error of a run that did not complete, as an object (new reference; NULL: out of memory). */
json_t *openai_run_error(const modellab_run_info *run, int *http);
json_t *openai_error_json(int http, const char *param, const char *code, const char *message);

/* What a name stands for by MODEL_LAB_HTTP_OPENAI_MODELS; itself where that does not say. */
void openai_alias(const char *name, char out[OPENAI_NAME_BYTES]);
/* The names that stand for models: those of the setting with what they mean, then OpenAI's own for
 * models (`model` is ""). False: there are no more. */
bool openai_alias_at(size_t index, char name[OPENAI_NAME_BYTES], char model[OPENAI_NAME_BYTES]);
/* Entries of a task that are installed, one after another; *index begins with 0. */
bool openai_next_of(const modellab_catalog *catalog, const char *task, size_t *index,
                    modellab_catalog_entry *out);
/* Recognisers: an installed name, or a name of OpenAI's for the default one (the first that can do
 * it, when the default cannot). "" in `out`: the library's default. False: has replied 404. */
MODELLAB_MUST_CHECK bool openai_recogniser(call *c, const char *asked, const char *language,
                                           bool translates, char out[OPENAI_NAME_BYTES]);
/* Voices: an installed name, or one of OpenAI's, which are dealt out to the installed ones. */
MODELLAB_MUST_CHECK bool openai_voice(call *c, const char *asked, char out[OPENAI_NAME_BYTES]);
/* The same of a catalog: how many voices are installed; "" in `out`: it is none of them. */
size_t openai_voice_among(const modellab_catalog *catalog, const char *asked,
                          char out[OPENAI_NAME_BYTES]);
/* An installed voice that is named as the model. False: has replied 404. */
MODELLAB_MUST_CHECK bool openai_voice_of_model(call *c, const char *asked,
                                               char out[OPENAI_NAME_BYTES]);
/* Is it one of OpenAI's names for recognisers, for speech, for voices? */
bool openai_is_recogniser(const char *name);
bool openai_is_speaker(const char *name);
bool openai_is_voice(const char *name);

/* Writes "data: JSON\n\n"; takes the reference. False: the client is gone or slow, or no memory. */
MODELLAB_MUST_CHECK bool openai_event(stream *s, json_t *owned);

#endif
