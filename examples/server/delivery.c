/* One lock a delivery: the maker adds, looks send. The stream holds a window of it only, so that
 * what its reader has taken is known. */
#include "delivery.h"

#include "jobs.h"
#include "openai.h"
#include "settings.h"
#include "text.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WINDOW_BYTES ((size_t)256 << 10) /* waits in the stream */
#define STREAM_BYTES ((size_t)1 << 20)   /* the window and a last event */
#define PIECE_BYTES ((size_t)64 << 10)
#define EVENT_BYTES ((size_t)24000) /* whole groups of base64 */
#define KEPT_BYTES_MOST                                                                            \
    ((size_t)64 << 20) /* of one delivery; then its sent front is given back                       \
                        */
#define UNREAD_BYTES_MOST (KEPT_BYTES_MOST / 2)
#define CROWD_BYTES ((size_t)256 << 20)  /* of all: no more begin */
#define ALL_BYTES_MOST (2 * CROWD_BYTES) /* of all: makers wait */
enum { SOON_MS = 5, LOOK_MS = 20, SLOW_LOOK_MS = 100, QUIET_MS = 1000 };

struct delivery {
    pthread_mutex_t lock;
    int references;
    stream *to;
    modellab_logger *log;
    modellab_cancel *cancel;
    bool as_events, watched, made, cut, gone, stalled, settling;
    unsigned char *data;
    size_t size, room, sent;
    bool is_short;           /* its front was given back */
    int64_t taken, taken_ms; /* bytes of the stream, and when they grew last */
    json_t *last;
    delivery_owner owner;
};

static atomic_size_t kept; /* by all */

static void on_gone(void *user)
{
    modellab_cancel_set(user);
}

delivery *delivery_create(modellab_logger *log, modellab_cancel *cancel, bool as_events)
{
    delivery *d = calloc(1, sizeof *d);
    stream *to = stream_create(STREAM_BYTES);
    if (d == NULL || to == NULL || pthread_mutex_init(&d->lock, NULL) != 0) {
        free(d);
        stream_unref(to);
        return NULL;
    }
    d->references = 1;
    d->to = to;
    d->log = modellab_logger_ref(log);
    d->cancel = modellab_cancel_ref(cancel);
    d->as_events = as_events;
    stream_watch(to, on_gone, cancel);
    return d;
}

void delivery_unref(delivery *d)
{
    if (d == NULL)
        return;
    (void)pthread_mutex_lock(&d->lock);
    bool last = --d->references == 0;
    (void)pthread_mutex_unlock(&d->lock);
    if (!last)
        return;
    stream_unwatch(d->to);
    stream_unref(d->to);
    atomic_fetch_sub(&kept, d->room);
    json_decref(d->last);
    modellab_cancel_unref(d->cancel);
    modellab_logger_unref(d->log);
    (void)pthread_mutex_destroy(&d->lock);
    free(d->data);
    free(d);
}

bool delivery_is_crowded(void)
{
    return atomic_load(&kept) > CROWD_BYTES;
}

stream *delivery_stream(delivery *d)
{
    return stream_ref(d->to);
}

/* Under the lock. */
static bool make_room(delivery *d, size_t more)
{
    if (d->size + more > KEPT_BYTES_MOST && d->sent > 0) {
        memmove(d->data, d->data + d->sent, d->size - d->sent);
        d->size -= d->sent;
        d->sent = 0;
        d->is_short = true;
    }
    size_t room = d->room > 0 ? d->room : PIECE_BYTES;
    while (room - d->size < more)
        room *= 2;
    if (room == d->room)
        return true;
    unsigned char *grown = realloc(d->data, room);
    if (grown == NULL)
        return false;
    atomic_fetch_add(&kept, room - d->room);
    d->data = grown;
    d->room = room;
    return true;
}

bool delivery_add(delivery *d, const void *data, size_t bytes)
{
    (void)pthread_mutex_lock(&d->lock);
    bool good = make_room(d, bytes);
    if (good && bytes > 0) {
        memcpy(d->data + d->size, data, bytes);
        d->size += bytes;
    }
    (void)pthread_mutex_unlock(&d->lock);
    return good;
}

