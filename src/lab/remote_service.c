/* Looking into requests and into the configuration. */
#include "lab/remote_service.h"

#include "base/alloc.h"
#include "base/config.h"
#include "lab/request.h"
#include <string.h>

bool mli_remote_wanted(const mli_json *request)
{
    static const char *const steps[] = {"chapters", "summary", "action_items"};
    const mli_json *config = mli_json_get(request, "config");

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        const mli_json *provider = mli_json_get(mli_json_get(config, steps[i]), "provider");
        if (strcmp(mli_json_string(provider, ""), MLI_REMOTE_PROVIDER) == 0) {
            return true;
        }
    }
    return false;
}

modellab_status mli_remote_wanted_by(const char *request_json, bool *out, modellab_error *err)
{
    mli_json *root = NULL;

    *out = false;
    if (strstr(request_json, "\"" MLI_REMOTE_PROVIDER "\"") == NULL) {
        return MODELLAB_OK;
    }
    modellab_status status =
        mli_json_parse(request_json, strlen(request_json), MLI_REQUEST_MAX_BYTES, &root, err);
    if (status == MODELLAB_OK) {
        *out = mli_remote_wanted(root);
    }
    mli_json_free(root);
    return status;
}

modellab_status mli_remote_settings_read(mli_remote_settings *out, const modellab_allocator *alloc,
                                         modellab_error *err)
{
    *out = (mli_remote_settings){.alloc = alloc};
    modellab_status status = mli_config_get(alloc, "MODEL_LAB_REMOTE_URL", &out->url, NULL, err);
    if (status == MODELLAB_OK) {
        status = mli_config_get(alloc, "MODEL_LAB_REMOTE_API_KEY", &out->key, NULL, err);
    }
    return status == MODELLAB_OK
               ? mli_config_get(alloc, "MODEL_LAB_REMOTE_MODEL", &out->model, NULL, err)
               : status;
}

void mli_remote_settings_dispose(mli_remote_settings *settings)
{
    if (settings->key != NULL) {
        memset(settings->key, 0, strlen(settings->key));
    }
    mli_free(settings->alloc, settings->url);
    mli_free(settings->alloc, settings->key);
    mli_free(settings->alloc, settings->model);
    *settings = (mli_remote_settings){0};
}
