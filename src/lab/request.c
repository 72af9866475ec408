/* Reading a request: the schema first, then what a schema cannot say. */
#include "lab/request.h"

#include "base/error.h"
#include "base/str.h"
#include "check/schema.h"
#include "lab/deadlines.h"
#include "lab/limits.h"
#include "lab/pipeline.h"
#include "lab/request_private.h"
#include "os/locale.h"
#include <string.h>

#define LABELS_MOST 64

static const struct {
    const char *name;
    int32_t priority;
} priorities[] = {{"low", 0}, {"normal", 10}, {"high", 20}, {"urgent", 30}};

static int32_t priority_of(const mli_json *value)
{
    const char *name = mli_json_string(value, "normal");

    if (mli_json_typeof(value) == MLI_JSON_INTEGER) {
        return (int32_t)mli_json_int(value, 10);
    }
    for (size_t i = 0; i < sizeof priorities / sizeof *priorities; i++) {
        if (strcmp(priorities[i].name, name) == 0) {
            return priorities[i].priority;
        }
    }
    return 10;
}

static int64_t milliseconds(const mli_json *seconds)
{
    double value = mli_json_number(seconds, 0) * 1000.0;

    return value < 1 && value > 0 ? 1 : (int64_t)value; /* the schema bounds it */
}

static const mli_json *config_of(const mli_request *r, const char *step)
{
    return mli_json_get(mli_json_get(r->given, "config"), step);
}

/* Parts of the configuration for steps that are not there. */
static void check_unused(const mli_request *r, mli_findings *report)
{
    const mli_json *config = mli_json_get(r->given, "config"), *value;
    mli_json_cursor at;
    const char *step;

    if (config == NULL || report->worst >= MODELLAB_SEVERITY_ERROR) {
        return;
    }
    for (at = mli_json_first(config); mli_json_next(&at, &step, &value);) {
        char pointer[96];

        (void)mli_os_format(pointer, sizeof pointer, "/config/%s", step);
        if (!mli_steps_contain(mli_buf_text(&r->steps), step)) {
            mli_findings_add(report, MODELLAB_SEVERITY_WARNING, "request.unused_config", pointer,
                             "No step of this run uses this part of the configuration.");
        }
    }
}

static void take_model(mli_request *r, const mli_step_kind *kind, const mli_step_model *model,
                       const mli_request_defaults *defaults, mli_findings *report)
{
    const char *usual = model->name != NULL ? model->name : defaults->model;
    const char *name = mli_json_string(mli_json_get(config_of(r, kind->name), model->key), usual);
    char pointer[96];

    (void)mli_os_format(pointer, sizeof pointer, "/config/%s/%s", kind->name, model->key);
    if (name == NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.model", pointer,
                         "Name a model: there is no default one (%s).", defaults->no_model);
        return;
    }
    if (strchr(name, '/') != NULL || name[0] == '.') {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.model_path", pointer,
                         "A request names an installed model; import a model of your own first.");
    }
    if (r->model_count < MLI_REQUEST_MODELS) {
        r->models[r->model_count++] =
            (mli_request_model){kind->name, model->key, model->task, name};
    }
    bool recogniser = strcmp(kind->name, "asr") == 0 && strcmp(model->task, "asr") == 0;
    if (r->model[0] == '\0' || recogniser) { /* not the detector that it may also have */
        r->model = name;
    }
}

/* The text of a step that works on one: how long it is tells what the run will take. */
static void take_text(mli_request *r, const mli_step_kind *kind, bool must, mli_findings *report)
{
    const mli_json *value = mli_json_get(config_of(r, kind->name), kind->text_key);
    const char *text = mli_json_string(value, "");
    char pointer[96];

    (void)mli_os_format(pointer, sizeof pointer, "/config/%s/%s", kind->name, kind->text_key);
    if (value == NULL && must) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.text", pointer,
                         "Step \"%s\" needs a text here.", kind->name);
        return;
    }
    r->text_chars = r->text_chars < 0 ? 0 : r->text_chars;
    for (; *text != '\0'; text++) {
        r->text_chars += ((unsigned char)*text & 0xc0) != 0x80;
    }
}

