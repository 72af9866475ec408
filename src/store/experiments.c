/* The store's operations of experiments, whatever is behind them. */
#include "store/experiments.h"

#include "base/alloc.h"
#include "store/store.h"

void mli_experiment_list_free(mli_experiment_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

void mli_experiment_cell_list_free(mli_experiment_cell_list *list)
{
    if (list != NULL) {
        mli_free(list->alloc, list->rows);
        mli_free(list->alloc, list->text);
        mli_free(list->alloc, list);
    }
}

modellab_status mli_store_experiment_put(mli_store *store, const mli_experiment_row *row,
                                         modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->experiment_put(store, row, err) : status;
}

modellab_status mli_store_experiment_load(mli_store *store, const char *id,
                                          mli_experiment_list **out, modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->experiment_load(store, id, out, err) : status;
}

modellab_status mli_store_experiments(mli_store *store, mli_experiment_list **out,
                                      modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->experiment_list(store, out, err) : status;
}

modellab_status mli_store_experiment_mark(mli_store *store, const char *id,
                                          mli_experiment_mark mark, int64_t now_ms,
                                          modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->experiment_mark(store, id, mark, now_ms, err)
                                 : status;
}

modellab_status mli_store_experiment_cells(mli_store *store, const char *id, const char *run_id,
                                           mli_experiment_cell_list **out, modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->experiment_cells(store, id, run_id, false, out, err)
                                 : status;
}

modellab_status mli_store_experiment_cells_brief(mli_store *store, const char *id,
                                                 mli_experiment_cell_list **out,
                                                 modellab_error *err)
{
    modellab_status status = mli_store_may(store, false, err);

    *out = NULL;
    return status == MODELLAB_OK ? store->ops->experiment_cells(store, id, NULL, true, out, err)
                                 : status;
}

modellab_status mli_store_experiment_cell(mli_store *store, const char *id,
                                          const mli_experiment_cell *cell, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->experiment_cell(store, id, cell, err) : status;
}

modellab_status mli_store_experiment_keep(mli_store *store, const char *id,
                                          const mli_experiment_cell *cell, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->experiment_keep(store, id, cell, err) : status;
}

modellab_status mli_store_experiment_delete(mli_store *store, const char *id, modellab_error *err)
{
    modellab_status status = mli_store_may(store, true, err);

    return status == MODELLAB_OK ? store->ops->experiment_delete(store, id, err) : status;
}
