/* modellab_run_log: lines of the logs of runs. */
#include "api/buffer.h"
#include "api/cancel.h"
#include "base/error.h"
#include "base/sized.h"
#include "lab/log_read.h"

void modellab_log_query_init(modellab_log_query *query, size_t size)
{
    const modellab_log_query init = MODELLAB_LOG_QUERY_INIT;

    mli_sized_init(query, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status take(const modellab_log_query *given,
                                                mli_log_wanted *out, modellab_error *err)
{
    modellab_log_query taken = MODELLAB_LOG_QUERY_INIT;
    modellab_status status =
        mli_sized_in(&taken, sizeof taken, MLI_SIZE_UP_TO(modellab_log_query, cancel), given, err);

    if (status == MODELLAB_OK && (taken.limit < 0 || taken.limit > 1000)) {
        status = mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "limit is 1 to 1000");
    }
    *out = (mli_log_wanted){.cursor = taken.cursor,
                            .request_id = taken.request_id,
                            .user = taken.user,
                            .level = taken.level,
                            .limit = taken.limit == 0 ? 200 : taken.limit,
                            .cancel = mli_cancel_word_of(taken.cancel)};
    return status;
}

/* The page as a buffer; `id` is the run's, or the request's. */
MODELLAB_MUST_CHECK static modellab_status
read_page(modellab_lab *lab, const char *id, const modellab_log_query *query,
          modellab_status (*page)(mli_lab *, const char *, const mli_log_wanted *, mli_buf *,
                                  modellab_error *),
          modellab_buffer **out, modellab_error *err)
{
    mli_log_wanted wanted;
    mli_buf text;
    modellab_status status;

    if (out == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    }
    *out = NULL;
    if (id == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the id must not be NULL");
    }
    status = mli_lab_check(lab, false, err);
    if (status == MODELLAB_OK) {
        status = take(query, &wanted, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&text, lab->alloc);
    status = page(lab, id, &wanted, &text, err);
    if (status != MODELLAB_OK) {
        mli_buf_dispose(&text);
        return status;
    }
    return mli_buffer_from_buf(&text, out, err);
}

modellab_status modellab_run_log_read(modellab_lab *lab, const char *run_id,
                                      const modellab_log_query *query, modellab_buffer **out,
                                      modellab_error *err)
{
    return read_page(lab, run_id, query, mli_run_log_page, out, err);
}

modellab_status modellab_request_log_read(modellab_lab *lab, const char *request_id,
                                          const modellab_log_query *query, modellab_buffer **out,
                                          modellab_error *err)
{
    return read_page(lab, request_id, query, mli_request_log_page, out, err);
}
