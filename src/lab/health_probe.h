/* The probe of a lab: threads that run checks of health, what each check said last, and what checks
 * remember between two looks. */
#ifndef MLI_LAB_HEALTH_PROBE_H
#define MLI_LAB_HEALTH_PROBE_H

#include "lab/health.h"
#include "os/thread.h"

/* One check: its last answer, and the look that is at work. Times are CLOCK_MONOTONIC. */
typedef struct mli_health_slot {
    mli_health_check last;
    int64_t finished_ns; /* 0 = it has never answered */
    int64_t asked_ns;    /* while `queued` or `running`: since when an answer is waited for */
    int64_t began_ns;    /* while `running` */
    bool queued, running;
    mli_cancel_word cancel;
} mli_health_slot;

struct mli_health_probe;

/* A thread that runs queued checks, one after the other, and ends when there are none. */
typedef struct mli_health_hand {
    struct mli_health_probe *probe;
    mli_os_thread thread;
    bool used, ended;
    int at; /* check at work, -1 = none */
} mli_health_hand;

#define MLI_LAB_TURNS 16

/* The wall clock against the monotonic one. */
typedef struct mli_clock_watch {
    _Atomic int64_t offset_ns, since_ns; /* wall less monotonic, and when that was noted */
    _Atomic int64_t jump_ns, jumped_ns;  /* the last jump, and when it was seen; 0 = none */
} mli_clock_watch;

typedef struct mli_health_probe {
    mli_lab *lab; /* borrowed: it closes the probe before it goes */
    mli_os_mutex mutex;
    mli_os_cond answered;
    bool leaving;
    mli_health_slot slots[MLI_HEALTH_CHECKS];
    mli_health_hand hands[MLI_HEALTH_CHECKS];
    mli_clock_watch clock;
    _Atomic int64_t turns_ns[MLI_LAB_TURNS]; /* of this lab's own supervisors; 0 = free */
    /* Of the check of the log alone, which never runs twice at a time. */
    int64_t log_failed, log_failed_ns;
} mli_health_probe;

MODELLAB_MUST_CHECK modellab_status mli_health_probe_open(mli_lab *lab, modellab_error *err);
/* Waits for the checks that are at work. NULL accepted. */
void mli_health_probe_close(mli_lab *lab);

/* What is told of a check at `now`: its last answer, or that it has none in time. */
void mli_health_judge(const mli_health_slot *slot, const mli_health_rule *rule, int64_t now_ns,
                      mli_health_check *out);
/* Jump of the wall clock between two looks, 0 when it only drifted. */
int64_t mli_clock_jump(int64_t offset_before_ns, int64_t offset_now_ns, int64_t elapsed_ns);

/* For supervisors of this lab object: notes that one turned. `slot` -1 takes a free place (and is
 * set), NULL-safe. */
void mli_lab_turned(mli_lab *lab, int *slot, int64_t now_ns);
void mli_lab_turns_end(mli_lab *lab, int *slot);

#endif
