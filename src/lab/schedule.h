/* Which waiting run starts next. Pure: a view of the queue, the policy and the time in, an order
 * (or the reason why a run waits, its position and when it will start) out.
 *
 * Order. Between users: borrowed virtual time (Duda, Cheriton: Borrowed-Virtual-Time scheduling,
 * SOSP 1999). A user's virtual time is the time that his runs have taken so far; who has had least
 * is next. Priority lets a user borrow MLI_SCHEDULE_WARP_MS a point from his own future: it buys an
 * earlier start, never a larger share. Who comes (back) begins at the virtual time of those who
 * wait, so that absence saves nothing up; when nobody waits or runs, what was is forgotten.
 * Within a user: priority, and one more point for each MLI_AGE_MS of waiting, then the older id.
 * The present time cancels out of that comparison, so the key is priority * MLI_AGE_MS - created.
 * A run that somebody put to the head comes before all others (the last one put there first).
 *
 * Starvation bound. Every MLI_SCHEDULE_OLDEST_EVERY-th regular start goes to the best key of all
 * runs whose user is below his limit, whoever has had what. Keys do not change, and the key of a
 * run that is submitted more than (MLI_PRIORITY_MOST - p) * MLI_AGE_MS (at most 15 minutes) after a
 * run r of priority p is worse than r's. So let n be the number of runs that wait when r becomes
 * ready plus those that are submitted within that time after r: while r waits (its user below his
 * limit, nothing put to the head by hand, none of older age coming back), each such start removes
 * one of these n or starts r. r starts at the latest with regular start number
 * MLI_SCHEDULE_OLDEST_EVERY * (n + 1) from then on, however many users and urgent runs arrive
 * later.
 *
 * Shares. Two users who have runs waiting all the time, of the same priority, and are below their
 * limits, differ in what they have had by no more than two of the longest runs (one that began
 * last, and one of unknown length that ran on): each start goes to who has had least, runs that are
 * being executed are counted as soon as they start, and the starts by key are charged like all
 * others. They do not move the shares while there are at most MLI_SCHEDULE_OLDEST_EVERY such users.
 *
 * Size. A short run (see mli_schedule_size) may start on an extra worker when all regular ones are
 * taken and one of them by a long run, so that it does not wait for that. */
#ifndef MLI_LAB_SCHEDULE_H
#define MLI_LAB_SCHEDULE_H

#include "store/queue.h"
#include <modellab/queue.h>
#include <modellab/status.h>

#define MLI_PRIORITY_MOST 30
#define MLI_SCHEDULE_WARP_MS 2000
#define MLI_SCHEDULE_OLDEST_EVERY 16
#define MLI_SCHEDULE_UNKNOWN_MS 1000 /* what a run of unknown length counts when it starts */

typedef struct mli_schedule_policy {
    int32_t max_running, max_running_per_user; /* 0 = no limit */
    int32_t oldest_every; /* 0 = never: only for tests that show what it is good for */
    bool charges;         /* false: nobody is charged; likewise */
} mli_schedule_policy;

#define MLI_SCHEDULE_POLICY_INIT                                                                   \
    {                                                                                              \
        0, 0, MLI_SCHEDULE_OLDEST_EVERY, true                                                      \
    }

/* How long a run will probably take: from the estimate of its CPU seconds (-1 = none), else from
 * its audio seconds (-1 = not known); -1 when neither is known. */
int64_t mli_schedule_expected_ms(double cpu_seconds, double audio_seconds);
/* SHORT when that is known and at most `short_ms`. */
mli_size_class mli_schedule_size(int64_t expected_ms, int64_t short_ms);

typedef struct mli_schedule mli_schedule;

/* Borrows the view. E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_schedule_open(const mli_queue_view *view,
                                                      const mli_schedule_policy *policy,
                                                      int64_t now_ms, mli_schedule **out,
                                                      modellab_error *err);
void mli_schedule_close(mli_schedule *s);
/* Takes the next run out of the queue, as if it started now; false when none may start. */
bool mli_schedule_next(mli_schedule *s, bool short_only, size_t *index);
/* Virtual time of the least served user who waits and may start (0 = there is none): where new
 * users begin. Ask before runs are taken. */
int64_t mli_schedule_virtual_ms(const mli_schedule *s);

/* Whether a supervisor may start another run: 0 = no, 1 = a short one on an extra worker, 2 = any.
 */
typedef enum mli_room { MLI_ROOM_NONE = 0, MLI_ROOM_SHORT = 1, MLI_ROOM_ANY = 2 } mli_room;
mli_room mli_schedule_room(size_t running, size_t long_running, size_t workers,
                           size_t short_workers);

/* What else decides about a start. */
typedef struct mli_schedule_world {
    int32_t supervisors;   /* that live */
    int32_t draining;      /* of those */
    int32_t workers;       /* regular ones of those that do not drain */
    int32_t short_workers; /* extra ones */
    bool no_disk;
    bool no_allowance; /* the caps of its user leave nothing for this run */
} mli_schedule_world;

typedef struct mli_schedule_place {
    modellab_wait why;
    int64_t position; /* 1 = next; 0 = not in line */
    int64_t waiting;  /* runs that are in line */
    int64_t start_ms; /* when it will probably start, -1 = cannot be told */
    int64_t end_ms;
} mli_schedule_place;

/* Where the run at `index` of a whole view stands: plays the queue forward until it starts. */
MODELLAB_MUST_CHECK modellab_status mli_schedule_explain(
    const mli_queue_view *view, const mli_schedule_policy *policy, const mli_schedule_world *world,
    int64_t now_ms, size_t index, mli_schedule_place *out, modellab_error *err);

const char *mli_wait_name(modellab_wait why);
const char *mli_wait_text(modellab_wait why);

#endif
