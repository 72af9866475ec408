/* Languages and tasks against what the model knows. Files are read for it only when it can matter:
 * nearly all requests leave both to the model. */
#include "lab/model_fit.h"

#include "base/error.h"
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

    if (request->model[0] == '\0' || (index == 0 && !translates)) {
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

MODELLAB_MUST_CHECK static modellab_status tell_missing(const mli_lab *lab, const char *name,
                                                        mli_findings *report, modellab_error *err)
{
    char near[MLI_MODEL_NAME_MAX + 1], advice[MLI_MODEL_NAME_MAX + 32];
    modellab_error ignored = MODELLAB_ERROR_INIT; /* without a suggestion it is told as well */
    bool known = find_near(lab, name, near, &ignored) == MODELLAB_OK && near[0] != '\0';

    (void)mli_os_format(advice, sizeof advice, "%s%s%s",
                        known ? "did you mean \"" : "pull it first", known ? near : "",
                        known ? "\"?" : "");
    mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.not_installed", "/config/asr/model",
                     "The model \"%s\" is not installed; %s%s", name, advice, known ? "" : ".");
    return mli_fail(err, MODELLAB_E_NOT_FOUND, "the model \"%s\" is not installed; %s", name,
                    advice);
}

modellab_status mli_model_check(const mli_lab *lab, const char *name, mli_findings *report,
                                modellab_error *err)
{
    mli_model_store store = {.alloc = lab->alloc, .files = lab->os.files, .root = lab->models_root};
    mli_model_facts facts = {.state = MLI_MODEL_ABSENT};
    char why[256] = "";
    modellab_status status = MODELLAB_OK;

    if (name[0] == '\0') {
        return MODELLAB_OK;
    }
    if (mli_model_name_valid(name)) {
        status = mli_model_store_facts(&store, name, &facts, why, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (facts.state == MLI_MODEL_DAMAGED) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.damaged", "/config/asr/model",
                         "The installed model is damaged: %s", why);
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the installed model is damaged: %s", why);
    }
    if (facts.state != MLI_MODEL_INSTALLED) {
        return tell_missing(lab, name, report, err);
    }
    if (facts.task[0] != '\0' && strcmp(facts.task, "asr") != 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "model.unsuitable", "/config/asr/model",
                         "The model \"%s\" is one for %s, not for speech recognition.", name,
                         facts.task);
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "the model \"%s\" is one for %s, not for speech recognition", name,
                        facts.task);
    }
    return MODELLAB_OK;
}
