/* The store's operations, whatever is behind them: the checks that are the same for all. */
#include "store/store.h"

#include "base/error.h"
#include "os/thread.h"

modellab_status mli_store_may(const mli_store *store, bool writes, modellab_error *err)
{
    if (store == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "no store");
    }
    if (store->pid != mli_os_pid()) {
        return mli_fail(err, MODELLAB_E_FORKED,
                        "the store was opened by the parent of this process");
    }
    if (writes && store->read_only) {
        return mli_fail(err, MODELLAB_E_STORE_READ_ONLY, "the lab was opened for reading only");
    }
    return MODELLAB_OK;
}

/* Runs `call` when the store may be used so. */
#define GUARDED(writes, call)                                                                      \
    do {                                                                                           \
        modellab_status may_ = mli_store_may(store, writes, err);                                  \
        return may_ != MODELLAB_OK ? may_ : (call);                                                \
    } while (0)

void mli_store_close(mli_store *store)
{
    if (store != NULL) {
        store->ops->close(store);
    }
}

modellab_status mli_store_insert(mli_store *store, const mli_run_row *run,
                                 const mli_event_row *events, size_t event_count,
                                 char existing_id[MLI_ULID_BYTES], modellab_error *err)
{
    existing_id[0] = '\0';
    GUARDED(true, store->ops->insert(store, run, events, event_count, existing_id, err));
}

modellab_status mli_store_run_by_key(mli_store *store, const char *user, const char *key,
                                     char run_id[MLI_ULID_BYTES], modellab_error *err)
{
    run_id[0] = '\0';
    GUARDED(false, store->ops->run_by_key(store, user, key, run_id, err));
}

modellab_status mli_store_queue(mli_store *store, const mli_queue_query *query,
                                mli_queue_view **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->queue(store, query, out, err));
}

modellab_status mli_store_overdue(mli_store *store, int64_t now_ms, const char *only_id,
                                  size_t capacity, char (*ids)[MLI_ULID_BYTES], size_t *count,
                                  modellab_error *err)
{
    *count = 0;
    GUARDED(false, store->ops->overdue(store, now_ms, only_id, capacity, ids, count, err));
}

modellab_status mli_store_arrange(mli_store *store, const mli_store_arrangement *what,
                                  bool *changed, modellab_error *err)
{
    bool ignored;

    changed = changed == NULL ? &ignored : changed;
    *changed = false;
    GUARDED(true, store->ops->arrange(store, what, changed, err));
}

modellab_status mli_store_keep_clock(mli_store *store, const mli_store_clock *now,
                                     int64_t *moved_ms, modellab_error *err)
{
    *moved_ms = 0;
    GUARDED(true, store->ops->keep_clock(store, now, moved_ms, err));
}

modellab_status mli_store_claim_run(mli_store *store, const mli_store_claim *claim,
                                    mli_run_row **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(true, store->ops->claim(store, claim, out, err));
}

modellab_status mli_store_apply(mli_store *store, const mli_store_change *change, bool *applied,
                                int64_t *last_event, modellab_error *err)
{
    bool ignored_applied;
    int64_t ignored_event;

    applied = applied == NULL ? &ignored_applied : applied;
    last_event = last_event == NULL ? &ignored_event : last_event;
    *applied = false;
    *last_event = 0;
    GUARDED(true, store->ops->apply(store, change, applied, last_event, err));
}

modellab_status mli_store_adopt(mli_store *store, const mli_store_adoption *adoption, bool *taken,
                                modellab_error *err)
{
    *taken = false;
    GUARDED(true, store->ops->adopt(store, adoption, taken, err));
}

void mli_store_write_many(mli_store *store, mli_store_write *writes, size_t count)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_store_may(store, true, &err);

    for (size_t i = 0; i < count; i++) {
        writes[i].error = (modellab_error)MODELLAB_ERROR_INIT;
        writes[i].status =
            status == MODELLAB_OK ? status : mli_fail(&writes[i].error, status, "%s", err.message);
        if (writes[i].claim != NULL) {
            *writes[i].row = NULL;
        }
    }
    if (status == MODELLAB_OK && count > 0) {
        store->ops->write_many(store, writes, count);
    }
}

modellab_status mli_store_request_cancel(mli_store *store, const char *run_id, int64_t now_ms,
                                         mli_store_cancel *out, modellab_error *err)
{
    *out = (mli_store_cancel){.outcome = MODELLAB_CANCEL_ERROR};
    GUARDED(true, store->ops->request_cancel(store, run_id, now_ms, out, err));
}

modellab_status mli_store_load(mli_store *store, const char *run_id, mli_run_record **out,
                               modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->load(store, run_id, out, err));
}

modellab_status mli_store_list(mli_store *store, const mli_store_filter *filter,
                               mli_run_row_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->list(store, filter, out, err));
}

modellab_status mli_store_list_records(mli_store *store, const mli_store_filter *filter,
                                       mli_run_record_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->list_records(store, filter, out, err));
}

modellab_status mli_store_active(mli_store *store, mli_run_row_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->active(store, out, err));
}

modellab_status mli_store_events(mli_store *store, const char *run_id, int64_t after, int32_t limit,
                                 mli_event_row_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->events(store, run_id, after, limit, out, err));
}

