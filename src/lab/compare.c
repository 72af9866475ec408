/* Comparing two runs: what was asked for, how they went, what they produced. */
#include "lab/compare.h"

#include "base/alloc.h"
#include "base/error.h"
#include "lab/compare_quality.h"
#include "lab/compare_text.h"
#include "lab/snapshot.h"
#include "os/locale.h"
#include <string.h>

#define POINTER_BYTES 512

typedef struct differences {
    mli_jw *w;
    char pointer[POINTER_BYTES];
    int depth;
} differences;

static void compare_values(differences *d, const mli_json *a, const mli_json *b);

static bool is_object(const mli_json *value)
{
    return value != NULL && mli_json_typeof(value) == MLI_JSON_OBJECT;
}

static void compare_member(differences *d, const char *key, const mli_json *a, const mli_json *b)
{
    size_t end = strlen(d->pointer);
    int n = mli_os_format(d->pointer + end, sizeof d->pointer - end, "/%s", key);

    if (n > 0 && (size_t)n < sizeof d->pointer - end) {
        compare_values(d, a, b);
    }
    d->pointer[end] = '\0';
}

static void compare_values(differences *d, const mli_json *a, const mli_json *b)
{
    const char *key;
    const mli_json *value;

    if (is_object(a) && is_object(b) && d->depth < 16) {
        d->depth++;
        for (mli_json_cursor c = mli_json_first(a); mli_json_next(&c, &key, &value);) {
            compare_member(d, key, value, mli_json_get(b, key));
        }
        for (mli_json_cursor c = mli_json_first(b); mli_json_next(&c, &key, &value);) {
            if (mli_json_get(a, key) == NULL) {
                compare_member(d, key, NULL, value);
            }
        }
        d->depth--;
        return;
    }
    if (a != NULL && b != NULL && mli_json_equal(a, b)) {
        return;
    }
    mli_jw_object(d->w);
    mli_jw_kstring(d->w, "pointer", d->pointer);
    mli_jw_kjson(d->w, "a", a);
    mli_jw_kjson(d->w, "b", b);
    mli_jw_end_object(d->w);
}

void mli_json_differences(const mli_json *a, const mli_json *b, mli_jw *out)
{
    differences d = {.w = out};

    mli_jw_array(out);
    compare_values(&d, a, b);
    mli_jw_end_array(out);
}

/* Facts that people look at, by their place in the record. */
static const char *const fact_names[] = {
    "status",
    "reason/name",
    "pipeline",
    "attempt",
    "queue_wait_ms",
    "duration_ms",
    "input_metadata/sha256",
    "input_metadata/audio_seconds",
    "measures/cpu_seconds",
    "measures/gpu_seconds",
    "measures/peak_memory_bytes",
    "measures/api_calls",
    "cost/micros",
    "cost/currency",
    "cost/price_sheet",
    "engine/model",
    "engine/model_sha256",
    "engine/description",
};

static const mli_json *fact(const mli_json *record, const char *name)
{
    char first[32];
    size_t n = strcspn(name, "/");

    memcpy(first, name, n);
    first[n] = '\0';
    record = mli_json_get(record, first);
    return name[n] == '/' && record != NULL ? mli_json_get(record, name + n + 1) : record;
}

static void put_facts(mli_jw *w, const mli_json *a, const mli_json *b)
{
    mli_jw_array(w);
    for (size_t i = 0; i < sizeof fact_names / sizeof *fact_names; i++) {
        const mli_json *of_a = fact(a, fact_names[i]), *of_b = fact(b, fact_names[i]);
        bool none = of_a == NULL && of_b == NULL;

        mli_jw_object(w);
        mli_jw_kstring(w, "name", fact_names[i]);
        mli_jw_kjson(w, "a", of_a);
        mli_jw_kjson(w, "b", of_b);
        mli_jw_kbool(w, "same",
                     none || (of_a != NULL && of_b != NULL && mli_json_equal(of_a, of_b)));
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

static const mli_artifact_row *named(const mli_run_record *record, const char *name)
{
    for (size_t i = record->artifact_count; i > 0; i--) { /* of several attempts the last */
        if (strcmp(record->artifacts[i - 1].name, name) == 0) {
            return &record->artifacts[i - 1];
        }
    }
    return NULL;
}

static void put_pair(mli_jw *w, const char *name, const mli_artifact_row *a,
                     const mli_artifact_row *b)
{
    mli_jw_object(w);
    mli_jw_kstring(w, "name", name);
    mli_jw_kstring(w, "a_sha256", a == NULL ? NULL : a->sha256);
    mli_jw_kstring(w, "b_sha256", b == NULL ? NULL : b->sha256);
    mli_jw_kbool(w, "same", a != NULL && b != NULL && strcmp(a->sha256, b->sha256) == 0);
    mli_jw_end_object(w);
}

static void put_artifacts(mli_jw *w, const mli_run_record *a, const mli_run_record *b)
{
    mli_jw_array(w);
    for (size_t i = 0; i < a->artifact_count; i++) {
        if (named(a, a->artifacts[i].name) == &a->artifacts[i]) {
            put_pair(w, a->artifacts[i].name, &a->artifacts[i], named(b, a->artifacts[i].name));
        }
    }
    for (size_t i = 0; i < b->artifact_count; i++) {
        if (named(b, b->artifacts[i].name) == &b->artifacts[i] &&
            named(a, b->artifacts[i].name) == NULL) {
            put_pair(w, b->artifacts[i].name, NULL, &b->artifacts[i]);
        }
    }
    mli_jw_end_array(w);
}

typedef struct side {
    mli_run_record *record;
    mli_json *json; /* the record's */
} side;

MODELLAB_MUST_CHECK static modellab_status load(mli_lab *lab, const char *run_id, side *out,
                                                modellab_error *err)
{
    mli_buf text;
    modellab_status status;

    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &out->record, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    mli_run_write_json(out->record, &text);
    status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(text.data, text.size, (size_t)16 << 20, &out->json, err);
    }
    mli_buf_dispose(&text);
    return status;
}

static void unload(side *s)
{
    mli_json_free(s->json);
    mli_run_record_free(s->record);
}

MODELLAB_MUST_CHECK static modellab_status write_all(mli_lab *lab, const side *a, const side *b,
                                                     const mli_cancel_word *cancel, mli_buf *out,
                                                     modellab_error *err)
{
    modellab_status status;
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "a", a->record->run->id);
    mli_jw_kstring(&w, "b", b->record->run->id);
    mli_jw_key(&w, "facts");
    put_facts(&w, a->json, b->json);
    mli_jw_key(&w, "request");
    mli_json_differences(mli_json_get(a->json, "request"), mli_json_get(b->json, "request"), &w);
    status = mli_compare_quality(a->json, b->json, lab->alloc, &w, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_jw_key(&w, "artifacts");
    put_artifacts(&w, a->record, b->record);
    mli_jw_key(&w, "transcript");
    status = mli_compare_transcripts(lab, a->record, b->record, cancel, &w, err);
    mli_jw_end_object(&w);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

modellab_status mli_run_compare(mli_lab *lab, const char *a, const char *b,
                                const mli_cancel_word *cancel, mli_buf *out, modellab_error *err)
{
    side sides[2] = {{NULL, NULL}, {NULL, NULL}};
    modellab_status status = load(lab, a, &sides[0], err);

    if (status == MODELLAB_OK) {
        status = load(lab, b, &sides[1], err);
    }
    if (status == MODELLAB_OK) {
        status = write_all(lab, &sides[0], &sides[1], cancel, out, err);
    }
    unload(&sides[0]);
    unload(&sides[1]);
    return status;
}
