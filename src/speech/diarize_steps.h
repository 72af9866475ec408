/* The steps of diarization that look at audio, and the turns at its end. Internal to diarize*.c. */
#ifndef MLI_SPEECH_DIARIZE_STEPS_H
#define MLI_SPEECH_DIARIZE_STEPS_H

#include "speech/diarize.h"

/* Progress of the parts: VAD takes this share, voices the rest. */
#define MLI_DIARIZE_VAD_SHARE 0.25

/* Reports; E_CALLBACK when the callback says so. */
MODELLAB_MUST_CHECK modellab_status mli_diarize_tell(const mli_diarize_options *o, double fraction,
                                                     modellab_error *err);
/* Speech of the whole recording; segments belong to the caller (mli_free). */
MODELLAB_MUST_CHECK modellab_status mli_diarize_speech(const mli_diarize_tools *t,
                                                       const mli_audio_source *source,
                                                       const mli_diarize_options *o,
                                                       mli_vad_segment **segments, size_t *count,
                                                       modellab_error *err);
/* What power must be multiplied with so that the speech has the level of the options. */
MODELLAB_MUST_CHECK modellab_status mli_diarize_level(const mli_diarize_tools *t,
                                                      const mli_audio_source *source,
                                                      const mli_diarize_options *o,
                                                      const mli_vad_segment *segments, size_t count,
                                                      float *scale, modellab_error *err);

/* Cells of the speech and the windows around them; memory of 16 bytes a cell and 1 KiB a window. */
typedef struct mli_voice_track {
    mli_cells cells;
    float *windows;
    mli_cell *items;
    uint32_t *starts; /* [window_count]: first frame */
} mli_voice_track;
MODELLAB_MUST_CHECK modellab_status mli_voice_track_make(const mli_diarize_tools *t,
                                                         const mli_audio_source *source,
                                                         const mli_diarize_options *o,
                                                         const mli_vad_segment *segments,
                                                         size_t count, float scale,
                                                         mli_voice_track *out, modellab_error *err);
void mli_voice_track_dispose(mli_voice_track *track, const modellab_allocator *alloc);

/* Turns and speakers of `out` from labels; segments in time. */
MODELLAB_MUST_CHECK modellab_status mli_diarize_turns(
    const mli_diarize_tools *t, const mli_diarize_options *o, const mli_vad_segment *segments,
    size_t segment_count, const mli_cells *cells, const uint8_t *labels, const float *voices,
    int32_t speakers, mli_diarization *out, modellab_error *err);
/* Gives speakers the enrolled voices that they are nearest to, each voice once. */
void mli_diarize_recognise(const mli_diarize_options *o, mli_diarization *d);

#endif
