/* After the start: the weights of all voices are packed, and the one that "alloy" stands for is
 * kept open with the dictionary, so that the first call finds what the tenth finds. */
#include "speech_warm.h"

#include "crew.h"
#include "model_pool.h"
#include "openai.h"
#include "settings.h"
#include "text.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DICTIONARY "cmudict"
#define WORD "Hello."

static struct {
    pthread_mutex_t lock;
    modellab_cancel *stop;
} warming = {.lock = PTHREAD_MUTEX_INITIALIZER};

typedef struct warm_job {
    modellab_logger *log;
    modellab_cancel *stop;
} warm_job;

void speech_warm_voice(const char *name, modellab_cancel *cancel, modellab_logger *log)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model *voice = NULL;
    options.logger = log;
    options.cancel = cancel;
    modellab_status status = modellab_model_open(name, &options, &voice, &err);
    if (status != MODELLAB_OK && status != MODELLAB_E_CANCELLED)
        modellab_logger_write(log, MODELLAB_LOG_WARN, "speech.not_warm", err.message);
    modellab_model_unref(voice);
}

static int32_t drop_samples(void *user, const float *samples, size_t count)
{
    (void)user, (void)samples, (void)count;
    return 0;
}

/* What is touched for the first time here need not be in a call. */
MODELLAB_MUST_CHECK static modellab_status say_word(modellab_model *voice, modellab_model *lexicon,
                                                    modellab_cancel *stop, modellab_error *err)
{
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_text_options text = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_tts_session *session = NULL;
    options.threads = 1;
    options.chunk = drop_samples;
    options.cancel = stop;
    text.lexicon = lexicon;
    modellab_status status = modellab_tts_session_create(voice, &options, &session, err);
    if (status == MODELLAB_OK)
        status = modellab_tts_speak_text(session, WORD, strlen(WORD), &text, NULL, err);
    modellab_tts_session_destroy(session);
    return status;
}

static void keep_open(const char *name, const warm_job *job)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model *voice = NULL, *lexicon = NULL;
    char text[256];
    int64_t since = text_now_ms();
    modellab_status status = model_pool_open(name, job->log, &voice, &err);
    if (status == MODELLAB_OK)
        status = model_pool_open(DICTIONARY, job->log, &lexicon, &err);
    if (status == MODELLAB_OK)
        status = say_word(voice, lexicon, job->stop, &err);
    (void)snprintf(text, sizeof text, "%s is ready to speak (%lld ms)", name,
                   (long long)(text_now_ms() - since));
    if (status == MODELLAB_OK)
        modellab_logger_write(job->log, MODELLAB_LOG_INFO, "speech.warm", text);
    else if (status != MODELLAB_E_CANCELLED)
        modellab_logger_write(job->log, MODELLAB_LOG_WARN, "speech.not_warm", err.message);
    modellab_model_unref(lexicon);
    modellab_model_unref(voice);
}

static void warm(void *user)
{
    warm_job *job = user;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_catalog *catalog = NULL;
    modellab_catalog_entry entry;
    char first[OPENAI_NAME_BYTES] = "";
    if (modellab_catalog_load(NULL, &catalog, &err) == MODELLAB_OK)
        (void)openai_voice_among(catalog, "alloy", first);
    else
        modellab_logger_write(job->log, MODELLAB_LOG_WARN, "speech.not_warm", err.message);
    if (first[0] != '\0') {
        speech_warm_voice(first, job->stop, job->log);
        if (modellab_cancel_is_set(job->stop) == 0)
            keep_open(first, job);
    }
    for (size_t i = 0; catalog != NULL && openai_next_of(catalog, "tts", &i, &entry);)
        if (strcmp(entry.name, first) != 0 && modellab_cancel_is_set(job->stop) == 0)
            speech_warm_voice(entry.name, job->stop, job->log);
    modellab_catalog_unref(catalog);
    modellab_cancel_unref(job->stop);
    modellab_logger_unref(job->log);
    free(job);
}

void speech_warm_start(modellab_logger *log)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_cancel *stop = NULL;
    warm_job *job = server_settings.warm ? calloc(1, sizeof *job) : NULL;
    if (job == NULL)
        return; /* it is only for the sake of speed */
    if (modellab_cancel_create(NULL, &stop, &err) != MODELLAB_OK) {
        free(job);
        return;
    }
    *job = (warm_job){modellab_logger_ref(log), modellab_cancel_ref(stop)};
    (void)pthread_mutex_lock(&warming.lock);
    warming.stop = stop;
    (void)pthread_mutex_unlock(&warming.lock);
    if (crew_run(&crew_of_warming, 1, warm, job))
        return;
    modellab_cancel_unref(job->stop);
    modellab_logger_unref(job->log);
    free(job);
}

void speech_warm_stop(void)
{
    (void)pthread_mutex_lock(&warming.lock);
    if (warming.stop != NULL)
        modellab_cancel_set(warming.stop);
    modellab_cancel_unref(warming.stop);
    warming.stop = NULL;
    (void)pthread_mutex_unlock(&warming.lock);
}
