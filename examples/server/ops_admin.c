/* Care of the lab: reconcile, cleanup, disk, drain, caps of users. */
#include "call.h"
#include "problem.h"
#include "reply.h"
#include "server.h"

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
        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "runs",
                  (json_int_t)usage.runs, "input_bytes", (json_int_t)usage.input_bytes,
                  "artifact_bytes", (json_int_t)usage.artifact_bytes, "journal_bytes",
                  (json_int_t)usage.journal_bytes, "store_bytes", (json_int_t)usage.store_bytes,
                  "cache_bytes", (json_int_t)usage.cache_bytes, "models_bytes",
                  (json_int_t)usage.models_bytes, "free_bytes", (json_int_t)usage.free_bytes,
                  "total_bytes", (json_int_t)usage.total_bytes, "min_free_bytes",
                  (json_int_t)usage.min_free_bytes, "max_bytes", (json_int_t)usage.max_bytes,
                  "retention_ms", (json_int_t)usage.retention_ms, "accepted_bytes",
                  (json_int_t)usage.accepted_bytes));
}

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
};
OPERATION_TABLE(ops_admin);
