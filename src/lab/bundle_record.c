/* The record of a bundle: columns by the one list of them, in both directions. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/bundle.h"
#include "lab/state.h"
#include "store/columns.h"
#include <string.h>

#define FORMAT 1
#define EVENTS_MAX 1000000u
#define PARTS_MAX 1000u

static void write_steps(const mli_run_record *record, mli_jw *w)
{
    mli_jw_key(w, "steps");
    mli_jw_array(w);
    for (size_t i = 0; i < record->step_count; i++) {
        const mli_step_row *s = &record->steps[i];
        double earlier = s->earlier_cpu_seconds > 0 ? s->earlier_cpu_seconds : 0;

        mli_jw_object(w);
        mli_jw_kstring(w, "name", s->name);
        mli_jw_kstring(w, "message", s->message);
        mli_jw_kstring(w, "key", s->key);
        mli_jw_kstring(w, "reused_from", s->reused_from);
        mli_jw_kint(w, "status", s->status);
        mli_jw_kint(w, "reason", s->reason);
        mli_jw_kint(w, "started_ms", s->started_ms);
        mli_jw_kint(w, "ended_ms", s->ended_ms);
        mli_jw_kint(w, "peak_memory_bytes", s->peak_memory_bytes);
        mli_jw_kreal(w, "cpu_seconds",
                     earlier > 0 ? earlier + (s->cpu_seconds > 0 ? s->cpu_seconds : 0)
                                 : s->cpu_seconds);
        mli_jw_kreal(w, "gpu_seconds", s->gpu_seconds);
        mli_jw_kreal(w, "audio_seconds", s->audio_seconds);
        mli_jw_kint(w, "api_calls", s->api_calls);
        mli_jw_kint(w, "position", s->position);
        mli_jw_kint(w, "attempt", s->attempt);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

static void write_artifacts(const mli_run_record *record, mli_jw *w)
{
    mli_jw_key(w, "artifacts");
    mli_jw_array(w);
    for (size_t i = 0; i < record->artifact_count; i++) {
        const mli_artifact_row *a = &record->artifacts[i];

        mli_jw_object(w);
        mli_jw_kstring(w, "id", a->id);
        mli_jw_kstring(w, "step", a->step);
        mli_jw_kstring(w, "name", a->name);
        mli_jw_kstring(w, "media_type", a->media_type);
        mli_jw_kstring(w, "sha256", a->sha256);
        mli_jw_kstring(w, "file", a->file);
        mli_jw_kstring(w, "role", a->role);
        mli_jw_kint(w, "bytes", a->bytes);
        mli_jw_kint(w, "fence", a->fence);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

void mli_bundle_write_record(const mli_run_record *record, const mli_event_row_list *events,
                             mli_jw *out)
{
    mli_jw_object(out);
    mli_jw_kint(out, "format", FORMAT);
    mli_jw_key(out, "run");
    mli_jw_object(out);
#define TEXT(column) mli_jw_kstring(out, #column, record->run->column);
#define INT(column) mli_jw_kint(out, #column, record->run->column);
#define REAL(column) mli_jw_kreal(out, #column, record->run->column);
    MLI_RUN_TEXT_COLUMNS(TEXT)
    MLI_RUN_INT32_COLUMNS(INT)
    MLI_RUN_INT64_COLUMNS(INT)
    MLI_RUN_REAL_COLUMNS(REAL)
#undef TEXT
#undef INT
#undef REAL
    mli_jw_end_object(out);
    write_steps(record, out);
    write_artifacts(record, out);
    mli_jw_key(out, "events");
    mli_jw_array(out);
    for (size_t i = 0; i < events->count; i++) {
        mli_jw_object(out);
        mli_jw_kint(out, "time_ms", events->rows[i].time_ms);
        mli_jw_kstring(out, "type", events->rows[i].type);
        mli_jw_kstring(out, "step", events->rows[i].step);
        mli_jw_kstring(out, "data", events->rows[i].data);
        mli_jw_end_object(out);
    }
    mli_jw_end_array(out);
    mli_jw_end_object(out);
}

static const char *text_of(const mli_json *object, const char *key, const char *fallback)
{
    return mli_json_string(mli_json_get(object, key), fallback);
}

static int64_t int_of(const mli_json *object, const char *key, int64_t fallback)
{
    return mli_json_int(mli_json_get(object, key), fallback);
}

static int32_t small_of(const mli_json *object, const char *key, int32_t fallback)
{
    int64_t value = int_of(object, key, fallback);

    return value < -1 || value > 1000000 ? fallback : (int32_t)value;
}

static double real_of(const mli_json *object, const char *key, double fallback)
{
    return mli_json_number(mli_json_get(object, key), fallback);
}

/* What a lab has of its own is not taken over from another. */
static void read_row(const mli_json *run, mli_run_row *row)
{
    mli_run_row_init(row);
#define TEXT(column) row->column = text_of(run, #column, row->column);
#define INT32(column) row->column = small_of(run, #column, row->column);
#define INT64(column) row->column = int_of(run, #column, row->column);
#define REAL(column) row->column = real_of(run, #column, row->column);
    MLI_RUN_TEXT_COLUMNS(TEXT)
    MLI_RUN_INT32_COLUMNS(INT32)
    MLI_RUN_INT64_COLUMNS(INT64)
    MLI_RUN_REAL_COLUMNS(REAL)
#undef TEXT
#undef INT32
#undef INT64
#undef REAL
    row->idempotency_key = "";
    row->owner = "";
    row->deleting = 0;
    row->removed &= MLI_PART_INPUT | MLI_PART_ARTIFACTS;
    row->reserved_cost_micros = 0;
    row->imported = 1;
}

