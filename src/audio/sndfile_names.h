/* Short names of libsndfile's containers and encodings. */
#ifndef MLI_AUDIO_SNDFILE_NAMES_H
#define MLI_AUDIO_SNDFILE_NAMES_H

#include "audio/source.h"

/* Fills container and encoding of `info` from SF_INFO.format. */
void mli_sndfile_names(int format, mli_audio_info *info);

#endif
