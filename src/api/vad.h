/* Options of voice activity as rules, for all that take them. */
#ifndef MLI_API_VAD_H
#define MLI_API_VAD_H

#include "speech/vad_segments.h"
#include <modellab/vad.h>

/* `rules` holds what zeros stand for, and afterwards what was asked for; *o is what was given, or
 * the defaults for NULL. E_INVALID_ARGUMENT, E_ABI_TOO_SMALL. */
MODELLAB_MUST_CHECK modellab_status mli_vad_rules_of(const modellab_vad_options *given,
                                                     modellab_vad_options *o, mli_vad_rules *rules,
                                                     modellab_error *err);

#endif
