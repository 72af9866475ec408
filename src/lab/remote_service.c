/* Looking into requests and into the configuration. */
#include "lab/remote_service.h"

#include "base/alloc.h"
#include "base/config.h"
#include "lab/request.h"
#include <math.h>
#include <string.h>

static const char *const steps[] = {"chapters", "summary", "action_items"};
enum { STEPS = sizeof steps / sizeof steps[0] };

static bool is_wanted(const mli_json *request, const char *step)
{
    const mli_json *config = mli_json_get(mli_json_get(request, "config"), step);

    return strcmp(mli_json_string(mli_json_get(config, "provider"), ""), MLI_REMOTE_PROVIDER) == 0;
}

bool mli_remote_wanted(const mli_json *request)
{
    for (size_t i = 0; i < STEPS; i++) {
        if (is_wanted(request, steps[i])) {
            return true;
        }
    }
    return false;
}

/* Bytes of transcript for a second of audio, with the times of its segments. */
#define BYTES_A_SECOND 20.0

static int64_t parts_of(double audio_seconds, int64_t part_bytes)
{
    double parts = ceil(audio_seconds * BYTES_A_SECOND / (double)part_bytes);

    return parts < 1 ? 1 : parts > MLI_REMOTE_PARTS_MOST ? MLI_REMOTE_PARTS_MOST : (int64_t)parts;
}

modellab_status mli_remote_forecast_make(const char *request_json, double audio_seconds,
                                         mli_remote_forecast *out, modellab_error *err)
{
    mli_json *root = NULL;
    int64_t part_bytes;

    *out = (mli_remote_forecast){0, 0, 0};
    if (strstr(request_json, "\"" MLI_REMOTE_PROVIDER "\"") == NULL) {
        return MODELLAB_OK;
    }
    modellab_status status = mli_config_int("MODEL_LAB_REMOTE_PART_BYTES",
                                            (int64_t)MLI_REMOTE_PART_BYTES, &part_bytes, err);
    if (status == MODELLAB_OK) {
        status =
            mli_json_parse(request_json, strlen(request_json), MLI_REQUEST_MAX_BYTES, &root, err);
    }
    int64_t parts = status == MODELLAB_OK ? parts_of(audio_seconds, part_bytes) : 0;
    for (size_t i = 0; status == MODELLAB_OK && i < STEPS; i++) {
        if (is_wanted(root, steps[i])) { /* a long summary is summed up once more */
            out->expected += parts + (parts > 1 && strcmp(steps[i], "summary") == 0);
            out->low += 1;
        }
    }
    out->high = out->expected * MLI_REMOTE_TRIES;
    mli_json_free(root);
    return status;
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
    if (status == MODELLAB_OK) {
        status = mli_config_get(alloc, "MODEL_LAB_REMOTE_MODEL", &out->model, NULL, err);
    }
    return status == MODELLAB_OK
               ? mli_config_int("MODEL_LAB_REMOTE_PART_BYTES", (int64_t)MLI_REMOTE_PART_BYTES,
                                &out->part_bytes, err)
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
