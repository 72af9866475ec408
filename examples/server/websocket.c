/* The thread of the sockets: reads and writes frames by libwslay, sends what others have put into
 * the queues, looks for signs of life. */
#include "websocket.h"

#include "text.h"
#include "websocket_private.h"
#include <errno.h>
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
#define READS 16 /* before the others have their turn */

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    bool running, stopping;
    int poller, bell;
    websocket *coming;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .poller = -1, .bell = -1};

static _Atomic int64_t ping_ms = 15000, longest_ms;
static websocket *sockets; /* the thread's */

void websockets_set_times(int64_t ping, int64_t longest)
{
    atomic_store(&ping_ms, ping);
    atomic_store(&longest_ms, longest);
}

void websocket_ring(void)
{
    const uint64_t one = 1;
    if (write(all.bell, &one, sizeof one) < 0)
        return; /* it rings already: the counter is full */
}

static bool is_paused(websocket *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool paused = w->paused;
    (void)pthread_mutex_unlock(&w->lock);
    return paused;
}

static ssize_t receive(struct wslay_event_context *frames, uint8_t *out, size_t room, int flags,
                       void *user)
{
    websocket *w = user;
    (void)flags;
    if (w->more_at < w->more_bytes && !is_paused(w)) {
        size_t bytes = w->more_bytes - w->more_at < room ? w->more_bytes - w->more_at : room;
        memcpy(out, w->more + w->more_at, bytes);
        w->more_at += bytes;
        return (ssize_t)bytes;
    }
    /* libwslay reads until there is nothing: a pause has to look like that */
    bool paused = is_paused(w);
    ssize_t got = paused ? -1 : recv(w->socket, out, room, MSG_DONTWAIT);
    if (got > 0)
        return got;
    bool again = paused || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR));
    w->broken = w->broken || !again;
    wslay_event_set_error(frames, again ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t transmit(struct wslay_event_context *frames, const uint8_t *data, size_t bytes,
                        int flags, void *user)
{
    websocket *w = user;
    (void)flags;
    ssize_t sent = send(w->socket, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    bool again = errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
    w->broken = w->broken || !again;
    wslay_event_set_error(frames, again ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static void begins(struct wslay_event_context *frames,
                   const struct wslay_event_on_frame_recv_start_arg *frame, void *user)
{
    websocket *w = user;
    w->heard_ms = text_now_ms();
    /* half a code is none; libwslay would take it for no code at all */
    if (frame->opcode == WSLAY_CONNECTION_CLOSE && frame->payload_length == 1 &&
        wslay_event_queue_close(frames, WSLAY_CODE_PROTOCOL_ERROR, NULL, 0) != 0)
        w->broken = true;
}

/* A message of the client that nobody asked to be quiet. */
static void arrives(struct wslay_event_context *frames,
                    const struct wslay_event_on_msg_recv_arg *got, void *user)
{
    websocket *w = user;
    (void)frames;
    w->heard_ms = text_now_ms();
    if (w->closing_ms != 0)
        return;
    if (got->opcode == WSLAY_BINARY_FRAME) {
        w->handler->binary(w, w->user, got->msg, got->msg_length);
    } else if (got->opcode == WSLAY_TEXT_FRAME) {
        char *text = malloc(got->msg_length + 1);
        if (text == NULL) {
            websocket_close(w, WEBSOCKET_FAILED, "out of memory");
            return;
        }
        if (got->msg_length > 0) /* else there is none to read from */
            memcpy(text, got->msg, got->msg_length);
        text[got->msg_length] = '\0';
        w->handler->text(w, w->user, text, got->msg_length);
        free(text);
    }
}

websocket *websocket_create(const websocket_handler *handler, void *user)
{
    static const struct wslay_event_callbacks callbacks = {.recv_callback = receive,
                                                           .send_callback = transmit,
                                                           .on_frame_recv_start_callback = begins,
                                                           .on_msg_recv_callback = arrives};
    websocket *w = calloc(1, sizeof *w);
    if (w == NULL || pthread_mutex_init(&w->lock, NULL) != 0) {
        free(w);
        return NULL;
    }
    atomic_init(&w->references, 1);
    w->handler = handler;
    w->user = user;
    w->last = &w->first;
    w->socket = -1;
    if (wslay_event_context_server_init(&w->frames, &callbacks, w) != 0) {
        websocket_unref(w);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->frames, handler->most);
    return w;
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

/* What others have put into the queue goes to libwslay. */
static void hand_over(websocket *w)
{
    (void)pthread_mutex_lock(&w->lock);
    message *first = w->first;
    w->first = NULL;
    w->last = &w->first;
    (void)pthread_mutex_unlock(&w->lock);
    while (first != NULL) {
        message *next = first->next;
        const struct wslay_event_msg out = {WSLAY_TEXT_FRAME, (const uint8_t *)first->text,
                                            first->bytes};
        if (w->closing_ms == 0 && wslay_event_queue_msg(w->frames, &out) != 0)
            w->broken = true;
        free(first);
        first = next;
    }
}

static void transmit_all(websocket *w)
{
    if (!w->broken && wslay_event_want_write(w->frames) && wslay_event_send(w->frames) != 0)
        w->broken = true;
    size_t left = wslay_event_get_queued_msg_length(w->frames);
    (void)pthread_mutex_lock(&w->lock);
    w->waiting = left;
    for (const message *m = w->first; m != NULL; m = m->next)
        w->waiting += m->bytes;
    (void)pthread_mutex_unlock(&w->lock);
}

/* A close would overtake messages in libwslay: it goes when they have gone. */
static void close_when_asked(websocket *w)
{
    char reason[sizeof w->reason];
    (void)pthread_mutex_lock(&w->lock);
    unsigned code = w->code;
    memcpy(reason, w->reason, sizeof reason);
    if (code != 0 && w->first != NULL)
        code = 0;
    (void)pthread_mutex_unlock(&w->lock);
    if (code == 0 || w->closing_ms != 0)
        return;
    if (w->asked_ms == 0)
        w->asked_ms = text_now_ms();
    if (wslay_event_want_write(w->frames) && text_now_ms() - w->asked_ms < LAST_WORDS_MS)
        return;
    w->closing_ms = text_now_ms();
    if (wslay_event_queue_close(w->frames, (uint16_t)code, (const uint8_t *)reason,
                                strlen(reason)) != 0)
        w->broken = true;
    transmit_all(w);
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
    for (int i = 0; i < READS && !w->broken; i++) {
        ssize_t got = recv(w->socket, lost, sizeof lost, MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
            return;
        w->broken = got <= 0;
    }
}

/* What breaks the form of frames gets no code from libwslay: it is told here, when nothing of
 * libwslay's is on its way. */
static void refuse(websocket *w, bool clean)
{
    static const unsigned char close_1002[] = {0x88, 0x02, 0x03, 0xea};
    if (w->broken)
        return;
    if (clean && send(w->socket, close_1002, sizeof close_1002, MSG_DONTWAIT | MSG_NOSIGNAL) ==
                     (ssize_t)sizeof close_1002)
        drain(w);
    else
        w->broken = true;
}

static bool may_read(websocket *w)
{
    return !is_paused(w) && !w->broken && !w->draining && wslay_event_want_read(w->frames);
}

static void serve(websocket *w, bool readable)
{
    if (!w->draining) {
        for (int i = 0; i < READS && (readable || w->more_at < w->more_bytes) && may_read(w); i++) {
            bool clean = !wslay_event_want_write(w->frames);
            if (wslay_event_recv(w->frames) != 0)
                refuse(w, clean);
            readable = false; /* epoll tells when there is more */
        }
    }
    if (!w->draining) {
        hand_over(w);
        transmit_all(w);
        close_when_asked(w);
        note_close(w);
    }
    bool reads = may_read(w), writes = !w->broken && wslay_event_want_write(w->frames);
    if (w->draining || (!w->broken && !writes && !wslay_event_want_read(w->frames)))
        drain(w);
    if (!w->broken)
        watch(w,
              (reads || w->draining ? (unsigned)EPOLLIN : 0) | (writes ? (unsigned)EPOLLOUT : 0));
}

static void look_at_clock(websocket *w, int64_t now)
{
    int64_t every = atomic_load(&ping_ms), longest = atomic_load(&longest_ms);
    if (w->closing_ms != 0) {
        w->broken = w->broken || now - w->closing_ms > LAST_WORDS_MS;
        return;
    }
    if (is_paused(w)) {
        w->heard_ms = now; /* nobody listens */
        if (w->handler->tick != NULL)
            w->handler->tick(w, w->user);
    }
    if (longest > 0 && !w->handler->lasts && now - w->opened_ms > longest)
        websocket_close(w, WEBSOCKET_TOO_LONG, "open for too long");
    else if (now - w->heard_ms > 3 * every)
        w->broken = true;
    else if (now - w->heard_ms > every && now - w->pinged_ms > every) {
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
    w->handler->closed(w, w->user);
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

static void *work(void *unused)
{
    bool stopping = false;
    (void)unused;
    while (!stopping || sockets != NULL) {
        struct epoll_event events[64];
        bool any_paused = false;
        for (websocket *w = sockets; w != NULL; w = w->next)
            any_paused = any_paused || (w->interest & EPOLLIN) == 0;
        int count = epoll_wait(all.poller, events, 64, any_paused ? TICK_MS : 250);
        gather();
        for (int i = 0; i < count; i++) {
            uint64_t rung;
            websocket *w = events[i].data.ptr;
            if (w == NULL)
                (void)!read(all.bell, &rung, sizeof rung); /* whatever it counted */
            else
                serve(w, true);
        }
        int64_t now = text_now_ms();
        for (websocket **at = &sockets; *at != NULL;) {
            websocket *w = *at;
            look_at_clock(w, now);
            serve(w, false);
            if (w->broken) {
                *at = w->next;
                let_go(w);
            } else {
                at = &w->next;
            }
        }
        (void)pthread_mutex_lock(&all.lock);
        stopping = all.stopping;
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
    websocket *w = user;
    w->upgraded = u;
    w->socket = socket;
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
    }
    (void)pthread_mutex_unlock(&all.lock);
    if (running) {
        websocket_ring();
        return;
    }
    w->handler->closed(w, w->user);
    wslay_event_context_free(w->frames);
    upgrade_close(u);
    websocket_unref(w);
}

void websocket_stop(void *user)
{
    websocket_close(user, WEBSOCKET_STOPS, "the server stops");
}

void websockets_stop(void)
{
    (void)pthread_mutex_lock(&all.lock);
    bool running = all.running;
    all.stopping = true;
    (void)pthread_mutex_unlock(&all.lock);
    if (!running)
        return;
    websocket_ring();
    (void)pthread_join(all.thread, NULL);
    (void)close(all.bell);
    (void)close(all.poller);
    all.running = false;
}
