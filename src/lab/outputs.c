/* Names of the files of a run, from its steps and what it asks for. */
#include "lab/outputs.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/pipeline.h"
#include "lab/request.h"
#include "os/locale.h"
#include <string.h>

void mli_output_transcript(const char *format, bool partial, char out[MLI_OUTPUT_NAME_BYTES])
{
    const char *extension = strcmp(format, "json") == 0           ? "text.json"
                            : strcmp(format, "verbose_json") == 0 ? "json"
                                                                  : format;
    /* Formats come from a closed list; a longer word is cut and found in no list. */
    (void)mli_os_format(out, MLI_OUTPUT_NAME_BYTES, "transcript%s.%s", partial ? ".partial" : "",
                        extension);
}

MODELLAB_MUST_CHECK static modellab_status add(mli_outputs *out, const char *name,
                                               modellab_error *err)
{
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->names[i], name) == 0) {
            return MODELLAB_OK;
        }
    }
    if (out->count == MLI_OUTPUTS_MOST || strlen(name) >= MLI_OUTPUT_NAME_BYTES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the run's steps may write more than %d files",
                        (int)MLI_OUTPUTS_MOST);
    }
    (void)mli_str_copy(out->names[out->count++], MLI_OUTPUT_NAME_BYTES, name); /* fits */
    return MODELLAB_OK;
}

/* What the registry names, comma-separated. */
MODELLAB_MUST_CHECK static modellab_status add_listed(mli_outputs *out, const char *list,
                                                      modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && *list != '\0') {
        char name[MLI_OUTPUT_NAME_BYTES];
        size_t bytes = strcspn(list, ",");
        size_t kept = bytes < sizeof(name) ? bytes : sizeof(name) - 1;
        memcpy(name, list, kept);
        name[kept] = '\0';
        status = add(out, name, err);
        list += bytes + (list[bytes] == ',');
    }
    return status;
}

/* Each transcript may be whole or partial. */
MODELLAB_MUST_CHECK static modellab_status
add_transcripts(mli_outputs *out, const mli_json *request, modellab_error *err)
{
    const mli_json *config = mli_json_get(mli_json_get(request, "config"), "asr");
    const mli_json *formats = mli_json_get(config, "formats");
    size_t count = formats != NULL ? mli_json_count(formats) : 0;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i <= count; i++) {
        const char *format =
            i == 0 ? "verbose_json" : mli_json_string(mli_json_at(formats, i - 1), "");
        char name[MLI_OUTPUT_NAME_BYTES];
        mli_output_transcript(format, false, name);
        status = add(out, name, err);
        if (status == MODELLAB_OK) {
            mli_output_transcript(format, true, name);
            status = add(out, name, err);
        }
    }
    return status;
}

static bool is_asked(const mli_step_kind *kind, const mli_json *request)
{
    const mli_json *config = mli_json_get(mli_json_get(request, "config"), kind->name);
    return kind->asked != NULL && mli_json_bool(mli_json_get(config, kind->asked), false);
}

modellab_status mli_outputs_of(const char *steps, const mli_json *request, mli_outputs *out,
                               modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    out->count = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < mli_step_kind_count(); i++) {
        const mli_step_kind *kind = mli_step_kind_at(i);
        if (!mli_steps_contain(steps, kind->name)) {
            continue;
        }
        status = add_listed(out, kind->outputs, err);
        if (status == MODELLAB_OK && is_asked(kind, request)) {
            status = add_listed(out, kind->asked_outputs, err);
        }
        if (status == MODELLAB_OK && kind->writes_transcripts) {
            status = add_transcripts(out, request, err);
        }
    }
    return status;
}

/* A request whose text does not have the name of an option does not ask for it. */
static bool needs_request(const char *steps, const char *request)
{
    for (size_t i = 0; i < mli_step_kind_count(); i++) {
        const mli_step_kind *kind = mli_step_kind_at(i);
        if ((kind->writes_transcripts ||
             (kind->asked != NULL && strstr(request, kind->asked) != NULL)) &&
            mli_steps_contain(steps, kind->name)) {
            return true;
        }
    }
    return false;
}

modellab_status mli_outputs_of_row(const mli_run_row *row, mli_outputs *out, modellab_error *err)
{
    mli_json *request = NULL;
    modellab_status status = MODELLAB_OK;
    out->count = 0;
    if (row->is_record != 0) {
        return MODELLAB_OK; /* its host writes them itself */
    }
    if (needs_request(row->steps, row->request_json)) {
        status = mli_json_parse(row->request_json, strlen(row->request_json), MLI_REQUEST_MAX_BYTES,
                                &request, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_outputs_of(row->steps, request, out, err);
    }
    mli_json_free(request);
    return status;
}
