/* One call of the remote service by a step: what it costs is known and asked for before each try,
 * what went out is counted, and what came back is checked. */
#ifndef MLI_LAB_REMOTE_CALL_H
#define MLI_LAB_REMOTE_CALL_H

#include "lab/worker.h"
#include "remote/chat.h"
#include <modellab/price.h>

typedef struct mli_remote_calls {
    mli_worker *w;
    modellab_price_sheet *prices;         /* of the run */
    int64_t call_micros;                  /* what the present try costs */
    int64_t tries, tokens_in, tokens_out; /* of all; -1 = a service did not tell */
    char answered_by[MLI_CHAT_MODEL];     /* the last one */
} mli_remote_calls;

/* Prices of the run's order. Close it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_remote_calls_open(mli_remote_calls *calls, mli_worker *w,
                                                          modellab_error *err);
void mli_remote_calls_close(mli_remote_calls *calls);
/* `*out` (new, mli_json_free) has the form of `schema`. E_CAP_EXCEEDED: the run's caps have no room
 * for a try (w->reason says which); E_REMOTE: the answer has another form; else as
 * mli_chat_complete(). */
MODELLAB_MUST_CHECK modellab_status mli_remote_call(mli_remote_calls *calls, const char *system,
                                                    const char *user, const char *schema,
                                                    mli_json **out, modellab_error *err);

/* Whether money is left for a call: of `leave` (INT64_MAX = no cap) calls have taken `taken`, and
 * all else that the attempt did cost `spent`. Pure. */
bool mli_remote_call_fits(int64_t leave, int64_t taken, int64_t spent, int64_t call);

#endif
