/* The accepted form of a request: all defaults resolved, the caps those of the run and, where it
 * leaves them open, of its user. */
#include "base/error.h"
#include "lab/pipeline.h"
#include "lab/request_private.h"
#include "os/locale.h"
#include <modellab/price.h>
#include <stddef.h>
#include <string.h>

static void put_temperatures(mli_jw *w, const mli_json *given)
{
    static const double ladder[] = {0, 0.2, 0.4, 0.6, 0.8, 1};
    size_t count = given == NULL ? sizeof ladder / sizeof *ladder : mli_json_count(given);

    mli_jw_key(w, "temperatures");
    mli_jw_array(w);
    for (size_t i = 0; i < count; i++) {
        mli_jw_real(w, given == NULL ? ladder[i] : mli_json_number(mli_json_at(given, i), 0));
    }
    mli_jw_end_array(w);
}

static void put_formats(mli_jw *w, const mli_json *given)
{
    mli_jw_key(w, "formats");
    mli_jw_array(w);
    for (size_t i = 0; given != NULL && i < mli_json_count(given); i++) {
        mli_jw_string(w, mli_json_string(mli_json_at(given, i), ""));
    }
    mli_jw_end_array(w);
}

/* The name of a model that a step's option names; NULL when the option is none. */
static const char *model_of(const mli_request *r, const char *step, const char *key)
{
    for (size_t i = 0; i < r->model_count; i++) {
        if (strcmp(r->models[i].step, step) == 0 && strcmp(r->models[i].key, key) == 0) {
            return r->models[i].name;
        }
    }
    return NULL;
}

/* Of recognition of speech alone; nothing where it is not asked for. */
static void put_speech(mli_jw *w, const mli_request *r, const mli_json *asr)
{
    const char *model = model_of(r, "asr", "vad_model");

    if (model == NULL) {
        return;
    }
    mli_jw_kbool(w, "vad", true);
    mli_jw_kstring(w, "vad_model", model);
    mli_jw_kreal(w, "vad_threshold", mli_json_number(mli_json_get(asr, "vad_threshold"), 0.5));
    mli_jw_kint(w, "vad_min_silence_ms",
                mli_json_int(mli_json_get(asr, "vad_min_silence_ms"), 160));
    mli_jw_kint(w, "vad_pad_ms", mli_json_int(mli_json_get(asr, "vad_pad_ms"), 400));
    mli_jw_kint(w, "batch_size", mli_json_int(mli_json_get(asr, "batch_size"), 8));
}

static void put_asr(mli_jw *w, const mli_request *r)
{
    const mli_json *asr = mli_json_get(mli_json_get(r->given, "config"), "asr");
    const mli_json *prompt = mli_json_get(asr, "initial_prompt");

    mli_jw_key(w, "asr");
    mli_jw_object(w);
    mli_jw_kstring(w, "model", r->model);
    mli_jw_kstring(w, "language", mli_json_string(mli_json_get(asr, "language"), "auto"));
    mli_jw_kstring(w, "task", mli_json_string(mli_json_get(asr, "task"), "transcribe"));
    mli_jw_kint(w, "beam_size", mli_json_int(mli_json_get(asr, "beam_size"), 1));
    mli_jw_kint(w, "best_of", mli_json_int(mli_json_get(asr, "best_of"), 5));
    put_temperatures(w, mli_json_get(asr, "temperatures"));
    if (prompt != NULL) {
        mli_jw_kstring(w, "initial_prompt", mli_json_string(prompt, ""));
    }
    mli_jw_kbool(w, "condition_on_previous",
                 mli_json_bool(mli_json_get(asr, "condition_on_previous"), true));
    mli_jw_kbool(w, "word_times", mli_json_bool(mli_json_get(asr, "word_times"), false));
    mli_jw_kint(w, "threads", mli_json_int(mli_json_get(asr, "threads"), 0));
    mli_jw_kstring(w, "weights", mli_json_string(mli_json_get(asr, "weights"), "f16"));
    put_formats(w, mli_json_get(asr, "formats"));
    put_speech(w, r, asr);
    mli_jw_end_object(w);
}

static void put_value(mli_jw *w, const char *key, const mli_json *value)
{
    if (value != NULL) {
        mli_jw_kjson(w, key, value);
    }
}

static void put_member(mli_jw *w, const mli_request *r, const char *key)
{
    put_value(w, key, mli_json_get(r->given, key));
}

