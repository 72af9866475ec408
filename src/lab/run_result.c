/* Transcript, speakers and waveform of a run, from its artifacts. */
#include "lab/run_result.h"

#include "audio/peaks.h"
#include "base/error.h"
#include "lab/artifacts.h"
#include "lab/notes.h"
#include "lab/state.h"
#include "lab/step_state.h"
#include "text/format.h"
#include "text/names.h"
#include <string.h>

#define TURNS_MOST ((size_t)16 * 1024 * 1024)
#define SPEAKERS_MOST 64

static const mli_artifact_row *find(const mli_run_record *record, const char *name)
{
    for (size_t i = record->artifact_count; i > 0; i--) {
        const mli_artifact_row *a = &record->artifacts[i - 1];

        if (strcmp(a->name, name) == 0 && strcmp(a->role, MLI_ROLE_LATE) != 0) {
            return a;
        }
    }
    return NULL;
}

modellab_status mli_run_read_result(mli_lab *lab, const mli_run_record *record, const char *name,
                                    size_t most, mli_buf *out, modellab_error *err)
{
    const mli_artifact_row *artifact = find(record, name);

    if (artifact != NULL) {
        return mli_run_read_artifact(lab, record->run->id, artifact->id, (int64_t)most, out, err);
    }
    return mli_status_is_final(record->run->status)
               ? mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has made no %s", name)
               : mli_fail(err, MODELLAB_E_STATE, "the run has not made its %s yet", name);
}

MODELLAB_MUST_CHECK static modellab_status load(mli_lab *lab, const char *run_id,
                                                mli_run_record **out, modellab_error *err)
{
    *out = NULL;
    return mli_ulid_valid(run_id)
               ? mli_store_load(lab->store, run_id, out, err)
               : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
}

/* With speakers where they are known; the whole one, else what there is of it; a given text that
 * was aligned. */
