/* Test signals of integer arithmetic, the same bits everywhere (make_mel_golden.py makes them too).
 */
#ifndef TEST_AUDIO_SIGNAL_H
#define TEST_AUDIO_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

static inline int test_signal_next(uint32_t *state, int64_t *phase, int64_t i)
{
    *state = *state * 1664525u + 1013904223u;
    *phase = (*phase + 500 + i / 8) % 65536;
    int64_t loud = 1 + (i / 2000) % 7, saw = *phase - 32768;
    int64_t noise = ((int64_t)(*state >> 16) - 32768) * (8 - loud);
    /* Python's // rounds down */
    int64_t a = saw * loud, b = noise;
    int64_t x = (a >= 0 ? a / 16 : -((-a + 15) / 16)) + (b >= 0 ? b / 64 : -((-b + 63) / 64));
    return (int)(x < -32768 ? -32768 : x > 32767 ? 32767 : x);
}

static inline void test_signal(float *out, size_t count)
{
    uint32_t state = 12345;
    int64_t phase = 0;
    for (size_t i = 0; i < count; i++)
        out[i] = (float)test_signal_next(&state, &phase, (int64_t)i) / 32768.0f;
}

#endif
