/* Whether a run that ended badly is tried again, and when: a pure decision. Only transient reasons
 * (or those that the request names), a bounded number of attempts, delays with decorrelated jitter.
 */
#ifndef MLI_LAB_RETRY_H
#define MLI_LAB_RETRY_H

#include "base/json.h"
#include <modellab/run.h>
#include <stdbool.h>

enum { MLI_RETRY_MAX_ATTEMPTS = 20, MLI_RETRY_REASONS = 16 };

typedef struct mli_retry_policy {
    int32_t max_attempts; /* 1 = never again (the default); at most MLI_RETRY_MAX_ATTEMPTS */
    int64_t base_ms;      /* smallest delay; 0 = 1 s */
    int64_t cap_ms;       /* greatest delay; 0 = 60 s */
    int32_t on_count;     /* 0 = the transient reasons */
    modellab_reason on[MLI_RETRY_REASONS];
} mli_retry_policy;

typedef struct mli_retry_decision {
    bool again;
    int64_t delay_ms; /* 0 unless again */
} mli_retry_decision;

/* True for what may pass by itself: a lost worker, a full disk, I/O, network. Never for a timeout,
 * a cancel, a cap or bad input. */
bool mli_retry_is_transient(modellab_reason reason);

/* Whether a request may name this reason: what may pass, and timeouts; never a cancel, a cap or bad
 * input. */
bool mli_retry_may_be_asked(modellab_reason reason);
/* What a request's "retry" says; members that are absent stay as they are. */
void mli_retry_read(const mli_json *retry, mli_retry_policy *policy);
/* The policy that an accepted request (its text) keeps; `max_attempts` is its run's. */
void mli_retry_of_request(const char *request_json, int32_t max_attempts, mli_retry_policy *policy);

/* `attempt` is the one that ended (1, 2 ...); `random` any uniform 64-bit number; `last_delay_ms`
 * the delay before this attempt (0 = none). */
mli_retry_decision mli_retry_decide(const mli_retry_policy *policy, modellab_reason reason,
                                    int32_t attempt, int64_t last_delay_ms, uint64_t random);

#endif
