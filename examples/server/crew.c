/* Crews: a count each, under one lock. Threads come with the work and go with it: what lasts for
 * seconds does not mind the microseconds that a thread takes to begin. */
#include "crew.h"

#include <pthread.h>
#include <stdlib.h>

#define STACK_BYTES ((size_t)8 << 20) /* as threads of jobs have it */

struct crew {
    int busy;
};

crew crew_of_speech, crew_of_pulls, crew_of_warming;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t empty;
    int busy; /* of all crews */
    bool stopping;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .empty = PTHREAD_COND_INITIALIZER};

typedef struct member {
    crew *of;
    job_function function;
    void *user;
} member;

static void leave(crew *of)
{
    (void)pthread_mutex_lock(&all.lock);
    of->busy--;
    if (--all.busy == 0)
        (void)pthread_cond_broadcast(&all.empty);
    (void)pthread_mutex_unlock(&all.lock);
}

static void *serve(void *user)
{
    member one = *(member *)user;
    free(user);
    one.function(one.user);
    leave(one.of);
    return NULL;
}

static bool begin(member *one)
{
    pthread_attr_t how;
    pthread_t thread;
    if (pthread_attr_init(&how) != 0)
        return false;
    bool made = pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED) == 0 &&
                pthread_attr_setstacksize(&how, STACK_BYTES) == 0 &&
                pthread_create(&thread, &how, serve, one) == 0;
    (void)pthread_attr_destroy(&how);
    return made;
}

bool crew_run(crew *of, int limit, job_function function, void *user)
{
    member *one = malloc(sizeof *one);
    if (one == NULL)
        return false;
    *one = (member){of, function, user};
    (void)pthread_mutex_lock(&all.lock);
    bool taken = !all.stopping && of->busy < limit;
    of->busy += taken;
    all.busy += taken;
    (void)pthread_mutex_unlock(&all.lock);
    if (taken && begin(one))
        return true;
    if (taken)
        leave(of);
    free(one);
    return false;
}

int crew_busy(crew *of)
{
    (void)pthread_mutex_lock(&all.lock);
    int busy = of->busy;
    (void)pthread_mutex_unlock(&all.lock);
    return busy;
}

void crews_stop(void)
{
    (void)pthread_mutex_lock(&all.lock);
    all.stopping = true;
    while (all.busy > 0)
        (void)pthread_cond_wait(&all.empty, &all.lock);
    (void)pthread_mutex_unlock(&all.lock);
}
