/* Languages and tasks against what the model knows. Files are read for it only when it can matter:
 * nearly all requests leave both to the model. */
#include "lab/model_fit.h"

#include "base/error.h"
#include "lab/pipeline.h"
#include "models/catalog.h"
#include "models/installed.h"
#include "os/locale.h"
#include "text/whisper_tokenizer.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status knows_english_only(const mli_lab *lab, const char *name,
                                                              bool *out, modellab_error *err)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_model_facts facts = {.state = MLI_MODEL_ABSENT};
    mli_catalog *catalog = NULL;
    const mli_catalog_model *model;
    modellab_status status = MODELLAB_OK;

    *out = false;
    if (mli_model_name_valid(name)) {
        status = mli_model_store_facts(&store, name, &facts, NULL, err);
    }
    if (status != MODELLAB_OK || facts.languages[0] != '\0') {
        *out = status == MODELLAB_OK && strcmp(facts.languages, "en") == 0;
        return status;
    }
    status = mli_catalog_configured(lab->alloc, &catalog, err);
    if (status == MODELLAB_OK) {
        model = mli_catalog_find(catalog, name);
        *out =
            model != NULL && model->language_count == 1 && strcmp(model->languages[0], "en") == 0;
        mli_catalog_destroy(catalog);
    }
    return status;
}

modellab_status mli_model_fit(const mli_request *request, const mli_lab *lab, mli_findings *report,
                              modellab_error *err)
{
    const mli_json *asr = mli_json_get(mli_json_get(request->given, "config"), "asr");
    const char *language = mli_json_string(mli_json_get(asr, "language"), "auto");
    const char *task = mli_json_string(mli_json_get(asr, "task"), "transcribe");
    int32_t index = strcmp(language, "auto") == 0 ? 0 : mli_whisper_language_find(language);
    bool translates = strcmp(task, "translate") == 0;
    bool english_only = false;
    modellab_status status;

    if (!mli_steps_contain(mli_buf_text(&request->steps), "asr") || (index == 0 && !translates)) {
        return MODELLAB_OK;
    }
    if (index < 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.language",
                         "/config/asr/language",
                         "There is no such language: give a code such as \"en\", or \"auto\".");
        return MODELLAB_OK;
    }
    status = knows_english_only(lab, request->model, &english_only, err);
    if (status == MODELLAB_OK && english_only) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR,
                         translates ? "request.task" : "request.language",
                         translates ? "/config/asr/task" : "/config/asr/language",
                         "The model \"%s\" knows English only.", request->model);
    }
    return status;
}

/* Names that nobody has, or that only need to be pulled: a mistyped one is neither. */
MODELLAB_MUST_CHECK static modellab_status find_near(const mli_lab *lab, const char *name,
                                                     char near[MLI_MODEL_NAME_MAX + 1],
                                                     modellab_error *err)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_catalog *catalog = NULL;
    modellab_status status = mli_catalog_configured(lab->alloc, &catalog, err);

    near[0] = '\0';
    if (status == MODELLAB_OK && mli_catalog_find(catalog, name) == NULL) {
        status = mli_model_store_suggest(&store, catalog, name, near, err);
    }
    mli_catalog_destroy(catalog);
    return status;
}

/* The place of the model's name in the request. */
static void pointer_of(const mli_request_model *model, char out[96])
{
    (void)mli_os_format(out, 96, "/config/%s/%s", model->step, model->key);
}

MODELLAB_MUST_CHECK static modellab_status tell_missing(const mli_lab *lab,
                                                        const mli_request_model *model,
                                                        mli_findings *report, modellab_error *err)
{
    char near[MLI_MODEL_NAME_MAX + 1], advice[MLI_MODEL_NAME_MAX + 32], pointer[96];
    modellab_error ignored = MODELLAB_ERROR_INIT; /* without a suggestion it is told as well */
    bool known = find_near(lab, model->name, near, &ignored) == MODELLAB_OK && near[0] != '\0';

    pointer_of(model, pointer);
    (void)mli_os_format(advice, sizeof advice, "%s%s%s",
                        known ? "did you mean \"" : "pull it first", known ? near : "",
                        known ? "\"?" : "");
    mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.not_installed", pointer,
                     "The model \"%s\" is not installed; %s%s", model->name, advice,
                     known ? "" : ".");
    return mli_fail(err, MODELLAB_E_NOT_FOUND, "the model \"%s\" is not installed; %s", model->name,
                    advice);
}

/* What a task is, for people. */
static const char *text_of_task(const char *task)
{
    return strcmp(task, "asr") == 0 ? "speech recognition" : task;
}

MODELLAB_MUST_CHECK static modellab_status check_one(const mli_lab *lab,
                                                     const mli_request_model *model,
                                                     mli_findings *report, modellab_error *err)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_model_facts facts = {.state = MLI_MODEL_ABSENT};
    char why[256] = "", pointer[96];
    modellab_status status = MODELLAB_OK;

    pointer_of(model, pointer);
    if (mli_model_name_valid(model->name)) {
        status = mli_model_store_facts(&store, model->name, &facts, why, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (facts.state == MLI_MODEL_DAMAGED) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.damaged", pointer,
                         "The installed model is damaged: %s", why);
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the installed model is damaged: %s", why);
    }
    if (facts.state != MLI_MODEL_INSTALLED) {
        return tell_missing(lab, model, report, err);
    }
    if (facts.task[0] != '\0' && strcmp(facts.task, model->task) != 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.unsuitable", pointer,
                         "The model \"%s\" is one for %s, not for %s.", model->name,
                         text_of_task(facts.task), text_of_task(model->task));
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "the model \"%s\" is one for %s, not for %s", model->name,
                        text_of_task(facts.task), text_of_task(model->task));
    }
    return MODELLAB_OK;
}

modellab_status mli_models_check(const mli_lab *lab, const mli_request *request,
                                 mli_findings *report, modellab_error *err)
{
    modellab_status first = MODELLAB_OK;

    for (size_t i = 0; i < request->model_count; i++) {
        modellab_status status =
            check_one(lab, &request->models[i], report, first == MODELLAB_OK ? err : NULL);

        first = first == MODELLAB_OK ? status : first;
    }
    return first;
}
