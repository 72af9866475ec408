/* Submitting runs, and what tells beforehand whether that would go and what it would take. */
#include "intake.h"

#include "finding_json.h"
#include "problem.h"
#include "replay.h"
#include "reply.h"
#include "run_answer.h"
#include <stdlib.h>
#include <string.h>

static bool begin_submit(call *c)
{
    int64_t wait_ms;
    if (!intake_begin(c, INTAKE_RUN, true) || !run_answer_prefer(c, &wait_ms))
        return false;
    return replay_begin(c, &((intake *)call_state(c))->claim);
}

static bool begin_look(call *c)
{
    return intake_begin(c, INTAKE_RUN, true);
}

/* What goes to the library of what has come. */
typedef struct submission {
    modellab_run_submit_options options;
    char *said; /* the request as it came: settings of the server make no other one of it */
    char *request;
    char *upload_id; /* of JSON */
    modellab_upload_info file;
} submission;

static void forget(submission *s)
{
    free(s->said);
    free(s->request);
    free(s->upload_id);
}

/* `upload_id` is no member of a request: it is taken out. */
static bool take_upload_id(call *c, json_t *request, bool has_file, submission *s)
{
    json_t *id = json_object_get(request, "upload_id");
    if (id == NULL)
        return true;
    if (!json_is_string(id) || has_file) {
        reply_invalid(c, "/upload_id",
                      has_file ? "there is a file besides" : "must be the id of an upload");
        return false;
    }
    s->upload_id = strdup(json_string_value(id));
    if (s->upload_id == NULL || json_object_del(request, "upload_id") != 0) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    return true;
}

/* Who submits by HTTP looks at runs in a page that draws their waveform; a request that says
 * otherwise, or is malformed, stays as it is. False: out of memory. */
static bool ask_for_peaks(json_t *request)
{
    json_t *config = json_object_get(request, "config");
    if (config == NULL) {
        config = json_object();
        if (json_object_set_new(request, "config", config) != 0)
            return false;
    }
    json_t *ingest = json_object_get(config, "ingest");
    if (json_is_object(config) && ingest == NULL) {
        ingest = json_object();
        if (json_object_set_new(config, "ingest", ingest) != 0)
            return false;
    }
    return !json_is_object(ingest) || json_object_get(ingest, "peaks") != NULL ||
           json_object_set_new(ingest, "peaks", json_true()) == 0;
}

static bool prepare(call *c, json_t *request, const modellab_upload *file, submission *s)
{
    const modellab_run_submit_options init = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    *s = (submission){.options = init, .file = {.size = sizeof s->file}};
    if (!take_upload_id(c, request, file != NULL, s))
        return false;
    if (file != NULL && modellab_upload_get_info(file, &s->file, NULL) != MODELLAB_OK) {
        reply_problem(c, 500, "internal", "the upload has no facts");
        return false;
    }
    s->said = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    if (s->said != NULL && ((file == NULL && s->upload_id == NULL) || ask_for_peaks(request)) &&
        intake_survives(request))
        s->request = json_dumps(request, JSON_COMPACT | JSON_SORT_KEYS);
    if (s->request == NULL) {
        reply_problem(c, 500, "internal", "out of memory");
        return false;
    }
    s->options.request = s->request;
    s->options.upload_id = file != NULL ? s->file.id : s->upload_id;
    s->options.flags = call_has_scope(c, "admin") ? 0 : MODELLAB_RUN_OWN_UPLOAD;
    s->options.request_id = call_request_id(c);
    s->options.trace_parent = call_trace_parent(c);
    s->options.trace_state = call_trace_state(c);
    s->options.cancel = call_cancel(c);
    return true;
}

/* The run's own key is that of the claim, unless the request has one. */
static bool key_the_run(call *c, const modellab_idempotency *claim, json_t *request, submission *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    char key[MODELLAB_IDEMPOTENCY_RUN_KEY_BYTES];
    if (claim == NULL || json_object_get(request, "idempotency_key") != NULL)
        return true;
    modellab_status status = modellab_idempotency_run_key(claim, key, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return false;
    }
    free(s->request);
    s->request = NULL;
    if (json_object_set_new(request, "idempotency_key", json_string(key)) == 0)
        s->request = json_dumps(request, JSON_COMPACT);
    s->options.request = s->request;
    if (s->request == NULL)
        reply_problem(c, 500, "internal", "out of memory");
    return s->request != NULL;
}

static json_t *request_of(intake *in)
{
    if (in->request == NULL)
        in->request = json_object(); /* a file alone: all defaults */
    return in->request;
}

static void submit(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    intake *in = call_state(c);
    submission s;
    int64_t wait_ms;
    char run_id[MODELLAB_RUN_ID_BYTES];
    if (!intake_end(c) || !run_answer_prefer(c, &wait_ms))
        return;
    bool fresh = in->request == NULL;
    json_t *request = request_of(in);
    if (fresh && !intake_user(c, request))
        return;
    bool good = prepare(c, request, in->upload, &s);
    if (good) {
        const char *const parts[] = {s.said, s.file.sha256, s.file.name, s.upload_id};
        good = replay_match(c, in->claim, parts, sizeof parts / sizeof *parts);
    }
    if (!good || !key_the_run(c, in->claim, request, &s)) {
        forget(&s);
        return;
    }
    modellab_status status = modellab_run_submit(call_lab(c), &s.options, run_id, &report, &err);
    forget(&s);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, report);
        return;
    }
    modellab_report_unref(report);
    intake_used(c);
    modellab_idempotency *claim = in->claim;
    in->claim = NULL;
    run_answer(c, run_id, wait_ms, claim);
}

