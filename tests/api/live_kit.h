/* For the tests of live recognition: models, the sample, and a listener that keeps what it hears.
 */
#ifndef TESTS_LIVE_KIT_H
#define TESTS_LIVE_KIT_H

#include <modellab/modellab.h>

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)
enum { RATE = 16000, KEPT = 4096, TEXT_BYTES = 65536 };

/* What a stream has said, in order; `text` has a line for each final result and its segments. */
typedef struct heard {
    pthread_mutex_t lock;
    pthread_cond_t more;
    size_t count;
    modellab_live_kind kinds[KEPT];
    int64_t indices[KEPT];
    double starts[KEPT], ends[KEPT], delays[KEPT];
    modellab_status end_status;
    char text[TEXT_BYTES];
    size_t used;
    int32_t (*then)(void *user, const modellab_live_event *event); /* after it was kept */
    void *user;
} heard;

static inline void heard_init(heard *h)
{
    memset(h, 0, sizeof *h);
    assert_int_equal(pthread_mutex_init(&h->lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&h->more, NULL), 0);
    h->end_status = 1;
}

static inline void heard_add(heard *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(h->text + h->used, TEXT_BYTES - h->used, format, args);
    va_end(args);
    if (n > 0 && (size_t)n < TEXT_BYTES - h->used)
        h->used += (size_t)n;
}

/* A line of a final result. */
static inline void heard_final(heard *h, double start, double end, const char *text)
{
    heard_add(h, "%.6f %.6f %s\n", start, end, text);
}

static inline int32_t listen(void *user, const modellab_live_event *event)
{
    heard *h = user;
    size_t at;

    pthread_mutex_lock(&h->lock);
    at = h->count < KEPT ? h->count++ : KEPT - 1;
    h->kinds[at] = event->kind;
    h->indices[at] = event->index;
    h->starts[at] = event->start;
    h->ends[at] = event->end;
    h->delays[at] = event->delay_seconds;
    if (event->kind == MODELLAB_LIVE_FINAL)
        heard_final(h, event->start, event->end, event->text);
    if (event->kind == MODELLAB_LIVE_END)
        h->end_status = event->status;
    pthread_cond_broadcast(&h->more);
    pthread_mutex_unlock(&h->lock);
    return h->then != NULL ? h->then(h->user, event) : 0;
}

static inline size_t heard_count(heard *h, modellab_live_kind kind)
{
    size_t count = 0;

    pthread_mutex_lock(&h->lock);
    for (size_t i = 0; i < h->count; i++)
        count += h->kinds[i] == kind;
    pthread_mutex_unlock(&h->lock);
    return count;
}

/* Models and the sample below MODEL_LAB_TEST_MODELS; 77: they are not there. */
typedef struct live_models {
    modellab_model *asr, *vad;
    float *samples; /* of sample-conversation, 16 kHz */
    int16_t *pcm;
    size_t count;
    char sample[4096];
} live_models;

static inline int live_models_open(live_models *m, const modellab_allocator *alloc)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_audio_info info = {.size = sizeof info};
    modellab_audio *audio = NULL;
    const char *root = getenv("MODEL_LAB_TEST_MODELS");

    options.models_root = root;
    options.allocator = alloc;
    if (root == NULL ||
        modellab_model_open("whisper-tiny.en", &options, &m->asr, NULL) != MODELLAB_OK ||
        modellab_model_open("silero-vad-v6", &options, &m->vad, NULL) != MODELLAB_OK)
        return 77;
    (void)snprintf(m->sample, sizeof m->sample, "%s/sample-conversation/sample.wav", root);
    if (modellab_audio_decode_file(m->sample, NULL, &audio, NULL) != MODELLAB_OK)
        return 77;
    if (modellab_audio_get_info(audio, &info, NULL) != MODELLAB_OK)
        return 1;
    m->count = (size_t)info.samples;
    m->samples = malloc(m->count * sizeof(float));
    m->pcm = malloc(m->count * sizeof(int16_t));
    if (m->samples == NULL || m->pcm == NULL ||
        modellab_audio_read(audio, 0, m->count, m->samples, NULL) != MODELLAB_OK)
        return 1;
    for (size_t i = 0; i < m->count; i++)
        m->pcm[i] = (int16_t)lrintf(fmaxf(fminf(m->samples[i] * 32768.0f, 32767.0f), -32768.0f));
    modellab_audio_unref(audio);
    return 0;
}

static inline void live_models_close(live_models *m)
{
    modellab_model_unref(m->asr);
    modellab_model_unref(m->vad);
    free(m->samples);
    free(m->pcm);
}

#endif
