/* The list of leases, and the thread that asks the library for their keys: once every two seconds
 * for each key, however many streams it has. */
#include "lease.h"

#include "access.h"
#include "problem.h"
#include "server.h"
#include "settings.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define LOOK_SECONDS 2
#define RETRY_SECONDS 5
#define OTHERS 128 /* descriptors that are not for connections: store, runs, workers, files */

struct lease {
    lease *previous, *next;
    char *secret;      /* as it came; NULL = without keys */
    const char *scope; /* static */
    modellab_logger *log;
    void (*end)(void *user, const char *why);
    void *user;
    uint64_t looked; /* the round in which its key was looked at */
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    lease *first;
    bool running, stopping, made;
    lease_numbers numbers;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Half of the descriptors that are left are for what stays open. */
static int64_t most(void)
{
    struct rlimit limit;
    int64_t room = server_settings.max_streams;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        int64_t half = limit.rlim_cur > OTHERS ? (int64_t)(limit.rlim_cur - OTHERS) / 2 : 0;
        room = half < room ? half : room;
    }
    return room > 0 ? room : 1;
}

/* Text is wiped before it is freed. */
static void forget(char *secret)
{
    if (secret != NULL)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

static void destroy(lease *one)
{
    forget(one->secret);
    modellab_logger_unref(one->log);
    free(one);
}

/* Under the lock: all that were opened with this key for this. */
static void end_locked(const char *secret, const char *scope, uint64_t round, const char *why)
{
    for (lease *one = all.first; one != NULL; one = one->next) {
        if (one->secret == NULL || strcmp(one->secret, secret) != 0 ||
            strcmp(one->scope, scope) != 0)
            continue;
        one->looked = round;
        if (why == NULL || one->end == NULL)
            continue;
        void (*end)(void *, const char *) = one->end;
        one->end = NULL;
        all.numbers.ended++;
        modellab_logger_write(one->log, MODELLAB_LOG_INFO, "stream.key_ended",
                              "the key of an open stream is not good any more");
        end(one->user, why);
    }
}

/* Under the lock, which is given back meanwhile. */
static void look_at_keys(uint64_t round)
{
    for (lease *one = all.first; one != NULL && !all.stopping;) {
        if (one->secret == NULL || one->looked == round) {
            one = one->next;
            continue;
        }
        one->looked = round;
        char *secret = strdup(one->secret);
        const char *scope = one->scope;
        if (secret == NULL)
            return; /* at the next look */
        modellab_key_grant grant = {.size = sizeof grant};
        (void)pthread_mutex_unlock(&all.lock);
        modellab_status status = modellab_key_check(server_lab(), secret, scope, &grant, NULL);
        (void)pthread_mutex_lock(&all.lock);
        /* a store that cannot be asked now ends nothing */
        end_locked(secret, scope, round,
                   status == MODELLAB_E_PERMISSION ? modellab_key_refusal_name(grant.refusal)
                                                   : NULL);
        forget(secret);
        one = all.first; /* the list may be another one: those of this round are passed over */
    }
}

static void *watch(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&all.lock);
    for (uint64_t round = 1; !all.stopping; round++) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_SECONDS;
        (void)pthread_cond_timedwait(&all.wake, &all.lock, &until); /* either way: look */
        look_at_keys(round);
    }
    (void)pthread_mutex_unlock(&all.lock);
    return NULL;
}

/* Under the lock. */
static bool start_locked(void)
{
    pthread_condattr_t how;
    if (all.running || all.stopping)
        return all.running;
    if (!all.made) {
        if (pthread_condattr_init(&how) != 0)
            return false;
        all.made = pthread_condattr_setclock(&how, CLOCK_MONOTONIC) == 0 &&
                   pthread_cond_init(&all.wake, &how) == 0;
        (void)pthread_condattr_destroy(&how);
    }
    all.running = all.made && pthread_create(&all.thread, NULL, watch, NULL) == 0;
    return all.running;
}

bool lease_is_free(call *c)
{
    (void)pthread_mutex_lock(&all.lock);
    bool is_free = all.numbers.open < most();
    all.numbers.refused += !is_free;
    (void)pthread_mutex_unlock(&all.lock);
    if (is_free)
        return true;
    call_note(c, MODELLAB_LOG_WARN, "stream.refused", "as many streams are open as may be",
              "operation", c->op->id);
    reply_later(c, 503, "unavailable", "as many streams are open as may be", RETRY_SECONDS);
    return false;
}

lease *lease_take(call *c)
{
    char room[ACCESS_SECRET_BYTES];
    const char *secret = server_settings.keys ? access_secret(c, room) : NULL;
    if (!lease_is_free(c))
        return NULL;
    lease *one = calloc(1, sizeof *one);
    bool good = one != NULL && (secret == NULL || (one->secret = strdup(secret)) != NULL);
    explicit_bzero(room, sizeof room);
    if (good) {
        one->scope = c->op->scope;
        one->log = modellab_logger_ref(call_log(c));
        (void)pthread_mutex_lock(&all.lock);
        good = secret == NULL || start_locked();
        if (good) {
            one->next = all.first;
            if (one->next != NULL)
                one->next->previous = one;
            all.first = one;
            all.numbers.open++;
        }
        (void)pthread_mutex_unlock(&all.lock);
    }
    if (good)
        return one;
    if (one != NULL)
        destroy(one);
    reply_problem(c, 500, "internal", "out of memory");
    return NULL;
}

void lease_watch(lease *one, void (*end)(void *user, const char *why), void *user)
{
    (void)pthread_mutex_lock(&all.lock);
    one->end = end;
    one->user = user;
    (void)pthread_mutex_unlock(&all.lock);
}

void lease_give_back(lease *one)
{
    if (one == NULL)
        return;
    (void)pthread_mutex_lock(&all.lock);
    *(one->previous != NULL ? &one->previous->next : &all.first) = one->next;
    if (one->next != NULL)
        one->next->previous = one->previous;
    all.numbers.open--;
    (void)pthread_mutex_unlock(&all.lock);
    destroy(one);
}

void lease_count_stalled(void)
{
    (void)pthread_mutex_lock(&all.lock);
    all.numbers.stalled++;
    (void)pthread_mutex_unlock(&all.lock);
}

lease_numbers leases_now(void)
{
    (void)pthread_mutex_lock(&all.lock);
    lease_numbers numbers = all.numbers;
    (void)pthread_mutex_unlock(&all.lock);
    numbers.most = most();
    return numbers;
}

void leases_stop(void)
{
    (void)pthread_mutex_lock(&all.lock);
    bool running = all.running;
    all.stopping = true;
    if (running)
        (void)pthread_cond_signal(&all.wake);
    (void)pthread_mutex_unlock(&all.lock);
    if (running)
        (void)pthread_join(all.thread, NULL);
}