static void read_step(const mli_json *from, mli_step_row *s)
{
    *s = (mli_step_row){.name = text_of(from, "name", ""),
                        .message = text_of(from, "message", ""),
                        .key = text_of(from, "key", ""),
                        .reused_from = text_of(from, "reused_from", ""),
                        .status = small_of(from, "status", 0),
                        .reason = small_of(from, "reason", 0),
                        .started_ms = int_of(from, "started_ms", -1),
                        .ended_ms = int_of(from, "ended_ms", -1),
                        .peak_memory_bytes = int_of(from, "peak_memory_bytes", -1),
                        .cpu_seconds = real_of(from, "cpu_seconds", -1),
                        .gpu_seconds = real_of(from, "gpu_seconds", -1),
                        .audio_seconds = real_of(from, "audio_seconds", -1),
                        .api_calls = int_of(from, "api_calls", -1),
                        .position = small_of(from, "position", 0),
                        .attempt = small_of(from, "attempt", 1)};
}

/* False when its file could be another one than that of this artifact. */
static bool read_artifact(const mli_json *from, const mli_run_row *row, mli_artifact_row *a)
{
    char file[96];
    size_t prefix;

    *a = (mli_artifact_row){.id = text_of(from, "id", ""),
                            .step = text_of(from, "step", ""),
                            .name = text_of(from, "name", ""),
                            .media_type = text_of(from, "media_type", ""),
                            .sha256 = text_of(from, "sha256", ""),
                            .file = text_of(from, "file", ""),
                            .role = text_of(from, "role", ""),
                            .bytes = int_of(from, "bytes", -1),
                            .fence = int_of(from, "fence", -1)};
    if (!mli_ulid_valid(a->id) || a->bytes < 0 || strlen(a->sha256) != 64 ||
        mli_artifact_file(a->fence, "x", file, NULL) != MODELLAB_OK) {
        return false;
    }
    prefix = strlen(file) - 1; /* "<fence>-" */
    return strncmp(a->file, file, prefix) == 0 &&
           strcmp(a->file + prefix, row->is_record != 0 ? a->id : a->name) == 0 &&
           (row->is_record != 0 || mli_artifact_name_valid(a->name));
}

static modellab_status allocate(mli_bundle_record *out, size_t steps, size_t artifacts,
                                size_t events, modellab_error *err)
{
    if (steps > PARTS_MAX || artifacts > PARTS_MAX || events > EVENTS_MAX) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "the bundle's record has too many parts");
    }
    out->record.steps = mli_alloc_array(out->alloc, steps + 1, sizeof *out->record.steps);
    out->record.artifacts =
        mli_alloc_array(out->alloc, artifacts + 1, sizeof *out->record.artifacts);
    out->events = mli_alloc_array(out->alloc, events + 1, sizeof *out->events);
    return out->record.steps == NULL || out->record.artifacts == NULL || out->events == NULL
               ? mli_no_memory(err)
               : MODELLAB_OK;
}

modellab_status mli_bundle_read_record(const mli_json *root, const modellab_allocator *alloc,
                                       mli_bundle_record *out, modellab_error *err)
{
    const mli_json *steps = mli_json_get(root, "steps");
    const mli_json *artifacts = mli_json_get(root, "artifacts");
    const mli_json *events = mli_json_get(root, "events");
    modellab_status status;
    bool good;

    memset(out, 0, sizeof *out);
    out->alloc = alloc;
    read_row(mli_json_get(root, "run"), &out->row);
    out->record.run = &out->row;
    good = int_of(root, "format", 0) == FORMAT && mli_ulid_valid(out->row.id) &&
           mli_status_is_final(out->row.status) && out->row.created_ms >= 0;
    if (!good) {
        return mli_fail(err, MODELLAB_E_SCHEMA,
                        "the bundle does not hold the record of a run that has ended");
    }
    status = allocate(out, mli_json_count(steps), mli_json_count(artifacts), mli_json_count(events),
                      err);
    if (status != MODELLAB_OK) {
        return status;
    }
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        read_step(mli_json_at(steps, i), &out->record.steps[out->record.step_count++]);
    }
    for (size_t i = 0; good && i < mli_json_count(artifacts); i++) {
        good = read_artifact(mli_json_at(artifacts, i), &out->row,
                             &out->record.artifacts[out->record.artifact_count++]);
    }
    for (size_t i = 0; i < mli_json_count(events); i++) {
        const mli_json *e = mli_json_at(events, i);

        out->events[out->event_count++] = (mli_event_row){.time_ms = int_of(e, "time_ms", 0),
                                                          .type = text_of(e, "type", ""),
                                                          .step = text_of(e, "step", ""),
                                                          .data = text_of(e, "data", "{}")};
    }
    good = good && (int64_t)out->event_count == out->row.last_event;
    return good ? MODELLAB_OK
                : mli_fail(err, MODELLAB_E_SCHEMA, "the bundle's record does not fit itself");
}

void mli_bundle_record_dispose(mli_bundle_record *record)
{
    mli_free(record->alloc, record->record.steps);
    mli_free(record->alloc, record->record.artifacts);
    mli_free(record->alloc, record->events);
    record->record.steps = NULL;
    record->record.artifacts = NULL;
    record->events = NULL;
}
