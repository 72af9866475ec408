/* The store: where records of runs live. One small table of operations, so that SQLite (now) and a
 * server database (later) look the same to the lab. Every write that follows a claim names run and
 * fence; a write with an old fence or on a final run is refused, so the first final status wins. */
#ifndef MLI_STORE_STORE_H
#define MLI_STORE_STORE_H

#include "base/id.h"
#include "store/bell.h"
#include "store/experiments.h"
#include "store/feed.h"
#include "store/keys.h"
#include "store/notes.h"
#include "store/queue.h"
#include "store/replies.h"
#include "store/rows.h"
#include "store/uploads.h"
#include "store/webhooks.h"

typedef struct mli_store mli_store;

typedef struct mli_store_options {
    const char *path;                /* SQLite: the database file */
    const modellab_allocator *alloc; /* borrowed for the life of the store; NULL = C heap */
    bool read_only;
    bool small_log;          /* its write-ahead log is taken over early: little space is left */
    int32_t busy_timeout_ms; /* 0 = 10000 */
} mli_store_options;

/* What a list is sorted by; equal ones by id in the same direction. -1 (not known) is the least. */
typedef enum mli_sort {
    MLI_SORT_NEWEST, /* by id alone, downwards */
    MLI_SORT_CREATED,
    MLI_SORT_STARTED,
    MLI_SORT_ENDED,
    MLI_SORT_DURATION,
    MLI_SORT_COST,
    MLI_SORT_PRIORITY,
    MLI_SORT_AUDIO
} mli_sort;

/* What is wanted of a list. Zero or NULL matches all. */
typedef struct mli_store_filter {
    modellab_run_status status;
    int32_t statuses;      /* bits 1 << status */
    int32_t limit;         /* 1..1001 */
    const char *before_id; /* NEWEST, CREATED: behind this one. Others: with after_value */
    const char *from_id;   /* this id and newer ones */
    const char *user, *pipeline, *experiment_id, *model, *request_id;
    const char *text; /* in the input's name, in any case of ASCII letters; or the whole id */
    int64_t since_ms, until_ms; /* created in [since, until) */
    mli_sort sort;
    bool down;           /* not for NEWEST */
    int64_t after_value; /* with before_id: what the last run of the page before was sorted by */
} mli_store_filter;

/* What a run is sorted by. */
int64_t mli_sort_value(const mli_run_row *row, mli_sort sort);

/* One transaction on one run. Parts that are NULL or empty are left alone. */
typedef struct mli_store_change {
    const char *run_id;
    int64_t fence;              /* must equal the run's */
    modellab_run_status expect; /* must equal the run's: QUEUED or RUNNING */
    int64_t now_ms;
    /* Journal position: 0 = not from a journal. Else the change applies lines up to and including
     * this one; when the run is at or past it already, nothing is changed and *applied becomes
     * false. */
    int64_t journal_line;
    const mli_run_measures *measures; /* fields of -1 / NULL are left alone */
    const mli_step_row *steps;        /* inserted, or replaced by name */
    size_t step_count;
    const mli_artifact_row *artifacts; /* inserted; one of the same id is left alone */
    size_t artifact_count;
    const mli_event_row *events; /* number and time are given here (time_ms 0 = now_ms) */
    size_t event_count;
    const mli_run_transition *transition; /* its event comes after `events` */
    /* Not NULL: a change of a run that has ended, with this fence: what its worker made all the
     * same is kept (artifacts and events alone), and its seal, "" = as it is, grows with its
     * journal. */
    const char *late_seal;
    /* What it says can be read again from a synced journal: it survives the death of the process,
     * and a power cut once anything after it was committed durably. Transitions never are. */
    bool lazy;
} mli_store_change;

typedef struct mli_store_claim {
    const char *run_id;
    const char *owner; /* JSON: {host_id, boot_id, pid, start_ticks, nonce} */
    int64_t now_ms;
    mli_hold *hold;           /* optional: receives what the run holds now */
    mli_cap_verdict *verdict; /* optional: receives the cap that has no room (E_CAP_EXCEEDED) */
    int32_t max_running, max_running_per_user; /* 0 = no limit */
    int64_t virtual_ms;                        /* where new users begin from now on */
    bool is_extra;                             /* a start beside the regular ones: not counted */
} mli_store_claim;

