/* The store's operations of replies, whatever is behind them. */
#include "store/replies.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_reply_free(mli_reply *reply)
{
    if (reply != NULL) {
        mli_free(reply->alloc, reply->text);
        mli_free(reply->alloc, reply);
    }
}

modellab_status mli_store_reply_claim(mli_store *store, const mli_reply_row *claim, mli_reply **out,
                                      bool *mine, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *out = NULL;
    *mine = false;
    return status == MODELLAB_OK ? store->ops->reply_claim(store, claim, out, mine, err) : status;
}

modellab_status mli_store_reply_take_over(mli_store *store, const mli_reply_row *from,
                                          const char *to, bool *mine, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    *mine = false;
    return status == MODELLAB_OK ? store->ops->reply_take_over(store, from, to, mine, err) : status;
}

modellab_status mli_store_reply_match(mli_store *store, const char *user, const char *key,
                                      const char *owner, const char *fingerprint,
                                      modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK
               ? store->ops->reply_match(store, user, key, owner, fingerprint, err)
               : status;
}

modellab_status mli_store_reply_put(mli_store *store, const mli_reply_row *row, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->reply_put(store, row, err) : status;
}

modellab_status mli_store_reply_give_up(mli_store *store, const char *user, const char *key,
                                        const char *owner, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->reply_give_up(store, user, key, owner, err) : status;
}
