/* The thread of the sockets: reads and writes frames by libwslay, sends what others have put into
 * the queues, looks for signs of life. */
#include "websocket.h"

#include "text.h"
#include "websocket_private.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

#define LAST_WORDS_MS 5000 /* for the client's answer to a close */
#define TICK_MS 20
#define LOOK_MS 250
#define TURN_BYTES ((size_t)64 * 1024) /* of one client before the others have their turn */
#define TURN_FRAMES 64
#define READS 16

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    bool running, stopping;
    int poller, bell;
    int64_t drained_ms; /* when the first one was told */
    websocket *coming;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .poller = -1, .bell = -1};

static websocket_times limits = {.ping_ms = 15000, .send_ms = 60000}; /* before the first one */
static websocket *sockets;                                            /* the thread's */

void websockets_set_times(const websocket_times *times)
{
    limits = *times;
}

/* Under the lock. */
static void ring_locked(void)
{
    const uint64_t one = 1;
    if (all.bell >= 0 && write(all.bell, &one, sizeof one) < 0)
        return; /* it rings already: the counter is full */
}

void websocket_ring(websocket *w)
{
    if (atomic_exchange(&w->rung, true))
        return;
    (void)pthread_mutex_lock(&all.lock);
    ring_locked();
    (void)pthread_mutex_unlock(&all.lock);
}

static void watch(websocket *w, unsigned interest)
{
    struct epoll_event event = {.events = interest, .data.ptr = w};
    if (interest == w->interest)
        return;
    w->interest = interest;
    if (epoll_ctl(all.poller, EPOLL_CTL_MOD, w->socket, &event) != 0)
        w->broken = true;
}

/* What others have put into the queue goes to libwslay one by one: behind it nothing is kept there
 * but answers to pings. True: some is left for the next turn. */
static bool transmit_all(websocket *w)
{
    bool more = true;
    for (unsigned i = 0; i < TURN_FRAMES && more && !w->broken; i++) {
        if (wslay_event_want_write(w->frames) && wslay_event_send(w->frames) != 0)
            w->broken = true;
        if (w->broken || w->closing_ms != 0 || wslay_event_want_write(w->frames)) {
            more = false;
            break;
        }
        message *next = websocket_next(w, &more);
        if (next == NULL)
            break;
        const struct wslay_event_msg out = {WSLAY_TEXT_FRAME, (const uint8_t *)next->text,
                                            next->bytes};
        if (wslay_event_queue_msg(w->frames, &out) != 0)
            w->broken = true;
        w->messages_out++;
        more = true; /* it has to go out */
        free(next);
    }
    websocket_count(w, wslay_event_get_queued_msg_length(w->frames));
    return more;
}

/* A close would overtake messages in libwslay: it goes when they have gone. */
static void close_when_asked(websocket *w)
{
    char reason[sizeof w->reason];
    (void)pthread_mutex_lock(&w->lock);
    unsigned code = w->code;
    memcpy(reason, w->reason, sizeof reason);
    bool waits = w->first != NULL;
    (void)pthread_mutex_unlock(&w->lock);
    if (code == 0 || w->closing_ms != 0)
        return;
    if (w->asked_ms == 0)
        w->asked_ms = text_now_ms();
    if (waits)
        return;
    if (wslay_event_want_write(w->frames) && text_now_ms() - w->asked_ms < LAST_WORDS_MS)
        return;
    w->closing_ms = text_now_ms();
    if (wslay_event_queue_close(w->frames, (uint16_t)code, (const uint8_t *)reason,
                                strlen(reason)) != 0)
        w->broken = true;
    (void)transmit_all(w); /* the queue is closed */
}

/* libwslay has answered what is against the rules with a close of its own. */
static void note_close(websocket *w)
{
    if (w->closing_ms == 0 &&
        (wslay_event_get_close_sent(w->frames) != 0 ||
         wslay_event_get_close_received(w->frames) != 0 || wslay_event_want_read(w->frames) == 0))
        w->closing_ms = text_now_ms();
}

/* All has been said: what the client still sends is thrown away until it closes, so that our close
 * is not lost to a reset. */
