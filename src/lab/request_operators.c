/* The operators of a request that prepare the audio: `preprocessing`, or config.enhance.operators.
 * Any operator brings step enhance along. */
#include "base/error.h"
#include "lab/pipeline.h"
#include "lab/request_private.h"
#include "os/locale.h"

void mli_request_read_operators(mli_request *r, mli_findings *report)
{
    const mli_json *list = mli_json_get(r->given, "preprocessing");
    const char *place = "/preprocessing";

    if (list == NULL) {
        place = "/config/enhance/operators";
        list = mli_json_get(mli_json_get(mli_json_get(r->given, "config"), "enhance"), "operators");
    }
    for (size_t i = 0; list != NULL && i < mli_json_count(list); i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        char pointer[64];

        (void)mli_os_format(pointer, sizeof pointer, "%s/%zu", place, i);
        modellab_status status = mli_enhance_parse_json(mli_json_at(list, i), &r->operators, &err);

        if (status == MODELLAB_E_NO_MEMORY) {
            r->steps.status = status; /* nothing is wrong with the request */
        } else if (status != MODELLAB_OK) {
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.operator", pointer, "%s.",
                             err.message);
        }
    }
}

void mli_request_check_operators(const mli_request *r, mli_findings *report)
{
    if (r->operators.count == 0 && mli_steps_contain(mli_buf_text(&r->steps), "enhance")) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.operators",
                         "/config/enhance/operators", "Step \"enhance\" needs operators here.");
    }
}

void mli_request_put_operators(mli_jw *w, const mli_request *r)
{
    const mli_json *given = mli_json_get(mli_json_get(r->given, "config"), "enhance");

    mli_jw_key(w, "enhance");
    mli_jw_object(w);
    mli_jw_key(w, "operators");
    mli_jw_array(w);
    for (size_t i = 0; i < r->operators.count; i++) {
        mli_enhance_write_json(&r->operators.ops[i], w);
    }
    mli_jw_end_array(w);
    mli_jw_kbool(w, "keep_audio", mli_json_bool(mli_json_get(given, "keep_audio"), false));
    mli_jw_end_object(w);
}
