/* The store's operations of the feed of all events, whatever is behind them. */
#include "store/feed.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_feed_list_free(mli_feed_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

modellab_status mli_store_feed(mli_store *store, const mli_feed_query *query, mli_feed_list **out,
                               modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->feed(store, query, out, err) : status;
}

modellab_status mli_store_feed_end(mli_store *store, int64_t *seq, modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *seq = 0;
    return status == MODELLAB_OK ? store->ops->feed_end(store, seq, err) : status;
}
