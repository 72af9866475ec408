/* What an experiment keeps of its runs when they have ended, so that comparing goes on when the
 * runs are gone: status, measures, and the sums of their scores without any text. */
#include "lab/experiment_parts.h"

#include "base/error.h"
#include "lab/compare_text.h"
#include "lab/run_quality.h"
#include "lab/state.h"
#include "lab/step_state.h"
#include "log/logger.h"
#include "score/words.h"
#include <string.h>

#define MOST_SCORE ((int64_t)16 * 1024 * 1024)

static void put_int(mli_jw *w, const char *key, int64_t value)
{
    if (value >= 0)
        mli_jw_kint(w, key, value);
}

static void put_real(mli_jw *w, const char *key, double value)
{
    if (value >= 0)
        mli_jw_kreal(w, key, value);
}

static void put_measures(mli_jw *w, const mli_run_row *run)
{
    mli_jw_kstring(w, "status", mli_status_name_of_run(run->status));
    mli_jw_kstring(w, "reason", mli_reason_name(run->reason));
    put_real(w, "audio_seconds", run->audio_seconds);
    put_real(w, "cpu_seconds", run->cpu_seconds);
    put_real(w, "wall_seconds", run->attempt > 0 ? (double)run->wall_ms / 1000.0 : -1);
    put_int(w, "peak_memory_bytes", run->peak_memory_bytes);
    put_int(w, "api_calls", run->api_calls);
    put_int(w, "cost_micros", run->cost_micros);
    mli_jw_kstring(w, "currency", run->currency);
}

static const mli_artifact_row *find(const mli_run_record *record, const char *name)
{
    for (size_t i = record->artifact_count; i > 0; i--) { /* of several attempts the last */
        const mli_artifact_row *a = &record->artifacts[i - 1];
        if (strcmp(a->name, name) == 0 && strcmp(a->role, MLI_ROLE_LATE) != 0)
            return a;
    }
    return NULL;
}

/* What stays as it is however often one looks: there is no such file, or another thing in its
 * place. All else the machine is to blame for (too many open files are E_LIMIT, too): then nothing
 * is kept, and it is tried again. */
static bool is_final(const modellab_error *why)
{
    return why->code == MODELLAB_E_NOT_FOUND || why->code == MODELLAB_E_HASH_MISMATCH ||
           why->code == MODELLAB_E_INVALID_JSON || why->code == MODELLAB_E_STORE_CORRUPT ||
           why->code == MODELLAB_E_INVALID_ARGUMENT /* a link, a folder */ ||
           (why->code == MODELLAB_E_LIMIT && why->os_error == 0);
}

/* Scores of step score; nothing where there are none that can be read (anymore). */
MODELLAB_MUST_CHECK static modellab_status put_score(mli_lab *lab, const mli_run_record *record,
                                                     mli_jw *w, modellab_error *err)
{
    const mli_artifact_row *artifact = find(record, "score.json");
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_json *score = NULL;
    mli_buf text;
    if (artifact == NULL)
        return MODELLAB_OK;
    mli_buf_init(&text, lab->alloc);
    modellab_status status =
        mli_artifact_read(lab->os.files, lab->root, record->run->id, artifact->file, MOST_SCORE,
                          artifact->sha256, &text, &why);
    if (status == MODELLAB_OK)
        status = mli_json_parse(text.data, text.size, (size_t)MOST_SCORE, &score, &why);
    if (status == MODELLAB_OK)
        mli_experiment_put(w, "score", score, &text);
    mli_json_free(score);
    mli_buf_dispose(&text);
    if (status != MODELLAB_OK && !is_final(&why))
        return mli_fail_at(err, status, why.detail, "%s", why.message);
    if (status != MODELLAB_OK)
        mli_log_error(lab->logger, MODELLAB_LOG_WARN, "experiment.no_score",
                      "the scores of an experiment's run are lost", status, &why);
    return MODELLAB_OK;
}

/* How many findings of each kind that weigh more than a note; nothing when nobody has looked. */
MODELLAB_MUST_CHECK static modellab_status put_findings(const mli_run_record *record, mli_jw *w,
                                                        modellab_error *err)
{
    int64_t counts[MLI_ASR_FINDING_FALLBACK + 1] = {0};
    const mli_json *result;
    mli_json *root;
    modellab_status status = mli_run_step_result(record, "asr", &root, &result, err);
    const mli_json *findings = mli_json_get(result, "findings");
    for (size_t i = 0; findings != NULL && i < mli_json_count(findings); i++) {
        const mli_json *one = mli_json_at(findings, i);
        const char *kind = mli_json_string(mli_json_get(one, "kind"), "");
        const bool note = strcmp(mli_json_string(mli_json_get(one, "severity"), ""), "info") == 0;
        for (int k = MLI_ASR_FINDING_EMPTY; !note && k <= MLI_ASR_FINDING_FALLBACK; k++)
            counts[k] += strcmp(mli_asr_finding_name((mli_asr_finding_kind)k), kind) == 0;
    }
    if (findings != NULL) {
        mli_jw_key(w, "findings");
        mli_jw_object(w);
        for (int k = MLI_ASR_FINDING_EMPTY; k <= MLI_ASR_FINDING_FALLBACK; k++)
            mli_jw_kint(w, mli_asr_finding_name((mli_asr_finding_kind)k), counts[k]);
        mli_jw_end_object(w);
    }
    mli_json_free(root);
    return status;
}

