/* Fuzz target: the audio decoder on files from outside. Whatever it says, it returns, keeps its
 * limits and holds only finite samples. */
#include "audio/decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* libsndfile 1.2.0 loses libvorbis' tables when an Ogg header is bad; libmpg123 warns on stderr. */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:vorbis_info_init\nleak:libsndfile\n";
}

static int check(const mli_audio_source *source, int64_t limit)
{
    float part[4096];
    const int64_t samples = mli_audio_samples(source);
    if (samples < 1 || samples > limit)
        return 1;
    for (int64_t at = 0; at < samples; at += 4096) {
        if (mli_audio_read(source, at, 4096, part, NULL) != MODELLAB_OK)
            return 1;
        for (int i = 0; i < 4096; i++)
            if (!(part[i] >= -1.0f && part[i] <= 1.0f))
                return 1;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    mli_audio_options options;
    mli_audio_source *source = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_audio_options_init(&options);
    options.max_samples = (int64_t)20 * MLI_AUDIO_RATE;
    options.allow_truncated = bytes % 2 == 1;
    modellab_status status = mli_audio_decode_memory(data, bytes, &options, &source, &err);
    int failed = status == MODELLAB_OK ? check(source, options.max_samples)
                                       : source != NULL || err.message[0] == '\0';
    if (failed != 0)
        fprintf(stderr, "status %d, %s\n", (int)status, err.message);
    mli_audio_unref(source);
    if (failed != 0)
        abort();
    return 0;
}
