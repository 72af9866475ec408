/* Caps of a running run: which one the measures have passed. Pure; the effect (the cancel word with
 * the cap's reason) is the watcher's. */
#ifndef MLI_LAB_CAPS_H
#define MLI_LAB_CAPS_H

#include "base/json.h"
#include <modellab/run.h>

/* In place of a number of calls: none is allowed. */
#define MLI_CAP_NO_CALLS (-1)

/* 0 = no cap. */
typedef struct mli_run_caps {
    int64_t cpu_ns, wall_ms, peak_memory_bytes, audio_ms, api_calls, cost_micros;
} mli_run_caps;

/* -1 = not known, and so not above any cap. */
typedef struct mli_run_use {
    int64_t cpu_ns, memory_bytes, audio_ms, api_calls, cost_micros;
} mli_run_use;

#define MLI_RUN_USE_INIT                                                                           \
    {                                                                                              \
        -1, -1, -1, -1, -1                                                                         \
    }

/* From the "caps" object of an accepted request; absent or NULL = none. */
void mli_caps_read(const mli_json *caps, mli_run_caps *out);

/* The reason of the first cap that is passed (equal is not above); MODELLAB_REASON_NONE when none.
 * Wall time is a deadline (deadlines.h) and not looked at here. */
modellab_reason mli_caps_passed(const mli_run_caps *caps, const mli_run_use *use);

#endif