/* A RUNNING run changes hands, its worker and attempt stay: from the owner that was found dead to
 * the one who looks after it now. */
typedef struct mli_store_adoption {
    const char *run_id;
    int64_t fence;
    const char *from, *to; /* owners, as in mli_store_claim */
} mli_store_adoption;

/* One of several writes that share a transaction: changes of one run in their order, or a claim. */
typedef struct mli_store_write {
    const mli_store_change *const *changes;
    size_t change_count;
    const mli_store_claim *claim; /* NULL: the changes */
    mli_run_row **row;            /* of the claim */
    modellab_status status;       /* results, as of mli_store_apply() and mli_store_claim_run() */
    modellab_error error;
} mli_store_write;

/* The clocks of this machine at one moment. */
typedef struct mli_store_clock {
    const char *boot_id;
    int64_t wall_ms, monotonic_ms;
} mli_store_clock;

/* A change of a queued run's place. */
typedef enum mli_arrange {
    MLI_ARRANGE_HOLD,
    MLI_ARRANGE_RELEASE,
    MLI_ARRANGE_PRIORITY
} mli_arrange;

typedef struct mli_store_arrangement {
    const char *run_id;
    mli_arrange what;
    bool to_head;     /* PRIORITY: before all others instead */
    int32_t priority; /* PRIORITY */
    int64_t now_ms;
} mli_store_arrangement;

/* What a cancel request met (values of modellab_cancel_outcome) and where the run stands. */
typedef struct mli_store_cancel {
    modellab_cancel_outcome outcome;
    modellab_run_status status;
    int64_t fence;
} mli_store_cancel;

typedef struct mli_run_stand {
    modellab_run_status status;
    int64_t fence, last_event, journal_line, created_ms, not_before_ms, cancel_requested_ms;
    int32_t attempt;
    mli_gate gate;
    int32_t priority;
} mli_run_stand;

/* Which ended runs retention wants to see, newest end first. */
typedef struct mli_store_ended {
    modellab_run_status status; /* 0 = any final one */
    int32_t limit;
    const char *user; /* NULL = all */
    /* Only what ended before this, or then with a lower id: to page on. */
    int64_t before_ms;
    const char *before_id; /* NULL = "" */
} mli_store_ended;

typedef struct mli_store_sums {
    int64_t runs, active_runs, cost_micros, reserved_cost_micros;
    double cpu_seconds, audio_seconds;
} mli_store_sums;

/* What a completed run took for each second of audio. */
typedef struct mli_store_past {
    double cpu, wall;
} mli_store_past;

