/* The list of connections and the thread that watches over it. */
#include "connections.h"

#include "call_private.h"
#include "direct.h"
#include "server.h"
#include "settings.h"
#include "text.h"
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOOK_MS 250
#define LOOKS_PER_GONE 2 /* hanging up is looked for at every second look */
#define HARMLESS_MS 1000 /* younger ones are not in the way yet */
#define UNREAD_MS 1000   /* more for those of whom something lies unread */
#define PROBE_MS 15000   /* between looks at who has ended its side */
#define TOLD_MAX 64      /* at a time */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    connection *first, *last;
    connection_numbers numbers;
    size_t max;
    bool running;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* How much has come on it, whether it was read or not; -1 = not known. */
static int64_t received(const connection *one)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof info;
    if (getsockopt(one->socket, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0 ||
        bytes < offsetof(struct tcp_info, tcpi_bytes_received) + sizeof(__u64))
        return -1;
    return (int64_t)info.tcpi_bytes_received;
}

connection *connection_open(int socket, const char *address, int64_t head_ms)
{
    connection *one = calloc(1, sizeof *one);
    if (one == NULL)
        return NULL;
    one->socket = socket;
    one->began = text_now_ms();
    atomic_init(&one->since, one->began);
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
    int64_t time = limit_ms > 0 ? text_now_ms() : 0;
    if (phase == CONNECTION_IDLE) {
        atomic_store(&one->since, time);
        if (limit_ms > server_settings.head_ms)
            limit_ms = server_settings.head_ms; /* a first look: has a head begun? */
    }
    atomic_store(&one->deadline, limit_ms > 0 ? time + limit_ms : 0);
    while (now != CONNECTION_DEAD)
        if (atomic_compare_exchange_weak(&one->phase, &now, phase))
            return true;
    return false;
}

int64_t connection_unfinished(const connection *one)
{
    int phase = atomic_load(&one->phase);
    if (phase != CONNECTION_HEAD && phase != CONNECTION_IDLE)
        return 0;
    return received(one) - atomic_load(&one->seen);
}

void connection_answers(connection *one)
{
    atomic_store(&one->seen, received(one));
}

void connection_serve(connection *one, struct call *served, bool watched)
{
    (void)pthread_mutex_lock(&all.lock);
    one->call = served;
    one->watched = watched;
    (void)pthread_mutex_unlock(&all.lock);
}

/* Those that were ended under the lock, and are told so when it is given back. */
typedef struct told {
    int socket; /* a copy */
    int http;   /* 0: nothing is said */
    bool has_call;
    char address[48], request_id[129];
} told;

typedef struct told_list {
    told items[TOLD_MAX];
    size_t count;
} told_list;

/* Under the lock: the socket is open as long as the entry is in the list. False: it went on in this
 * very moment, or (`http` is not 0) its turn is the next time. */
static bool end(connection *one, int phase, int http, told_list *list)
{
    if (http != 0 && list->count == TOLD_MAX)
        return false;
    if (!atomic_compare_exchange_strong(&one->phase, &phase, CONNECTION_DEAD))
        return false;
    told *item = http != 0 ? &list->items[list->count] : NULL;
    if (item != NULL)
        *item = (told){.socket = fcntl(one->socket, F_DUPFD_CLOEXEC, 0), .http = http};
    if (item == NULL || item->socket < 0) {
        (void)shutdown(one->socket, SHUT_RDWR); /* the network thread sees it and closes */
        return true;
    }
    (void)snprintf(item->address, sizeof item->address, "%s", one->address);
    if (one->call != NULL) {
        item->has_call = true;
        (void)snprintf(item->request_id, sizeof item->request_id, "%s", one->call->request_id);
        atomic_store(&one->call->sent_http, http);
    }
    list->count++;
    return true;
}

