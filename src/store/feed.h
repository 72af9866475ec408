/* The events of all runs in the order of their commits. A consumer resumes after the last `seq`
 * that it has looked at; it grows for ever, also over the deletion of runs. */
#ifndef MLI_STORE_FEED_H
#define MLI_STORE_FEED_H

#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct mli_store mli_store;

/* To follow all runs with the bell (bell.h): the name that stands for whatever run. */
#define MLI_FEED_BELL ""

typedef struct mli_feed_query {
    int64_t after;    /* 0 = from the beginning */
    int32_t limit;    /* 1..1000 */
    int32_t look;     /* events that are looked at, of which some may be left out; 0 = limit */
    const char *user; /* runs of this one alone; NULL or "" = all */
} mli_feed_query;

typedef struct mli_feed_row {
    int64_t seq, number, time_ms;
    const char *run_id, *request_id, *trace_id, *user;
    const char *type, *step, *data; /* data: JSON object */
    const char *pipeline, *experiment_id;
    int32_t imported; /* 1: of a run that came, ended, from another lab */
} mli_feed_row;

typedef struct mli_feed_list {
    const modellab_allocator *alloc;
    size_t count;
    mli_feed_row *rows;
    char *text;
    int64_t next; /* where to go on: what was looked at is behind it, also what was left out */
    bool full;    /* as many as were to be looked at, or to be found: there may be more */
} mli_feed_list;

/* Events of runs that are there for somebody (not being deleted). */
MODELLAB_MUST_CHECK modellab_status mli_store_feed(mli_store *store, const mli_feed_query *query,
                                                   mli_feed_list **out, modellab_error *err);
/* The seq of the newest event that ever was; 0 = there was none. */
MODELLAB_MUST_CHECK modellab_status mli_store_feed_end(mli_store *store, int64_t *seq,
                                                       modellab_error *err);
void mli_feed_list_free(mli_feed_list *list);

#endif