static void drain(websocket *w)
{
    char lost[4096];
    if (!w->draining) {
        w->draining = true;
        w->closing_ms = text_now_ms();
        if (shutdown(w->socket, SHUT_WR) != 0)
            w->broken = true;
    }
    w->more_at = w->more_bytes; /* what came with the head is thrown away, too */
    for (int i = 0; i < READS && !w->broken; i++) {
        ssize_t got = recv(w->socket, lost, sizeof lost, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        w->broken = got <= 0;
    }
}

/* What breaks the form of frames gets no code from libwslay: it is told here, when nothing of
 * libwslay's is on its way; else its own close, without a code, goes out behind that. */
static void refuse(websocket *w, bool clean)
{
    static const unsigned char close_1002[] = {0x88, 0x02, 0x03, 0xea};
    if (w->broken || !clean)
        return;
    w->why = "against the protocol";
    if (send(w->socket, close_1002, sizeof close_1002, MSG_DONTWAIT | MSG_NOSIGNAL) ==
        (ssize_t)sizeof close_1002)
        drain(w);
    else
        w->broken = true;
}

static bool may_read(websocket *w)
{
    return !websocket_is_paused(w) && !w->broken && !w->draining &&
           wslay_event_want_read(w->frames) && websocket_may_answer(w);
}

/* What came with the head and was not taken yet. */
static bool has_more(const websocket *w)
{
    return w->more_at < w->more_bytes;
}

static void serve(websocket *w, bool readable)
{
    bool more = false;
    if (!w->draining && (readable || has_more(w)) && may_read(w)) {
        bool clean = !wslay_event_want_write(w->frames);
        w->turn_bytes = TURN_BYTES;
        w->turn_frames = TURN_FRAMES;
        if (wslay_event_recv(w->frames) != 0)
            refuse(w, clean);
    }
    if (!w->draining) {
        more = transmit_all(w);
        close_when_asked(w);
        note_close(w);
    }
    bool reads = may_read(w), writes = !w->broken && wslay_event_want_write(w->frames);
    if (w->draining || (!w->broken && !writes && !wslay_event_want_read(w->frames)))
        drain(w);
    if (!w->broken)
        watch(w, (reads || w->draining ? (unsigned)EPOLLIN : 0) |
                     (writes || more ? (unsigned)EPOLLOUT : 0));
}

/* The client takes nothing of what waits for it: no close would reach it either. */
static bool is_stuck(websocket *w, int64_t now)
{
    if (w->draining || !wslay_event_want_write(w->frames)) {
        w->stuck_ms = 0;
        return false;
    }
    if (w->stuck_ms == 0)
        w->stuck_ms = now;
    return now - w->stuck_ms > limits.send_ms;
}

static void look_at_clock(websocket *w, int64_t now)
{
    int64_t every = limits.ping_ms, longest = limits.longest_ms;
    if (is_stuck(w, now)) {
        w->why = "the client takes nothing";
        w->broken = true;
        lease_count_stalled();
        return;
    }
    if (w->closing_ms != 0) {
        w->broken = w->broken || now - w->closing_ms > LAST_WORDS_MS;
        return;
    }
    if (!may_read(w))
        w->heard_ms = now; /* nobody listens */
    if (websocket_is_paused(w) && w->handler->tick != NULL)
        w->handler->tick(w, w->user);
    if (longest > 0 && !w->handler->lasts && now - w->opened_ms > longest)
        websocket_close(w, WEBSOCKET_TOO_LONG, "open for too long");
    else if (now - w->heard_ms > 3 * every) {
        w->why = "the client gives no sign of life";
        w->broken = true;
    } else if (now - w->heard_ms > every && now - w->pinged_ms > every) {
        const struct wslay_event_msg ping = {WSLAY_PING, (const uint8_t *)"", 0};
        w->pinged_ms = now;
        w->broken = w->broken || wslay_event_queue_msg(w->frames, &ping) != 0;
    }
}

static void let_go(websocket *w)
{
    (void)pthread_mutex_lock(&w->lock);
    w->over = true;
    (void)pthread_mutex_unlock(&w->lock);
    (void)epoll_ctl(all.poller, EPOLL_CTL_DEL, w->socket, NULL); /* it is closed below anyway */
    lease_watch(w->place, NULL, NULL);
    w->handler->closed(w, w->user);
    websocket_log_end(w);
    wslay_event_context_free(w->frames);
    w->frames = NULL;
    upgrade_close(w->upgraded);
    websocket_unref(w);
}

static void gather(void)
{
    (void)pthread_mutex_lock(&all.lock);
    websocket *coming = all.coming;
    all.coming = NULL;
    (void)pthread_mutex_unlock(&all.lock);
    while (coming != NULL) {
        websocket *next = coming->next;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = coming};
        coming->next = sockets;
        sockets = coming;
        coming->interest = EPOLLIN;
        coming->opened_ms = coming->heard_ms = coming->pinged_ms = text_now_ms();
        coming->broken = epoll_ctl(all.poller, EPOLL_CTL_ADD, coming->socket, &event) != 0;
        coming->handler->open(coming, coming->user);
        coming = next;
    }
}

/* How long the thread may sleep. */
static int sleep_ms(void)
{
    int ms = LOOK_MS;
    for (const websocket *w = sockets; w != NULL; w = w->next) {
        if (has_more(w) && (w->interest & EPOLLIN) != 0)
            return 0;
        if ((w->interest & EPOLLIN) == 0)
            ms = TICK_MS;
    }
    return ms;
}

/* The server drains. Who can end by himself may take as long as runs may. */
static void tell_stop(websocket *w, bool at_once)
{
    if (w->handler->stops == NULL || !atomic_load(&w->stops))
        return; /* closed already, or not told yet */
    if (at_once)
        websocket_close(w, WEBSOCKET_STOPS, "the server stops");
    else if (!w->told)
        w->handler->stops(w, w->user);
    w->told = true;
}