/* What came out as one sha256: of the words, else of the turns. The same one, the same output. */
MODELLAB_MUST_CHECK static modellab_status put_output(mli_lab *lab, const mli_run_record *record,
                                                      const mli_cancel_word *cancel, mli_jw *w,
                                                      modellab_error *err)
{
    const mli_artifact_row *turns = find(record, "speakers.rttm");
    mli_transcript *t = NULL;
    char sha256[65];
    mli_sha256 hash;
    mli_buf words;
    modellab_status status = mli_compare_read(lab, record, &t, err);
    if (status != MODELLAB_OK)
        return status;
    mli_sha256_init(&hash);
    mli_buf_init(&words, lab->alloc);
    if (t != NULL) {
        mli_score_normalize(t->text, strlen(t->text), MLI_SCORE_BASIC, cancel, &words);
        mli_sha256_update(&hash, mli_buf_text(&words), words.size);
        status = mli_buf_status(&words, err);
    }
    if (turns != NULL)
        mli_sha256_update(&hash, turns->sha256, strlen(turns->sha256));
    mli_sha256_hex(&hash, sha256);
    if (t != NULL || turns != NULL)
        mli_jw_kstring(w, "output", sha256);
    mli_buf_dispose(&words);
    mli_transcript_unref(t);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status harvest(mli_lab *lab, const char *run_id,
                                                   const mli_cancel_word *cancel, mli_buf *out,
                                                   modellab_error *err)
{
    mli_run_record *record = NULL;
    mli_jw w;
    modellab_status status = mli_store_load(lab->store, run_id, &record, err);
    if (status != MODELLAB_OK)
        return status;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    put_measures(&w, record->run);
    status = put_score(lab, record, &w, err);
    if (status == MODELLAB_OK)
        status = put_findings(record, &w, err);
    if (status == MODELLAB_OK)
        status = put_output(lab, record, cancel, &w, err);
    mli_jw_end_object(&w);
    mli_run_record_free(record);
    return status == MODELLAB_OK ? mli_buf_status(out, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status keep(mli_lab *lab, const char *id,
                                                const mli_experiment_cell *cell,
                                                const mli_buf *text, modellab_error *err)
{
    mli_experiment_cell kept = *cell;
    kept.kept_json = mli_buf_text(text);
    return mli_store_experiment_keep(lab->store, id, &kept, err);
}

modellab_status mli_experiment_kept(mli_lab *lab, const char *id, const mli_experiment_cell *cell,
                                    const mli_cancel_word *cancel, mli_json **out,
                                    modellab_error *err)
{
    const char *text = cell->kept_json;
    modellab_error why = MODELLAB_ERROR_INIT;
    mli_buf made;
    *out = NULL;
    if (text[0] != '\0')
        return mli_json_parse(text, strlen(text), MLI_SNAPSHOT_MAX_BYTES, out, err);
    if (!mli_status_is_final(cell->status))
        return MODELLAB_OK;
    mli_buf_init(&made, lab->alloc);
    modellab_status status = harvest(lab, cell->run_id, cancel, &made, err);
    if (status == MODELLAB_OK) {
        /* a lab that cannot be written is compared as well; it is kept another time */
        status = keep(lab, id, cell, &made, &why);
        if (status != MODELLAB_OK && status != MODELLAB_E_STORE_READ_ONLY)
            mli_log_error(lab->logger, MODELLAB_LOG_WARN, "experiment.not_kept",
                          "what an experiment needs of a run could not be kept", status, &why);
        status = mli_json_parse(made.data, made.size, MLI_SNAPSHOT_MAX_BYTES, out, err);
    } else if (status == MODELLAB_E_NOT_FOUND) { /* it went meanwhile */
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    mli_buf_dispose(&made);
    return status;
}

bool mli_experiment_is_lost(modellab_run_status status, const char *kept_json)
{
    static const char *const lost[] = {"{\"status\":\"CANCELLED\"", "{\"status\":\"STALE\""};
    if (status != 0)
        return status == MODELLAB_RUN_CANCELLED || status == MODELLAB_RUN_STALE;
    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (strncmp(kept_json, lost[i], strlen(lost[i])) == 0)
            return true;
    return kept_json[0] == '\0';
}

/* Here nothing is forgiven: whoever asks takes the run away next. */
MODELLAB_MUST_CHECK static modellab_status
keep_cell(mli_lab *lab, const char *id, const mli_experiment_cell *cell, modellab_error *err)
{
    mli_buf made;
    if (cell->kept_json[0] != '\0' || !mli_status_is_final(cell->status))
        return MODELLAB_OK;
    mli_buf_init(&made, lab->alloc);
    modellab_status status = harvest(lab, cell->run_id, NULL, &made, err);
    if (status == MODELLAB_OK)
        status = keep(lab, id, cell, &made, err);
    mli_buf_dispose(&made);
    return status;
}

modellab_status mli_experiment_keep_run(mli_lab *lab, const mli_run_row *run, modellab_error *err)
{
    mli_experiment_cell_list *cells = NULL;
    modellab_status status = MODELLAB_OK;
    if (run->experiment_id[0] == '\0')
        return MODELLAB_OK;
    status = mli_store_experiment_cells(lab->store, run->experiment_id, run->id, &cells, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++)
        status = keep_cell(lab, run->experiment_id, &cells->rows[i], err);
    mli_experiment_cell_list_free(cells);
    return status;
}