typedef struct mli_store_ops {
    void (*close)(mli_store *store);
    modellab_status (*insert)(mli_store *, const mli_run_row *, const mli_event_row *events, size_t,
                              char existing_id[MLI_ULID_BYTES], modellab_error *);
    modellab_status (*run_by_key)(mli_store *, const char *user, const char *key,
                                  char run_id[MLI_ULID_BYTES], modellab_error *);
    modellab_status (*queue)(mli_store *, const mli_queue_query *, mli_queue_view **,
                             modellab_error *);
    modellab_status (*overdue)(mli_store *, int64_t now_ms, const char *only_id, size_t capacity,
                               char (*ids)[MLI_ULID_BYTES], size_t *count, modellab_error *);
    modellab_status (*arrange)(mli_store *, const mli_store_arrangement *, bool *changed,
                               modellab_error *);
    modellab_status (*keep_clock)(mli_store *, const mli_store_clock *, int64_t *moved_ms,
                                  modellab_error *);
    modellab_status (*claim)(mli_store *, const mli_store_claim *, mli_run_row **,
                             modellab_error *);
    modellab_status (*apply)(mli_store *, const mli_store_change *, bool *applied,
                             int64_t *last_event, modellab_error *);
    void (*write_many)(mli_store *, mli_store_write *, size_t);
    modellab_status (*request_cancel)(mli_store *, const char *run_id, int64_t now_ms,
                                      mli_store_cancel *, modellab_error *);
    modellab_status (*adopt)(mli_store *, const mli_store_adoption *, bool *taken,
                             modellab_error *);
    modellab_status (*load)(mli_store *, const char *run_id, mli_run_record **, modellab_error *);
    modellab_status (*list)(mli_store *, const mli_store_filter *, mli_run_row_list **,
                            modellab_error *);
    modellab_status (*list_records)(mli_store *, const mli_store_filter *, mli_run_record_list **,
                                    modellab_error *);
    modellab_status (*active)(mli_store *, mli_run_row_list **, modellab_error *);
    modellab_status (*events)(mli_store *, const char *run_id, int64_t after, int32_t limit,
                              mli_event_row_list **, modellab_error *);
    modellab_status (*sums)(mli_store *, const char *user, int64_t since_ms, mli_store_sums *,
                            modellab_error *);
    modellab_status (*history)(mli_store *, const char *model, size_t capacity,
                               mli_store_past *past, size_t *count, modellab_error *);
    modellab_status (*totals)(mli_store *, mli_total_list **, modellab_error *);
    modellab_status (*queue_depths)(mli_store *, mli_total_list **, modellab_error *);
    modellab_status (*stand)(mli_store *, const char *run_id, mli_run_stand *, modellab_error *);
    modellab_status (*probe)(mli_store *, int64_t now_ms, modellab_error *);
    modellab_status (*count)(mli_store *, const mli_store_counter *counters, size_t count,
                             modellab_error *);
    modellab_status (*hold_more)(mli_store *, const char *run_id, int64_t fence,
                                 const mli_amounts *more, mli_hold *, mli_cap_verdict *,
                                 modellab_error *);
    modellab_status (*cap_room)(mli_store *, const char *user, int64_t now_ms,
                                const mli_amounts *need, mli_cap_set *, mli_cap_verdict *,
                                modellab_error *);
    modellab_status (*cap_needs)(mli_store *, const char *run_id, mli_amounts *need, mli_hold *,
                                 modellab_error *);
    modellab_status (*usage)(mli_store *, const char *user, int64_t from_hour, int64_t to_hour,
                             mli_usage *, modellab_error *);
    modellab_status (*cap_change)(mli_store *, const char *user, const mli_cap *, int64_t now_ms,
                                  bool remove, bool *was, modellab_error *);
    modellab_status (*cap_defaults)(mli_store *, bool *changed, modellab_error *);
    modellab_status (*cap_list)(mli_store *, const char *user, mli_cap_list **, modellab_error *);
    modellab_status (*ended)(mli_store *, const mli_store_ended *, mli_run_row_list **,
                             modellab_error *);
    modellab_status (*marked)(mli_store *, mli_run_row_list **, modellab_error *);
    modellab_status (*mark)(mli_store *, const char *run_id, int32_t parts, modellab_error *);
    modellab_status (*unmark)(mli_store *, const char *run_id, int32_t parts, modellab_error *);
    modellab_status (*import)(mli_store *, const mli_run_record *, const mli_event_row *, size_t,
                              const mli_note_list *, modellab_error *);
    modellab_status (*experiment_put)(mli_store *, const mli_experiment_row *, modellab_error *);
    modellab_status (*experiment_load)(mli_store *, const char *, mli_experiment_list **,
                                       modellab_error *);
    modellab_status (*experiment_list)(mli_store *, mli_experiment_list **, modellab_error *);
    modellab_status (*experiment_mark)(mli_store *, const char *, mli_experiment_mark, int64_t,
                                       modellab_error *);
    modellab_status (*experiment_cells)(mli_store *, const char *, const char *, bool brief,
                                        mli_experiment_cell_list **, modellab_error *);
    modellab_status (*experiment_cell)(mli_store *, const char *, const mli_experiment_cell *,
                                       modellab_error *);
    modellab_status (*experiment_keep)(mli_store *, const char *, const mli_experiment_cell *,
                                       modellab_error *);
    modellab_status (*experiment_delete)(mli_store *, const char *, modellab_error *);
    modellab_status (*note_put)(mli_store *, const char *run_id, const mli_note_row *,
                                modellab_error *);
    modellab_status (*notes)(mli_store *, const char *run_id, mli_note_list **, modellab_error *);
    modellab_status (*feed)(mli_store *, const mli_feed_query *, mli_feed_list **,
                            modellab_error *);
    modellab_status (*feed_end)(mli_store *, int64_t *seq, modellab_error *);
    modellab_status (*reply_claim)(mli_store *, const mli_reply_row *, mli_reply **, bool *mine,
                                   modellab_error *);
    modellab_status (*reply_take_over)(mli_store *, const mli_reply_row *from, const char *to,
                                       bool *mine, modellab_error *);
    modellab_status (*reply_match)(mli_store *, const char *user, const char *key,
                                   const char *owner, const char *fingerprint, modellab_error *);
    modellab_status (*reply_put)(mli_store *, const mli_reply_row *, modellab_error *);
    modellab_status (*reply_give_up)(mli_store *, const char *user, const char *key,
                                     const char *owner, modellab_error *);
    modellab_status (*upload_put)(mli_store *, const mli_upload_row *, int64_t most,
                                  int64_t *others, bool *fits, modellab_error *);
    modellab_status (*upload_forget)(mli_store *, const char *id, modellab_error *);
    modellab_status (*upload_sum)(mli_store *, const char *user, int64_t *bytes, modellab_error *);
    modellab_status (*upload_ids)(mli_store *, const mli_upload_query *, char ids[][MLI_ULID_BYTES],
                                  size_t *count, modellab_error *);
    modellab_status (*key_put)(mli_store *, const mli_key_row *, int64_t most, modellab_error *);
    modellab_status (*key_change)(mli_store *, const mli_key_change *, modellab_error *);
    modellab_status (*key_list)(mli_store *, const char *id, const char *hash, mli_key_list **,
                                modellab_error *);
    modellab_status (*webhook_put)(mli_store *, const mli_webhook_row *, int64_t most,
                                   modellab_error *);
    modellab_status (*webhook_change)(mli_store *, const char *id, bool enable, modellab_error *);
    modellab_status (*webhook_list)(mli_store *, const char *id, bool behind, mli_webhook_list **,
                                    modellab_error *);
    modellab_status (*deliveries_put)(mli_store *, const char *, int64_t, int64_t,
                                      const mli_delivery_row *, size_t, bool *moved,
                                      modellab_error *);
    modellab_status (*delivery_list)(mli_store *, const char *webhook_id, const char *id,
                                     int64_t before, int32_t limit, mli_delivery_list **,
                                     modellab_error *);
    modellab_status (*delivery_take)(mli_store *, int64_t now_ms, int64_t until_ms, bool fresh,
                                     mli_delivery_list **, int64_t *next_ms, modellab_error *);
    modellab_status (*delivery_end)(mli_store *, const mli_delivery_end *, bool *disabled,
                                    modellab_error *);
} mli_store_ops;

