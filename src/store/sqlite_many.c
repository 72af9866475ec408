/* Several changes and claims in one transaction: what a supervisor's round comes to costs one sync.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_db.h"

typedef struct one {
    mli_sqlite_work work;
    mli_sqlite_claiming claiming;
    mli_store_write *write;
} one;

MODELLAB_MUST_CHECK static modellab_status run_changes(mli_sqlite *s, void *arg,
                                                       modellab_error *err)
{
    const mli_store_write *w = arg;
    bool applied = false;
    int64_t last_event = 0;

    return mli_sqlite_apply_many(s, w->changes, w->change_count, &applied, &last_event, err);
}

static bool is_lazy(const mli_store_write *w)
{
    bool lazy = w->claim == NULL;

    for (size_t i = 0; lazy && i < w->change_count; i++) {
        lazy = w->changes[i]->lazy && w->changes[i]->transition == NULL;
    }
    return lazy;
}

static void prepare(one *o, mli_store_write *write)
{
    o->write = write;
    o->work = (mli_sqlite_work){.err = &write->error, .lazy = is_lazy(write)};
    if (write->claim != NULL) {
        o->claiming = (mli_sqlite_claiming){.claim = write->claim, .out = write->row};
        o->work.run = mli_sqlite_run_claim;
        o->work.arg = &o->claiming;
    } else {
        o->work.run = run_changes;
        o->work.arg = write;
    }
}

/* The list of those that write something; NULL = none does. */
static mli_sqlite_work *link_works(one *all, size_t count)
{
    mli_sqlite_work *first = NULL, **end = &first;

    for (size_t i = 0; i < count; i++) {
        if (all[i].write->claim != NULL || all[i].write->change_count > 0) {
            *end = &all[i].work;
            end = &all[i].work.next;
        }
    }
    return first;
}

void mli_sqlite_write_many(mli_store *store, mli_store_write *writes, size_t count)
{
    mli_sqlite *s = (mli_sqlite *)store;
    const modellab_allocator *alloc = store->has_alloc ? &store->alloc : NULL;
    one *all = mli_alloc_array(alloc, count, sizeof *all);
    mli_sqlite_work *first;

    for (size_t i = 0; i < count; i++) {
        if (all == NULL) {
            writes[i].status = mli_no_memory(&writes[i].error);
        } else {
            prepare(&all[i], &writes[i]);
        }
    }
    if (all == NULL) {
        return;
    }
    first = link_works(all, count);
    if (first != NULL) {
        mli_sqlite_write_all(s, first);
    }
    for (size_t i = 0; i < count; i++) {
        writes[i].status = all[i].work.status;
        if (writes[i].claim != NULL) {
            writes[i].status =
                mli_sqlite_end_claim(s, &all[i].claiming, writes[i].status, &writes[i].error);
        }
    }
    mli_free(alloc, all);
}
