/* The made-up detector of silero_file.h, opened. At a threshold near 0 it takes everything for
 * speech. */
#ifndef TESTS_UNIT_SPEECH_VAD_FIXTURE_H
#define TESTS_UNIT_SPEECH_VAD_FIXTURE_H

#include "speech/silero.h"
#include "unit/speech/silero_file.h"

static inline mli_silero *fixture_detector(void)
{
    float *values[SILERO_TENSORS];
    mli_silero_weights weights;
    mli_silero *vad = NULL;
    mli_buf file;
    silero_file(&file, &(silero_plan){0}, values);
    assert_int_equal(mli_silero_read(&weights, NULL, file.data, file.size, NULL, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_silero_create(&vad, NULL, &weights, NULL), MODELLAB_OK);
    mli_buf_dispose(&file);
    for (size_t i = 0; i < SILERO_TENSORS; i++)
        free(values[i]);
    return vad;
}

#endif
