/* The store's operations of webhooks, whatever is behind them. */
#include "store/webhooks.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_webhook_list_free(mli_webhook_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

void mli_delivery_list_free(mli_delivery_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

modellab_status mli_store_webhook_put(mli_store *store, const mli_webhook_row *row, int64_t most,
                                      modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->webhook_put(store, row, most, err) : status;
}

modellab_status mli_store_webhook_delete(mli_store *store, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->webhook_change(store, id, false, err) : status;
}

modellab_status mli_store_webhook_enable(mli_store *store, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->webhook_change(store, id, true, err) : status;
}

modellab_status mli_store_webhooks(mli_store *store, const char *id, bool behind,
                                   mli_webhook_list **out, modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->webhook_list(store, id, behind, out, err) : status;
}

modellab_status mli_store_deliveries_put(mli_store *store, const char *webhook_id, int64_t from,
                                         int64_t to, const mli_delivery_row *rows, size_t count,
                                         bool *moved, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *moved = false;
    return status == MODELLAB_OK
               ? store->ops->deliveries_put(store, webhook_id, from, to, rows, count, moved, err)
               : status;
}

modellab_status mli_store_deliveries(mli_store *store, const char *webhook_id, const char *id,
                                     int64_t before, int32_t limit, mli_delivery_list **out,
                                     modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK
               ? store->ops->delivery_list(store, webhook_id, id, before, limit, out, err)
               : status;
}

modellab_status mli_store_delivery_take(mli_store *store, int64_t now_ms, int64_t until_ms,
                                        bool fresh, mli_delivery_list **out, int64_t *next_ms,
                                        modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *out = NULL;
    *next_ms = -1;
    return status == MODELLAB_OK
               ? store->ops->delivery_take(store, now_ms, until_ms, fresh, out, next_ms, err)
               : status;
}

modellab_status mli_store_delivery_end(mli_store *store, const mli_delivery_end *end,
                                       bool *disabled, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *disabled = false;
    return status == MODELLAB_OK ? store->ops->delivery_end(store, end, disabled, err) : status;
}
