/* The words of a text that belong to one chunk of speech. */
#ifndef MLI_SPEECH_ASR_ALIGN_CHUNK_H
#define MLI_SPEECH_ASR_ALIGN_CHUNK_H

#include "speech/align_pair.h"
#include "speech/asr_private.h"

/* Adds them to the transcript of the run, in segments. */
MODELLAB_MUST_CHECK modellab_status mli_asr_align_chunk(const mli_asr_run *run,
                                                        const mli_asr_chunks *chunks, size_t chunk,
                                                        const char *text,
                                                        const mli_align_word *words, size_t count,
                                                        modellab_error *err);

#endif