static json_t *number(double value)
{
    return value >= 0 ? json_real(value) : json_null();
}

static json_t *whole(int64_t value)
{
    return value >= 0 ? json_integer(value) : json_null();
}

static json_t *estimate_json(const modellab_estimate *e, const modellab_report *report)
{
    static const char *const bases[] = {"none", "history", "few", "fallback"};
    static const char *const admissions[] = {"none", "now", "wait", "refuse"};
    return json_pack(
        "{s:s, s:I, s:s, s:o, s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o}, s:{s:o, s:o, s:o}, s:o}",
        "basis", bases[e->basis >= 0 && e->basis <= 3 ? e->basis : 0], "samples",
        (json_int_t)e->samples, "admission",
        admissions[e->admission >= 0 && e->admission <= 3 ? e->admission : 0], "audio_seconds",
        number(e->audio_seconds), "cpu_seconds", "expected", number(e->cpu_seconds), "low",
        number(e->cpu_seconds_low), "high", number(e->cpu_seconds_high), "wall_seconds", "expected",
        number(e->wall_seconds), "low", number(e->wall_seconds_low), "high",
        number(e->wall_seconds_high), "cost_micros", "expected", whole(e->cost_micros), "low",
        whole(e->cost_micros_low), "high", whole(e->cost_micros_high), "findings",
        findings_json(report));
}

static void estimate(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_estimate e = MODELLAB_ESTIMATE_INIT;
    modellab_report *report = NULL;
    intake *in = call_state(c);
    submission s;
    if (!intake_end(c))
        return;
    bool fresh = in->request == NULL;
    json_t *request = request_of(in);
    if ((fresh && !intake_user(c, request)) || !prepare(c, request, in->upload, &s))
        return;
    if (s.options.upload_id == NULL)
        s.options.flags |= MODELLAB_RUN_INPUT_FOLLOWS;
    modellab_status status = modellab_run_estimate(call_lab(c), &s.options, &e, &report, &err);
    forget(&s);
    if (status == MODELLAB_OK) {
        reply_json(c, 200, estimate_json(&e, report));
        modellab_report_unref(report);
    } else {
        reply_error(c, status, &err, report);
    }
}

/* What a person may put right by editing the request; the rest is an error of the call. */
static bool is_answer(modellab_status status)
{
    return status == MODELLAB_OK || status == MODELLAB_E_SCHEMA ||
           status == MODELLAB_E_INVALID_ARGUMENT || status == MODELLAB_E_CAP_EXCEEDED ||
           status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_INVALID_MODEL ||
           status == MODELLAB_E_LIMIT;
}

/* An error that no finding tells is one. */
static bool has_error(const modellab_report *report)
{
    return modellab_report_worst(report) >= MODELLAB_SEVERITY_ERROR;
}

static void validate(call *c)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    submission s;
    json_t *request = json_deep_copy(call_json(c));
    if (!json_is_object(request)) {
        json_decref(request);
        reply_invalid(c, "", "must be an object");
        return;
    }
    if (!intake_user(c, request) || !prepare(c, request, NULL, &s)) {
        json_decref(request);
        return;
    }
    if (s.options.upload_id == NULL)
        s.options.flags |= MODELLAB_RUN_INPUT_FOLLOWS;
    modellab_status status = modellab_run_validate(call_lab(c), &s.options, &report, &err);
    bool of_upload = s.options.upload_id != NULL && status == MODELLAB_E_NOT_FOUND;
    forget(&s);
    json_decref(request);
    if (!is_answer(status)) {
        reply_error(c, status, &err, report);
        return;
    }
    json_t *findings = findings_json(report);
    if (status != MODELLAB_OK && !has_error(report) && findings != NULL &&
        json_array_append_new(findings,
                              json_pack("{s:s, s:s, s:s, s:s}", "id", "request.refused", "severity",
                                        "error", "pointer", of_upload ? "/upload_id" : "", "text",
                                        err.message)) != 0) {
        json_decref(findings);
        findings = NULL;
    }
    modellab_report_unref(report);
    reply_json(c, 200,
               json_pack("{s:b, s:o}", "valid", status == MODELLAB_OK, "findings", findings));
}

static const body_sink submit_sink = {begin_submit, intake_part, intake_data, intake_drop};
static const body_sink look_sink = {begin_look, intake_part, intake_data, intake_drop};

static const operation table[] = {
    {.id = "createRun",
     .method = "POST",
     .path = "/api/v1/runs",
     .scope = "runs:write",
     .body = BODY_STREAM,
     .flags = OP_KEYED,
     .run = submit,
     .sink = &submit_sink},
    {.id = "estimateRun",
     .method = "POST",
     .path = "/api/v1/runs/estimate",
     .scope = "runs:read",
     .body = BODY_STREAM,
     .flags = OP_REPEATABLE,
     .run = estimate,
     .sink = &look_sink},
    {.id = "validateRun",
     .method = "POST",
     .path = "/api/v1/runs/validate",
     .scope = "runs:read",
     .body = BODY_JSON,
     .flags = OP_REPEATABLE,
     .run = validate},
};
OPERATION_TABLE(ops_runs_submit);
