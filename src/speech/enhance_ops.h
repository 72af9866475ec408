/* The operators that prepare audio: their names, parameters with ranges and defaults, and their
 * texts. Written `name(param=value, ...)`, or as JSON {"op": name, param: value}; both are read
 * into the same values, and the canonical text is made of those. Pure. */
#ifndef MLI_SPEECH_ENHANCE_OPS_H
#define MLI_SPEECH_ENHANCE_OPS_H

#include "base/json.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

enum {
    MLI_ENHANCE_PARAMS = 3,      /* most parameters of an operator */
    MLI_ENHANCE_MAX_OPS = 16,    /* most operators of a chain */
    MLI_ENHANCE_MAX_TEXT = 1024, /* bytes of one operator's text */
    MLI_ENHANCE_CANONICAL = 160  /* bytes that hold the canonical text of any operator */
};

typedef enum mli_enhance_kind {
    MLI_ENHANCE_DENOISE,
    MLI_ENHANCE_EXTRACT_CHANNEL,
    MLI_ENHANCE_HIGH_PASS,
    MLI_ENHANCE_NORMALIZE_LOUDNESS,
    MLI_ENHANCE_NORMALIZE_VOLUME,
    MLI_ENHANCE_RESAMPLE,
    MLI_ENHANCE_SPEED,
    MLI_ENHANCE_TRIM_SILENCE,
    MLI_ENHANCE_KINDS
} mli_enhance_kind;

typedef struct mli_enhance_param {
    const char *name; /* NULL ends the list */
    const char *unit; /* "ms", "dB", ... or "" */
    double least, most, standard;
    bool whole;             /* an integer */
    const char *choices[3]; /* words in place of numbers: the value is the index; NULL = a number */
    const char *words;      /* the same as one text, "peak|rms"; "" = a number */
    const char *text;
} mli_enhance_param;

typedef struct mli_enhance_info {
    const char *name, *text;
    bool two_passes; /* must hear all that comes before it once, before it can give a sample */
    bool moves_time; /* what it gives lies at other times than what it was given */
    mli_enhance_param params[MLI_ENHANCE_PARAMS + 1];
} mli_enhance_info;

typedef struct mli_enhance_op {
    mli_enhance_kind kind;
    double values[MLI_ENHANCE_PARAMS]; /* in the order of the table */
} mli_enhance_op;

/* What an operator found, for the record. */
typedef struct mli_enhance_note {
    const char *name; /* "gain_db", ...; NULL ends the list */
    double value;     /* not finite: there was nothing to measure */
} mli_enhance_note;

typedef struct mli_enhance_chain {
    size_t count;
    mli_enhance_op ops[MLI_ENHANCE_MAX_OPS];
} mli_enhance_chain;

const mli_enhance_info *mli_enhance_info_of(mli_enhance_kind kind);

/* Reads the text of one operator and adds it to the chain. E_INVALID_ARGUMENT with the byte of the
 * mistake as detail and in the message, a suggestion for a name that is not known, the range of a
 * value beyond it; E_LIMIT beyond MLI_ENHANCE_MAX_OPS. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_parse(const char *text, size_t bytes,
                                                      mli_enhance_chain *chain,
                                                      modellab_error *err);
/* The same from JSON: a text as above, or an object {"op": name, ...}. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_parse_json(const mli_json *value,
                                                           mli_enhance_chain *chain,
                                                           modellab_error *err);
/* The canonical text: all parameters, in the order of the table, shortest numbers. Reading it gives
 * the same values. Returns its length. */
size_t mli_enhance_canonical(const mli_enhance_op *op, char out[MLI_ENHANCE_CANONICAL]);
/* The object form of one operator, with all parameters. */
void mli_enhance_write_json(const mli_enhance_op *op, mli_jw *w);
/* The same with what was measured as "found"; what is not finite becomes null. */
void mli_enhance_write_record(const mli_enhance_op *op, const mli_enhance_note *notes, mli_jw *w);

#endif