/* Without the lock. */
static void tell(told_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        told *item = &list->items[i];
        const bool late = item->http == 408;
        const direct_problem problem = {.http = item->http,
                                        .slug = late ? "timeout" : "draining",
                                        .detail = late ? "the request came too slowly"
                                                       : "the server is about to stop",
                                        .address = item->address,
                                        .request_id = item->request_id,
                                        .retry_s = late ? 0 : DRAIN_RETRY_SECONDS,
                                        .has_call = item->has_call};
        direct_refuse(item->socket, &problem);
        (void)shutdown(item->socket, SHUT_RD); /* the network thread sees it and closes */
        (void)close(item->socket);
    }
    list->count = 0;
}

void connection_refuse(connection *one, int http, const char *slug, const char *detail)
{
    const direct_problem problem = {
        .http = http, .slug = slug, .detail = detail, .address = one->address};
    int phase = atomic_load(&one->phase);
    while (phase != CONNECTION_DEAD &&
           !atomic_compare_exchange_weak(&one->phase, &phase, CONNECTION_DEAD))
        continue;
    if (phase == CONNECTION_DEAD)
        return; /* it was told something else */
    int socket = fcntl(one->socket, F_DUPFD_CLOEXEC, 0);
    if (socket >= 0) {
        direct_refuse(socket, &problem);
        (void)close(socket);
    }
    (void)shutdown(one->socket, SHUT_RD);
}

static bool has_unread(const connection *one)
{
    int bytes = 0;
    return ioctl(one->socket, FIONREAD, &bytes) == 0 && bytes > 0;
}

/* Not if it has another one meanwhile. */
static void postpone(connection *one, int64_t deadline, int64_t until)
{
    (void)atomic_compare_exchange_strong(&one->deadline, &deadline, until);
}

/* Between two requests: a head that has begun has the time of a head, the others that of idle ones.
 */
static void end_idle(connection *one, int64_t deadline, int64_t now, told_list *list)
{
    int phase = CONNECTION_IDLE;
    int64_t last = atomic_load(&one->since) + server_settings.idle_ms;
    if (received(one) > atomic_load(&one->seen)) {
        if (atomic_compare_exchange_strong(&one->phase, &phase, CONNECTION_HEAD))
            postpone(one, deadline, now + server_settings.head_ms);
    } else if (now < last) {
        postpone(one, deadline, last);
    } else {
        all.numbers.expired += end(one, phase, 0, list);
    }
}

static void end_expired(int64_t now, told_list *list)
{
    for (connection *one = all.first; one != NULL; one = one->next) {
        int phase = atomic_load(&one->phase);
        int64_t deadline = atomic_load(&one->deadline);
        if (deadline == 0 || now < deadline || phase == CONNECTION_DEAD || phase == CONNECTION_WORK)
            continue;
        if (phase != CONNECTION_REPLY && has_unread(one))
            postpone(one, deadline, now + UNREAD_MS); /* it is we who are slow */
        else if (phase == CONNECTION_IDLE)
            end_idle(one, deadline, now, list);
        else if (phase == CONNECTION_REPLY || (phase == CONNECTION_HEAD && received(one) == 0))
            all.numbers.expired += end(one, phase, 0, list);
        else
            all.numbers.expired += end(one, phase, 408, list);
    }
}

/* Nine tenths of the room are taken: the oldest that only wait for a head make room for others. */
static void evict(int64_t now, told_list *list)
{
    if (all.numbers.open < all.max / 10 * 9)
        return;
    size_t spare = all.numbers.open - all.max / 10 * 8;
    for (connection *one = all.first; one != NULL && spare > 0; one = one->next) {
        int phase = atomic_load(&one->phase);
        if ((phase != CONNECTION_HEAD && phase != CONNECTION_IDLE) ||
            now - one->began < HARMLESS_MS || !end(one, phase, 0, list))
            continue;
        spare--;
        all.numbers.evicted++;
    }
}

