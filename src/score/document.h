/* A file to score, whatever its format: what was said, by whom, when, and what of it counts. */
#ifndef MLI_SCORE_DOCUMENT_H
#define MLI_SCORE_DOCUMENT_H

#include "text/labels.h"
#include "text/transcript.h"

typedef enum mli_document_format {
    MLI_DOCUMENT_TXT = 1,
    MLI_DOCUMENT_JSON, /* verbose_json, or {"text": ...} */
    MLI_DOCUMENT_SRT,
    MLI_DOCUMENT_VTT,
    MLI_DOCUMENT_TSV,
    MLI_DOCUMENT_CTM,
    MLI_DOCUMENT_RTTM,
    MLI_DOCUMENT_STM,
    MLI_DOCUMENT_UEM
} mli_document_format;

typedef struct mli_document {
    const modellab_allocator *alloc; /* borrowed */
    mli_document_format format;
    char *text;                 /* what was said, in order; "" for RTTM and UEM */
    mli_transcript *transcript; /* JSON with segments, SRT, VTT, TSV, CTM; else NULL */
    mli_labels labels;          /* RTTM, STM, UEM; and turns of speakers of transcripts */
} mli_document;

/* `name`: of the file, for its extension; what the extension does not tell is told by the text.
 * E_SCHEMA, E_INVALID_JSON, E_LIMIT, E_NO_MEMORY; then `out` is empty. */
MODELLAB_MUST_CHECK modellab_status mli_document_read(const char *name, const char *data,
                                                      size_t bytes, const modellab_allocator *alloc,
                                                      mli_document *out, modellab_error *err);
void mli_document_dispose(mli_document *document);
/* "txt" and so on. */
const char *mli_document_format_name(mli_document_format format);

#endif
