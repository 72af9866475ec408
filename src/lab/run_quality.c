/* Results of steps as the record shows them. They went through a journal and the store: what cannot
 * be read becomes null, not a broken document. */
#include "lab/run_quality.h"

#include "base/error.h"
#include <string.h>

/* NULL when there is nothing that can be read; *no_memory then says whether that is why. */
static mli_json *told_of(const mli_step_row *step, bool *no_memory)
{
    mli_json *root = NULL;
    const char *text = step->told_json;

    if (text == NULL || text[0] == '\0') {
        return NULL;
    }
    *no_memory |=
        mli_json_parse(text, strlen(text), MLI_JSON_MAX_BYTES, &root, NULL) == MODELLAB_E_NO_MEMORY;
    return root;
}

static void note_memory(mli_jw *w, bool no_memory)
{
    if (no_memory && w->out->status == MODELLAB_OK) {
        w->out->status = MODELLAB_E_NO_MEMORY;
    }
}

void mli_run_put_told(mli_jw *w, const mli_step_row *step)
{
    bool no_memory = false;
    mli_json *told = told_of(step, &no_memory);
    bool old = told != NULL && mli_json_typeof(told) == MLI_JSON_ARRAY;

    mli_jw_key(w, "models");
    mli_jw_json(w, old ? told : mli_json_get(told, "models"));
    mli_jw_key(w, "result");
    mli_jw_json(w, mli_json_get(told, "result"));
    mli_json_free(told);
    note_memory(w, no_memory);
}

modellab_status mli_run_step_result(const mli_run_record *record, const char *step, mli_json **root,
                                    const mli_json **result, modellab_error *err)
{
    bool no_memory = false;

    *root = NULL;
    *result = NULL;
    for (size_t i = 0; i < record->step_count; i++) {
        if (strcmp(record->steps[i].name, step) == 0) {
            *root = told_of(&record->steps[i], &no_memory);
            *result = mli_json_get(*root, "result");
            break;
        }
    }
    return no_memory ? mli_no_memory(err) : MODELLAB_OK;
}

/* Kinds that weigh more than a note, each once, in the order of the findings. */
static void put_flags(mli_jw *w, const mli_json *findings)
{
    size_t count = findings != NULL ? mli_json_count(findings) : 0;

    mli_jw_array(w);
    for (size_t i = 0; i < count; i++) {
        const mli_json *one = mli_json_at(findings, i);
        const char *kind = mli_json_string(mli_json_get(one, "kind"), "");
        bool seen = strcmp(mli_json_string(mli_json_get(one, "severity"), ""), "info") == 0;

        for (size_t j = 0; j < i && !seen; j++) {
            const mli_json *earlier = mli_json_at(findings, j);
            seen = strcmp(mli_json_string(mli_json_get(earlier, "kind"), ""), kind) == 0 &&
                   strcmp(mli_json_string(mli_json_get(earlier, "severity"), ""), "info") != 0;
        }
        if (!seen && kind[0] != '\0') {
            mli_jw_string(w, kind);
        }
    }
    mli_jw_end_array(w);
}

void mli_run_put_flags(mli_jw *w, const mli_run_record *record)
{
    mli_json *of_asr;
    const mli_json *asr;
    modellab_status status = mli_run_step_result(record, "asr", &of_asr, &asr, NULL);

    note_memory(w, status != MODELLAB_OK);
    mli_jw_key(w, "quality_flags");
    if (asr == NULL) { /* nobody has looked */
        mli_jw_null(w);
    } else {
        put_flags(w, mli_json_get(asr, "findings"));
    }
    mli_json_free(of_asr);
}

void mli_run_put_quality(mli_jw *w, const mli_run_record *record)
{
    mli_json *of_score, *of_asr;
    const mli_json *score, *asr;
    modellab_status status = mli_run_step_result(record, "score", &of_score, &score, NULL);

    note_memory(w, status != MODELLAB_OK);
    status = mli_run_step_result(record, "asr", &of_asr, &asr, NULL);
    note_memory(w, status != MODELLAB_OK);
    mli_jw_key(w, "metrics");
    mli_jw_json(w, score);
    mli_jw_key(w, "quality_flags");
    if (asr == NULL) { /* nobody has looked */
        mli_jw_null(w);
    } else {
        put_flags(w, mli_json_get(asr, "findings"));
    }
    mli_jw_key(w, "findings");
    mli_jw_json(w, mli_json_get(asr, "findings"));
    mli_json_free(of_score);
    mli_json_free(of_asr);
}
