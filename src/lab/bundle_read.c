/* Reading the record of a bundle, which anybody may have written: what is taken over is in the
 * range of what the columns mean, or the bundle is refused and the member named. */
#include "base/alloc.h"
#include "base/error.h"
#include "lab/bundle.h"
#include "lab/notes.h"
#include "lab/state.h"
#include "store/columns.h"
#include <string.h>

#define EVENTS_MAX 1000000u
#define PARTS_MAX 1000u
#define TEXT_MAX ((size_t)1024 * 1024)
/* Later than any clock of ours can show; milliseconds of it still fit as nanoseconds. */
#define TIME_MAX ((int64_t)9000000000000)
/* No amount of one run is larger, and thousands of them can be added up. */
#define AMOUNT_MAX ((int64_t)1000000000000000)
#define SMALL_MAX ((int64_t)1000000)

/* An object while its members are read; `bad` is the first that makes no sense. */
typedef struct reading {
    const mli_json *object;
    const char *bad;
} reading;

static void refuse(reading *r, const char *key)
{
    r->bad = r->bad == NULL ? key : r->bad;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

/* Absent members have their fallback; those of another type make no sense. */
static const mli_json *member(reading *r, const char *key, mli_json_type type)
{
    const mli_json *value = mli_json_get(r->object, key);
    if (value == NULL) {
        return NULL;
    }
    bool fits = mli_json_typeof(value) == type ||
                (type == MLI_JSON_REAL && mli_json_typeof(value) == MLI_JSON_INTEGER);
    if (!fits) {
        refuse(r, key);
    }
    return fits ? value : NULL;
}

static const char *text_of(reading *r, const char *key, const char *fallback)
{
    return mli_json_string(member(r, key, MLI_JSON_STRING), fallback);
}

/* Times and spans end with _ms; everything else is an amount. -1 = not known. */
static int64_t int_of(reading *r, const char *key, int64_t fallback)
{
    int64_t value = mli_json_int(member(r, key, MLI_JSON_INTEGER), fallback);
    int64_t most = ends_with(key, "_ms") ? TIME_MAX : AMOUNT_MAX;
    if (value < -1 || value > most) {
        refuse(r, key);
    }
    return value;
}

static int32_t small_of(reading *r, const char *key, int32_t fallback)
{
    int64_t value = mli_json_int(member(r, key, MLI_JSON_INTEGER), fallback);
    if (value < -1 || value > SMALL_MAX) {
        refuse(r, key);
        return fallback;
    }
    return (int32_t)value;
}

static double real_of(reading *r, const char *key, double fallback)
{
    double value = mli_json_number(member(r, key, MLI_JSON_REAL), fallback);
    if (!(value >= -1 && value <= (double)AMOUNT_MAX)) {
        refuse(r, key);
        return fallback;
    }
    return value;
}

/* A text that is a JSON object itself; "" where there need be none. */
static const char *object_of(reading *r, const char *key, const char *fallback)
{
    mli_json *parsed = NULL;
    const char *text = text_of(r, key, fallback);
    if (text[0] == '\0' && fallback[0] == '\0') {
        return text;
    }
    if (mli_json_parse(text, strlen(text), TEXT_MAX, &parsed, NULL) != MODELLAB_OK ||
        mli_json_typeof(parsed) != MLI_JSON_OBJECT) {
        refuse(r, key);
    }
    mli_json_free(parsed);
    return text;
}

static modellab_reason reason_of(reading *r)
{
    modellab_reason reason = (modellab_reason)small_of(r, "reason", 0);
    if (strcmp(mli_reason_name(reason), "unknown") == 0) {
        refuse(r, "reason");
    }
    return reason;
}

static modellab_run_status status_of(reading *r)
{
    modellab_run_status status = (modellab_run_status)small_of(r, "status", 0);
    if (strcmp(mli_status_name_of_run(status), "UNKNOWN") == 0) {
        refuse(r, "status");
    }
    return status;
}

/* What a lab has of its own is not taken over from another. */
static void read_row(reading *r, mli_run_row *row)
{
    mli_run_row_init(row);
#define TEXT(column) row->column = text_of(r, #column, row->column);
#define INT32(column) row->column = small_of(r, #column, row->column);
#define INT64(column) row->column = int_of(r, #column, row->column);
#define REAL(column) row->column = real_of(r, #column, row->column);
    MLI_RUN_TEXT_COLUMNS(TEXT)
    MLI_RUN_INT32_COLUMNS(INT32)
    MLI_RUN_INT64_COLUMNS(INT64)
    MLI_RUN_REAL_COLUMNS(REAL)
#undef TEXT
#undef INT32
#undef INT64
#undef REAL
    row->status = status_of(r);
    row->reason = reason_of(r);
    (void)object_of(r, "request_json", "{}");
    (void)object_of(r, "labels_json", "{}");
    (void)object_of(r, "price_json", "");
    (void)object_of(r, "seal_json", "");
    (void)object_of(r, "methods", "");
    (void)object_of(r, "estimate_json", "");
    row->idempotency_key = "";
    row->owner = "";
    row->gate = 0;
    row->deleting = 0;
    row->removed &= MLI_PART_INPUT | MLI_PART_ARTIFACTS;
    row->reserved_cost_micros = 0;
    row->imported = 1;
}

static void read_step(reading *r, mli_step_row *s)
{
    *s = (mli_step_row){.name = text_of(r, "name", ""),
                        .message = text_of(r, "message", ""),
                        .key = text_of(r, "key", ""),
                        .reused_from = text_of(r, "reused_from", ""),
                        .config_json = text_of(r, "config_json", ""),
                        .told_json = text_of(r, "models_json", ""),
                        .status = status_of(r),
                        .reason = reason_of(r),
                        .started_ms = int_of(r, "started_ms", -1),
                        .ended_ms = int_of(r, "ended_ms", -1),
                        .peak_memory_bytes = int_of(r, "peak_memory_bytes", -1),
                        .cpu_seconds = real_of(r, "cpu_seconds", -1),
                        .gpu_seconds = real_of(r, "gpu_seconds", -1),
                        .audio_seconds = real_of(r, "audio_seconds", -1),
                        .api_calls = int_of(r, "api_calls", -1),
                        .position = small_of(r, "position", 0),
                        .attempt = small_of(r, "attempt", 1)};
}

/* Its file could be another one than that of this artifact. */
static void read_artifact(reading *r, const mli_run_row *row, mli_artifact_row *a)
{
    char file[96];
    *a = (mli_artifact_row){.id = text_of(r, "id", ""),
                            .step = text_of(r, "step", ""),
                            .name = text_of(r, "name", ""),
                            .media_type = text_of(r, "media_type", ""),
                            .sha256 = text_of(r, "sha256", ""),
                            .file = text_of(r, "file", ""),
                            .role = text_of(r, "role", ""),
                            .bytes = int_of(r, "bytes", -1),
                            .fence = int_of(r, "fence", -1)};
    if (!mli_ulid_valid(a->id) || a->bytes < 0 || strlen(a->sha256) != 64) {
        refuse(r, "artifacts");
        return;
    }
    if (mli_artifact_file(a->fence, "x", file, NULL) != MODELLAB_OK) {
        refuse(r, "fence");
        return;
    }
    size_t prefix = strlen(file) - 1; /* "<fence>-" */
    bool is_record = row->is_record != 0;
    if (strncmp(a->file, file, prefix) != 0 ||
        strcmp(a->file + prefix, is_record ? a->id : a->name) != 0 ||
        (!is_record && !mli_artifact_name_valid(a->name))) {
        refuse(r, "file");
    }
}

static void read_event(reading *r, mli_event_row *e)
{
    *e = (mli_event_row){.time_ms = int_of(r, "time_ms", 0),
                         .type = text_of(r, "type", ""),
                         .step = text_of(r, "step", ""),
                         .data = object_of(r, "data", "{}")};
}

MODELLAB_MUST_CHECK static modellab_status
allocate(mli_bundle_record *out, size_t steps, size_t artifacts, size_t events, modellab_error *err)
{
    if (steps > PARTS_MAX || artifacts > PARTS_MAX || events > EVENTS_MAX) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "the bundle's record has too many parts");
    }
    out->record.steps = mli_alloc_array(out->alloc, steps + 1, sizeof(*out->record.steps));
    out->record.artifacts =
        mli_alloc_array(out->alloc, artifacts + 1, sizeof(*out->record.artifacts));
    out->events = mli_alloc_array(out->alloc, events + 1, sizeof(*out->events));
    return out->record.steps == NULL || out->record.artifacts == NULL || out->events == NULL
               ? mli_no_memory(err)
               : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status senseless(const char *where, const char *key,
                                                     modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_SCHEMA,
                    "the bundle's record makes no sense: \"%s\" of %s is not what it can be", key,
                    where);
}

