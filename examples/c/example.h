/* What all examples share: leave with the library's own words when a call fails, and a tone to work
 * on. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <math.h>
#include <modellab/modellab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every call that can fail is checked; `what` says what was tried. */
static inline void must(modellab_status status, const modellab_error *err, const char *what)
{
    if (status != MODELLAB_OK) {
        fprintf(stderr, "%s: %s (%s)\n", what, err->message, modellab_status_name(status));
        exit(EXIT_FAILURE);
    }
}

/* Examples that need weights use the folder that the tests name, and say so when there is none. */
static inline const char *models_root_or_skip(void)
{
    const char *root = getenv("MODEL_LAB_TEST_MODELS");

    if (root == NULL) {
        puts("skipped: MODEL_LAB_TEST_MODELS names no folder with models (modellab models pull)");
        exit(77);
    }
    return root;
}

/* A WAV file of one second in memory: 16 kHz, mono, 16 bit. Returns its size, at most 44 + 32000.
 */
static inline size_t make_wav(unsigned char *out)
{
    static const unsigned char header[44] = {
        'R', 'I', 'F', 'F', 0x24, 0x7d, 0,   0,   'W', 'A',  'V',  'E',  'f', 'm', 't',
        ' ', 16,  0,   0,   0,    1,    0,   1,   0,   0x80, 0x3e, 0,    0,   0,   0x7d,
        0,   0,   2,   0,   16,   0,    'd', 'a', 't', 'a',  0,    0x7d, 0,   0};

    memcpy(out, header, sizeof header);
    for (int i = 0; i < 16000; i++) {
        int sample = (int)(8000.0 * sin(2.0 * 3.14159265358979 * 440.0 * i / 16000.0));

        out[44 + 2 * i] = (unsigned char)(sample & 0xff);
        out[45 + 2 * i] = (unsigned char)((sample >> 8) & 0xff);
    }
    return 44 + 32000;
}

#endif
