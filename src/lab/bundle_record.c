/* Writing the record of a bundle: columns by the one list of them. */
#include "lab/bundle.h"
#include "store/columns.h"

static void write_steps(const mli_run_record *record, mli_jw *w)
{
    mli_jw_key(w, "steps");
    mli_jw_array(w);
    for (size_t i = 0; i < record->step_count; i++) {
        const mli_step_row *s = &record->steps[i];
        mli_jw_object(w);
        mli_jw_kstring(w, "name", s->name);
        mli_jw_kstring(w, "message", s->message);
        mli_jw_kstring(w, "key", s->key);
        mli_jw_kstring(w, "reused_from", s->reused_from);
        mli_jw_kstring(w, "config_json", s->config_json);
        mli_jw_kstring(w, "models_json", s->told_json);
        mli_jw_kint(w, "status", s->status);
        mli_jw_kint(w, "reason", s->reason);
        mli_jw_kint(w, "started_ms", s->started_ms);
        mli_jw_kint(w, "ended_ms", s->ended_ms);
        mli_jw_kint(w, "peak_memory_bytes", s->peak_memory_bytes);
        mli_jw_kreal(w, "cpu_seconds", mli_step_cpu_seconds(s));
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

/* A run without notes has the bundle that it had before there were any. */
static void write_notes(const mli_note_list *notes, mli_jw *w)
{
    if (notes == NULL || notes->count == 0) {
        return;
    }
    mli_jw_key(w, "notes");
    mli_jw_array(w);
    for (size_t i = 0; i < notes->count; i++) {
        mli_jw_object(w);
        mli_jw_kstring(w, "name", notes->rows[i].name);
        mli_jw_kint(w, "updated_ms", notes->rows[i].updated_ms);
        mli_jw_kstring(w, "json", notes->rows[i].json);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

void mli_bundle_write_record(const mli_run_record *record, const mli_event_row_list *events,
                             const mli_note_list *notes, mli_jw *out)
{
    mli_jw_object(out);
    mli_jw_kint(out, "format", MLI_BUNDLE_FORMAT);
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
    write_notes(notes, out);
    mli_jw_end_object(out);
}
