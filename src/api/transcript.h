/* modellab_transcript is the inner transcript under its public name; the caller's reference moves
 * along. */
#ifndef MLI_API_TRANSCRIPT_H
#define MLI_API_TRANSCRIPT_H

#include "text/transcript.h"
#include <modellab/transcript.h>

static inline modellab_transcript *mli_transcript_public(mli_transcript *transcript)
{
    return (modellab_transcript *)(void *)transcript;
}

static inline const mli_transcript *mli_transcript_of(const modellab_transcript *transcript)
{
    return (const mli_transcript *)(const void *)transcript;
}

/* A segment as the public struct has it, for modellab_asr_segment_fn and
 * modellab_transcript_segment_at. */
modellab_segment mli_segment_public(const mli_transcript_segment *segment);

#endif
