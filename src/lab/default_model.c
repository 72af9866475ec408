/* The default model of the catalog in force. The built-in catalog is not read for it: its default
 * is known (a test compares), and a lab opens faster. */
#include "lab/default_model.h"

#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/request.h"
#include "models/catalog.h"

MODELLAB_MUST_CHECK static modellab_status find(mli_lab *lab, modellab_error *err)
{
    char *path = NULL;
    mli_catalog *catalog = NULL;
    const mli_catalog_model *found;
    modellab_status status = mli_config_get(lab->alloc, "MODEL_LAB_CATALOG", &path, NULL, err);

    mli_free(lab->alloc, path);
    if (status != MODELLAB_OK) {
        return status;
    }
    if (path == NULL) {
        (void)mli_str_copy(lab->default_model, sizeof lab->default_model,
                           MLI_REQUEST_DEFAULT_MODEL);
        return MODELLAB_OK;
    }
    status = mli_catalog_configured(lab->alloc, &catalog, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    found = mli_catalog_default(catalog, "asr");
    if (found != NULL) {
        (void)mli_str_copy(lab->default_model, sizeof lab->default_model, found->name);
    } else {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "the catalog names no default model");
    }
    mli_catalog_destroy(catalog);
    return status;
}

modellab_status mli_default_model_take(mli_lab *lab, modellab_error *err)
{
    const modellab_error none = MODELLAB_ERROR_INIT;
    modellab_status status;

    lab->default_model_error = none;
    status = find(lab, &lab->default_model_error);
    return status == MODELLAB_E_NO_MEMORY ? mli_no_memory(err) : MODELLAB_OK;
}

modellab_status mli_lab_default_model(const mli_lab *lab, const char **out, modellab_error *err)
{
    *out = lab->default_model;
    return lab->default_model[0] != '\0' ? MODELLAB_OK
                                         : mli_fail(err, lab->default_model_error.code, "%s",
                                                    lab->default_model_error.message);
}
