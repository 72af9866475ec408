/* Submitting: look at everything first, then store input and record, then tell supervisors. A crash
 * between the files and the row leaves a directory without a record, which reconcile finds. */
#include "lab/submit.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/admission.h"
#include "lab/forecast.h"
#include "lab/input.h"
#include "lab/model_fit.h"
#include "lab/request.h"
#include "lab/request_lab.h"
#include "lab/reuse.h"
#include "lab/schedule.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "lab/tally.h"
#include "lab/wake.h"
#include "log/logger.h"
#include "os/locale.h"
#include "track/price.h"
#include <errno.h>
#include <string.h>

#define CHARS_A_SECOND 14.0  /* of text that is read aloud */
#define SPEECH_BYTES 96000.0 /* of audio made, a second: 24 kHz, 4 bytes */

typedef struct submission {
    mli_lab *lab;
    const modellab_run_submit_options *options;
    const mli_run_record *parent; /* run that this one repeats; NULL = none */
    const mli_run_origin *origin; /* experiment that it belongs to; NULL = none */
    mli_copy_watch watch;
    mli_request request;
    mli_input input;
    mli_findings report;
    modellab_estimate estimate;
    mli_remote_forecast calls; /* of the remote service */
    mli_amounts need;          /* of its user's caps */
    mli_buf estimate_json;
    mli_run_ids ids;
    modellab_logger *log; /* with the ids; NULL before they are made, or when the lab is silent */
} submission;

/* Caps that the user has for each run bound what the request allows itself. */
MODELLAB_MUST_CHECK static modellab_status bound_by_user(submission *s, mli_cap_set *set,
                                                         modellab_error *err)
{
    mli_cap_verdict none;
    mli_run_caps ceilings;
    modellab_status status =
        mli_store_cap_room(s->lab->store, s->request.user, mli_lab_now_ms(s->lab),
                           &(mli_amounts){{0}}, set, &none, err);
    if (status != MODELLAB_OK)
        return status;
    mli_admission_ceilings(set, &ceilings);
    return mli_request_bound(&s->request, &ceilings, &s->report, err);
}

/* How long the audio is that the run works on, or makes of a text. */
static double seconds_of(const submission *s, bool *is_estimate)
{
    *is_estimate = s->input.probe.is_estimate || s->request.text_chars >= 0;
    return s->request.text_chars >= 0 && !s->input.present
               ? (double)s->request.text_chars / CHARS_A_SECOND
               : s->input.probe.seconds;
}

