/* Where a recording has sound that could be speech, by loudness alone: what is far below the loud
 * parts is silence, and so is what stays equally loud for seconds (hum, noise, a tone): speech
 * never does. Cheap (a pass over the samples); a detector (silero.h) knows better. */
#ifndef MLI_SPEECH_SOUND_H
#define MLI_SPEECH_SOUND_H

#include "audio/source.h"
#include "speech/vad_segments.h"

/* Stretches with such sound, in samples, in order, without overlap: *out new, mli_free() with
 * `alloc`; NULL when there are none. E_CANCELLED, E_IO, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_sound_find(const mli_audio_source *audio,
                                                   const modellab_allocator *alloc,
                                                   const mli_cancel_word *cancel,
                                                   mli_vad_segment **out, size_t *count,
                                                   modellab_error *err);

#endif
