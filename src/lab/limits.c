/* Reading the time limits of a run: configuration first, then its request. */
#include "lab/limits.h"

#include "base/config.h"
#include "lab/deadlines.h"
#include <string.h>

#define NAME_BYTES 65

static int64_t milliseconds(const mli_json *seconds)
{
    double value = mli_json_number(seconds, 0) * 1000.0;

    return value < 1 && value > 0 ? 1 : (int64_t)value; /* the schema bounds it */
}

modellab_status mli_run_limits_configured(mli_run_limits *out, modellab_error *err)
{
    int64_t step_ms = 0;

    memset(out, 0, sizeof *out);
    modellab_status status = mli_config_int("MODEL_LAB_STALL_TIMEOUT_SECONDS",
                                            MLI_DEADLINE_STALL_MS, &out->stall_ms, err);
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_MAX_STEP_DURATION_SECONDS", 0, &step_ms, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_config_int("MODEL_LAB_CANCEL_GRACE_SECONDS", MLI_LADDER_TERM_MS, &out->term_ms,
                                err);
    }
    if (status == MODELLAB_OK) {
        status =
            mli_config_int("MODEL_LAB_KILL_GRACE_SECONDS", MLI_LADDER_KILL_MS, &out->kill_ms, err);
    }
    for (size_t i = 0; i < MLI_STEP_MAX; i++) {
        out->step_ms[i] = step_ms;
    }
    return status;
}

/* The next name of a comma-separated list; false at its end. */
static bool next_step(const char **list, char name[NAME_BYTES])
{
    size_t bytes = strcspn(*list, ",");

    if (bytes == 0 || bytes >= NAME_BYTES) {
        return false;
    }
    memcpy(name, *list, bytes);
    name[bytes] = '\0';
    *list += bytes + ((*list)[bytes] == ',');
    return true;
}

static void read_steps(const mli_json *given, const char *steps, mli_run_limits *limits)
{
    bool by_name = mli_json_typeof(given) == MLI_JSON_OBJECT;
    char name[NAME_BYTES];

    for (size_t i = 0; i < MLI_STEP_MAX && next_step(&steps, name); i++) {
        const mli_json *seconds = by_name ? mli_json_get(given, name) : given;

        if (seconds != NULL) {
            limits->step_ms[i] = milliseconds(seconds);
        }
    }
}

void mli_run_limits_read(const mli_json *request, const char *steps, mli_run_limits *limits)
{
    const mli_json *step = mli_json_get(request, "max_step_seconds");
    const mli_json *stall = mli_json_get(request, "stall_seconds");
    const mli_json *term = mli_json_get(request, "cancel_grace_seconds");
    const mli_json *kill = mli_json_get(request, "kill_grace_seconds");

    if (step != NULL) {
        read_steps(step, steps, limits);
    }
    limits->stall_ms = stall != NULL ? milliseconds(stall) : limits->stall_ms;
    limits->term_ms = term != NULL ? milliseconds(term) : limits->term_ms;
    limits->kill_ms = kill != NULL ? milliseconds(kill) : limits->kill_ms;
}

void mli_run_limits_check(const mli_json *request, const char *steps, mli_findings *report)
{
    const mli_json *given = mli_json_get(request, "max_step_seconds");
    size_t known = 0;
    char name[NAME_BYTES];

    if (mli_json_typeof(given) != MLI_JSON_OBJECT) {
        return;
    }
    for (const char *rest = steps; next_step(&rest, name);) {
        known += mli_json_get(given, name) != NULL;
    }
    if (known != mli_json_count(given)) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.step_limits",
                         "/max_step_seconds", "Name steps of this run: %s.", steps);
    }
}
