/* Care of the lab: reconcile, cleanup, disk, drain. */
#include "call.h"
#include "fields.h"
#include "problem.h"
#include "reply.h"
#include "server.h"
#include <string.h>

#define DAY_MS 86400000.0
#define DAYS_MAX 36500.0

/* What could not be looked at is null. */
static json_t *known(int64_t bytes)
{
    return bytes < 0 ? json_null() : json_integer((json_int_t)bytes);
}

static void disk(call *c)
{
    modellab_disk_usage usage = {.size = sizeof usage};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_lab_disk_usage(call_lab(c), &usage, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    reply_json(
        c, 200,
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:f, s:I}", "runs",
                  known(usage.runs), "inputs_bytes", known(usage.input_bytes), "artifacts_bytes",
                  known(usage.artifact_bytes), "journals_bytes", known(usage.journal_bytes),
                  "uploads_bytes", known(usage.upload_bytes), "store_bytes",
                  known(usage.store_bytes), "cache_bytes", known(usage.cache_bytes), "models_bytes",
                  known(usage.models_bytes), "free_bytes", known(usage.free_bytes), "total_bytes",
                  known(usage.total_bytes), "min_free_bytes", (json_int_t)usage.min_free_bytes,
                  "largest_input_bytes", known(usage.accepted_bytes), "retention_days",
                  (double)usage.retention_ms / DAY_MS, "retention_max_bytes",
                  (json_int_t)usage.max_bytes));
}

static void reconcile(call *c)
{
    static const char *const members[] = {"dry_run", "files", NULL};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    modellab_buffer *text = NULL;
    bool dry_run = false, files = false;
    if (!fields_known(c, members) || !field_bool(c, "dry_run", &dry_run) ||
        !field_bool(c, "files", &files))
        return;
    int32_t flags =
        (dry_run ? MODELLAB_RECONCILE_DRY_RUN : 0) | (files ? MODELLAB_RECONCILE_FILES : 0);
    modellab_status status = modellab_lab_reconcile(call_lab(c), flags, &report, &err);
    if (status == MODELLAB_OK)
        status = modellab_report_to_json(report, &text, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
    } else {
        json_t *found = json_loadb(modellab_buffer_data(text), modellab_buffer_size(text), 0, NULL);
        json_t *findings = json_incref(json_object_get(found, "findings"));
        json_decref(found);
        reply_json(c, 200,
                   json_pack("{s:o, s:b, s:b}", "findings", findings, "needs_a_person",
                             modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR, "dry_run",
                             dry_run));
    }
    modellab_buffer_destroy(text);
    modellab_report_unref(report);
}

static bool read_status(call *c, modellab_run_status *out)
{
    static const struct {
        const char *name;
        modellab_run_status status;
    } finals[] = {{"COMPLETED", MODELLAB_RUN_COMPLETED},
                  {"FAILED", MODELLAB_RUN_FAILED},
                  {"CANCELLED", MODELLAB_RUN_CANCELLED},
                  {"TIMEOUT", MODELLAB_RUN_TIMEOUT},
                  {"STALE", MODELLAB_RUN_STALE}};
    const char *name = NULL;
    if (!field_text(c, "status", 0, 16, &name))
        return false;
    for (size_t i = 0; i < sizeof finals / sizeof finals[0]; i++)
        if (name != NULL && strcmp(finals[i].name, name) == 0)
            *out = finals[i].status;
    if (name == NULL || *out != 0)
        return true;
    reply_invalid(c, "/status", "must be a final status");
    return false;
}

static bool read_what(call *c, int32_t *out)
{
    static const char *const names[] = {"runs", "inputs", "artifacts", "leftovers"};
    const json_t *list = json_object_get(call_json(c), "what");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        int32_t bit = 0;
        for (int k = 0; k < 4 && name != NULL; k++)
            bit |= strcmp(names[k], name) == 0 ? 1 << k : 0;
        bool again = (*out & bit) != 0;
        *out |= bit;
        if (bit == 0 || again) {
            reply_invalid(c, "/what", "must be of runs, inputs, artifacts, leftovers, each once");
            return false;
        }
    }
    if (list == NULL || json_array_size(list) > 0)
        return true;
    reply_invalid(c, "/what", "must be a list that is not empty");
    return false;
}