/* First member of every implementation. */
struct mli_store {
    const mli_store_ops *ops;
    modellab_allocator alloc;
    bool has_alloc, read_only;
    int64_t pid; /* of the opener: elsewhere E_FORKED */
    /* Configured caps, for users who have none in the table. Set once, after opening. */
    mli_cap cap_defaults[MLI_CAP_DEFAULTS_MOST];
    size_t cap_default_count;
    mli_bell *bell; /* rung after each commit of events; NULL = none. Set once, after opening */
};

/* Opens or makes the database and brings its schema up to date.
 * E_STORE_NEWER: written by a newer version. E_UNSUPPORTED: by an unreleased one. E_STORE_CORRUPT,
 * E_STORE_READ_ONLY, E_NO_SPACE, E_BUSY. */
MODELLAB_MUST_CHECK modellab_status mli_store_open_sqlite(const mli_store_options *options,
                                                          mli_store **out, modellab_error *err);
void mli_store_close(mli_store *store); /* NULL accepted */
/* Whether the store may be used so: E_FORKED, E_STORE_READ_ONLY. */
MODELLAB_MUST_CHECK modellab_status mli_store_may(const mli_store *store, bool writes,
                                                  modellab_error *err);

/* All below: any thread; E_FORKED, E_STORE_FAILED (an earlier I/O error: open again),
 * E_STORE_READ_ONLY, E_NO_SPACE, E_BUSY (locked for longer than the timeout), E_NO_MEMORY. A failed
 * one changes nothing. */

