/* Where the result of modellab_enhance_*() goes: a file that is written whole or not at all, the
 * caller's function, both or neither. */
#ifndef MLI_API_ENHANCE_OUTPUT_H
#define MLI_API_ENHANCE_OUTPUT_H

#include "audio/writer.h"
#include <modellab/enhance.h>

enum { MLI_ENHANCE_PATH = 4096 };

typedef struct mli_enhance_output {
    const modellab_enhance_options *options; /* borrowed */
    mli_pcm_format format;
    mli_audio_writer *writer;
    int fd; /* of the temporary file; -1 = none */
    char temporary[MLI_ENHANCE_PATH];
} mli_enhance_output;

/* Checks the names of path and format, before anything is read. */
MODELLAB_MUST_CHECK modellab_status
mli_enhance_output_check(const modellab_enhance_options *options, modellab_error *err);
/* Opens the file, if one is wanted. To be ended in every case. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_output_begin(
    mli_enhance_output *output, const modellab_enhance_options *options,
    const modellab_allocator *alloc, mli_pcm_format format, modellab_error *err);
/* A sink: `user` is the output. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_output_take(void *user, const float *samples,
                                                            size_t frames, modellab_error *err);
/* With status OK the file gets its name, else it goes; returns the first failure. */
MODELLAB_MUST_CHECK modellab_status mli_enhance_output_end(mli_enhance_output *output,
                                                           modellab_status status,
                                                           modellab_error *err);

#endif
