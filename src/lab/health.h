/* Health of a lab: checks, each with a state, a sentence and the time it took. A failing check is a
 * result. */
#ifndef MLI_LAB_HEALTH_H
#define MLI_LAB_HEALTH_H

#include "lab/lab.h"
#include <modellab/health.h>

typedef struct mli_health_check {
    const char *name; /* static */
    char message[256];
    modellab_health_state state;
    double milliseconds;
} mli_health_check;

#define MLI_HEALTH_CHECKS 9

/* The public modellab_health. */
struct modellab_health {
    modellab_allocator alloc;
    bool has_alloc;
    size_t count;
    mli_health_check checks[MLI_HEALTH_CHECKS];
};

MODELLAB_MUST_CHECK modellab_status mli_health_run(mli_lab *lab, modellab_health_level level,
                                                   modellab_health **out, modellab_error *err);
void mli_health_unref(modellab_health *health);
modellab_health_state mli_health_state(const modellab_health *health); /* the worst */

/* health_queue.c: how long the oldest run waits, and whether anybody takes runs. */
void mli_health_queue(mli_lab *lab, mli_health_check *check);
/* health_inference.c: a second of sound through the default model. Sets state and message. */
void mli_health_inference(mli_lab *lab, mli_health_check *check);

#endif