/* A new run (status QUEUED, or RUNNING for records, fence and attempt as in the row) with its first
 * events. E_ALREADY_EXISTS: the user has a run with this idempotency key; its id is in existing_id.
 */
MODELLAB_MUST_CHECK modellab_status mli_store_insert(mli_store *store, const mli_run_row *run,
                                                     const mli_event_row *events,
                                                     size_t event_count,
                                                     char existing_id[MLI_ULID_BYTES],
                                                     modellab_error *err);
/* The run that a user (NULL = anybody) has submitted with this idempotency key; "" = none. */
MODELLAB_MUST_CHECK modellab_status mli_store_run_by_key(mli_store *store, const char *user,
                                                         const char *key,
                                                         char run_id[MLI_ULID_BYTES],
                                                         modellab_error *err);
/* What waits and what runs (queue.h). Take the lock of the run that the scheduler puts first, then
 * claim it; when either is lost, try the next. Free with mli_queue_view_free(). Delayed runs that
 * have become due are opened on the way (not in a read-only store). */
MODELLAB_MUST_CHECK modellab_status mli_store_queue(mli_store *store, const mli_queue_query *query,
                                                    mli_queue_view **out, modellab_error *err);
/* Ids of queued runs whose queue deadline has passed; held ones have none. `only_id` NULL = all. */
MODELLAB_MUST_CHECK modellab_status mli_store_overdue(mli_store *store, int64_t now_ms,
                                                      const char *only_id, size_t capacity,
                                                      char (*ids)[MLI_ULID_BYTES], size_t *count,
                                                      modellab_error *err);
/* Queue deadlines are times of the wall clock; when that was set since the last call on this boot
 * (it and the monotonic clock went apart), the deadlines of runs that waited before go with it,
 * once for all who call. Forward: later by as much. Back: only of runs that were queued by the
 * clock as it was; others keep a deadline that is too late, never one that is too early. *moved_ms
 * 0: it was not set. */
MODELLAB_MUST_CHECK modellab_status mli_store_keep_clock(mli_store *store,
                                                         const mli_store_clock *now,
                                                         int64_t *moved_ms, modellab_error *err);
/* Holds, releases or moves a queued run, with its event. *changed (optional) false: it stood so
 * already. A release gives it its whole queue time again. E_NOT_FOUND, E_RUN_FINAL, E_STATE (it
 * runs). */
MODELLAB_MUST_CHECK modellab_status mli_store_arrange(mli_store *store,
                                                      const mli_store_arrangement *what,
                                                      bool *changed, modellab_error *err);
/* QUEUED -> RUNNING, raising attempt and fence, with event run_started. The caller holds the run's
 * lock. *out: the row as it is now. E_STATE: another was faster, it is held or not due, or a limit
 * of the claim is reached; E_RUN_FINAL; E_NOT_FOUND.
 * E_CAP_EXCEEDED: a cap of its user has no room now; the run goes on waiting, with the reason, and
 * is not due before it can have room. */
MODELLAB_MUST_CHECK modellab_status mli_store_claim_run(mli_store *store,
                                                        const mli_store_claim *claim,
                                                        mli_run_row **out, modellab_error *err);
/* E_NOT_FOUND, E_RUN_FINAL, E_FENCED, E_STATE (status is not `expect`), E_CANCELLED (it was to be
 * queued again, but its cancel has been requested: an acknowledged request is never lost).
 * `applied` and `last_event` are optional. */
