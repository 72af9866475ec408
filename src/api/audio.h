/* modellab_audio is the inner source under its public name. */
#ifndef MLI_API_AUDIO_H
#define MLI_API_AUDIO_H

#include "audio/source.h"
#include <modellab/audio.h>

static inline mli_audio_source *mli_audio_source_of(modellab_audio *audio)
{
    return (mli_audio_source *)(void *)audio;
}

static inline const mli_audio_source *mli_audio_const_source_of(const modellab_audio *audio)
{
    return (const mli_audio_source *)(const void *)audio;
}

#endif
