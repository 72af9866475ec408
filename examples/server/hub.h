/* One thread that follows the events of all runs for whoever wants some of them: SSE and WebSocket
 * clients. Each has a place of its own in the events: who is slow is served from the store once he
 * has taken what waits, so that nothing is kept for him and nothing lost. */
#ifndef SERVER_HUB_H
#define SERVER_HUB_H

#include <modellab/modellab.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of which events; strings are copied. */
typedef struct hub_wish {
    const char *run_id; /* of this run, until its end; NULL = of all runs, without end */
    int64_t after;      /* number in the run, or sequence of all: the last one that was seen */
    bool is_final;      /* the run has ended: it is over with what there is now */
    const char *owner;  /* only runs of this user may be seen; NULL = all */
    const char *user;   /* and of them those of this one; NULL = all */
    const char *types;  /* separated by commas; NULL = all */
    const char *runs;   /* likewise, ids */
} hub_wish;

typedef enum {
    HUB_FINAL, /* the final event of the run has been given */
    HUB_GONE   /* the run was deleted */
} hub_end;

/* Who takes them: called on the hub's thread, never at once; none of it may wait. */
typedef struct hub_taker {
    /* `json`: the event as an object. False: he takes nothing any more. */
    bool (*event)(void *user, const modellab_event_info *event, const char *json, size_t bytes);
    bool (*idle)(void *user);             /* nothing was given for a while; false as above */
    size_t (*waiting)(void *user);        /* bytes that he has not taken yet */
    void (*end)(void *user, hub_end why); /* NULL accepted */
    /* Asked once when it has joined: had its client gone before? (What left then is not known any
     * more.) */
    bool (*gone)(void *user);
    void (*release)(void *user); /* the last call */
} hub_taker;

/* A number to join with and to leave by. */
int64_t hub_number(void);
/* Joins; the thread starts with the first one, and may release the taker before this returns.
 * False: out of memory, or the server stops; nothing of `taker` will be called. */
MODELLAB_MUST_CHECK bool hub_join(modellab_lab *lab, int64_t number, const hub_wish *wish,
                                  const hub_taker *taker, void *user);
/* Any thread, also within a lock that the taker uses; release() follows soon. A number that has
 * left already is nothing. */
void hub_leave(int64_t number);
/* A taker has room again. */
void hub_wake(void);
/* How long without an event until idle(). */
void hub_set_idle(int64_t ms);
/* Ends the thread; all takers are released. */
void hub_stop(void);

/* The event as JSON, to be freed; NULL = out of memory. */
char *hub_event_json(const modellab_event_info *event, size_t *bytes);
/* Is it the last one of its run? */
bool hub_is_final(const char *type);

#endif
