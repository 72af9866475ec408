/* The words of a text that belong to one chunk of speech. */
#ifndef MLI_SPEECH_ASR_ALIGN_CHUNK_H
#define MLI_SPEECH_ASR_ALIGN_CHUNK_H

#include "speech/asr_align_place.h"
#include "speech/asr_private.h"

/* What is said in a chunk, in order: its given words are added to the transcript of the run, in
 * segments. `speech`: where the detector hears some, in samples of the recording: a word does not
 * reach into the silence beside its speech. */
typedef struct mli_align_speech {
    const mli_vad_segment *items;
    size_t count;
} mli_align_speech;
MODELLAB_MUST_CHECK modellab_status mli_asr_align_chunk(const mli_asr_run *run,
                                                        const mli_asr_chunks *chunks, size_t chunk,
                                                        const mli_align_item *items, size_t count,
                                                        const mli_align_speech *speech,
                                                        modellab_error *err);

#endif
