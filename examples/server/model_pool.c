/* A short list in the order of last use. */
#include "model_pool.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { POOL_MOST = 4, NAME_BYTES = 128 };

typedef struct pooled {
    char name[NAME_BYTES];
    modellab_model *model;
} pooled;

static pooled models[POOL_MOST]; /* the last used first; NULL at the end */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Under the lock: moves it to the front. */
static modellab_model *find(const char *name)
{
    for (size_t i = 0; i < POOL_MOST && models[i].model != NULL; i++)
        if (strcmp(models[i].name, name) == 0) {
            pooled found = models[i];
            memmove(&models[1], &models[0], i * sizeof models[0]);
            models[0] = found;
            return modellab_model_ref(found.model);
        }
    return NULL;
}

modellab_status model_pool_open(const char *name, modellab_logger *log, modellab_model **out,
                                modellab_error *err)
{
    modellab_model_options options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_status status = MODELLAB_OK;
    options.logger = log;
    (void)pthread_mutex_lock(&lock);
    *out = find(name);
    if (*out == NULL)
        status = modellab_model_open(name, &options, out, err);
    if (status == MODELLAB_OK && strlen(name) < NAME_BYTES && models[0].model != *out) {
        modellab_model_unref(models[POOL_MOST - 1].model);
        memmove(&models[1], &models[0], (POOL_MOST - 1) * sizeof models[0]);
        (void)snprintf(models[0].name, NAME_BYTES, "%s", name);
        models[0].model = modellab_model_ref(*out);
    }
    (void)pthread_mutex_unlock(&lock);
    return status;
}

void model_pool_forget(const char *name)
{
    (void)pthread_mutex_lock(&lock);
    for (size_t i = 0; i < POOL_MOST && models[i].model != NULL;) {
        if (name != NULL && strcmp(models[i].name, name) != 0) {
            i++;
            continue;
        }
        modellab_model_unref(models[i].model);
        memmove(&models[i], &models[i + 1], (POOL_MOST - 1 - i) * sizeof models[0]);
        models[POOL_MOST - 1] = (pooled){.model = NULL};
    }
    (void)pthread_mutex_unlock(&lock);
}