/* All that somebody has rung for; and all, when it is time to look at clocks. */
static void look_around(bool clocks, int64_t now, bool at_once)
{
    for (websocket **at = &sockets; *at != NULL;) {
        websocket *w = *at;
        bool rung = atomic_load(&w->rung) && atomic_exchange(&w->rung, false);
        if (clocks)
            look_at_clock(w, now);
        if (clocks || rung)
            tell_stop(w, at_once);
        if (at_once && w->asked_ms != 0 && w->closing_ms == 0 && now - w->asked_ms > LAST_WORDS_MS)
            w->broken = true; /* it takes its time, and the server has none left */
        if (clocks || rung || has_more(w))
            serve(w, false);
        if (w->broken) {
            *at = w->next;
            let_go(w);
        } else {
            at = &w->next;
        }
    }
}

static void *work(void *unused)
{
    bool stopping = false;
    int64_t looked = 0, drained = 0;
    (void)unused;
    while (!stopping || sockets != NULL) {
        struct epoll_event events[64];
        int ms = sleep_ms();
        int count = epoll_wait(all.poller, events, 64, ms);
        gather();
        for (int i = 0; i < count; i++) {
            uint64_t rung;
            websocket *w = events[i].data.ptr;
            if (w == NULL)
                (void)!read(all.bell, &rung, sizeof rung); /* whatever it counted */
            else
                serve(w, true);
            /* told again and again, also to who does not read now */
            if (w != NULL && (events[i].events & (EPOLLERR | EPOLLHUP)) != 0 && !may_read(w))
                w->broken = true;
        }
        int64_t now = text_now_ms();
        bool clocks = now - looked >= (ms > 0 ? ms : TICK_MS);
        look_around(clocks, now, stopping && now - drained > limits.drain_ms);
        looked = clocks ? now : looked;
        (void)pthread_mutex_lock(&all.lock);
        stopping = all.stopping && all.coming == NULL;
        drained = all.drained_ms;
        (void)pthread_mutex_unlock(&all.lock);
    }
    return NULL;
}

/* Under the lock. */
static bool start_locked(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    if (all.running || all.stopping)
        return all.running && !all.stopping;
    all.poller = epoll_create1(EPOLL_CLOEXEC);
    all.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    all.running = all.poller >= 0 && all.bell >= 0 &&
                  epoll_ctl(all.poller, EPOLL_CTL_ADD, all.bell, &event) == 0 &&
                  pthread_create(&all.thread, NULL, work, NULL) == 0;
    return all.running;
}

void websocket_taken(void *user, upgrade *u, int socket, const void *more, size_t bytes)
{
    static const unsigned char close_1001[] = {0x88, 0x02, 0x03, 0xe9};
    websocket *w = user;
    w->upgraded = u;
    w->socket = socket;
    const int at_once =
        1; /* small messages do not wait for the client's word that it has the one before */
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    if (bytes > 0) {
        w->more = malloc(bytes);
        if (w->more != NULL) {
            memcpy(w->more, more, bytes);
            w->more_bytes = bytes;
        }
    }
    (void)pthread_mutex_lock(&all.lock);
    bool running = u != NULL && start_locked() && (bytes == 0 || w->more != NULL);
    if (running) {
        w->next = all.coming;
        all.coming = w;
        ring_locked();
    }
    (void)pthread_mutex_unlock(&all.lock);
    if (running)
        return;
    if (u != NULL) /* the server has stopped: it is told, as all others were */
        (void)send(socket, close_1001, sizeof close_1001, MSG_DONTWAIT | MSG_NOSIGNAL);
    w->handler->closed(w, w->user);
    lease_watch(w->place, NULL, NULL);
    upgrade_close(u);
    websocket_drop(w);
}

void websocket_stop(void *user)
{
    websocket *w = user;
    if (w->handler->stops == NULL)
        websocket_close(w, WEBSOCKET_STOPS, "the server stops");
    (void)pthread_mutex_lock(&all.lock);
    if (all.drained_ms == 0)
        all.drained_ms = text_now_ms();
    (void)pthread_mutex_unlock(&all.lock);
    atomic_store(&w->stops, true);
    websocket_ring(w);
}

void websockets_stop(void)
{
    (void)pthread_mutex_lock(&all.lock);
    bool running = all.running;
    all.stopping = true;
    if (all.drained_ms == 0)
        all.drained_ms = text_now_ms();
    if (running)
        ring_locked();
    (void)pthread_mutex_unlock(&all.lock);
    if (!running)
        return;
    (void)pthread_join(all.thread, NULL);
    (void)pthread_mutex_lock(&all.lock);
    (void)close(all.bell);
    (void)close(all.poller);
    all.bell = all.poller = -1;
    all.running = false;
    (void)pthread_mutex_unlock(&all.lock);
}
