/* The side of who sends: references, and the queue that the thread of the sockets empties. */
#include "websocket_private.h"
#include <stdlib.h>
#include <string.h>

#define MOST_WAITING (256u * 1024u)

websocket *websocket_ref(websocket *w)
{
    atomic_fetch_add(&w->references, 1);
    return w;
}

void websocket_unref(websocket *w)
{
    if (w == NULL || atomic_fetch_sub(&w->references, 1) != 1)
        return;
    while (w->first != NULL) {
        message *next = w->first->next;
        free(w->first);
        w->first = next;
    }
    (void)pthread_mutex_destroy(&w->lock);
    lease_give_back(w->place);
    modellab_logger_unref(w->log);
    free(w->more);
    free(w);
}

bool websocket_send(websocket *w, const char *text, size_t bytes)
{
    message *m = malloc(sizeof *m + bytes);
    if (m == NULL)
        return false;
    m->next = NULL;
    m->bytes = bytes;
    memcpy(m->text, text, bytes);
    (void)pthread_mutex_lock(&w->lock);
    bool taken = !w->over && w->code == 0 && w->waiting + bytes <= MOST_WAITING;
    if (taken) {
        *w->last = m;
        w->last = &m->next;
        w->waiting += bytes;
    }
    (void)pthread_mutex_unlock(&w->lock);
    if (taken)
        websocket_ring(w);
    else
        free(m);
    return taken;
}

size_t websocket_waiting(websocket *w)
{
    (void)pthread_mutex_lock(&w->lock);
    size_t bytes = w->waiting;
    (void)pthread_mutex_unlock(&w->lock);
    return bytes;
}

void websocket_close(websocket *w, unsigned code, const char *reason)
{
    (void)pthread_mutex_lock(&w->lock);
    if (w->code == 0) {
        w->code = code;
        (void)strncpy(w->reason, reason, sizeof w->reason - 1);
    }
    (void)pthread_mutex_unlock(&w->lock);
    websocket_ring(w);
}

void websocket_pause(websocket *w, bool paused)
{
    (void)pthread_mutex_lock(&w->lock);
    w->paused = paused;
    (void)pthread_mutex_unlock(&w->lock);
    websocket_ring(w);
}

bool websocket_is_paused(websocket *w)
{
    (void)pthread_mutex_lock(&w->lock);
    bool paused = w->paused;
    (void)pthread_mutex_unlock(&w->lock);
    return paused;
}

message *websocket_next(websocket *w, bool *more)
{
    (void)pthread_mutex_lock(&w->lock);
    message *first = w->first;
    if (first != NULL && (w->first = first->next) == NULL)
        w->last = &w->first;
    *more = w->first != NULL;
    (void)pthread_mutex_unlock(&w->lock);
    return first;
}

void websocket_count(websocket *w, size_t held)
{
    (void)pthread_mutex_lock(&w->lock);
    w->waiting = held;
    for (const message *m = w->first; m != NULL; m = m->next)
        w->waiting += m->bytes;
    (void)pthread_mutex_unlock(&w->lock);
}