MODELLAB_MUST_CHECK modellab_status mli_store_apply(mli_store *store,
                                                    const mli_store_change *change, bool *applied,
                                                    int64_t *last_event, modellab_error *err);
/* Several writes, in their order, with one sync for all. Each succeeds or fails by itself and says
 * so in its status; none is told of success before all that succeeded are durable. When all changes
 * are lazy, so is the whole. */
void mli_store_write_many(mli_store *store, mli_store_write *writes, size_t count);
/* QUEUED -> CANCELLED; RUNNING: notes the request (once) with event cancel_requested. Outcomes
 * NOT_FOUND, ALREADY_TERMINAL, CANCELLED, REQUESTED are results, not errors. */
MODELLAB_MUST_CHECK modellab_status mli_store_request_cancel(mli_store *store, const char *run_id,
                                                             int64_t now_ms, mli_store_cancel *out,
                                                             modellab_error *err);
/* Compare and set of the owner: of several who adopt one run, one gets it. *taken false: it has
 * another owner, attempt or status by now. */
MODELLAB_MUST_CHECK modellab_status mli_store_adopt(mli_store *store,
                                                    const mli_store_adoption *adoption, bool *taken,
                                                    modellab_error *err);
/* Row, steps and artifacts in one read transaction. E_NOT_FOUND. mli_run_record_free(). */
MODELLAB_MUST_CHECK modellab_status mli_store_load(mli_store *store, const char *run_id,
                                                   mli_run_record **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_list(mli_store *store, const mli_store_filter *filter,
                                                   mli_run_row_list **out, modellab_error *err);
/* Likewise with steps and artifacts, in one read transaction. mli_run_record_list_free(). */
MODELLAB_MUST_CHECK modellab_status mli_store_list_records(mli_store *store,
                                                           const mli_store_filter *filter,
                                                           mli_run_record_list **out,
                                                           modellab_error *err);
/* All RUNNING runs, by an index: reconcile, deadlines, cancel requests. */
MODELLAB_MUST_CHECK modellab_status mli_store_active(mli_store *store, mli_run_row_list **out,
                                                     modellab_error *err);
/* Events with numbers above `after`, at most `limit`. E_NOT_FOUND: no such run. */
MODELLAB_MUST_CHECK modellab_status mli_store_events(mli_store *store, const char *run_id,
                                                     int64_t after, int32_t limit,
                                                     mli_event_row_list **out, modellab_error *err);
/* Of one user (NULL = all) for runs created since. */
MODELLAB_MUST_CHECK modellab_status mli_store_sum(mli_store *store, const char *user,
                                                  int64_t since_ms, mli_store_sums *out,
                                                  modellab_error *err);
/* Of the newest completed runs of a model, newest first. */
MODELLAB_MUST_CHECK modellab_status mli_store_history(mli_store *store, const char *model,
                                                      size_t capacity, mli_store_past *past,
                                                      size_t *count, modellab_error *err);
/* Counters of all runs that ever ended (they survive the deletion of runs), and the queue by
 * priority. */
MODELLAB_MUST_CHECK modellab_status mli_store_totals(mli_store *store, mli_total_list **out,
                                                     modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_queue_depths(mli_store *store, mli_total_list **out,
                                                           modellab_error *err);
/* Adds to counters of its own in one transaction, all or none; families and labels come from closed
 * sets. */
MODELLAB_MUST_CHECK modellab_status mli_store_count_all(mli_store *store,
                                                        const mli_store_counter *counters,
                                                        size_t count, modellab_error *err);
/* One alone. */
MODELLAB_MUST_CHECK modellab_status mli_store_count(mli_store *store, const char *family,
                                                    const char *label, double value,
                                                    modellab_error *err);
/* Where a run stands, without the rest of its row: cheap. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_store_stand(mli_store *store, const char *run_id,
                                                    mli_run_stand *out, modellab_error *err);
/* The status of it alone. */
MODELLAB_MUST_CHECK modellab_status mli_store_status(mli_store *store, const char *run_id,
                                                     modellab_run_status *out, modellab_error *err);
/* Retention. Ended runs, newest end first; those that are being removed are left out. */
MODELLAB_MUST_CHECK modellab_status mli_store_list_ended(mli_store *store,
                                                         const mli_store_ended *filter,
                                                         mli_run_row_list **out,
                                                         modellab_error *err);
/* Removal in three acts, each durable: mark, take the files away, unmark. A run that is marked with
 * MLI_PART_RUN is there for nobody any more (E_NOT_FOUND); to unmark it is to forget it, but for
 * the totals. E_NOT_FOUND; E_STATE: it has not ended, or a child run of it has not. */
MODELLAB_MUST_CHECK modellab_status mli_store_mark(mli_store *store, const char *run_id,
                                                   int32_t parts, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_unmark(mli_store *store, const char *run_id,
                                                     int32_t parts, modellab_error *err);
/* Runs whose removal was begun and not completed. */
MODELLAB_MUST_CHECK modellab_status mli_store_list_marked(mli_store *store, mli_run_row_list **out,
                                                          modellab_error *err);
/* A run that has ended in another lab, with all that belongs to it (notes: NULL = none), as it was
 * there. It is not counted in the totals. E_ALREADY_EXISTS. */
MODELLAB_MUST_CHECK modellab_status mli_store_import(mli_store *store, const mli_run_record *record,
                                                     const mli_event_row *events,
                                                     size_t event_count, const mli_note_list *notes,
                                                     modellab_error *err);
/* A real write and sync (health). */
MODELLAB_MUST_CHECK modellab_status mli_store_probe(mli_store *store, int64_t now_ms,
                                                    modellab_error *err);

/* Caps of users (ledger.h). A claim takes what the run needs in its own transaction; any transition
 * out of RUNNING charges what was used and gives the rest back, also for a run that crashed. */

/* Takes more for a run that executes. Nothing is taken when the verdict names a cap. E_FENCED. */
MODELLAB_MUST_CHECK modellab_status mli_store_hold_more(mli_store *store, const char *run_id,
                                                        int64_t fence, const mli_amounts *more,
                                                        mli_hold *hold, mli_cap_verdict *verdict,
                                                        modellab_error *err);
/* Would a run of this user that needs so much have room now? Takes nothing. `set`: his caps. */
MODELLAB_MUST_CHECK modellab_status mli_store_cap_room(mli_store *store, const char *user,
                                                       int64_t now_ms, const mli_amounts *need,
                                                       mli_cap_set *set, mli_cap_verdict *verdict,
                                                       modellab_error *err);
/* What a run needs at its next claim, and what it holds now. */
MODELLAB_MUST_CHECK modellab_status mli_store_cap_needs(mli_store *store, const char *run_id,
                                                        mli_amounts *need, mli_hold *hold,
                                                        modellab_error *err);
/* Used and held in [from_hour, to_hour) since 1970. */
MODELLAB_MUST_CHECK modellab_status mli_store_usage(mli_store *store, const char *user,
                                                    int64_t from_hour, int64_t to_hour,
                                                    mli_usage *out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_store_cap_put(mli_store *store, const char *user,
                                                      const mli_cap *cap, int64_t now_ms,
                                                      modellab_error *err);
/* E_NOT_FOUND: there was none. */
MODELLAB_MUST_CHECK modellab_status mli_store_cap_remove(mli_store *store, const char *user,
                                                         const mli_cap *cap, modellab_error *err);
/* Compares the configured caps (cap_defaults) with those of the last time; when they are others,
 * runs that wait for a cap may look again. */
MODELLAB_MUST_CHECK modellab_status mli_store_cap_defaults_changed(mli_store *store, bool *changed,
                                                                   modellab_error *err);
/* Of one user, or of all (NULL); those of "*" first. */
MODELLAB_MUST_CHECK modellab_status mli_store_cap_list(mli_store *store, const char *user,
                                                       mli_cap_list **out, modellab_error *err);

#endif
