/* Making the seal of a run that ends. */
#include "lab/seal.h"

#include "base/error.h"
#include "log/logger.h"
#include "store/seal.h"

void mli_run_seal(const mli_lab *lab, const char *run_id, modellab_logger *log, mli_buf *out)
{
    mli_seal seal;
    modellab_error err = MODELLAB_ERROR_INIT;
    size_t start = out->size;
    modellab_status status =
        mli_run_seal_make(lab->os.files, lab->root, run_id, lab->alloc, &seal, &err);

    if (status == MODELLAB_OK) {
        mli_run_seal_write(&seal, out);
        status = mli_buf_status(out, &err);
    }
    if (status != MODELLAB_OK) {
        out->size = start;
        out->status = MODELLAB_OK;
        if (out->data != NULL) {
            out->data[start] = '\0'; /* else half a seal would be taken for a whole one */
        }
        mli_log_error(log, MODELLAB_LOG_WARN, "run.not_sealed",
                      "later changes of its files will not be noticed", status, &err);
    }
}
