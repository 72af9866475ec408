/* Finds WAV files that lost their end: libsndfile quietly takes what is there. */
#ifndef MLI_AUDIO_WAV_CUT_H
#define MLI_AUDIO_WAV_CUT_H

#include "audio/bytes.h"

/* True when the data chunk of a RIFF or RF64 file declares more bytes than the file has; then
 * *declared and *present are set. Sizes that programs write when they do not know better (0 and the
 * greatest 31 and 32 bit numbers) are no declaration. False for other files. Keeps the position. */
bool mli_wav_is_cut(mli_audio_bytes *bytes, uint64_t *declared, uint64_t *present);

#endif
