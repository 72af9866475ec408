/* Word times for a given text over given audio: the audio is recognised first, so that each chunk
 * of speech gets its part of the text, then each part is aligned with its chunk by cross-attention.
 */
#ifndef MLI_SPEECH_ASR_ALIGN_H
#define MLI_SPEECH_ASR_ALIGN_H

#include "speech/asr.h"

#define MLI_ASR_ALIGN_TEXT_BYTES ((size_t)4 << 20) /* about 700,000 words */

/* A new transcript whose words are those of the text, all of them, with times in order and inside
 * the audio; a segment a sentence, cut also where a chunk ends. Words that the audio does not hold
 * share the time of what stands around them; where a text is far too long for its speech they are
 * spread over it with probability 0. The text may be a part of what is said. Of `options` only
 * language, vad (must be there), vad_rules, batch, progress, pulse, user and cancel are looked at.
 * An empty text gives an empty transcript. E_INVALID_AUDIO: there is no speech; E_LIMIT: the text
 * is too long; E_INVALID_ARGUMENT: it is not UTF-8; E_CANCELLED and E_CALLBACK give no transcript.
 */
MODELLAB_MUST_CHECK modellab_status mli_asr_align(mli_asr_session *session,
                                                  const mli_audio_source *source, const char *text,
                                                  size_t bytes, const mli_asr_options *options,
                                                  mli_transcript **out, modellab_error *err);

#endif
