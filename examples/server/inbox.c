/* The queue of a socket's messages, and the job that empties it. */
#include "inbox.h"

#include "jobs.h"
#include <stdlib.h>
#include <string.h>

enum { WAITING_MOST = 16, WAITING_FEW = 4 }; /* nothing is read; it is again */
enum { TURN = 16 };                          /* messages before other jobs have their turn */
#define LOW_BYTES (64u * 1024u)              /* more waits for the client: it gets no answers */

typedef struct inbox_item {
    struct inbox_item *next;
    size_t bytes;
    char text[];
} item;

bool inbox_init(inbox *box, const inbox_owner *owner, void *user)
{
    box->owner = owner;
    box->user = user;
    box->last = &box->first;
    return pthread_mutex_init(&box->lock, NULL) == 0;
}

void inbox_dispose(inbox *box)
{
    for (item *one = box->first, *next; one != NULL; one = next) {
        next = one->next;
        free(one);
    }
    (void)pthread_mutex_destroy(&box->lock);
}

void inbox_open(inbox *box, websocket *w)
{
    (void)pthread_mutex_lock(&box->lock);
    box->socket = websocket_ref(w);
    (void)pthread_mutex_unlock(&box->lock);
}

void inbox_close(inbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    websocket *held = box->socket;
    box->socket = NULL;
    (void)pthread_mutex_unlock(&box->lock);
    websocket_unref(held);
}

/* Under the lock, so that pauses come to the socket in their order. */
static void pause_locked(inbox *box, bool paused)
{
    if (box->paused != paused && box->socket != NULL)
        websocket_pause(box->socket, paused);
    box->paused = paused;
}

/* Under the lock. */
static bool has_room(inbox *box)
{
    return box->socket != NULL && websocket_waiting(box->socket) <= LOW_BYTES;
}

/* The next message. NULL: none is left, or its client first has to take what waits for it; then
 * nobody is at work any more, and the next message or a tick begins again. */
static item *take(inbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    item *one = has_room(box) ? box->first : NULL;
    if (one != NULL) {
        box->first = one->next;
        if (box->first == NULL)
            box->last = &box->first;
        box->waiting--;
    }
    box->working = one != NULL;
    if (one == NULL && box->first != NULL)
        pause_locked(box, true); /* for the ticks */
    else if (box->waiting < WAITING_FEW)
        pause_locked(box, false);
    (void)pthread_mutex_unlock(&box->lock);
    return one;
}

static void work(void *user);

/* The reference is the job's. */
static void go_on(inbox *box)
{
    if (job_run(work, box))
        return;
    (void)pthread_mutex_lock(&box->lock);
    if (box->socket != NULL)
        websocket_close(box->socket, WEBSOCKET_FAILED, "out of memory");
    (void)pthread_mutex_unlock(&box->lock);
    box->owner->let_go(box->user);
}

static void work(void *user)
{
    inbox *box = user;
    for (int i = 0; i < TURN; i++) {
        item *one = take(box);
        if (one == NULL) {
            box->owner->let_go(box->user);
            return;
        }
        box->owner->answer(box->user, one->text, one->bytes);
        free(one);
    }
    go_on(box);
}

void inbox_tick(inbox *box)
{
    (void)pthread_mutex_lock(&box->lock);
    bool begins = !box->working && box->first != NULL && has_room(box);
    box->working = box->working || begins;
    (void)pthread_mutex_unlock(&box->lock);
    if (begins) {
        box->owner->hold(box->user);
        go_on(box);
    }
}

bool inbox_put(inbox *box, const char *text, size_t bytes)
{
    item *one = malloc(sizeof *one + bytes);
    if (one == NULL)
        return false;
    one->next = NULL;
    one->bytes = bytes;
    memcpy(one->text, text, bytes);
    (void)pthread_mutex_lock(&box->lock);
    *box->last = one;
    box->last = &one->next;
    if (++box->waiting >= WAITING_MOST || !has_room(box))
        pause_locked(box, true);
    (void)pthread_mutex_unlock(&box->lock);
    inbox_tick(box);
    return true;
}