/* The parts, in arrays that hold them; the name of the member that was refused, or NULL. */
static const char *read_parts(const mli_json *root, mli_bundle_record *out, const char **where)
{
    const mli_json *steps = mli_json_get(root, "steps");
    const mli_json *artifacts = mli_json_get(root, "artifacts");
    const mli_json *events = mli_json_get(root, "events");
    reading r = {.bad = NULL};
    *where = "a step";
    for (size_t i = 0; r.bad == NULL && i < mli_json_count(steps); i++) {
        r.object = mli_json_at(steps, i);
        read_step(&r, &out->record.steps[out->record.step_count++]);
    }
    *where = r.bad == NULL ? "an artifact" : *where;
    for (size_t i = 0; r.bad == NULL && i < mli_json_count(artifacts); i++) {
        r.object = mli_json_at(artifacts, i);
        read_artifact(&r, &out->row, &out->record.artifacts[out->record.artifact_count++]);
    }
    *where = r.bad == NULL ? "an event" : *where;
    for (size_t i = 0; r.bad == NULL && i < mli_json_count(events); i++) {
        r.object = mli_json_at(events, i);
        read_event(&r, &out->events[out->event_count++]);
    }
    return r.bad;
}

/* Notes are checked as if they were written here. */
MODELLAB_MUST_CHECK static modellab_status read_notes(const mli_json *notes, mli_bundle_record *out,
                                                      modellab_error *err)
{
    size_t count = notes != NULL ? mli_json_count(notes) : 0;
    modellab_status status = MODELLAB_OK;
    if (count == 0) {
        return MODELLAB_OK;
    }
    if (count > MLI_NOTES_MOST || mli_json_typeof(notes) != MLI_JSON_ARRAY) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "the bundle's record has too many notes");
    }
    out->notes = mli_alloc_zero(out->alloc, sizeof(*out->notes));
    if (out->notes == NULL) {
        return mli_no_memory(err);
    }
    out->notes->alloc = out->alloc;
    out->notes->rows = mli_alloc_array(out->alloc, count, sizeof(*out->notes->rows));
    if (out->notes->rows == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        reading r = {.object = mli_json_at(notes, i)};
        mli_note_row note = {.name = text_of(&r, "name", ""),
                             .json = text_of(&r, "json", ""),
                             .updated_ms = int_of(&r, "updated_ms", 0)};
        mli_json *root = NULL;
        status = mli_note_check(note.name, note.json, strlen(note.json), &root, err);
        mli_json_free(root);
        if (status == MODELLAB_E_NO_MEMORY) {
            return status;
        }
        if (status != MODELLAB_OK || r.bad != NULL) {
            return senseless("a note", r.bad != NULL ? r.bad : "json", err);
        }
        out->notes->rows[out->notes->count++] = note;
    }
    return status;
}

