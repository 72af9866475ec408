/* What the readers of operators share (text and JSON): looking up names and setting values within
 * their ranges. `at` is the byte of the text that a refusal names. */
#ifndef MLI_SPEECH_ENHANCE_PARSE_H
#define MLI_SPEECH_ENHANCE_PARSE_H

#include "speech/enhance_ops.h"

/* Fills `op` with the kind and its defaults. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_find(const char *word, size_t at,
                                                     mli_enhance_op *op, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_enhance_find_param(const mli_enhance_op *op,
                                                           const char *word, size_t at,
                                                           size_t *index, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_enhance_set_word(mli_enhance_op *op, size_t index,
                                                         const char *word, size_t at,
                                                         modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_enhance_set_number(mli_enhance_op *op, size_t index,
                                                           double value, size_t at,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_enhance_add(mli_enhance_chain *chain,
                                                    const mli_enhance_op *op, modellab_error *err);

#endif
