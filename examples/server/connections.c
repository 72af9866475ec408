/* The list of connections and the thread that watches over it. */
#include "connections.h"

#include "call_private.h"
#include "text.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define LOOK_MS 250
#define LOOKS_PER_GONE 2 /* hanging up is looked for at every second look */
#define HARMLESS_MS 1000 /* younger ones are not in the way yet */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    connection *first, *last;
    connection_numbers numbers;
    size_t max;
    bool running;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char too_slow[] = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n"
                               "Content-Length: 0\r\n\r\n";

connection *connection_open(int socket, const char *address, int64_t head_ms)
{
    connection *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->socket = socket;
    one->began = text_now_ms();
    atomic_init(&one->phase, CONNECTION_HEAD);
    atomic_init(&one->deadline, one->began + head_ms);
    (void)snprintf(one->address, sizeof one->address, "%s", address);
    (void)pthread_mutex_lock(&all.lock);
    one->previous = all.last;
    *(all.last != NULL ? &all.last->next : &all.first) = one;
    all.last = one;
    all.numbers.open++;
    all.numbers.accepted++;
    (void)pthread_mutex_unlock(&all.lock);
    return one;
}

void connection_close(connection *one)
{
    if (one == NULL)
        return;
    (void)pthread_mutex_lock(&all.lock);
    *(one->previous != NULL ? &one->previous->next : &all.first) = one->next;
    *(one->next != NULL ? &one->next->previous : &all.last) = one->previous;
    all.numbers.open--;
    (void)pthread_mutex_unlock(&all.lock);
    free(one);
}

bool connection_enter(connection *one, int phase, int64_t limit_ms)
{
    int now = atomic_load(&one->phase);
    atomic_store(&one->deadline, limit_ms > 0 ? text_now_ms() + limit_ms : 0);
    while (now != CONNECTION_DEAD)
        if (atomic_compare_exchange_weak(&one->phase, &now, phase))
            return true;
    return false;
}

void connection_serve(connection *one, struct call *served, bool watched)
{
    (void)pthread_mutex_lock(&all.lock);
    one->call = served;
    one->watched = watched;
    (void)pthread_mutex_unlock(&all.lock);
}

/* Under the lock: the socket is open as long as the entry is in the list. */
static bool end(connection *one, int phase, bool with_reply)
{
    if (!atomic_compare_exchange_strong(&one->phase, &phase, CONNECTION_DEAD))
        return false; /* it went on in this very moment */
    if (with_reply)
        (void)send(one->socket, too_slow, sizeof too_slow - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(one->socket, SHUT_RDWR); /* the network thread sees it and closes */
    return true;
}

static void end_expired(int64_t now)
{
    for (connection *one = all.first; one != NULL; one = one->next) {
        int phase = atomic_load(&one->phase);
        int64_t deadline = atomic_load(&one->deadline);
        if (deadline == 0 || now < deadline || phase == CONNECTION_DEAD || phase == CONNECTION_WORK)
            continue;
        all.numbers.expired +=
            end(one, phase, phase == CONNECTION_HEAD || phase == CONNECTION_BODY);
    }
}

/* Nine tenths of the room are taken: the oldest that only wait for a head make room for others. */
static void evict(int64_t now)
{
    if (all.numbers.open < all.max / 10 * 9)
        return;
    size_t spare = all.numbers.open - all.max / 10 * 8;
    for (connection *one = all.first; one != NULL && spare > 0; one = one->next) {
        int phase = atomic_load(&one->phase);
        if ((phase != CONNECTION_HEAD && phase != CONNECTION_IDLE) ||
            now - one->began < HARMLESS_MS || !end(one, phase, false))
            continue;
        spare--;
        all.numbers.evicted++;
    }
}

/* Under the lock, which is given back for a moment. Calls whose client has hung up while we work,
 * or while a stream has nothing to say: nobody else looks at their sockets. */
static void look_for_gone(void)
{
    size_t count = 0, at = 0, tell = 0;
    for (connection *one = all.first; one != NULL; one = one->next)
        count += one->watched;
    if (count == 0)
        return;
    struct pollfd *polled = calloc(count, sizeof *polled);
    stream **told = calloc(count, sizeof(stream *));
    if (polled == NULL || told == NULL) {
        free(polled);
        free(told);
        return; /* at the next look */
    }
    for (connection *one = all.first; one != NULL; one = one->next)
        if (one->watched)
            polled[at++] = (struct pollfd){.fd = one->socket, .events = POLLRDHUP};
    if (poll(polled, (nfds_t)count, 0) > 0) {
        at = 0;
        for (connection *one = all.first; one != NULL; one = one->next) {
            if (!one->watched)
                continue;
            if ((polled[at++].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0) {
                one->watched = false;
                told[tell++] = call_gone(one->call);
            }
        }
    }
    free(polled);
    (void)pthread_mutex_unlock(&all.lock); /* what wakes a connection has locks of its own */
    for (at = 0; at < tell; at++)
        stream_gone(told[at]);
    free(told);
    (void)pthread_mutex_lock(&all.lock);
}

static void *watch(void *unused)
{
    unsigned looks = 0;
    (void)unused;
    (void)pthread_mutex_lock(&all.lock);
    while (all.running) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        (void)pthread_cond_timedwait(&all.wake, &all.lock, &until); /* either way: look */
        int64_t now = text_now_ms();
        end_expired(now);
        evict(now);
        if (++looks % LOOKS_PER_GONE == 0)
            look_for_gone();
    }
    (void)pthread_mutex_unlock(&all.lock);
    return NULL;
}

bool connections_start(int64_t max)
{
    pthread_condattr_t how;
    if (pthread_condattr_init(&how) != 0)
        return false;
    all.max = (size_t)max;
    all.running = pthread_condattr_setclock(&how, CLOCK_MONOTONIC) == 0 &&
                  pthread_cond_init(&all.wake, &how) == 0;
    (void)pthread_condattr_destroy(&how);
    if (all.running && pthread_create(&all.thread, NULL, watch, NULL) != 0)
        all.running = false;
    return all.running;
}

void connections_stop(void)
{
    (void)pthread_mutex_lock(&all.lock);
    bool was_running = all.running;
    all.running = false;
    if (was_running)
        (void)pthread_cond_signal(&all.wake);
    (void)pthread_mutex_unlock(&all.lock);
    if (was_running)
        (void)pthread_join(all.thread, NULL);
}

size_t connections_end(bool everything)
{
    size_t left = 0;
    (void)pthread_mutex_lock(&all.lock);
    for (connection *one = all.first; one != NULL; one = one->next) {
        int phase = atomic_load(&one->phase);
        bool waits = phase == CONNECTION_HEAD || phase == CONNECTION_IDLE;
        if (everything && one->call != NULL)
            stream_unref(call_gone(one->call)); /* streams were told before */
        if (phase != CONNECTION_DEAD && (waits || everything))
            (void)end(one, phase, false); /* else it has just gone on */
        left += !waits && phase != CONNECTION_DEAD;
    }
    (void)pthread_mutex_unlock(&all.lock);
    return left;
}

connection_numbers connections_now(void)
{
    (void)pthread_mutex_lock(&all.lock);
    connection_numbers numbers = all.numbers;
    (void)pthread_mutex_unlock(&all.lock);
    return numbers;
}
