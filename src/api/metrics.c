/* modellab_metrics: the text for a scrape. */
#include "lab/metrics.h"
#include "api/buffer.h"
#include "base/error.h"

modellab_status modellab_metrics_write(modellab_lab *lab, modellab_metrics_format format,
                                       modellab_buffer **out, modellab_error *err)
{
    modellab_status status = mli_lab_check(lab, false, err);
    mli_buf text;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = mli_metrics_write(lab, format, &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}
