/* What came out of a run and what it took, as one document: members of its record, the ledger of
 * its input, and where each result comes from. */
#include "lab/run_result.h"

#include "base/error.h"
#include "base/hash.h"
#include "lab/run_json.h"
#include "lab/snapshot.h"
#include <string.h>

#define RECORD_MOST ((size_t)32 * 1024 * 1024)
#define COVERAGE_MOST ((size_t)4 * 1024 * 1024)

static void copy(mli_jw *w, const mli_json *record, const char *const *keys)
{
    for (; *keys != NULL; keys++) {
        mli_jw_kjson(w, *keys, mli_json_get(record, *keys));
    }
}

static void put_steps(mli_jw *w, const mli_json *record)
{
    static const char *const keys[] = {"name",
                                       "status",
                                       "reason",
                                       "duration_ms",
                                       "cpu_seconds",
                                       "gpu_seconds",
                                       "peak_memory_bytes",
                                       "audio_seconds",
                                       "api_calls",
                                       "reused_from",
                                       "result",
                                       NULL};
    const mli_json *steps = mli_json_get(record, "steps");

    mli_jw_key(w, "steps");
    mli_jw_array(w);
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        mli_jw_object(w);
        copy(w, mli_json_at(steps, i), keys);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

static void put_models(mli_jw *w, const mli_json *record)
{
    const mli_json *steps = mli_json_get(record, "steps");

    mli_jw_key(w, "models");
    mli_jw_array(w);
    for (size_t i = 0; i < mli_json_count(steps); i++) {
        const mli_json *step = mli_json_at(steps, i), *models = mli_json_get(step, "models");
        size_t count = models != NULL && mli_json_typeof(models) == MLI_JSON_ARRAY
                           ? mli_json_count(models)
                           : 0;

        for (size_t k = 0; k < count; k++) {
            static const char *const keys[] = {"option", "name", "sha256", NULL};

            mli_jw_object(w);
            mli_jw_kjson(w, "step", mli_json_get(step, "name"));
            copy(w, mli_json_at(models, k), keys);
            mli_jw_end_object(w);
        }
    }
    mli_jw_end_array(w);
}

static void put_provenance(mli_jw *w, const mli_run_row *run, const mli_json *record)
{
    static const char *const keys[] = {"engine", "sandbox", NULL};
    mli_sha256 hash;
    char digits[65];

    mli_sha256_init(&hash);
    mli_sha256_update(&hash, run->request_json, strlen(run->request_json));
    mli_sha256_hex(&hash, digits);
    mli_jw_key(w, "provenance");
    mli_jw_object(w);
    copy(w, record, keys);
    mli_run_put_text(w, "input_sha256", run->input_sha256);
    mli_jw_kstring(w, "request_sha256", digits);
    put_models(w, record);
    mli_jw_end_object(w);
}

/* Is that the file's fault, and not the machine's? */
static bool is_damage(modellab_status status)
{
    return status == MODELLAB_E_HASH_MISMATCH || status == MODELLAB_E_INVALID_JSON ||
           status == MODELLAB_E_STORE_CORRUPT || status == MODELLAB_E_LIMIT ||
           status == MODELLAB_E_SCHEMA || status == MODELLAB_E_IO;
}

/* null when the run has made none (yet), or it was taken away. One that is damaged is told among
 * the warnings: the rest does not depend on it. */
MODELLAB_MUST_CHECK static modellab_status put_coverage(mli_lab *lab, const mli_run_record *record,
                                                        mli_jw *w, modellab_error *err)
{
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    mli_buf text;
    modellab_status status;
    bool damaged;

    mli_buf_init(&text, lab->alloc);
    status = mli_run_read_result(lab, record, "coverage.json", COVERAGE_MOST, &text, &why);
    if (status == MODELLAB_OK) {
        status = mli_json_parse(mli_buf_text(&text), text.size, COVERAGE_MOST, &root, &why);
    } else if (status == MODELLAB_E_NOT_FOUND || status == MODELLAB_E_STATE) {
        status = MODELLAB_OK;
    }
    damaged = is_damage(status);
    if (status == MODELLAB_OK || damaged) {
        mli_jw_kjson(w, "coverage", root);
        mli_jw_key(w, "warnings");
        mli_jw_array(w);
        if (damaged) {
            mli_jw_object(w);
            mli_jw_kstring(w, "id", "coverage.damaged");
            mli_jw_kstring(w, "text", why.message);
            mli_jw_end_object(w);
        }
        mli_jw_end_array(w);
        status = MODELLAB_OK;
    }
    mli_json_free(root);
    mli_buf_dispose(&text);
    return status == MODELLAB_OK ? status : mli_fail(err, status, "%s", why.message);
}

MODELLAB_MUST_CHECK static modellab_status write_results(mli_lab *lab, const mli_run_record *record,
                                                         const mli_json *all, mli_buf *out,
                                                         modellab_error *err)
{
    static const char *const keys[] = {
        "run_id",        "status",   "reason",   "metrics",        "measures", "cost",
        "quality_flags", "findings", "estimate", "estimate_error", NULL};
    mli_jw w;
    modellab_status status;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    copy(&w, all, keys);
    put_steps(&w, all);
    put_provenance(&w, record->run, all);
    status = put_coverage(lab, record, &w, err);
    mli_jw_end_object(&w);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

modellab_status mli_run_results(mli_lab *lab, const char *run_id, mli_buf *out, modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_json *all = NULL;
    mli_buf text;
    modellab_status status =
        mli_ulid_valid(run_id) ? mli_store_load(lab->store, run_id, &record, err)
                               : mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");

    mli_buf_init(&text, lab->alloc);
    if (status == MODELLAB_OK) {
        mli_run_write_json(record, &text);
        status = mli_buf_status(&text, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_json_parse(mli_buf_text(&text), text.size, RECORD_MOST, &all, err);
    }
    if (status == MODELLAB_OK) {
        status = write_results(lab, record, all, out, err);
    }
    mli_json_free(all);
    mli_buf_dispose(&text);
    mli_run_record_free(record);
    return status;
}
