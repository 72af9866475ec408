/* Health of a lab: checks, each with a state, a sentence, the time it took and its age. A failing
 * check is a result. Checks run on threads of the probe, so that no caller waits for a disk. */
#ifndef MLI_LAB_HEALTH_H
#define MLI_LAB_HEALTH_H

#include "base/cancel.h"
#include "lab/lab.h"
#include <modellab/health.h>

typedef struct mli_health_check {
    const char *name; /* static */
    char message[256];
    modellab_health_state state;
    bool is_late;
    double milliseconds;
    int64_t age_ms;                /* -1 = has never answered */
    const mli_cancel_word *cancel; /* while it runs: set at its deadline and when the lab goes */
} mli_health_check;

#define MLI_HEALTH_CHECKS 15

/* The public modellab_health. */
struct modellab_health {
    modellab_allocator alloc;
    bool has_alloc;
    modellab_health_level level;
    size_t count;
    mli_health_check checks[MLI_HEALTH_CHECKS];
};

/* As modellab_health_look(), with the defaults resolved there. */
MODELLAB_MUST_CHECK modellab_status mli_health_look(mli_lab *lab,
                                                    const modellab_health_options *options,
                                                    modellab_health **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_health_run(mli_lab *lab, modellab_health_level level,
                                                   modellab_health **out, modellab_error *err);
void mli_health_unref(modellab_health *health);
modellab_health_state mli_health_state(const modellab_health *health);
const char *mli_health_state_name(modellab_health_state state);
void mli_health_say(mli_health_check *check, modellab_health_state state, const char *message);

/* The table of checks. */
typedef struct mli_health_rule {
    modellab_health_level level; /* the first that includes it */
    bool vital;                  /* without its answer for long the lab cannot work */
    int32_t deadline_ms;
    const char *name;
    void (*run)(mli_lab *lab, mli_health_check *check);
} mli_health_rule;

extern const mli_health_rule mli_health_rules[];
extern const size_t mli_health_rule_count;

/* health_checks.c */
void mli_health_store(mli_lab *lab, mli_health_check *check);
void mli_health_disk(mli_lab *lab, mli_health_check *check);
void mli_health_folder(mli_lab *lab, mli_health_check *check);
void mli_health_models(mli_lab *lab, mli_health_check *check);
void mli_health_cache(mli_lab *lab, mli_health_check *check);
void mli_health_worker(mli_lab *lab, mli_health_check *check);
void mli_health_log(mli_lab *lab, mli_health_check *check);
void mli_health_orphans(mli_lab *lab, mli_health_check *check);
/* health_clock.c: both do nothing that can wait. */
void mli_health_clock(mli_lab *lab, mli_health_check *check);
void mli_health_turns(mli_lab *lab, mli_health_check *check);
/* health_queue.c: how long the oldest run waits, and whether anybody takes runs. */
void mli_health_queue(mli_lab *lab, mli_health_check *check);
/* health_work.c: supervisors that do not turn, runs that stand still. */
void mli_health_supervisors(mli_lab *lab, mli_health_check *check);
void mli_health_workers(mli_lab *lab, mli_health_check *check);
/* metrics_webhooks.c: deliveries that wait for too long. */
void mli_health_webhooks(mli_lab *lab, mli_health_check *check);
/* health_inference.c: a second of sound through the default model. */
void mli_health_inference(mli_lab *lab, mli_health_check *check);

#endif