/* Each option of the step's schema: as given, else its default, else not at all. */
static void put_step(mli_jw *w, const mli_request *r, const mli_step_kind *kind)
{
    const mli_json *given = mli_json_get(mli_json_get(r->given, "config"), kind->name), *option;
    mli_json *schema = NULL;
    mli_json_cursor at;
    const char *key;
    modellab_status status =
        mli_json_parse(kind->schema, strlen(kind->schema), MLI_JSON_MAX_BYTES, &schema, NULL);

    if (status != MODELLAB_OK) {
        w->out->status = status; /* of ours: only memory can be short */
        return;
    }
    mli_jw_key(w, kind->name);
    mli_jw_object(w);
    for (at = mli_json_first(mli_json_get(schema, "properties"));
         mli_json_next(&at, &key, &option);) {
        const char *model = model_of(r, kind->name, key);
        const mli_json *value = mli_json_get(given, key);

        if (model != NULL) {
            mli_jw_kstring(w, key, model);
        } else {
            put_value(w, key, value != NULL ? value : mli_json_get(option, "default"));
        }
    }
    mli_jw_end_object(w);
    mli_json_free(schema);
}

static void put_config(mli_jw *w, const mli_request *r)
{
    const char *steps = mli_buf_text(&r->steps), *name;
    size_t bytes;

    mli_jw_key(w, "config");
    mli_jw_object(w);
    while (mli_steps_next(&steps, &name, &bytes)) {
        const mli_step_kind *kind = mli_step_kind_at(mli_step_kind_index(name, bytes));

        if (kind != NULL && strcmp(kind->name, "asr") == 0) {
            put_asr(w, r);
        } else if (kind != NULL && strcmp(kind->name, "enhance") == 0) {
            mli_request_put_operators(w, r);
        } else if (kind != NULL && kind->asked != NULL &&
                   mli_json_get(mli_json_get(r->given, "config"), kind->name) == NULL) {
            continue; /* nothing is asked for: requests stay as they were before there was that */
        } else if (kind != NULL && kind->schema != NULL) {
            put_step(w, r, kind);
        }
    }
    mli_jw_end_object(w);
}

/* What was asked for, before the options of a pipeline and defaults came to it. */
static void put_requested(mli_jw *w, const mli_request *r)
{
    const mli_json *earlier = mli_json_get(r->given, "requested_config");

    const mli_json *own = r->has_defaults ? r->own_config : mli_json_get(r->given, "config");

    if (earlier != NULL || own != NULL) {
        mli_request_put_record(w, "requested_config", earlier != NULL ? earlier : own);
    }
}

static void put_steps(mli_jw *w, const mli_request *r)
{
    const char *at = mli_buf_text(&r->steps);

    mli_jw_key(w, "steps");
    mli_jw_array(w);
    while (*at != '\0') {
        size_t bytes = strcspn(at, ",");

        mli_jw_string_n(w, at, bytes);
        at += bytes + (at[bytes] == ',');
    }
    mli_jw_end_array(w);
}

static void put_retry(mli_jw *w, const mli_request *r)
{
    mli_jw_key(w, "retry");
    mli_jw_object(w);
    mli_jw_kint(w, "max_attempts", r->retry.max_attempts);
    mli_jw_kreal(w, "base_seconds", (double)r->retry.base_ms / 1000.0);
    mli_jw_kreal(w, "cap_seconds", (double)r->retry.cap_ms / 1000.0);
    put_value(w, "on", mli_json_get(mli_json_get(r->given, "retry"), "on"));
    mli_jw_end_object(w);
}

/* The run's caps: as they were given, and those of its user where they were not. */
static const struct cap_member {
    const char *name;
    int32_t bit;
    size_t offset; /* in mli_run_caps */
    double unit;   /* of the member, in the units of mli_run_caps; 0 = a whole number */
} cap_members[] = {
    {"cpu_seconds", MODELLAB_CAP_CPU_SECONDS, offsetof(mli_run_caps, cpu_ns), 1e9},
    {"wall_seconds", MODELLAB_CAP_WALL_SECONDS, offsetof(mli_run_caps, wall_ms), 1e3},
    {"audio_seconds", MODELLAB_CAP_AUDIO_SECONDS, offsetof(mli_run_caps, audio_ms), 1e3},
    {"peak_memory_bytes", MODELLAB_CAP_PEAK_MEMORY_BYTES, offsetof(mli_run_caps, peak_memory_bytes),
     0},
    {"api_calls", MODELLAB_CAP_API_CALLS, offsetof(mli_run_caps, api_calls), 0},
    {"cost_micros", MODELLAB_CAP_COST, offsetof(mli_run_caps, cost_micros), 0},
};
#define CAP_MEMBERS (sizeof cap_members / sizeof cap_members[0])

static int64_t *cap_at(mli_run_caps *caps, size_t i)
{
    return (int64_t *)(void *)((char *)caps + cap_members[i].offset);
}