static bool read_cleanup(call *c, modellab_cleanup_options *options)
{
    static const char *const members[] = {
        "older_than_days", "keep_runs",     "keep_bytes", "user", "status", "what",
        "dry_run",         "grace_seconds", NULL};
    double days = -1;
    int64_t grace = 0;
    bool dry_run = false;
    if (!fields_known(c, members) || !field_number(c, "older_than_days", 0, DAYS_MAX, &days) ||
        !field_int(c, "keep_runs", 0, INT64_MAX, &options->keep_runs) ||
        !field_int(c, "keep_bytes", 0, INT64_MAX, &options->keep_bytes) ||
        !field_text(c, "user", 0, 128, &options->user) || !read_status(c, &options->status) ||
        !read_what(c, &options->what) || !field_bool(c, "dry_run", &dry_run) ||
        !field_int(c, "grace_seconds", 0, 31536000, &grace))
        return false;
    options->older_than_ms = days < 0 ? -1 : (int64_t)(days * DAY_MS);
    options->dry_run = dry_run;
    options->grace_ms = grace * 1000;
    return true;
}

static void cleanup(call *c)
{
    modellab_cleanup_options options = MODELLAB_CLEANUP_OPTIONS_INIT;
    modellab_cleanup_result r = {.size = sizeof r};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (!read_cleanup(c, &options))
        return;
    modellab_status status = modellab_lab_cleanup(call_lab(c), &options, &r, &err);
    if (status != MODELLAB_OK) {
        reply_error(c, status, &err, NULL);
        return;
    }
    reply_json(c, 200,
               json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
                         "dry_run", options.dry_run, "runs", (json_int_t)r.runs, "inputs",
                         (json_int_t)r.inputs, "artifacts", (json_int_t)r.artifacts, "kept",
                         (json_int_t)r.kept, "failed", (json_int_t)r.failed, "input_bytes",
                         (json_int_t)r.input_bytes, "artifact_bytes", (json_int_t)r.artifact_bytes,
                         "other_bytes", (json_int_t)r.other_bytes, "leftovers",
                         (json_int_t)r.leftovers, "leftover_bytes", (json_int_t)r.leftover_bytes,
                         "cache_files", (json_int_t)r.cache_files, "cache_bytes",
                         (json_int_t)r.cache_bytes));
}

static void drain(call *c)
{
    call_note(c, MODELLAB_LOG_WARN, "http.drain_asked", "an operator asks the server to stop",
              "key", call_key_id(c));
    server_ask_to_stop();
    reply_json(c, 202, json_pack("{s:b}", "draining", 1));
}

/* Users of the earlier product know this name. Deprecated on 2026-12-01, gone a year later. */
static const deprecation disk_usage_goes = {1796083200, 1827619200, "/api/v1/admin/disk"};

static const operation table[] = {
    {.id = "getDisk", .method = "GET", .path = "/api/v1/admin/disk", .scope = "admin", .run = disk},
    {.id = "getDiskUsage",
     .method = "GET",
     .path = "/api/v1/admin/disk-usage",
     .scope = "admin",
     .flags = OP_DEPRECATED,
     .run = disk,
     .deprecation = &disk_usage_goes},
    {.id = "reconcileLab",
     .method = "POST",
     .path = "/api/v1/admin/reconcile",
     .scope = "admin",
     .body = BODY_JSON,
     .flags = OP_BODY_EMPTY | OP_DRAINING | OP_REPEATABLE,
     .run = reconcile},
    {.id = "cleanupLab",
     .method = "POST",
     .path = "/api/v1/admin/cleanup",
     .scope = "admin",
     .body = BODY_JSON,
     .flags = OP_DRAINING | OP_REPEATABLE,
     .run = cleanup},
    {.id = "drainServer",
     .method = "POST",
     .path = "/api/v1/admin/drain",
     .scope = "admin",
     .flags = OP_DRAINING | OP_REPEATABLE,
     .run = drain},
};
OPERATION_TABLE(ops_admin);