modellab_status mli_store_sum(mli_store *store, const char *user, int64_t since_ms,
                              mli_store_sums *out, modellab_error *err)
{
    *out = (mli_store_sums){0};
    GUARDED(false, store->ops->sums(store, user, since_ms, out, err));
}

modellab_status mli_store_history(mli_store *store, const char *model, size_t capacity,
                                  mli_store_past *past, size_t *count, modellab_error *err)
{
    *count = 0;
    GUARDED(false, store->ops->history(store, model, capacity, past, count, err));
}

modellab_status mli_store_totals(mli_store *store, mli_total_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->totals(store, out, err));
}

modellab_status mli_store_queue_depths(mli_store *store, mli_total_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->queue_depths(store, out, err));
}

modellab_status mli_store_stand(mli_store *store, const char *run_id, mli_run_stand *out,
                                modellab_error *err)
{
    *out = (mli_run_stand){0};
    GUARDED(false, store->ops->stand(store, run_id, out, err));
}

modellab_status mli_store_status(mli_store *store, const char *run_id, modellab_run_status *out,
                                 modellab_error *err)
{
    mli_run_stand stand;
    modellab_status status = mli_store_stand(store, run_id, &stand, err);

    *out = stand.status;
    return status;
}

modellab_status mli_store_probe(mli_store *store, int64_t now_ms, modellab_error *err)
{
    GUARDED(true, store->ops->probe(store, now_ms, err));
}

modellab_status mli_store_count_all(mli_store *store, const mli_store_counter *counters,
                                    size_t count, modellab_error *err)
{
    GUARDED(true, store->ops->count(store, counters, count, err));
}

modellab_status mli_store_count(mli_store *store, const char *family, const char *label,
                                double value, modellab_error *err)
{
    return mli_store_count_all(store, &(mli_store_counter){family, label, value}, 1, err);
}

modellab_status mli_store_hold_more(mli_store *store, const char *run_id, int64_t fence,
                                    const mli_amounts *more, mli_hold *hold,
                                    mli_cap_verdict *verdict, modellab_error *err)
{
    *hold = (mli_hold){0};
    *verdict = (mli_cap_verdict){0};
    GUARDED(true, store->ops->hold_more(store, run_id, fence, more, hold, verdict, err));
}

modellab_status mli_store_cap_room(mli_store *store, const char *user, int64_t now_ms,
                                   const mli_amounts *need, mli_cap_set *set,
                                   mli_cap_verdict *verdict, modellab_error *err)
{
    *verdict = (mli_cap_verdict){0};
    set->count = 0;
    GUARDED(false, store->ops->cap_room(store, user, now_ms, need, set, verdict, err));
}

modellab_status mli_store_cap_needs(mli_store *store, const char *run_id, mli_amounts *need,
                                    mli_hold *hold, modellab_error *err)
{
    *need = (mli_amounts){0};
    *hold = (mli_hold){0};
    GUARDED(false, store->ops->cap_needs(store, run_id, need, hold, err));
}

modellab_status mli_store_usage(mli_store *store, const char *user, int64_t from_hour,
                                int64_t to_hour, mli_usage *out, modellab_error *err)
{
    *out = (mli_usage){0};
    GUARDED(false, store->ops->usage(store, user, from_hour, to_hour, out, err));
}

modellab_status mli_store_cap_put(mli_store *store, const char *user, const mli_cap *cap,
                                  int64_t now_ms, modellab_error *err)
{
    bool was = false;

    if (!mli_measure_valid(cap->measure, cap->period) || cap->value < -1) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "there is no such cap: the measure has no such period");
    }
    GUARDED(true, store->ops->cap_change(store, user, cap, now_ms, false, &was, err));
}

modellab_status mli_store_cap_remove(mli_store *store, const char *user, const mli_cap *cap,
                                     modellab_error *err)
{
    bool was = false;
    modellab_status status = mli_store_may(store, true, err);

    if (status == MODELLAB_OK) {
        status = store->ops->cap_change(store, user, cap, 0, true, &was, err);
    }
    return status == MODELLAB_OK && !was
               ? mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no such cap")
               : status;
}

modellab_status mli_store_cap_defaults_changed(mli_store *store, bool *changed, modellab_error *err)
{
    *changed = false;
    GUARDED(true, store->ops->cap_defaults(store, changed, err));
}

modellab_status mli_store_cap_list(mli_store *store, const char *user, mli_cap_list **out,
                                   modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->cap_list(store, user, out, err));
}

modellab_status mli_store_list_ended(mli_store *store, const mli_store_ended *filter,
                                     mli_run_row_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->ended(store, filter, out, err));
}

modellab_status mli_store_list_marked(mli_store *store, mli_run_row_list **out, modellab_error *err)
{
    *out = NULL;
    GUARDED(false, store->ops->marked(store, out, err));
}

modellab_status mli_store_mark(mli_store *store, const char *run_id, int32_t parts,
                               modellab_error *err)
{
    GUARDED(true, store->ops->mark(store, run_id, parts, err));
}

modellab_status mli_store_unmark(mli_store *store, const char *run_id, int32_t parts,
                                 modellab_error *err)
{
    GUARDED(true, store->ops->unmark(store, run_id, parts, err));
}

modellab_status mli_store_import(mli_store *store, const mli_run_record *record,
                                 const mli_event_row *events, size_t event_count,
                                 const mli_note_list *notes, modellab_error *err)
{
    GUARDED(true, store->ops->import(store, record, events, event_count, notes, err));
}
