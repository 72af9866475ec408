/* What a chain did, as the public functions give it. */
#ifndef MLI_API_ENHANCE_RESULT_H
#define MLI_API_ENHANCE_RESULT_H

#include "speech/enhance.h"
#include <modellab/enhance.h>

/* Copies what is to be known of an enhancer that has run. */
MODELLAB_MUST_CHECK modellab_status mli_enhancement_create(
    const mli_enhance_chain *chain, mli_pcm_format in, const mli_enhancer *enhancer,
    const modellab_allocator *alloc, modellab_enhancement **out, modellab_error *err);

#endif