void mli_request_check_texts(const mli_request *r, mli_findings *report)
{
    const char *steps = mli_buf_text(&r->steps), *name;
    size_t bytes;

    while (report->worst < MODELLAB_SEVERITY_ERROR && mli_steps_next(&steps, &name, &bytes)) {
        const mli_step_kind *kind = mli_step_kind_at(mli_step_kind_index(name, bytes));
        char pointer[96];

        if (kind == NULL || !kind->text_or_reference ||
            mli_json_get(config_of(r, kind->name), "text") != NULL ||
            mli_json_get(config_of(r, "score"), "reference_text") != NULL) {
            continue;
        }
        (void)mli_os_format(pointer, sizeof pointer, "/config/%s/text", kind->name);
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.text", pointer,
                         "Step \"%s\" needs a text here, or config.score.reference_text.",
                         kind->name);
    }
}

static void check_rest(mli_request *r, const mli_request_defaults *defaults, mli_findings *report)
{
    const mli_json *labels = mli_json_get(r->given, "labels");
    const char *steps = mli_buf_text(&r->steps), *name;
    size_t bytes;

    if (labels != NULL && mli_json_count(labels) > LABELS_MOST) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.labels", "/labels",
                         "At most %d labels are kept.", LABELS_MOST);
    }
    check_unused(r, report);
    r->text_chars = -1;
    while (mli_steps_next(&steps, &name, &bytes)) {
        const mli_step_kind *kind = mli_step_kind_at(mli_step_kind_index(name, bytes));

        for (size_t i = 0; kind != NULL && i < MLI_STEP_MODELS && kind->models[i].key != NULL;
             i++) {
            if (mli_step_model_is_needed(&kind->models[i], config_of(r, kind->name))) {
                take_model(r, kind, &kind->models[i], defaults, report);
            }
        }
        if (kind != NULL && kind->text_key != NULL) {
            take_text(r, kind, !defaults->is_template, report);
        }
    }
}

modellab_status mli_request_schema_load(const modellab_allocator *alloc, mli_schema **out,
                                        modellab_error *err)
{
    const char *text = mli_request_schema();

    return mli_schema_load(text, strlen(text), alloc, out, err);
}

MODELLAB_MUST_CHECK static modellab_status check_schema(mli_request *r,
                                                        const modellab_allocator *alloc,
                                                        const mli_schema *known,
                                                        mli_findings *report, modellab_error *err)
{
    mli_schema *schema = NULL;
    modellab_status status;

    if (known != NULL) {
        mli_schema_check(known, r->given, report);
        return MODELLAB_OK;
    }
    status = mli_request_schema_load(alloc, &schema, err);
    if (status == MODELLAB_OK) {
        mli_schema_check(schema, r->given, report);
        mli_schema_free(schema);
    }
    return status;
}

/* "max_attempts" alone is the short form of {"retry":{"max_attempts":...}}. */
static void read_retry(mli_request *r, const mli_request_defaults *defaults, mli_findings *report)
{
    const mli_json *retry = mli_json_get(r->given, "retry");
    const mli_json *attempts = mli_json_get(r->given, "max_attempts");

    r->retry = defaults->retry;
    if (attempts != NULL && mli_json_get(retry, "max_attempts") != NULL) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.both", "/retry/max_attempts",
                         "Give the number of attempts once.");
    }
    if (attempts != NULL) {
        r->retry.max_attempts = (int32_t)mli_json_int(attempts, 1);
    }
    mli_retry_read(retry, &r->retry);
    if (r->retry.cap_ms < r->retry.base_ms) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.retry", "/retry/cap_seconds",
                         "The greatest delay is below the smallest one.");
    }
}

