/* The store's operations of notes, whatever is behind them. */
#include "store/notes.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_note_list_free(mli_note_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

modellab_status mli_store_note_put(mli_store *store, const char *run_id, const mli_note_row *note,
                                   modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->note_put(store, run_id, note, err) : status;
}

modellab_status mli_store_notes(mli_store *store, const char *run_id, mli_note_list **out,
                                modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->notes(store, run_id, out, err) : status;
}
