/* Replies on a socket whose request has not been read to its end, and the thread that waits a
 * little for their clients to read them. */
#include "connections.h"

#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGERS_MAX 256
#define LINGER_MS 5000                  /* in all */
#define LEAVE_MS 1000                   /* when the server stops */
#define LINGER_BYTES (64 * 1024 * 1024) /* of what is thrown away */
#define PIECE_BYTES 65536

typedef struct lingering {
    int socket;
    int64_t until, bytes;
    char *reply; /* what has not been sent yet */
    size_t sent, reply_bytes;
    bool deaf; /* we have ended the reading of it: poll() would say so without end */
} lingering;

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int wake;
    bool running;
    int64_t leave_by;
    size_t count;
    lingering all[LINGERS_MAX];
} held = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = -1};

/* False: cannot be sent. When all has been sent no more follows. */
static bool send_more(lingering *one)
{
    while (one->sent < one->reply_bytes) {
        ssize_t sent = send(one->socket, one->reply + one->sent, one->reply_bytes - one->sent,
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        one->sent += (size_t)sent;
    }
    free(one->reply);
    one->reply = NULL;
    return shutdown(one->socket, SHUT_WR) == 0;
}

void linger_reply(int socket, const char *reply, size_t bytes)
{
    lingering one = {.socket = fcntl(socket, F_DUPFD_CLOEXEC, 0),
                     .until = text_now_ms() + LINGER_MS,
                     .reply = malloc(bytes),
                     .reply_bytes = bytes};
    bool kept = false;
    if (one.reply != NULL && one.socket >= 0) {
        memcpy(one.reply, reply, bytes);
        if (send_more(&one)) {
            (void)pthread_mutex_lock(&held.lock);
            if (held.running && held.count < LINGERS_MAX) {
                held.all[held.count++] = one;
                kept = true;
            }
            (void)pthread_mutex_unlock(&held.lock);
        }
    }
    if (kept) {
        uint64_t word = 1;
        if (write(held.wake, &word, sizeof word) < 0 && errno != EAGAIN)
            return; /* the thread comes by itself at the end of its nap */
        return;
    }
    free(one.reply);
    if (one.socket >= 0)
        (void)close(one.socket);
}

/* Has the client ended its side? A read of nothing may also mean that we have ended ours. */
static bool has_closed(int socket)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof info;
    if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0)
        return true;
    return info.tcpi_state != TCP_ESTABLISHED && info.tcpi_state != TCP_FIN_WAIT1 &&
           info.tcpi_state != TCP_FIN_WAIT2;
}

/* False: it is over, in one way or the other. */
static bool go_on(lingering *one, int64_t now)
{
    static char thrown_away[PIECE_BYTES];
    if (now >= one->until || one->bytes >= LINGER_BYTES || (one->reply != NULL && !send_more(one)))
        return false;
    for (int i = 0; i < 16; i++) {
        ssize_t got = recv(one->socket, thrown_away, sizeof thrown_away, MSG_DONTWAIT);
        if (got == 0 && !has_closed(one->socket)) {
            one->deaf = true;
            break;
        }
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        if (got < 0)
            break;
        one->bytes += got;
    }
    return true;
}

/* Under the lock. */
static void look(bool all_go)
{
    int64_t now = text_now_ms();
    for (size_t i = 0; i < held.count;) {
        if (!all_go && go_on(&held.all[i], now)) {
            i++;
            continue;
        }
        free(held.all[i].reply);
        (void)close(held.all[i].socket);
        held.all[i] = held.all[--held.count];
    }
}

static void *serve(void *unused)
{
    static struct pollfd polled[LINGERS_MAX + 1];
    (void)unused;
    (void)pthread_mutex_lock(&held.lock);
    while (held.running || (held.count > 0 && text_now_ms() < held.leave_by)) {
        size_t count = 0;
        polled[count++] = (struct pollfd){.fd = held.wake, .events = POLLIN};
        for (size_t i = 0; i < held.count; i++)
            polled[count++] = (struct pollfd){
                .fd = held.all[i].deaf && held.all[i].reply == NULL ? -1 : held.all[i].socket,
                .events = (short)((held.all[i].reply != NULL ? POLLOUT : 0) |
                                  (held.all[i].deaf ? 0 : POLLIN))};
        int nap = held.count > 0 ? 250 : -1;
        (void)pthread_mutex_unlock(&held.lock);
        if (poll(polled, (nfds_t)count, nap) > 0 && polled[0].revents != 0) {
            uint64_t word;
            if (read(held.wake, &word, sizeof word) < 0)
                word = 0; /* somebody else's sign; the look below is the same */
        }
        (void)pthread_mutex_lock(&held.lock);
        look(false);
    }
    look(true);
    (void)pthread_mutex_unlock(&held.lock);
    return NULL;
}

bool linger_start(void)
{
    held.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    held.running = held.wake >= 0;
    if (held.running && pthread_create(&held.thread, NULL, serve, NULL) != 0)
        held.running = false;
    return held.running;
}

void linger_stop(void)
{
    (void)pthread_mutex_lock(&held.lock);
    bool was_running = held.running;
    held.running = false;
    held.leave_by = text_now_ms() + LEAVE_MS;
    (void)pthread_mutex_unlock(&held.lock);
    if (was_running) {
        uint64_t word = 1;
        if (write(held.wake, &word, sizeof word) == sizeof word)
            (void)pthread_join(held.thread, NULL);
    }
    if (held.wake >= 0)
        (void)close(held.wake);
    held.wake = -1;
}
