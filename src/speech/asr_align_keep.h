/* Which audio of a chunk its words are aligned with: silence misleads attention, but the detector
 * misses quiet speech. Pure. */
#ifndef MLI_SPEECH_ASR_ALIGN_KEEP_H
#define MLI_SPEECH_ASR_ALIGN_KEEP_H

#include "speech/asr_chunks.h"

/* The same chunks with the detector's speech and what surrounds words that were heard outside of
 * it; a chunk that would be left without audio stays whole. `heard` has word times, in order. */
MODELLAB_MUST_CHECK modellab_status mli_align_keep(const modellab_allocator *alloc,
                                                   const mli_asr_chunks *chunks,
                                                   const mli_vad_segment *speech, size_t count,
                                                   const mli_transcript *heard, mli_asr_chunks *out,
                                                   modellab_error *err);

#endif
