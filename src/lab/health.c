/* The table of checks, and the word for the whole. */
#include "lab/health.h"

#include "base/alloc.h"
#include "base/str.h"

const mli_health_rule mli_health_rules[] = {
    {MODELLAB_HEALTH_LIVE, true, 0, "clock", mli_health_clock},
    {MODELLAB_HEALTH_LIVE, true, 0, "turns", mli_health_turns},
    {MODELLAB_HEALTH_READY, true, 2000, "store", mli_health_store},
    {MODELLAB_HEALTH_READY, true, 2000, "disk", mli_health_disk},
    {MODELLAB_HEALTH_READY, true, 2000, "runs_directory", mli_health_folder},
    {MODELLAB_HEALTH_READY, false, 2000, "models", mli_health_models},
    {MODELLAB_HEALTH_READY, false, 2000, "model_cache", mli_health_cache},
    {MODELLAB_HEALTH_READY, false, 2000, "worker_program", mli_health_worker},
    {MODELLAB_HEALTH_READY, true, 2000, "queue", mli_health_queue},
    {MODELLAB_HEALTH_READY, false, 2000, "supervisors", mli_health_supervisors},
    {MODELLAB_HEALTH_READY, false, 2000, "workers", mli_health_workers},
    {MODELLAB_HEALTH_READY, false, 2000, "webhooks", mli_health_webhooks},
    {MODELLAB_HEALTH_READY, false, 2000, "log", mli_health_log},
    {MODELLAB_HEALTH_DEEP, false, 5000, "orphaned_runs", mli_health_orphans},
    {MODELLAB_HEALTH_DEEP, false, 15000, "inference", mli_health_inference},
};
const size_t mli_health_rule_count = sizeof mli_health_rules / sizeof *mli_health_rules;

_Static_assert(sizeof mli_health_rules / sizeof *mli_health_rules <= MLI_HEALTH_CHECKS,
               "there is room for all checks");

void mli_health_say(mli_health_check *check, modellab_health_state state, const char *message)
{
    check->state = state;
    (void)mli_str_copy(check->message, sizeof check->message, message);
}

const char *mli_health_state_name(modellab_health_state state)
{
    switch (state) {
    case MODELLAB_HEALTH_HEALTHY:
        return "healthy";
    case MODELLAB_HEALTH_DEGRADED:
        return "degraded";
    case MODELLAB_HEALTH_CRITICAL:
        return "critical";
    case MODELLAB_HEALTH_STATE_READY:
        return "ready";
    case MODELLAB_HEALTH_INITIALIZING:
        return "initializing";
    default:
        return "unknown";
    }
}

/* The numbers are not in the order of badness. */
static int badness(modellab_health_state state)
{
    return state == MODELLAB_HEALTH_CRITICAL       ? 3
           : state == MODELLAB_HEALTH_DEGRADED     ? 2
           : state == MODELLAB_HEALTH_INITIALIZING ? 1
                                                   : 0;
}

modellab_health_state mli_health_state(const modellab_health *health)
{
    modellab_health_state worst = health->level == MODELLAB_HEALTH_READY
                                      ? MODELLAB_HEALTH_STATE_READY
                                      : MODELLAB_HEALTH_HEALTHY;

    for (size_t i = 0; i < health->count; i++) {
        modellab_health_state one = health->checks[i].state;

        worst = badness(one) > badness(worst) ? one : worst;
    }
    return worst;
}

modellab_status mli_health_run(mli_lab *lab, modellab_health_level level, modellab_health **out,
                               modellab_error *err)
{
    modellab_health_options options = MODELLAB_HEALTH_OPTIONS_INIT;

    options.level = level == 0 ? -1 : level; /* 0 is a default of the options only */
    return mli_health_look(lab, &options, out, err);
}

void mli_health_unref(modellab_health *health)
{
    if (health != NULL) {
        modellab_allocator alloc = health->alloc;

        mli_free(health->has_alloc ? &alloc : NULL, health);
    }
}