static char *base64(const unsigned char *data, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *at = text;
    for (size_t i = 0; text != NULL && i < size; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16;
        bits |= i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= i + 2 < size ? (uint32_t)data[i + 2] : 0;
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *at++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    if (text != NULL)
        *at = '\0';
    return text;
}

/* Under the lock. */
static bool send_piece(delivery *d, size_t bytes)
{
    const unsigned char *from = d->data + d->sent;
    bool good;
    if (d->as_events) {
        char *text = base64(from, bytes);
        good = openai_event(d->to, text != NULL ? json_pack("{s:s, s:s}", "type",
                                                            "speech.audio.delta", "audio", text)
                                                : NULL);
        free(text);
    } else {
        good = stream_write(d->to, from, bytes);
    }
    d->sent += good ? bytes : 0;
    return good;
}

/* Under the lock: as much as the window holds; the last event behind everything. */
static void send_more(delivery *d)
{
    size_t most = d->as_events ? EVENT_BYTES : PIECE_BYTES;
    while (!d->gone && d->sent < d->size && stream_waiting(d->to) < WINDOW_BYTES) {
        size_t left = d->size - d->sent;
        d->gone = !send_piece(d, left < most ? left : most);
    }
    if (!d->gone && d->made && d->sent == d->size && d->last != NULL) {
        d->gone = !openai_event(d->to, d->last);
        d->last = NULL;
    }
}

/* Under the lock. */
static void look_at_client(delivery *d)
{
    int64_t now = text_now_ms();
    int64_t taken = stream_sent(d->to);
    if (taken != d->taken || stream_waiting(d->to) == 0) {
        d->taken = taken;
        d->taken_ms = now;
    }
    d->gone = d->gone || stream_is_gone(d->to);
    if (!d->gone && now - d->taken_ms > server_settings.send_ms) {
        d->gone = d->stalled = true;
        modellab_logger_write(d->log, MODELLAB_LOG_WARN, "delivery.stalled",
                              "the client takes nothing: its connection is cut");
    }
}

/* Under the lock: is there nothing left to wait for? */
static bool is_over(delivery *d)
{
    return d->made && !d->settling &&
           (d->gone || (d->sent == d->size && d->last == NULL && stream_waiting(d->to) == 0));
}

/* The one that saw that it is over. The owner is told before the client sees the end: who has read
 * all finds its run ended. */
static void settle(delivery *d, delivery_end how)
{
    d->owner.settled(d->owner.user, how);
    if (how == DELIVERY_TAKEN && !d->cut)
        stream_end(d->to);
    else
        stream_break(d->to);
}

static delivery_end end_of(const delivery *d)
{
    return d->stalled ? DELIVERY_STALLED : d->gone ? DELIVERY_GONE : DELIVERY_TAKEN;
}

static void look(void *user);

/* Takes the reference of the looks. */
static void look_again(delivery *d, int64_t after_ms)
{
    if (job_after(after_ms, look, d))
        return;
    (void)pthread_mutex_lock(&d->lock);
    d->gone = true; /* out of memory, or the server stops: nobody would send the rest */
    bool over = is_over(d);
    d->settling = d->settling || over;
    (void)pthread_mutex_unlock(&d->lock);
    modellab_cancel_set(d->cancel);
    if (over)
        settle(d, DELIVERY_GONE);
    delivery_unref(d);
}

static void look(void *user)
{
    delivery *d = user;
    (void)pthread_mutex_lock(&d->lock);
    send_more(d);
    look_at_client(d);
    bool over = is_over(d), asks = d->made && !over && d->owner.goes_on != NULL;
    bool ends = over || d->settling || (d->gone && !d->made);
    d->settling = d->settling || over;
    int64_t quiet = text_now_ms() - d->taken_ms;
    bool gone = d->gone, made = d->made;
    (void)pthread_mutex_unlock(&d->lock);
    if (gone)
        modellab_cancel_set(d->cancel);
    if (over) {
        settle(d, end_of(d));
    } else if (!ends && asks && !d->owner.goes_on(d->owner.user)) {
        (void)pthread_mutex_lock(&d->lock);
        d->settling = ends = true;
        (void)pthread_mutex_unlock(&d->lock);
        settle(d, DELIVERY_STOPPED);
    }
    if (ends)
        delivery_unref(d);
    else
        look_again(d, quiet > QUIET_MS ? SLOW_LOOK_MS : made ? SOON_MS : LOOK_MS);
}

/* Under the lock: must the maker wait for the reader? */
static bool is_full(const delivery *d)
{
    size_t unread = d->size - d->sent;
    return unread > UNREAD_BYTES_MOST ||
           (unread > WINDOW_BYTES && atomic_load(&kept) > ALL_BYTES_MOST);
}

bool delivery_push(delivery *d)
{
    const struct timespec nap = {.tv_nsec = 10000000};
    (void)pthread_mutex_lock(&d->lock);
    bool begins = !d->watched;
    if (begins) {
        d->watched = true;
        d->references++;
        d->taken_ms = text_now_ms();
    }
    send_more(d);
    (void)pthread_mutex_unlock(&d->lock);
    if (begins)
        look_again(d, LOOK_MS);
    for (;;) {
        (void)pthread_mutex_lock(&d->lock);
        bool gone = d->gone || stream_is_gone(d->to), full = is_full(d);
        (void)pthread_mutex_unlock(&d->lock);
        if (gone || !full)
            return !gone;
        (void)nanosleep(&nap, NULL); /* cut short is fine */
    }
}

const void *delivery_whole(const delivery *d, size_t *bytes)
{
    *bytes = d->size;
    return d->is_short ? NULL : d->data;
}

void delivery_finish(delivery *d, bool broken, json_t *last, const delivery_owner *owner)
{
    (void)pthread_mutex_lock(&d->lock);
    d->references++; /* the owner may give back its own in settled() */
    d->owner = *owner;
    d->last = last;
    if (broken) {
        d->size = d->sent;
        d->cut = !d->as_events || last == NULL;
        d->gone = d->gone || d->cut;
    }
    d->made = true;
    send_more(d);
    look_at_client(d);
    bool over = is_over(d);
    d->settling = over;
    (void)pthread_mutex_unlock(&d->lock);
    if (over)
        settle(d, end_of(d));
    delivery_unref(d);
}
