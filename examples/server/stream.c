/* The queue of a body that lasts. The connection sleeps while it is empty. */
#include "stream.h"

#include "call_private.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LIMIT_BYTES (256u * 1024u)
#define KEEP_BYTES 4096u /* an empty queue keeps no more than this */
#define BLOCK_BYTES 1024u

struct stream {
    pthread_mutex_t lock;
    int references;
    char *data;
    size_t start, bytes, room, limit;
    int64_t sent;
    bool ended, gone, asleep, stalled;
    bool ends_with_connection; /* HTTP/1.0: nothing else marks the end */
    bool whole;                /* it ended so */
    int64_t limit_ms;
    connection *link;
    struct MHD_Connection *mhd; /* while the reply goes out */
    void (*on_gone)(void *user);
    void *gone_user;
    void (*on_drain)(void *user);
    void *drain_user;
    char *last_words;
    stream *previous, *next; /* of all whose reply goes out */
};

/* Its lock comes before that of a stream. */
static struct {
    pthread_mutex_t lock;
    stream *first;
    bool leaving; /* farewells have been said: who comes now has his at once */
} active = {.lock = PTHREAD_MUTEX_INITIALIZER};

stream *stream_create(size_t limit)
{
    stream *s = calloc(1, sizeof *s);
    if (s == NULL || pthread_mutex_init(&s->lock, NULL) != 0) {
        free(s);
        return NULL;
    }
    s->references = 1;
    s->limit = limit > 0 ? limit : LIMIT_BYTES;
    return s;
}

stream *stream_ref(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->references++;
    (void)pthread_mutex_unlock(&s->lock);
    return s;
}

void stream_unref(stream *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    bool last = --s->references == 0;
    (void)pthread_mutex_unlock(&s->lock);
    if (!last)
        return;
    (void)pthread_mutex_destroy(&s->lock);
    free(s->last_words);
    free(s->data);
    free(s);
}

/* Under the lock. */
static void wake(stream *s)
{
    if (s->asleep && s->mhd != NULL)
        MHD_resume_connection(s->mhd);
    s->asleep = false;
}

/* Under the lock. Room for `more` bytes at the end. */
static bool make_room(stream *s, size_t more)
{
    if (s->start > 0) {
        memmove(s->data, s->data + s->start, s->bytes);
        s->start = 0;
    }
    if (s->room - s->bytes >= more)
        return true;
    size_t room = s->room > 0 ? s->room : 512;
    while (room - s->bytes < more)
        room *= 2;
    char *grown = realloc(s->data, room);
    if (grown == NULL)
        return false;
    s->data = grown;
    s->room = room;
    return true;
}