/* Its client has ended its side, or is gone altogether: nobody can tell before something is sent.
 * Where a reply is still to come an interim one is, which HTTP/1.1 has for that; who is gone
 * answers with a reset. Under the lock. */
static void probe(connection *one, int64_t now)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    call *c = one->call;
    if (now - one->probed < PROBE_MS || atomic_load(&one->phase) != CONNECTION_WORK)
        return;
    one->probed = now;
    (void)pthread_mutex_lock(&c->lock); /* no reply can begin meanwhile */
    if (!c->replied && !c->is_first_version)
        (void)send(one->socket, interim, sizeof interim - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)pthread_mutex_unlock(&c->lock);
}

/* Under the lock. The stream that must be told when it is given back, or NULL. */
static stream *look_at_end(connection *one, short events, int64_t now)
{
    if ((events & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
        return NULL;
    if ((events & (POLLHUP | POLLERR)) == 0 && !call_is_stream(one->call)) {
        probe(one, now);
        return NULL;
    }
    one->watched = false;
    return call_gone(one->call);
}

/* Under the lock, which is given back for a moment. Calls whose client has hung up while we work,
 * or while a stream has nothing to say: nobody else looks at their sockets. */
static void look_for_gone(int64_t now)
{
    size_t count = 0, at = 0, tell = 0;
    for (connection *one = all.first; one != NULL; one = one->next)
        count += one->watched;
    if (count == 0)
        return;
    struct pollfd *polled = calloc(count, sizeof *polled);
    stream **gone = calloc(count, sizeof(stream *));
    if (polled == NULL || gone == NULL) {
        free(polled);
        free(gone);
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
            gone[tell] = look_at_end(one, polled[at++].revents, now);
            tell += gone[tell] != NULL;
        }
    }
    free(polled);
    (void)pthread_mutex_unlock(&all.lock); /* what wakes a connection has locks of its own */
    for (at = 0; at < tell; at++)
        stream_gone(gone[at]);
    free(gone);
    (void)pthread_mutex_lock(&all.lock);
}

static void *watch(void *unused)
{
    static told_list list; /* of the one thread */
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
        end_expired(now, &list);
        evict(now, &list);
        if (++looks % LOOKS_PER_GONE == 0)
            look_for_gone(now);
        if (list.count > 0) {
            (void)pthread_mutex_unlock(&all.lock);
            tell(&list);
            (void)pthread_mutex_lock(&all.lock);
        }
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

/* Under the lock. */
static void end_for_stop(connection *one, connections_whom whom, told_list *list)
{
    int phase = atomic_load(&one->phase);
    if (whom != END_WAITING && one->call != NULL)
        stream_unref(call_gone(one->call)); /* streams were told before */
    bool spoken = phase == CONNECTION_HEAD || phase == CONNECTION_BODY;
    bool goes = phase == CONNECTION_HEAD || phase == CONNECTION_IDLE ||
                (whom == END_WORK && phase == CONNECTION_BODY) || whom == END_ALL;
    if (phase == CONNECTION_DEAD || !goes ||
        (whom != END_ALL && phase == CONNECTION_IDLE && has_unread(one)))
        return; /* what lies unread will be a request at once, and is answered */
    (void)end(one, phase, spoken ? 503 : 0, list); /* else it has just gone on */
}

void connections_end(connections_whom whom)
{
    static told_list list; /* of the one thread that stops */
    bool again;
    do {
        (void)pthread_mutex_lock(&all.lock);
        for (connection *one = all.first; one != NULL && list.count < TOLD_MAX; one = one->next)
            end_for_stop(one, whom, &list);
        (void)pthread_mutex_unlock(&all.lock);
        again = list.count == TOLD_MAX;
        tell(&list);
    } while (again);
}

connection_numbers connections_now(void)
{
    (void)pthread_mutex_lock(&all.lock);
    connection_numbers numbers = all.numbers;
    (void)pthread_mutex_unlock(&all.lock);
    return numbers;
}
