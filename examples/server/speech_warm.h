/* The work that the first speech would else wait for: packing weights, opening voice and
 * dictionary, and one word that nobody hears. */
#ifndef SERVER_SPEECH_WARM_H
#define SERVER_SPEECH_WARM_H

#include <modellab/modellab.h>
#include <stdbool.h>

/* Once, when the server has started: on a thread in the background, as MODEL_LAB_HTTP_WARM says. */
void speech_warm_start(modellab_logger *log);
/* The stop of the server, before crews_stop(). */
void speech_warm_stop(void);
/* A voice that was just installed: its weights are packed. Failures are told in the log only. */
void speech_warm_voice(const char *name, modellab_cancel *cancel, modellab_logger *log);

#endif
