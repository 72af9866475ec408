/* A limiter of rates by name: GCRA in a table of fixed size. */
#ifndef MLI_TRACK_LIMITER_H
#define MLI_TRACK_LIMITER_H

#include "os/clock.h"
#include <modellab/rate.h>

/* `random` keys the table, so that nobody can choose names that share a place. `options` whole. */
MODELLAB_MUST_CHECK modellab_status mli_limiter_create(const modellab_rate_options *options,
                                                       const mli_os_random *random,
                                                       modellab_rate **out, modellab_error *err);
/* `now_ns` of a clock that does not go back; the latest that was seen counts. */
void mli_limiter_take(modellab_rate *limiter, const char *name, int64_t count, int64_t now_ns,
                      modellab_rate_result *result);
void mli_limiter_free(modellab_rate *limiter);

#endif