modellab_status mli_bundle_read_record(const mli_json *root, const modellab_allocator *alloc,
                                       mli_bundle_record *out, modellab_error *err)
{
    const char *where = "the run";
    reading run = {.object = mli_json_get(root, "run")};
    memset(out, 0, sizeof(*out));
    out->alloc = alloc;
    read_row(&run, &out->row);
    out->record.run = &out->row;
    if (mli_json_int(mli_json_get(root, "format"), 0) != MLI_BUNDLE_FORMAT ||
        !mli_ulid_valid(out->row.id) || !mli_status_is_final(out->row.status) ||
        out->row.created_ms < 0) {
        return mli_fail(err, MODELLAB_E_SCHEMA,
                        "the bundle does not hold the record of a run that has ended");
    }
    if (run.bad != NULL) {
        return senseless(where, run.bad, err);
    }
    modellab_status status = allocate(out, mli_json_count(mli_json_get(root, "steps")),
                                      mli_json_count(mli_json_get(root, "artifacts")),
                                      mli_json_count(mli_json_get(root, "events")), err);
    if (status != MODELLAB_OK) {
        return status;
    }
    const char *bad = read_parts(root, out, &where);
    if (bad != NULL) {
        return senseless(where, bad, err);
    }
    status = read_notes(mli_json_get(root, "notes"), out, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    return (int64_t)out->event_count == out->row.last_event
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_SCHEMA, "the bundle's record does not fit itself");
}

void mli_bundle_record_dispose(mli_bundle_record *record)
{
    mli_free(record->alloc, record->record.steps);
    mli_free(record->alloc, record->record.artifacts);
    mli_free(record->alloc, record->events);
    mli_note_list_free(record->notes);
    record->notes = NULL;
    record->record.steps = NULL;
    record->record.artifacts = NULL;
    record->events = NULL;
}
