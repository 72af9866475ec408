/* The answer to what made a run: 202 with its summary, or with Prefer: wait=N, when it has ended
 * meanwhile, 200. */
#ifndef SERVER_RUN_ANSWER_H
#define SERVER_RUN_ANSWER_H

#include "call.h"

/* Prefer: wait=N (seconds, at most an hour), respond-async. False: has replied 422. */
MODELLAB_MUST_CHECK bool run_answer_prefer(call *c, int64_t *wait_ms);
/* Answers now or later; the claim (NULL = none) is given over, gets the answer, and is given back.
 */
void run_answer(call *c, const char *run_id, int64_t wait_ms, modellab_idempotency *owned_claim);
/* The run as it is now, by 200. */
void run_answer_now(call *c, const char *run_id);

#endif
