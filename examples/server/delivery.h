/* A body that is made faster than clients read it: kept in memory, and sent at the pace of its
 * reader by looks that hold no thread. A reader that takes nothing for too long is cut off. */
#ifndef SERVER_DELIVERY_H
#define SERVER_DELIVERY_H

#include "stream.h"

#include <jansson.h>
#include <modellab/modellab.h>

typedef enum delivery_end {
    DELIVERY_TAKEN,   /* all of it */
    DELIVERY_GONE,    /* the client is, or the server stops */
    DELIVERY_STALLED, /* the client took nothing for MODEL_LAB_HTTP_SEND_SECONDS */
    DELIVERY_STOPPED  /* goes_on() said no */
} delivery_end;

/* Both are called after delivery_finish() only, one after the other, on any thread. */
typedef struct delivery_owner {
    bool (*goes_on)(void *user); /* asked now and then while the rest is taken; NULL = yes */
    void (*settled)(void *user, delivery_end how); /* once, before the client sees the end */
    void *user;
} delivery_owner;

typedef struct delivery delivery;

/* NULL: out of memory. `cancel` (referenced) is set when the client is gone or stalls. As events:
 * bytes go out as base64 in members "audio" of events "speech.audio.delta". */
MODELLAB_MUST_CHECK delivery *delivery_create(modellab_logger *log, modellab_cancel *cancel,
                                              bool as_events);
void delivery_unref(delivery *d); /* NULL is accepted; the maker's */
/* Is so much kept for slow readers that no more should begin? */
bool delivery_is_crowded(void);

/* Keeps them. False: out of memory. */
MODELLAB_MUST_CHECK bool delivery_add(delivery *d, const void *data, size_t bytes);
/* For reply_stream(): new reference. */
stream *delivery_stream(delivery *d);
/* Sends what the client has room for, and from the first call on looks after it by itself. Holds
 * the maker up only while more is kept than memory allows. False: nobody takes it. */
MODELLAB_MUST_CHECK bool delivery_push(delivery *d);
/* All that was added, unless too much was: NULL. Valid until delivery_finish(). */
const void *delivery_whole(const delivery *d, size_t *bytes);
/* Nothing more comes; `last` (given over, may be NULL) is an event behind it. `broken`: what has
 * not been sent is left out; without events the connection is cut, so that the client sees that
 * the body is not whole. */
void delivery_finish(delivery *d, bool broken, json_t *last, const delivery_owner *owner);

#endif
