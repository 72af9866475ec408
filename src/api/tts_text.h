/* What the utterances of a text gave, collected into one result. */
#ifndef MLI_API_TTS_TEXT_H
#define MLI_API_TTS_TEXT_H

#include "api/tts.h"
#include "base/buf.h"
#include "speech/voice_text.h"

enum { MLI_TTS_MOST_IPA = 4 << 20 };

typedef struct mli_tts_collected {
    mli_buf samples, ids, ends;     /* float, int32_t, double */
    mli_buf words, places, symbols; /* modellab_tts_span, mli_tts_place, mli_tts_symbol */
    mli_buf ipa;                    /* utterances, a line each */
    size_t utterances;
    int64_t cut; /* ids whose duration was cut */
} mli_tts_collected;

void mli_tts_collected_init(mli_tts_collected *c, const modellab_allocator *alloc);
void mli_tts_collected_dispose(mli_tts_collected *c);
/* Adds an utterance that begins at `offset` seconds. */
MODELLAB_MUST_CHECK modellab_status mli_tts_collect(mli_tts_collected *c,
                                                    const modellab_tts_result *one,
                                                    const mli_utterance *u, double offset,
                                                    modellab_error *err);
/* Moves all into a result. */
MODELLAB_MUST_CHECK modellab_status mli_tts_collected_result(
    mli_tts_collected *c, const modellab_tts_session *s, mli_voice_text_counts counts,
    double duration, modellab_tts_result **out, modellab_error *err);

#endif
