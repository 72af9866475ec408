/* Speech on its way to the client: samples are encoded, sent as they come (raw or as events), kept
 * for the run's record, and held up where the client is slow. */
#ifndef SERVER_OPENAI_SOUND_H
#define SERVER_OPENAI_SOUND_H

#include "call.h"

typedef struct sound sound;

/* Takes the record over, also on failure (NULL: out of memory). The call is answered by the first
 * piece, or by sound_end(). */
sound *sound_create(call *c, modellab_record *owned, const char *format, int32_t rate_hz,
                    bool as_events, size_t characters);
modellab_cancel *sound_cancel(const sound *s);
modellab_record *sound_record(const sound *s);
int32_t sound_take(void *user, const float *samples, size_t count); /* modellab_tts_chunk_fn */
/* The speech has ended with this status: sends what is left, gives the run its end, frees it. */
void sound_end(sound *s, modellab_status status, const modellab_error *err);

#endif
