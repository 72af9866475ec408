/* Languages and tasks against the catalog. The catalog is read only when it can matter: nearly all
 * requests leave both to the model. */
#include "lab/model_fit.h"

#include "models/catalog.h"
#include "text/whisper_tokenizer.h"
#include <string.h>

static bool knows_english_only(const mli_catalog_model *model)
{
    return model != NULL && model->language_count == 1 && strcmp(model->languages[0], "en") == 0;
}

modellab_status mli_model_fit(const mli_request *request, const modellab_allocator *alloc,
                              mli_findings *report, modellab_error *err)
{
    const mli_json *asr = mli_json_get(mli_json_get(request->given, "config"), "asr");
    const char *language = mli_json_string(mli_json_get(asr, "language"), "auto");
    const char *task = mli_json_string(mli_json_get(asr, "task"), "transcribe");
    int32_t index = strcmp(language, "auto") == 0 ? 0 : mli_whisper_language_find(language);
    bool translates = strcmp(task, "translate") == 0;
    mli_catalog *catalog = NULL;
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
    status = mli_catalog_builtin(alloc, &catalog, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (knows_english_only(mli_catalog_find(catalog, request->model))) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR,
                         translates ? "request.task" : "request.language",
                         translates ? "/config/asr/task" : "/config/asr/language",
                         "The model \"%s\" knows English only.", request->model);
    }
    mli_catalog_destroy(catalog);
    return MODELLAB_OK;
}
