/* Beginning a record: directory, lock, row, logger, tracker, in this order, so that nobody ever
 * sees a RUNNING run whose lock is free although its host lives. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "lab/record.h"
#include "lab/snapshot.h"
#include "log/logger.h"
#include "os/process.h"
#include "track/price.h"
#include "track/tracker.h"
#include <string.h>

#define LOOK_AT_ONCE INT64_MIN

static bool fits(const char *text, size_t limit)
{
    return text == NULL || (strlen(text) <= limit && mli_utf8_valid(text, strlen(text)));
}

MODELLAB_MUST_CHECK static modellab_status
check_options(const mli_lab *lab, const modellab_record_options *o, modellab_error *err)
{
    modellab_measures measures = MODELLAB_MEASURES_INIT;

    if (!fits(o->pipeline, 64) || !fits(o->user, 128) || !fits(o->input_name, 1024)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "a name of the record is too long or not UTF-8");
    }
    if (!(o->audio_seconds >= 0) || o->max_duration_ms < 0) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a length of the record is negative");
    }
    if (o->caps != NULL) {
        measures.audio_seconds = o->audio_seconds > 0 ? o->audio_seconds : -1;
        modellab_status status = mli_caps_check(o->caps, &measures, -1, err);

        if (status != MODELLAB_OK) {
            return status;
        }
    }
    return mli_lab_check_disk(lab, 0, err);
}

/* {"schema_version":1,"pipeline":...,"config":{...}}: the request of a record. */
MODELLAB_MUST_CHECK static modellab_status write_request(const modellab_record_options *o,
                                                         const char *pipeline, mli_buf *out,
                                                         modellab_error *err)
{
    mli_json *config = NULL;
    modellab_status status = MODELLAB_OK;
    mli_buf canonical;
    mli_jw w;

    mli_buf_init(&canonical, out->alloc);
    if (o->config_json != NULL) {
        status = mli_json_parse(o->config_json, strlen(o->config_json), MLI_JSON_MAX_BYTES, &config,
                                err);
        if (status == MODELLAB_OK && mli_json_typeof(config) != MLI_JSON_OBJECT) {
            status = mli_fail(err, MODELLAB_E_INVALID_JSON, "config_json must be an object");
        }
        if (status == MODELLAB_OK) {
            status = mli_json_dump(config, &canonical, err);
        }
    } else {
        mli_buf_append_text(&canonical, "{}");
    }
    if (status == MODELLAB_OK) {
        mli_jw_init(&w, out);
        mli_jw_object(&w);
        mli_jw_kint(&w, "schema_version", 1);
        mli_jw_kstring(&w, "pipeline", pipeline);
        mli_jw_kbool(&w, "recorded", true);
        mli_jw_key(&w, "config");
        mli_jw_raw(&w, mli_buf_text(&canonical), canonical.size);
        mli_jw_end_object(&w);
        status = canonical.status == MODELLAB_OK ? mli_buf_status(out, err)
                                                 : mli_buf_status(&canonical, err);
    }
    mli_json_free(config);
    mli_buf_dispose(&canonical);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status write_owner(const mli_lab *lab, mli_buf *out,
                                                       modellab_error *err)
{
    mli_os_identity self;
    mli_jw w;
    int rc = lab->os.processes->identity(lab->os.processes->user, 0, &self);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "this process could not be identified");
    }
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kint(&w, "pid", self.pid);
    mli_jw_kint(&w, "start_ticks", (int64_t)self.start_ticks);
    mli_jw_kstring(&w, "boot_id", self.boot_id);
    mli_jw_end_object(&w);
    return mli_buf_status(out, err);
}

static void fill_row(const modellab_record *r, const modellab_record_options *o,
                     const char *pipeline, const mli_buf *request, const mli_buf *owner,
                     mli_run_row *row)
{
    mli_run_row_init(row);
    mli_run_ids_fill(&r->ids, row);
    row->user = o->user;
    row->pipeline = pipeline;
    row->input_name = o->input_name;
    row->audio_seconds = o->audio_seconds > 0 ? o->audio_seconds : -1;
    row->price_sheet = mli_price_sheet_id(r->lab->prices);
    row->price_json = mli_price_sheet_json(r->lab->prices);
    row->currency = mli_price_sheet_currency(r->lab->prices);
    row->request_json = mli_buf_text(request);
    row->owner = mli_buf_text(owner);
    row->status = MODELLAB_RUN_RUNNING;
    row->attempt = 1;
    row->fence = r->fence;
    row->is_record = 1;
    row->created_ms = row->started_ms = mli_lab_now_ms(r->lab);
    row->max_duration_ms = r->max_duration_ms;
}

