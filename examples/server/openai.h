/* What the operations with OpenAI's shapes share: errors, models by their names there, events. */
#ifndef SERVER_OPENAI_H
#define SERVER_OPENAI_H

#include "call.h"
#include "stream.h"

enum { OPENAI_NAME_BYTES = 128 };

/* {"error": {message, type, param, code}}; type follows from http. NULL param or code = null. */
void openai_refuse(call *c, int http, const char *param, const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* The same of a failed call of the library; findings of the report name the parameter. The report
 * is given back. `param`: where there is none. */
void openai_fail(call *c, modellab_status status, const modellab_error *err,
                 modellab_report *owned_report, const char *param);
/* The error of a run that did not complete, as an object (new reference; NULL: out of memory). */
json_t *openai_run_error(const modellab_run_info *run, int *http);
json_t *openai_error_json(int http, const char *param, const char *code, const char *message);

/* Recognisers: an installed name, or a name of OpenAI's for the default one (the first that can do
 * it, when the default cannot). "" in `out`: the library's default. False: has replied 404. */
MODELLAB_MUST_CHECK bool openai_recogniser(call *c, const char *asked, const char *language,
                                           bool translates, char out[OPENAI_NAME_BYTES]);
/* Voices: an installed name, or one of OpenAI's, which are dealt out to the installed ones. */
MODELLAB_MUST_CHECK bool openai_voice(call *c, const char *asked, char out[OPENAI_NAME_BYTES]);
/* Is it one of OpenAI's names for recognisers, for speech? */
bool openai_is_recogniser(const char *name);
bool openai_is_speaker(const char *name);

/* Writes "data: JSON\n\n"; takes the reference. False: the client is gone or slow, or no memory. */
MODELLAB_MUST_CHECK bool openai_event(stream *s, json_t *owned);

#endif
