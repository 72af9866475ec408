/* How a run ends when its worker is gone: a pure decision from what the journal says, how the
 * process ended and what was asked of it. The effects (store, manifest, lock) are the caller's. */
#ifndef MLI_LAB_SETTLE_H
#define MLI_LAB_SETTLE_H

#include "lab/retry.h"
#include "lab/state.h"

/* Exit codes of the worker program. Others, and signals, mean that it died. */
enum {
    MLI_WORKER_EXIT_OK = 0,        /* the journal holds an outcome */
    MLI_WORKER_EXIT_USAGE = 2,     /* not started by a supervisor, or a bad order */
    MLI_WORKER_EXIT_NO_SPACE = 3,  /* the journal could not be written: disk full */
    MLI_WORKER_EXIT_IO = 4,        /* likewise, another I/O error */
    MLI_WORKER_EXIT_NO_MEMORY = 5, /* not even the outcome could be made */
    MLI_WORKER_EXIT_ENGINE = 127   /* posix_spawn's: the program could not be executed */
};

/* Last word of the journal's own attempt. */
typedef struct mli_outcome {
    bool known;
    modellab_run_status status; /* COMPLETED, FAILED, CANCELLED, TIMEOUT */
    modellab_reason reason;
    const char *message, *failed_step; /* "" = none */
} mli_outcome;

typedef enum mli_worker_end {
    MLI_WORKER_UNKNOWN = 0, /* gone, nobody could tell how */
    MLI_WORKER_EXITED = 1,
    MLI_WORKER_SIGNALED = 2,
    MLI_WORKER_NOT_STARTED = 3
} mli_worker_end;

typedef struct mli_settle_view {
    mli_outcome outcome;
    mli_worker_end end;
    int32_t code;           /* exit code or signal number */
    modellab_reason asked;  /* why it was asked to stop; NONE = it was not */
    bool journal_too_large; /* nothing of it counts beyond what was read */
    bool reconciling;       /* found dead, nobody had watched it */
    bool draining;          /* the host gives its runs back */
    int64_t limit_ms;       /* the deadline that counted, for the text */
    int32_t attempt;        /* the one that ended */
    mli_retry_policy retry;
    int64_t last_delay_ms;
    uint64_t random;
} mli_settle_view;

typedef struct mli_settlement {
    mli_happening what;
    modellab_reason reason;
    char message[256];
    const char *failed_step; /* from the outcome, or "" */
    int64_t delay_ms;        /* for MLI_RUN_AGAIN */
} mli_settlement;

void mli_settle_decide(const mli_settle_view *view, mli_settlement *out);

/* What a stop for this reason makes of a run: CANCELLED_BY_USER and HOST_STOPPED are STOPPED, the
 * timeouts OVERTIME, all others (caps) BROKE. */
mli_happening mli_settle_happening(modellab_reason reason);
/* Status that such a happening leads to. */
modellab_run_status mli_settle_status(modellab_reason reason);
/* Sentence for people: the deadline's text with its limit, else the reason's own. */
void mli_settle_text(modellab_reason reason, int64_t limit_ms, char *out, size_t capacity);

#endif