/* Estimate, the run's own caps, those of its user. */
MODELLAB_MUST_CHECK static modellab_status check_caps(submission *s, modellab_error *err)
{
    const mli_run_caps *caps = &s->request.caps;
    bool safe = s->request.safe, guessed;
    double seconds = seconds_of(s, &guessed);
    mli_cap_set set;
    modellab_status status = bound_by_user(s, &set, err);
    if (status == MODELLAB_OK) {
        status =
            mli_forecast_make(s->lab, s->request.model, seconds, s->input.bytes, &s->estimate, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_remote_forecast_make(mli_buf_text(&s->request.json), s->estimate.audio_seconds,
                                          &s->calls, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_forecast_add_calls(s->lab, &s->calls, &s->estimate, err);
    }
    if (status == MODELLAB_OK) {
        s->estimate.admission = MODELLAB_ADMISSION_REFUSE;
        status = mli_admission_check_run(caps, &s->estimate, !guessed, safe, &s->report, err);
    }
    if (status == MODELLAB_OK) {
        mli_admission_needs(caps, &s->estimate, &s->calls, safe, !guessed, &s->need);
        status = mli_admission_check_user(s->lab, s->request.user, &set, safe, &s->estimate,
                                          &s->need, &s->report, err);
    }
    if (status == MODELLAB_OK) {
        mli_forecast_write(&s->estimate, &s->calls, safe, &s->estimate_json);
        status = mli_buf_status(&s->estimate_json, err);
    }
    return status;
}

static const modellab_finding *first_error(const mli_findings *findings)
{
    for (size_t i = 0; i < mli_report_count(findings->report); i++) {
        const modellab_finding *finding = mli_report_finding(findings->report, i);
        if (finding->severity >= MODELLAB_SEVERITY_ERROR)
            return finding;
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status read_request(submission *s, modellab_error *err)
{
    const modellab_run_submit_options *o = s->options;
    size_t bytes = o->request_bytes > 0 ? o->request_bytes : strlen(o->request);
    modellab_status status =
        mli_lab_read_request(s->lab, o->request, bytes, &s->request, &s->report, err);
    if (status == MODELLAB_OK) {
        mli_request_check_texts(&s->request, &s->report);
    }
    if (status == MODELLAB_OK && s->report.worst >= MODELLAB_SEVERITY_ERROR) {
        const modellab_finding *first = first_error(&s->report);
        bool somewhere = first != NULL && first->pointer != NULL && first->pointer[0] != '\0';
        return mli_fail(err, MODELLAB_E_SCHEMA, "the request is not valid: %s%s%s",
                        somewhere ? first->pointer : "", somewhere ? ": " : "",
                        first != NULL ? first->text : "");
    }
    return status;
}

/* The run that this key has made already. It is found before anything else is looked at: what it
 * has reserved, or a file that has changed since, must not refuse it. */
MODELLAB_MUST_CHECK static modellab_status
find_earlier(const submission *s, char run_id[MLI_ULID_BYTES], modellab_error *err)
{
    const char *key = s->request.idempotency_key;
    return key[0] != '\0' ? mli_store_run_by_key(s->lab->store, s->request.user, key, run_id, err)
                          : MODELLAB_OK;
}

/* At everything behind the request. */
MODELLAB_MUST_CHECK static modellab_status look(submission *s, modellab_error *err)
{
    modellab_status status =
        mli_input_open(s->lab, s->options, s->request.user, &s->input, &s->report, err);
    if (s->origin != NULL)
        mli_input_share(&s->input, s->options->input_path, s->origin->input_sha256);
    if (status == MODELLAB_OK && s->request.needs_input && !s->input.present && !s->input.follows) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "this pipeline needs an input");
    }
    if (status == MODELLAB_OK)
        status = mli_models_check(s->lab, &s->request, &s->report, err);
    if (status == MODELLAB_OK) {
        bool guessed;
        double made = s->request.text_chars > 0 ? seconds_of(s, &guessed) * SPEECH_BYTES : 0;
        int64_t there = s->input.shared_sha256[0] != '\0' ? s->input.bytes : 0;

        there -= mli_run_disk_estimate(s->input.bytes, s->input.probe.seconds);
        status = mli_lab_check_disk(s->lab, (int64_t)made - there, err);
    }
    return status == MODELLAB_OK ? check_caps(s, err) : status;
}

/* Input and finished work of the run that this one repeats. */
MODELLAB_MUST_CHECK static modellab_status take_over(submission *s, mli_input_facts *facts,
                                                     modellab_error *err)
{
    const mli_lab *lab = s->lab;
    const mli_run_row *parent = s->parent->run;
    modellab_status status = MODELLAB_OK;

    if (s->input.present) {
        facts->bytes = parent->input_bytes;
        (void)mli_str_copy(facts->sha256, sizeof facts->sha256, parent->input_sha256);
        status = mli_rundir_share_input(lab->os.files, lab->root, parent->id, s->ids.run_id, facts,
                                        lab->alloc, &s->watch, err);
    }
    return status == MODELLAB_OK ? mli_reuse_offer(s->lab, s->parent, s->ids.run_id, s->log, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status put_files(submission *s, mli_input_facts *facts,
                                                     modellab_error *err)
{
    const mli_lab *lab = s->lab;
    int64_t limit =
        s->input.fd >= 0 ? lab->settings.max_input_bytes : lab->settings.max_upload_bytes;
    modellab_status status = mli_rundir_make(lab->os.files, lab->root, s->ids.run_id, err);

    s->watch.total = s->input.bytes;
    if (status == MODELLAB_OK && s->parent != NULL) {
        status = take_over(s, facts, err);
    } else if (status == MODELLAB_OK && s->input.shared_sha256[0] != '\0') {
        facts->bytes = s->input.bytes;
        (void)mli_str_copy(facts->sha256, sizeof facts->sha256, s->input.shared_sha256);
        status = mli_rundir_share_file(lab->os.files, lab->root, s->input.path, s->ids.run_id,
                                       facts, lab->alloc, &s->watch, err);
    } else if (status == MODELLAB_OK && s->input.present) {
        status = mli_rundir_put_input(lab->os.files, lab->root, s->ids.run_id, s->input.fd,
                                      s->input.data, s->input.data_bytes, limit, lab->alloc,
                                      &s->watch, facts, err);
    }
    if (status == MODELLAB_OK && s->input.present && facts->bytes != s->input.bytes)
        status = mli_fail(err, MODELLAB_E_INVALID_AUDIO, "the input changed while it was read");
    if (status == MODELLAB_OK)
        status = mli_rundir_put_request(lab->os.files, lab->root, s->ids.run_id,
                                        mli_buf_text(&s->request.json), s->request.json.size, err);
    return status;
}

static void fill_row(const submission *s, const mli_input_facts *facts, mli_run_row *row)
{
    mli_run_row_init(row);
    mli_run_ids_fill(&s->ids, row);
    row->user = s->request.user;
    row->pipeline = s->request.pipeline;
    row->steps = mli_buf_text(&s->request.steps);
    row->input_name = s->input.name;
    row->input_sha256 = facts->sha256;
    row->input_bytes = facts->bytes;
    row->audio_seconds = s->input.probe.seconds;
    row->model = s->request.model;
    row->price_sheet = mli_price_sheet_id(s->lab->prices);
    row->price_json = mli_price_sheet_json(s->lab->prices);
    row->currency = mli_price_sheet_currency(s->lab->prices);
    row->request_json = mli_buf_text(&s->request.json);
    row->labels_json = s->request.labels.size > 0 ? mli_buf_text(&s->request.labels) : "{}";
    row->idempotency_key = s->request.idempotency_key;
    row->parent_run_id = s->parent != NULL ? s->parent->run->id : "";
    if (s->origin != NULL) {
        row->experiment_id = s->origin->experiment_id;
        row->candidate = s->origin->candidate;
    }
    row->priority = s->request.priority;
    row->max_attempts = s->request.retry.max_attempts;
    row->gate = s->request.hold ? MLI_GATE_HELD : MLI_GATE_OPEN;
    row->reason = s->request.hold ? MODELLAB_REASON_HELD : MODELLAB_REASON_WAITING_FOR_SUPERVISOR;
    row->message = mli_reason_text(row->reason);
    row->created_ms = mli_lab_now_ms(s->lab);
    row->max_queue_ms =
        s->request.max_queue_ms >= 0 ? s->request.max_queue_ms : s->lab->settings.max_queue_ms;
    row->queue_until_ms = row->max_queue_ms > 0 ? row->created_ms + row->max_queue_ms : 0;
    int64_t cpu_ms = mli_schedule_expected_ms(s->estimate.cpu_seconds, s->input.probe.seconds);
    row->size_class = mli_schedule_size(cpu_ms, s->lab->settings.short_run_ms);
    row->expected_ms = s->estimate.wall_seconds >= 0
                           ? mli_schedule_expected_ms(s->estimate.wall_seconds, -1)
                           : cpu_ms;
    row->max_duration_ms = s->request.max_duration_ms;
    row->estimated_cost_micros = s->estimate.cost_micros;
    row->estimated_cpu_seconds = s->estimate.cpu_seconds;
    row->estimate_json = mli_buf_text(&s->estimate_json);
    row->need = s->need;
}

static void tell_repeated(const submission *s, const char *existing)
{
    mli_log(s->log, MODELLAB_LOG_INFO, "run.repeated", "a run with this idempotency key exists",
            MLI_LOG_FIELDS(mli_log_string("existing_run_id", existing)));
}

/* Nothing of a refused run stays; what cannot be removed is found by reconcile. */
static void take_back(submission *s)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_rundir_remove(s->lab->os.files, s->lab->root, s->ids.run_id, &err);

    if (status != MODELLAB_OK) {
        mli_log_error(s->log, MODELLAB_LOG_WARN, "run.files_left",
                      "files of a refused run are left for reconcile", status, &err);
    }
}

/* The manifest as the record will be, before anybody can know the run: nobody races for it then. */
MODELLAB_MUST_CHECK static modellab_status put_manifest(const submission *s, const mli_run_row *row,
                                                        modellab_error *err)
{
    const mli_lab *lab = s->lab;
    mli_run_row copy = *row;
    const mli_run_record record = {.alloc = lab->alloc, .run = &copy};
    mli_buf json;
    modellab_status status;

    copy.last_event = 1;
    mli_buf_init(&json, lab->alloc);
    mli_run_write_json(&record, &json);
    status = mli_buf_status(&json, err);
    if (status == MODELLAB_OK) {
        status = mli_manifest_write_first(lab->os.files, lab->root, s->ids.run_id, &json, err);
    }
    mli_buf_dispose(&json);
    return status;
}

/* The files have their content on the disk; now their names. */
MODELLAB_MUST_CHECK static modellab_status sync_folders(const submission *s, modellab_error *err)
{
    mli_lab *lab = s->lab;
    char runs[MLI_PATH_BYTES];
    int length = mli_os_format(runs, sizeof runs, "%s/runs", lab->root);
    modellab_status status = mli_rundir_sync(lab->os.files, lab->root, s->ids.run_id, err);
    int rc = 0;

    if (status == MODELLAB_OK) {
        rc = length < 0 || length >= (int)sizeof runs
                 ? -ENAMETOOLONG
                 : mli_shared_sync_do(&lab->runs_sync, lab->os.files, runs);
    }
    return rc == 0 ? status : mli_fail_os(err, -rc, "cannot sync the folder of all runs");
}

MODELLAB_MUST_CHECK static modellab_status store(submission *s, char run_id[MLI_ULID_BYTES],
                                                 modellab_error *err)
{
    char data[256];
    const mli_event_row queued = {.type = "run_queued",
                                  .data = s->parent != NULL || s->origin != NULL ? data : NULL};
    mli_input_facts facts = {0};
    char existing[MLI_ULID_BYTES] = "";
    mli_run_row row;
    modellab_status status = put_files(s, &facts, err);
    if (s->parent != NULL) {
        (void)mli_os_format(data, sizeof data, "{\"parent_run_id\":\"%s\"}", s->parent->run->id);
    } else if (s->origin != NULL) { /* names of candidates hold nothing to escape */
        (void)mli_os_format(data, sizeof data, "{\"experiment_id\":\"%s\",\"candidate\":\"%s\"}",
                            s->origin->experiment_id, s->origin->candidate);
    }
    if (status == MODELLAB_OK) {
        fill_row(s, &facts, &row);
        status = put_manifest(s, &row, err);
    }
    if (status == MODELLAB_OK) {
        status = sync_folders(s, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_store_insert(s->lab->store, &row, &queued, 1, existing, err);
        if (status == MODELLAB_E_STORE_FAILED) {
            return status; /* whether it was stored shows when the lab is opened again */
        }
    }
    if (status != MODELLAB_OK) {
        take_back(s);
    }
    if (status == MODELLAB_E_ALREADY_EXISTS && existing[0] != '\0') {
        mli_error_clear(err);
        memcpy(run_id, existing, MLI_ULID_BYTES);
        tell_repeated(s, existing);
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        memcpy(run_id, s->ids.run_id, MLI_ULID_BYTES);
        mli_wake_supervisors(s->lab);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status begin(submission *s, mli_lab *lab,
                                                 const modellab_run_submit_options *options,
                                                 bool writes, modellab_error *err)
{
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_status status;

    memset(s, 0, sizeof *s);
    s->input.fd = -1;
    s->lab = lab;
    s->options = options;
    mli_findings_begin(&s->report, lab->alloc);
    mli_buf_init(&s->estimate_json, lab->alloc);
    status = mli_lab_check(lab, writes, err);
    int32_t known = MODELLAB_RUN_OWN_UPLOAD | (writes ? 0 : MODELLAB_RUN_INPUT_FOLLOWS);
    if (status == MODELLAB_OK && ((options->flags & ~known) != 0 || options->reserved != 0))
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no such flags here");
    if (status == MODELLAB_OK && options->request == NULL)
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "request must not be NULL");
    const char *name = options->input_name;
    if (status == MODELLAB_OK && name != NULL && !mli_utf8_valid(name, strlen(name)))
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the input's name is not UTF-8");
    if (status == MODELLAB_OK)
        status = mli_run_ids_make(lab, options->request_id, options->trace_parent,
                                  options->trace_state, &s->ids, err);
    if (status == MODELLAB_OK && lab->logger != NULL) {
        context.run_id = writes ? s->ids.run_id : NULL;
        context.request_id = s->ids.request_id;
        context.trace_id = s->ids.trace_id;
        context.span_id = s->ids.span_id;
        status = mli_logger_child(lab->logger, &context, &s->log, err);
    }
    return status;
}

/* Hands the report out and frees the rest; a report that cannot be made fails what had succeeded
 * only when nothing was stored. */
MODELLAB_MUST_CHECK static modellab_status end(submission *s, modellab_status status, bool stored,
                                               modellab_report **report, modellab_error *err)
{
    if (report != NULL && (mli_report_count(s->report.report) > 0 || !stored)) {
        modellab_status made =
            mli_findings_finish(&s->report, report, status == MODELLAB_OK && !stored ? err : NULL);

        status = status == MODELLAB_OK && !stored ? made : status;
    }
    mli_findings_dispose(&s->report);
    mli_input_close(s->lab, &s->input);
    mli_request_dispose(&s->request);
    mli_buf_dispose(&s->estimate_json);
    mli_logger_unref(s->log);
    return status;
}

modellab_status mli_run_submit(mli_lab *lab, const modellab_run_submit_options *options,
                               char run_id[MLI_ULID_BYTES], modellab_report **report,
                               modellab_error *err)
{
    return mli_run_submit_child(lab, options, NULL, NULL, NULL, run_id, report, err);
}

modellab_status mli_run_submit_child(mli_lab *lab, const modellab_run_submit_options *options,
                                     const mli_run_record *parent, const mli_run_origin *origin,
                                     const mli_copy_watch *watch, char run_id[MLI_ULID_BYTES],
                                     modellab_report **report, modellab_error *err)
{
    submission s;
    modellab_status status = begin(&s, lab, options, true, err);

    s.parent = parent;
    s.origin = origin;
    if (watch != NULL) {
        s.watch = *watch;
    }
    run_id[0] = '\0';
    if (status == MODELLAB_OK) {
        mli_log_text(s.log, MODELLAB_LOG_DEBUG, "run.submitting", "a run is being submitted");
        status = read_request(&s, err);
    }
    if (status == MODELLAB_OK)
        status = find_earlier(&s, run_id, err);
    if (status == MODELLAB_OK && run_id[0] != '\0') {
        tell_repeated(&s, run_id);
        return end(&s, status, true, report, err);
    }
    if (status == MODELLAB_OK) {
        status = look(&s, err);
    }
    if (status == MODELLAB_OK) {
        status = store(&s, run_id, err);
    }
    if (status == MODELLAB_OK) {
        mli_log(s.log, MODELLAB_LOG_INFO, "run.queued", "the run is queued",
                MLI_LOG_FIELDS(mli_log_string("pipeline", s.request.pipeline),
                               mli_log_int("priority", s.request.priority),
                               mli_log_int("input_bytes", s.input.bytes)));
    } else {
        mli_tally_refusal(lab, status, "submit");
        mli_log_error(s.log != NULL ? s.log : lab->logger, MODELLAB_LOG_WARN, "run.refused",
                      "the run was refused", status, err);
    }
    return end(&s, status, status == MODELLAB_OK, report, err);
}

modellab_status mli_run_validate(mli_lab *lab, const modellab_run_submit_options *options,
                                 modellab_report **report, modellab_error *err)
{
    submission s;
    modellab_status status = begin(&s, lab, options, false, err);

    if (status == MODELLAB_OK)
        status = read_request(&s, err);
    if (status == MODELLAB_OK)
        status = look(&s, err);
    if (status == MODELLAB_OK) {
        mli_forecast_tell(&s.estimate, &s.calls, mli_price_sheet_currency(lab->prices), &s.report);
    }
    return end(&s, status, false, report, err);
}

modellab_status mli_run_estimate(mli_lab *lab, const modellab_run_submit_options *options,
                                 modellab_estimate *out, modellab_report **report,
                                 modellab_error *err)
{
    submission s;
    modellab_status status = begin(&s, lab, options, false, err);

    if (status == MODELLAB_OK) {
        status = read_request(&s, err);
    }
    if (status == MODELLAB_OK) {
        status = look(&s, err);
    }
    *out = s.estimate;
    /* That it would be refused by a cap is an answer, and the report says by which. */
    if (status == MODELLAB_E_CAP_EXCEEDED && s.estimate.admission == MODELLAB_ADMISSION_REFUSE) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return end(&s, status, false, report, err);
}
