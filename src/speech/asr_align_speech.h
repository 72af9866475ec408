/* Speech that was found before an alignment (step vad, whose rules leave long speech in one piece),
 * as the chunks of an alignment want it. Pure. */
#ifndef MLI_SPEECH_ASR_ALIGN_SPEECH_H
#define MLI_SPEECH_ASR_ALIGN_SPEECH_H

#include "speech/asr_chunks.h"

typedef struct mli_align_given {
    const mli_vad_segment *items; /* in order */
    size_t count;
    int64_t pad;     /* samples that are added on both sides, as far as there is silence */
    int64_t samples; /* of the recording */
} mli_align_given;

/* Whether some of it is longer than a chunk. */
bool mli_align_speech_is_long(const mli_align_given *given);
/* A new list (mli_free). Of what is longer than a chunk those parts stay that were `found` again,
 * by rules that cut it at pauses; all of it where nothing was. */
MODELLAB_MUST_CHECK modellab_status mli_align_speech_take(const modellab_allocator *alloc,
                                                          const mli_align_given *given,
                                                          const mli_vad_segment *found,
                                                          size_t found_count, mli_vad_segment **out,
                                                          size_t *count, modellab_error *err);

#endif
