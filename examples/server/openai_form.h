/* The form of a transcription or a translation: fields in memory, the file as an upload of the
 * library; and what the fields ask for. */
#ifndef SERVER_OPENAI_FORM_H
#define SERVER_OPENAI_FORM_H

#include "openai.h"

typedef enum openai_format {
    OPENAI_JSON,
    OPENAI_TEXT,
    OPENAI_SRT,
    OPENAI_VERBOSE_JSON,
    OPENAI_VTT,
    OPENAI_DIARIZED_JSON
} openai_format;

typedef struct openai_field {
    char *name, *value; /* the value ends with a NUL */
    size_t bytes;
} openai_field;

enum { OPENAI_FIELDS_MOST = 64, OPENAI_SPEAKERS_MOST = 4 };

/* call_state() of the call. */
typedef struct openai_form {
    openai_field fields[OPENAI_FIELDS_MOST];
    size_t count, total;     /* bytes of all values */
    modellab_upload *upload; /* NULL: no file has come */
    bool in_file;
} openai_form;

typedef struct openai_wish {
    openai_format format;
    const char *language, *prompt; /* NULL = not said */
    double temperature;            /* 0 = the ladder */
    bool words, segments, streams, logprobs, translates;
    bool detects_speech;            /* chunking_strategy */
    double threshold;               /* of it; 0 = the usual one */
    int32_t padding_ms, silence_ms; /* of it; -1 = the usual ones */
    const char *names[OPENAI_SPEAKERS_MOST], *clips[OPENAI_SPEAKERS_MOST];
    size_t name_count, clip_count;
    char model[OPENAI_NAME_BYTES]; /* "" = the library's default */
} openai_wish;

extern const body_sink openai_form_sink;

/* Reads all fields; `whole`: also what they say together, and which model it is. Borrows from the
 * form. False: has replied. */
MODELLAB_MUST_CHECK bool openai_wish_read(call *c, const openai_form *form, bool translates,
                                          bool whole, openai_wish *out);
/* A data: URL with two to ten seconds of audio. False: has replied. */
MODELLAB_MUST_CHECK bool openai_clip_check(call *c, const char *url);
/* The request of a run (new reference; NULL: out of memory). */
json_t *openai_wish_request(const call *c, const openai_wish *wish);

#endif