MODELLAB_MUST_CHECK static modellab_status put_row(modellab_record *r,
                                                   const modellab_record_options *o,
                                                   const char *pipeline, const mli_buf *request,
                                                   modellab_error *err)
{
    static const mli_event_row started = {.type = "run_started"};
    char existing[MLI_ULID_BYTES];
    mli_run_row row;
    mli_buf owner;
    modellab_status status;

    mli_buf_init(&owner, r->lab->alloc);
    status = write_owner(r->lab, &owner, err);
    if (status == MODELLAB_OK) {
        fill_row(r, o, pipeline, request, &owner, &row);
        status = mli_store_insert(r->lab->store, &row, &started, 1, existing, err);
    }
    mli_buf_dispose(&owner);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status open_logger(modellab_record *r, modellab_error *err)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    mli_logger_world world = {r->lab->os.files, r->lab->os.clock, r->lab->os.random};
    modellab_logger *parent = NULL;
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(r->lab->root, r->ids.run_id, MLI_RUN_LOG, path, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    options.allocator = r->lab->alloc;
    options.file = path;
    options.root = r->lab->root;
    options.forward = r->lab->logger;
    status = mli_logger_create(&options, &world, &parent, err);
    if (status == MODELLAB_OK) {
        context.run_id = r->ids.run_id;
        context.request_id = r->ids.request_id;
        context.trace_id = r->ids.trace_id;
        context.span_id = r->ids.span_id;
        context.attempt = 1;
        status = mli_logger_child(parent, &context, &r->logger, err);
    }
    mli_logger_unref(parent);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status open_tracker(modellab_record *r, modellab_error *err)
{
    modellab_tracker_options options = MODELLAB_TRACKER_OPTIONS_INIT;
    modellab_status status;

    options.allocator = r->lab->alloc;
    status = mli_tracker_create(&options, NULL, &r->tracker, err);
    if (status == MODELLAB_OK && r->audio_seconds > 0) {
        status = mli_span_add(r->tracker, MODELLAB_SPAN_ROOT, r->audio_seconds, 0, err);
    }
    return status;
}

static void give_back(modellab_record *r, bool remove_files)
{
    const mli_os_files *f = r->lab->os.files;
    modellab_error err = MODELLAB_ERROR_INIT;

    mli_tracker_unref(r->tracker);
    mli_logger_unref(r->logger);
    if (remove_files && mli_rundir_remove(f, r->lab->root, r->ids.run_id, &err) != MODELLAB_OK) {
        mli_log_error(r->lab->logger, MODELLAB_LOG_WARN, "record.files_left",
                      "files of a refused record are left for reconcile", err.code, &err);
    }
    if (r->lock_fd >= 0) {
        (void)f->close(f->user, r->lock_fd); /* nothing was written through it */
        r->lock_fd = -1;
    }
}

/* All that comes before the row: when it fails, nothing of the record stays. */
MODELLAB_MUST_CHECK static modellab_status prepare(modellab_record *r, const mli_buf *request,
                                                   modellab_error *err)
{
    const mli_lab *lab = r->lab;
    modellab_status status = mli_rundir_create(lab->os.files, lab->root, r->ids.run_id, err);

    if (status == MODELLAB_OK) {
        status = mli_rundir_lock(lab->os.files, lab->root, r->ids.run_id, &r->lock_fd, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_rundir_put_request(lab->os.files, lab->root, r->ids.run_id,
                                        mli_buf_text(request), request->size, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_rundir_sync(lab->os.files, lab->root, r->ids.run_id, err);
    }
    if (status == MODELLAB_OK) {
        status = open_logger(r, err);
    }
    return status == MODELLAB_OK ? open_tracker(r, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status
start(modellab_record *r, const modellab_record_options *o, modellab_error *err)
{
    const char *pipeline = o->pipeline == NULL || o->pipeline[0] == '\0' ? "recorded" : o->pipeline;
    modellab_status status = check_options(r->lab, o, err), written;
    modellab_error manifest_err = MODELLAB_ERROR_INIT;
    mli_buf request;

    if (status == MODELLAB_OK) {
        status =
            mli_run_ids_make(r->lab, o->request_id, o->trace_parent, o->trace_state, &r->ids, err);
    }
    mli_buf_init(&request, r->lab->alloc);
    if (status == MODELLAB_OK) {
        status = write_request(o, pipeline, &request, err);
    }
    if (status == MODELLAB_OK) {
        status = prepare(r, &request, err);
        status = status == MODELLAB_OK ? put_row(r, o, pipeline, &request, err) : status;
        if (status != MODELLAB_OK) {
            /* after an I/O error of the store nobody knows whether the row is there */
            give_back(r, status != MODELLAB_E_STORE_FAILED);
        }
    }
    mli_buf_dispose(&request);
    if (status == MODELLAB_OK) {
        written = mli_manifest_refresh(r->lab, r->ids.run_id, &manifest_err);
        if (written != MODELLAB_OK) {
            mli_log_error(r->logger, MODELLAB_LOG_WARN, "manifest.not_written",
                          "the manifest is behind its record until the next reconcile", written,
                          &manifest_err);
        }
        mli_log(r->logger, MODELLAB_LOG_INFO, "record.begun", "a record begins",
                MLI_LOG_FIELDS(mli_log_string("pipeline", pipeline)));
    }
    return status;
}

modellab_status mli_record_begin(mli_lab *lab, const modellab_record_options *options,
                                 modellab_record **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, true, err);
    modellab_record *r;

    *out = NULL;
    if (status != MODELLAB_OK) {
        return status;
    }
    r = mli_alloc_zero(lab->alloc, sizeof *r);
    if (r == NULL) {
        return mli_no_memory(err);
    }
    r->lab = mli_lab_ref(lab);
    r->lock_fd = -1;
    r->fence = 1;
    r->audio_seconds = options->audio_seconds;
    r->progress_seconds = -1;
    r->max_duration_ms =
        options->max_duration_ms > 0 ? options->max_duration_ms : lab->settings.max_run_duration_ms;
    r->caps = (modellab_caps)MODELLAB_CAPS_INIT;
    if (options->caps != NULL) {
        size_t bytes = options->caps->size < sizeof r->caps ? options->caps->size : sizeof r->caps;

        memcpy(&r->caps, options->caps,
               bytes); /* mli_caps_check() below refuses sizes that are none */
        r->caps.size = sizeof r->caps;
    }
    r->looked_ns = r->told_ns = r->said_ns = LOOK_AT_ONCE;
    r->started_ns = lab->os.clock->monotonic_ns(lab->os.clock->user);
    status = start(r, options, err);
    if (status != MODELLAB_OK) {
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "record.refused", "no record was begun",
                      status, err);
        mli_free(lab->alloc, r);
        mli_lab_unref(lab);
        return status;
    }
    *out = r;
    return MODELLAB_OK;
}