bool stream_write(stream *s, const void *data, size_t bytes)
{
    (void)pthread_mutex_lock(&s->lock);
    bool taken = !s->gone && !s->ended && bytes <= s->limit && s->bytes <= s->limit - bytes &&
                 make_room(s, bytes);
    if (taken && bytes > 0) {
        memcpy(s->data + s->bytes, data, bytes);
        s->bytes += bytes;
        wake(s);
    } else if (!taken && !s->ended) {
        s->stalled = !s->gone;
        s->gone = true; /* too slow: it is let go, and can come back where it was */
        wake(s);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return taken;
}

size_t stream_waiting(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    size_t bytes = s->bytes;
    (void)pthread_mutex_unlock(&s->lock);
    return bytes;
}

void stream_watch(stream *s, void (*gone)(void *user), void *user)
{
    (void)pthread_mutex_lock(&s->lock);
    s->on_gone = gone;
    s->gone_user = user;
    (void)pthread_mutex_unlock(&s->lock);
}

void stream_unwatch(stream *s)
{
    stream_watch(s, NULL, NULL);
}

void stream_on_drain(stream *s, void (*drained)(void *user), void *user)
{
    (void)pthread_mutex_lock(&s->lock);
    s->on_drain = drained;
    s->drain_user = user;
    (void)pthread_mutex_unlock(&s->lock);
}

void stream_end(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->ended = true;
    wake(s);
    (void)pthread_mutex_unlock(&s->lock);
}

void stream_break(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool sleeps = s->asleep;
    s->gone = true;
    wake(s);
    if (!sleeps && s->mhd != NULL) { /* it may wait for a client that does not read */
        const union MHD_ConnectionInfo *socket =
            MHD_get_connection_info(s->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (socket != NULL)
            (void)shutdown(socket->connect_fd, SHUT_RDWR); /* the network thread sees it */
    }
    (void)pthread_mutex_unlock(&s->lock);
}

bool stream_is_gone(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool gone = s->gone;
    (void)pthread_mutex_unlock(&s->lock);
    return gone;
}

/* Under the lock, so that none is in flight once stream_unwatch() has returned. */
static void tell_gone(stream *s)
{
    void (*tell)(void *) = s->on_gone;
    if (!s->gone && s->mhd != NULL && s->limit_ms > 0 &&
        atomic_load(&s->link->phase) == CONNECTION_DEAD)
        s->stalled = true;
    s->gone = true;
    s->on_gone = NULL;
    wake(s);
    if (tell != NULL)
        tell(s->gone_user);
}

void stream_gone(stream *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    tell_gone(s);
    (void)pthread_mutex_unlock(&s->lock);
    stream_unref(s);
}

void stream_farewell(stream *s, const char *text)
{
    char *copy = strdup(text);
    (void)pthread_mutex_lock(&s->lock);
    free(s->last_words);
    s->last_words = copy; /* NULL: it ends without */
    (void)pthread_mutex_unlock(&s->lock);
}

/* Under the lock. */
static void say_end(stream *s, const char *text)
{
    size_t bytes = text != NULL ? strlen(text) : 0;
    if (s->ended || s->gone)
        return;
    if (bytes > 0 && make_room(s, bytes)) {
        memcpy(s->data + s->bytes, text, bytes);
        s->bytes += bytes;
    }
    s->ended = true;
    wake(s);
}

void stream_say_end(stream *s, const char *text)
{
    (void)pthread_mutex_lock(&s->lock);
    say_end(s, text);
    (void)pthread_mutex_unlock(&s->lock);
}

void stream_set_limit(stream *s, int64_t ms)
{
    (void)pthread_mutex_lock(&s->lock);
    s->limit_ms = ms;
    (void)pthread_mutex_unlock(&s->lock);
}

bool stream_is_stalled(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool stalled = s->stalled;
    (void)pthread_mutex_unlock(&s->lock);
    return stalled;
}

static void say_farewell(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->last_words != NULL)
        say_end(s, s->last_words);
    (void)pthread_mutex_unlock(&s->lock);
}

void streams_farewell(void)
{
    (void)pthread_mutex_lock(&active.lock);
    active.leaving = true;
    for (stream *s = active.first; s != NULL; s = s->next)
        say_farewell(s);
    (void)pthread_mutex_unlock(&active.lock);
}

void streams_stop(void)
{
    (void)pthread_mutex_lock(&active.lock);
    for (stream *s = active.first; s != NULL; s = s->next) {
        (void)pthread_mutex_lock(&s->lock);
        tell_gone(s);
        (void)pthread_mutex_unlock(&s->lock);
    }
    (void)pthread_mutex_unlock(&active.lock);
}

int64_t stream_sent(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    int64_t sent = s->sent;
    (void)pthread_mutex_unlock(&s->lock);
    return sent;
}

bool stream_is_whole(stream *s)
{
    (void)pthread_mutex_lock(&s->lock);
    bool whole = s->whole;
    (void)pthread_mutex_unlock(&s->lock);
    return whole;
}

/* Asks for more where somebody wants to be asked. Under the lock, which is given back meanwhile. */
static void ask_for_more(stream *s)
{
    void (*ask)(void *) = s->on_drain;
    void *user = s->drain_user;
    if (ask == NULL || s->bytes > 0 || s->ended || s->gone)
        return;
    (void)pthread_mutex_unlock(&s->lock);
    ask(user);
    (void)pthread_mutex_lock(&s->lock);
}

/* A connection that slept and whose reader then ends it is closed by libmicrohttpd (0.9.75) without
 * ever being given back: nothing happens on it any more. One whose next byte cannot be sent is. */
static ssize_t cut(const stream *s, int direction, char *out)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(s->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    (void)shutdown(info->connect_fd, direction); /* else the client has closed it: as good */
    *out = '\n';
    return 1;
}

/* Under the lock: what was just taken has to be gone before the next is asked for; who sleeps has
 * taken all. False: it was cut off. */
static bool watch_reader(stream *s)
{
    if (s->limit_ms == 0 || s->gone)
        return true;
    return s->asleep ? connection_enter(s->link, CONNECTION_WORK, 0)
                     : connection_enter(s->link, CONNECTION_REPLY, s->limit_ms);
}

static ssize_t read_more(void *user, uint64_t position, char *out, size_t room)
{
    stream *s = user;
    ssize_t made = 0;
    (void)position;
    (void)pthread_mutex_lock(&s->lock);
    ask_for_more(s);
    if (s->gone) {
        made = cut(s, SHUT_RDWR, out);
    } else if (s->bytes > 0) {
        size_t bytes = s->bytes < room ? s->bytes : room;
        memcpy(out, s->data + s->start, bytes);
        s->start += bytes;
        s->bytes -= bytes;
        s->sent += (int64_t)bytes;
        made = (ssize_t)bytes;
        if (s->bytes == 0) {
            s->start = 0;
            if (s->room > KEEP_BYTES) {
                free(s->data);
                s->data = NULL;
                s->room = 0;
            }
        }
    } else if (s->ended) {
        s->whole = s->ends_with_connection;
        made = s->whole ? cut(s, SHUT_WR, out) : MHD_CONTENT_READER_END_OF_STREAM;
    } else {
        s->asleep = true;
    }
    if (!watch_reader(s)) {
        made = cut(s, SHUT_RDWR, out);
        s->asleep = false;
    }
    if (s->asleep)
        MHD_suspend_connection(s->mhd);
    (void)pthread_mutex_unlock(&s->lock);
    return made;
}

/* The reply is over. */
static void release(void *user)
{
    stream *s = user;
    (void)pthread_mutex_lock(&active.lock);
    *(s->previous != NULL ? &s->previous->next : &active.first) = s->next;
    if (s->next != NULL)
        s->next->previous = s->previous;
    (void)pthread_mutex_unlock(&active.lock);
    (void)pthread_mutex_lock(&s->lock);
    s->asleep = false;
    tell_gone(s);
    s->mhd = NULL;
    (void)pthread_mutex_unlock(&s->lock);
    stream_unref(s);
}

struct MHD_Response *stream_response(stream *s, call *c)
{
    struct MHD_Response *response = MHD_create_response_from_callback(
        MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_more, stream_ref(s), release);
    if (response == NULL) {
        stream_unref(s);
        return NULL;
    }
    (void)pthread_mutex_lock(&s->lock);
    s->mhd = c->mhd;
    s->ends_with_connection = c->is_first_version;
    s->link = c->link;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_mutex_lock(&active.lock);
    s->previous = NULL;
    s->next = active.first;
    if (s->next != NULL)
        s->next->previous = s;
    active.first = s;
    if (active.leaving)
        say_farewell(s);
    (void)pthread_mutex_unlock(&active.lock);
    return response;
}
