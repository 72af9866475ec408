/* Interleaved float samples on their way from one stage to the next: their format, and who takes
 * them. */
#ifndef MLI_AUDIO_PCM_H
#define MLI_AUDIO_PCM_H

#include <modellab/status.h>

typedef struct mli_pcm_format {
    int32_t channels, rate_hz;
} mli_pcm_format;

typedef struct mli_pcm_sink {
    modellab_status (*take)(void *user, const float *interleaved, size_t frames,
                            modellab_error *err);
    void *user;
} mli_pcm_sink;

/* Frames that a stage gives at once: cancel is looked at between two such blocks. */
enum { MLI_PCM_BLOCK = 4096 };

#endif