static void put_caps(mli_jw *w, mli_request *r)
{
    const mli_json *given = mli_json_get(r->given, "caps");
    bool any = given != NULL;
    for (size_t i = 0; i < CAP_MEMBERS; i++) {
        any = any || *cap_at(&r->caps, i) > 0;
    }
    if (!any) {
        return;
    }
    mli_jw_key(w, "caps");
    mli_jw_object(w);
    for (size_t i = 0; i < CAP_MEMBERS; i++) {
        const struct cap_member *m = &cap_members[i];
        const mli_json *own = mli_json_get(given, m->name);
        int64_t value = *cap_at(&r->caps, i);
        if (m->unit == 0 && value != 0) {
            mli_jw_kint(w, m->name, value == MLI_CAP_NO_CALLS ? 0 : value);
        } else if (own != NULL && m->unit > 0) {
            mli_jw_kreal(w, m->name, mli_json_number(own, 0.0));
        } else if (value > 0) {
            mli_jw_kreal(w, m->name, (double)value / m->unit);
        }
    }
    mli_jw_end_object(w);
}

void mli_request_write(mli_request *r)
{
    mli_jw w;

    mli_jw_init(&w, &r->json);
    mli_jw_object(&w);
    mli_jw_kint(&w, "schema_version", 1);
    mli_jw_kstring(&w, "pipeline", r->pipeline);
    put_steps(&w, r);
    mli_jw_kstring(&w, "user", r->user);
    mli_jw_kint(&w, "priority", r->priority);
    put_config(&w, r);
    put_requested(&w, r);
    if (r->max_duration_ms > 0) {
        mli_jw_kreal(&w, "max_duration_seconds", (double)r->max_duration_ms / 1000.0);
    }
    put_member(&w, r, "max_step_seconds");
    put_member(&w, r, "stall_seconds");
    put_member(&w, r, "cancel_grace_seconds");
    put_member(&w, r, "kill_grace_seconds");
    if (r->max_queue_ms >= 0) {
        mli_jw_kreal(&w, "max_queue_seconds", (double)r->max_queue_ms / 1000.0);
    }
    if (r->hold) {
        mli_jw_kbool(&w, "hold", true);
    }
    put_retry(&w, r);
    put_member(&w, r, "require_sandbox");
    mli_jw_kstring(&w, "admission", r->safe ? "safe" : "expected");
    put_caps(&w, r);
    put_member(&w, r, "labels");
    put_member(&w, r, "idempotency_key");
    mli_jw_end_object(&w);
    if (mli_json_get(r->given, "labels") != NULL) {
        modellab_status status = mli_json_dump(mli_json_get(r->given, "labels"), &r->labels, NULL);

        r->json.status = r->json.status == MODELLAB_OK ? status : r->json.status;
    }
}

bool mli_request_fits(const mli_request *r, mli_findings *report)
{
    if (r->json.status != MODELLAB_OK || r->json.size <= MLI_REQUEST_MAX_BYTES) {
        return true; /* a failure is told otherwise */
    }
    mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.too_large", "",
                     "With all defaults the request has %zu bytes; at most %zu are accepted. Give "
                     "shorter texts.",
                     r->json.size, MLI_REQUEST_MAX_BYTES);
    return false;
}

modellab_status mli_request_bound(mli_request *r, const mli_run_caps *ceilings,
                                  mli_findings *report, modellab_error *err)
{
    bool changed = false;
    mli_run_caps most = *ceilings;
    for (size_t i = 0; i < CAP_MEMBERS; i++) {
        const struct cap_member *m = &cap_members[i];
        int64_t *own = cap_at(&r->caps, i), ceiling = *cap_at(&most, i);
        if (ceiling <= 0 || (*own != 0 && *own <= ceiling)) {
            continue;
        }
        if (*own > ceiling) {
            char pointer[64];
            (void)mli_os_format(pointer, sizeof pointer, "/caps/%s", m->name);
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "caps.above_users", pointer,
                             "The cap is above the %.9g that the user may give to a run.",
                             (double)ceiling / (m->unit > 0 ? m->unit : 1.0));
            return mli_fail_at(err, MODELLAB_E_CAP_EXCEEDED, m->bit,
                               "the cap %s is above what the user may give to a run", m->name);
        }
        *own = ceiling;
        changed = true;
    }
    if (changed) {
        mli_buf_clear(&r->json);
        mli_buf_clear(&r->labels);
        mli_request_write(r);
        if (!mli_request_fits(r, report)) {
            return mli_fail(err, MODELLAB_E_LIMIT, "the request is too large with all defaults");
        }
    }
    return mli_buf_status(&r->json, err);
}
