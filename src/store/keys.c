/* The store's operations of keys, whatever is behind them. */
#include "store/keys.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_key_list_free(mli_key_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

modellab_status mli_store_key_put(mli_store *store, const mli_key_row *row, int64_t most,
                                  modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->key_put(store, row, most, err) : status;
}

modellab_status mli_store_key_change(mli_store *store, const mli_key_change *change,
                                     modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->key_change(store, change, err) : status;
}

modellab_status mli_store_keys(mli_store *store, const char *id, mli_key_list **out,
                               modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->key_list(store, id, NULL, out, err) : status;
}

modellab_status mli_store_keys_look(mli_store *store, const char *hash, mli_key_list **out,
                                    modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->key_list(store, NULL, hash, out, err) : status;
}
