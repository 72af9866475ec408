/* The transcripts of two runs side by side. */
#ifndef MLI_LAB_COMPARE_TEXT_H
#define MLI_LAB_COMPARE_TEXT_H

#include "base/cancel.h"
#include "base/json.h"
#include "lab/lab.h"
#include "text/transcript.h"

/* Reads the transcript of a run; *out NULL when there is none that can be read (anymore). */
MODELLAB_MUST_CHECK modellab_status mli_compare_read(mli_lab *lab, const mli_run_record *record,
                                                     mli_transcript **out, modellab_error *err);
/* Writes one value: null when one of them has no transcript that can be read (anymore), else
 * counts, the word error rate of b against a (both normalized), and the first place where they
 * part. */
MODELLAB_MUST_CHECK modellab_status mli_compare_transcripts(mli_lab *lab, const mli_run_record *a,
                                                            const mli_run_record *b,
                                                            const mli_cancel_word *cancel,
                                                            mli_jw *out, modellab_error *err);
/* The same for two texts. */
MODELLAB_MUST_CHECK modellab_status mli_compare_texts(const char *a, size_t a_bytes, const char *b,
                                                      size_t b_bytes,
                                                      const modellab_allocator *alloc,
                                                      const mli_cancel_word *cancel, mli_jw *out,
                                                      modellab_error *err);
#endif