MODELLAB_MUST_CHECK static modellab_status read_transcript(mli_lab *lab,
                                                           const mli_run_record *record,
                                                           mli_transcript **out,
                                                           modellab_error *err)
{
    static const char *const names[] = {"who_said_what.json", "transcript.json",
                                        "transcript.partial.json", "alignment.json"};
    const char *name = "transcript.json";
    mli_buf text;
    modellab_status status;

    for (size_t i = sizeof names / sizeof *names; i > 0; i--) {
        name = find(record, names[i - 1]) != NULL ? names[i - 1] : name;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_run_read_result(lab, record, name, MLI_FORMAT_MAX_BYTES, &text, err);
    if (status == MODELLAB_OK) {
        status = mli_format_read(MLI_TEXT_VERBOSE_JSON, mli_buf_text(&text), text.size, lab->alloc,
                                 out, err);
    }
    mli_buf_dispose(&text);
    return status;
}

modellab_status mli_run_transcript(mli_lab *lab, const char *run_id, bool with_names,
                                   mli_transcript **out, modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_transcript *plain = NULL;
    mli_json *names = NULL;
    int64_t when;
    modellab_status status = load(lab, run_id, &record, err);

    if (status == MODELLAB_OK) {
        status = read_transcript(lab, record, &plain, err);
    }
    if (status == MODELLAB_OK && with_names) {
        status = mli_note_speakers(lab, run_id, &names, &when, err);
    }
    if (status == MODELLAB_OK && names != NULL) {
        status = mli_transcript_with_names(plain, names, lab->alloc, out, err);
    } else if (status == MODELLAB_OK) {
        *out = plain;
        plain = NULL;
    }
    mli_transcript_unref(plain);
    mli_json_free(names);
    mli_run_record_free(record);
    return status;
}

/* --- speakers --- */

typedef struct speaking {
    size_t count;
    const char *names[SPEAKERS_MOST]; /* borrowed */
    double seconds[SPEAKERS_MOST];
} speaking;

static void add(speaking *s, const char *name, double seconds)
{
    size_t i = 0;

    while (i < s->count && strcmp(s->names[i], name) != 0) {
        i++;
    }
    if (i == SPEAKERS_MOST) {
        return;
    }
    if (i == s->count) {
        s->names[s->count++] = name;
        s->seconds[i] = 0;
    }
    s->seconds[i] += seconds > 0 ? seconds : 0;
}

static void put_speakers(const speaking *s, const mli_json *names, int64_t when, mli_buf *out)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_key(&w, "speakers");
    mli_jw_array(&w);
    for (size_t i = 0; i < s->count; i++) {
        mli_jw_object(&w);
        mli_jw_kstring(&w, "speaker", s->names[i]);
        mli_jw_kstring(&w, "name", mli_json_string(mli_json_get(names, s->names[i]), NULL));
        mli_jw_kreal(&w, "seconds", s->seconds[i]);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_key(&w, "names");
    if (names != NULL) {
        mli_jw_json(&w, names);
    } else {
        mli_jw_object(&w);
        mli_jw_end_object(&w);
    }
    mli_jw_kutc(&w, "updated_at", when);
    mli_jw_end_object(&w);
}

static void add_turns(speaking *s, const mli_json *root)
{
    const mli_json *turns = mli_json_get(root, "turns");

    for (size_t i = 0; i < mli_json_count(turns); i++) {
        const mli_json *one = mli_json_at(turns, i);

        add(s, mli_json_string(mli_json_get(one, "speaker"), ""),
            mli_json_number(mli_json_get(one, "end"), 0) -
                mli_json_number(mli_json_get(one, "start"), 0));
    }
}

static void add_segments(speaking *s, const mli_transcript *t)
{
    for (size_t i = 0; i < t->segment_count; i++) {
        if (t->segments[i].speaker != NULL) {
            add(s, t->segments[i].speaker, t->segments[i].end - t->segments[i].start);
        }
    }
}

/* From the turns of diarization, else from the transcript. */
MODELLAB_MUST_CHECK static modellab_status collect(mli_lab *lab, const mli_run_record *record,
                                                   speaking *s, mli_json **turns,
                                                   mli_transcript **t, modellab_error *err)
{
    modellab_status status;

    if (find(record, "speakers.json") != NULL) {
        mli_buf text;

        mli_buf_init(&text, lab->alloc);
        status = mli_run_read_result(lab, record, "speakers.json", TURNS_MOST, &text, err);
        if (status == MODELLAB_OK) {
            status = mli_json_parse(mli_buf_text(&text), text.size, TURNS_MOST, turns, err);
        }
        mli_buf_dispose(&text);
        add_turns(s, *turns);
        return status;
    }
    status = read_transcript(lab, record, t, err);
    if (status == MODELLAB_OK) {
        add_segments(s, *t);
    } else if (status == MODELLAB_E_NOT_FOUND && mli_status_is_final(record->run->status) &&
               (record->run->removed & MLI_PART_ARTIFACTS) == 0) {
        mli_error_clear(err); /* nobody was looked for */
        status = MODELLAB_OK;
    }
    return status;
}

modellab_status mli_run_speakers(mli_lab *lab, const char *run_id, mli_buf *out,
                                 modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_json *turns = NULL, *names = NULL;
    mli_transcript *t = NULL;
    speaking s = {.count = 0};
    int64_t when = -1;
    modellab_status status = load(lab, run_id, &record, err);

    if (status == MODELLAB_OK) {
        status = collect(lab, record, &s, &turns, &t, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_note_speakers(lab, run_id, &names, &when, err);
    }
    if (status == MODELLAB_OK) {
        put_speakers(&s, names, when, out);
        status = mli_buf_status(out, err);
    }
    mli_transcript_unref(t);
    mli_json_free(turns);
    mli_json_free(names);
    mli_run_record_free(record);
    return status;
}

modellab_status mli_run_peaks(mli_lab *lab, const char *run_id, int32_t points, mli_buf *out,
                              modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_peaks peaks = {.alloc = lab->alloc};
    mli_buf text;
    modellab_status status = load(lab, run_id, &record, err);

    mli_buf_init(&text, lab->alloc);
    if (status == MODELLAB_OK) {
        status = mli_run_read_result(lab, record, "peaks.json", MLI_PEAKS_JSON_MOST, &text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_peaks_read(mli_buf_text(&text), text.size, lab->alloc, &peaks, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_peaks_draw(&peaks, (size_t)points, out, err);
    }
    mli_peaks_dispose(&peaks);
    mli_buf_dispose(&text);
    mli_run_record_free(record);
    return status;
}
