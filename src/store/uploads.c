/* The store's operations of uploads, whatever is behind them. */
#include "store/uploads.h"

#include "store/store.h"

modellab_status mli_store_upload_put(mli_store *store, const mli_upload_row *row, int64_t most,
                                     int64_t *others, bool *fits, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *others = 0;
    *fits = false;
    return status == MODELLAB_OK ? store->ops->upload_put(store, row, most, others, fits, err)
                                 : status;
}

modellab_status mli_store_upload_forget(mli_store *store, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->upload_forget(store, id, err) : status;
}

modellab_status mli_store_upload_sum(mli_store *store, const char *user, int64_t *bytes,
                                     modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *bytes = 0;
    return status == MODELLAB_OK ? store->ops->upload_sum(store, user, bytes, err) : status;
}

modellab_status mli_store_upload_ids(mli_store *store, const mli_upload_query *query,
                                     char ids[][MLI_ULID_BYTES], size_t *count, modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *count = 0;
    return status == MODELLAB_OK ? store->ops->upload_ids(store, query, ids, count, err) : status;
}
