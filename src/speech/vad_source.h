/* The detector of speech over a whole recording: what step vad, diarization and recognition in
 * chunks all do first. */
#ifndef MLI_SPEECH_VAD_SOURCE_H
#define MLI_SPEECH_VAD_SOURCE_H

#include "audio/source.h"
#include "speech/silero.h"
#include "speech/vad_segments.h"

/* Model and pool are borrowed for the call. */
typedef struct mli_vad_tools {
    const mli_silero *model;
    mli_pool *pool;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    /* After each block (2 s) with the samples done of all; what is not OK ends the work. NULL =
     * nobody is told. */
    modellab_status (*progress)(void *user, int64_t done, int64_t all, modellab_error *err);
    void *user;
} mli_vad_tools;

/* Finds segments[*count] in time, which belong to the caller (mli_free). The cancel word is looked
 * at each block and within it (E_CANCELLED). */
MODELLAB_MUST_CHECK modellab_status mli_vad_find(const mli_vad_tools *tools,
                                                 const mli_audio_source *source,
                                                 const mli_vad_rules *rules,
                                                 mli_vad_segment **segments, size_t *count,
                                                 modellab_error *err);

#endif