/* The file of a template may say anything: what came of it is checked as what was given was. */
MODELLAB_MUST_CHECK static modellab_status check_merged(mli_request *r,
                                                        const mli_request_defaults *defaults,
                                                        mli_findings *report, modellab_error *err)
{
    modellab_status status = check_schema(r, r->json.alloc, defaults->schema, report, err);

    if (status == MODELLAB_OK && report->worst >= MODELLAB_SEVERITY_ERROR) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.template", "/pipeline",
                         "With the options of the template \"%.64s\" the request is not valid.",
                         mli_json_string(mli_json_get(r->given, "pipeline"), ""));
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status accept(mli_request *r,
                                                  const mli_request_defaults *defaults,
                                                  mli_findings *report, modellab_error *err)
{
    const mli_pipeline *pipeline;
    modellab_status status;

    status = mli_request_take_pipeline(r, defaults, err);
    if (status == MODELLAB_OK && r->template != NULL) {
        status = check_merged(r, defaults, report, err);
    }
    if (status != MODELLAB_OK || report->worst >= MODELLAB_SEVERITY_ERROR) {
        return status;
    }
    mli_request_read_operators(r, report);
    mli_request_resolve_steps(r, report);
    mli_request_check_operators(r, report);
    mli_request_check_known(r, report);
    check_rest(r, defaults, report);
    mli_run_limits_check(r->given, mli_buf_text(&r->steps), report);
    read_retry(r, defaults, report);
    status = mli_buf_status(&r->steps, err);
    if (status != MODELLAB_OK || report->worst >= MODELLAB_SEVERITY_ERROR) {
        return status;
    }
    pipeline = mli_pipeline_find(r->pipeline);
    r->needs_input = mli_steps_need_input(mli_buf_text(&r->steps));
    r->user = mli_json_string(mli_json_get(r->given, "user"), "");
    r->idempotency_key = mli_json_string(mli_json_get(r->given, "idempotency_key"), "");
    r->priority = priority_of(mli_json_get(r->given, "priority"));
    r->max_duration_ms = milliseconds(mli_json_get(r->given, "max_duration_seconds"));
    if (r->max_duration_ms == 0 && pipeline != NULL) {
        r->max_duration_ms = pipeline->max_duration_ms;
    }
    if (r->max_duration_ms == 0) {
        r->max_duration_ms = defaults->max_duration_ms;
    }
    r->max_queue_ms = -1;
    if (mli_json_get(r->given, "max_queue_seconds") != NULL) {
        r->max_queue_ms = milliseconds(mli_json_get(r->given, "max_queue_seconds"));
    }
    r->hold = mli_json_bool(mli_json_get(r->given, "hold"), false);
    mli_caps_read(mli_json_get(r->given, "caps"), &r->caps);
    r->safe = strcmp(mli_json_string(mli_json_get(r->given, "admission"), ""), "safe") == 0;
    mli_request_write(r);
    status = mli_buf_status(&r->json, err);
    (void)mli_request_fits(r, report); /* the report says so */
    return status;
}

modellab_status mli_request_read(const char *text, size_t bytes, const modellab_allocator *alloc,
                                 const mli_request_defaults *defaults, mli_request *out,
                                 mli_findings *report, modellab_error *err)
{
    modellab_status status;

    memset(out, 0, sizeof *out);
    mli_buf_init(&out->json, alloc);
    mli_buf_init(&out->steps, alloc);
    mli_buf_init(&out->labels, alloc);
    out->pipeline = out->user = out->idempotency_key = out->model = "";
    status = mli_json_parse(text, bytes, MLI_REQUEST_MAX_BYTES, &out->given, err);
    if (status == MODELLAB_OK) {
        status = check_schema(out, alloc, defaults->schema, report, err);
    }
    if (status == MODELLAB_OK && report->worst < MODELLAB_SEVERITY_ERROR) {
        status = accept(out, defaults, report, err);
    }
    if (status == MODELLAB_OK && report->status != MODELLAB_OK) {
        status = mli_no_memory(err);
    }
    return status;
}

void mli_request_dispose(mli_request *request)
{
    mli_json_free(request->given);
    request->given = NULL;
    mli_buf_dispose(&request->json);
    mli_buf_dispose(&request->steps);
    mli_buf_dispose(&request->labels);
    mli_json_free(request->own_config);
    request->own_config = NULL;
    mli_json_free(request->template);
    request->template = NULL;
}
