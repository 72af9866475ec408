/* A wall clock that was set: queue deadlines go with it, in one transaction that remembers how far
 * the two clocks are apart. */
#include "base/error.h"
#include "base/str.h"
#include "store/sqlite_db.h"
#include <string.h>

#define LEAST_MOVE_MS 5000 /* less is drift, and the slack of reading two clocks */

const char *mli_sqlite_clock_text(mli_sql which)
{
    switch (which) {
    case MLI_SQL_CLOCK_LOAD:
        return "SELECT value FROM meta WHERE key='clock'";
    case MLI_SQL_CLOCK_PUT:
        return "INSERT INTO meta(key,value) VALUES('clock',?1||' '||?2) "
               "ON CONFLICT(key) DO UPDATE SET value=excluded.value";
    case MLI_SQL_CLOCK_MOVE: /* who was queued within 2 s was queued by the clock as it is now */
        return "UPDATE runs SET queue_until_ms=queue_until_ms+?1 WHERE status=1 AND "
               "queue_until_ms>0 AND iif(?1>0,queued_ms<=?2-2000,queued_ms>?2)";
    default:
        return "";
    }
}

/* How far the clocks were apart when somebody looked; false: never on this boot. */
MODELLAB_MUST_CHECK static modellab_status load(mli_sqlite *s, const char *boot_id,
                                                int64_t *apart_ms, bool *known, modellab_error *err)
{
    mli_query q = mli_query_open(s, MLI_SQL_CLOCK_LOAD);

    *known = false;
    if (mli_query_row(&q)) {
        size_t bytes;
        const char *text = mli_query_column(&q, 0, &bytes);
        const char *space = strchr(text, ' ');

        *known = space != NULL && strlen(boot_id) == (size_t)(space - text) &&
                 memcmp(boot_id, text, (size_t)(space - text)) == 0 &&
                 mli_parse_i64(space + 1, INT64_MIN / 2, INT64_MAX / 2, apart_ms);
    }
    return mli_query_close(&q, err);
}

static bool has_moved(int64_t from_ms, int64_t to_ms)
{
    int64_t moved = to_ms - from_ms;
    return moved >= LEAST_MOVE_MS || moved <= -LEAST_MOVE_MS;
}

typedef struct keeping {
    const mli_store_clock *now;
    int64_t *moved_ms;
} keeping;

MODELLAB_MUST_CHECK static modellab_status run_keep(mli_sqlite *s, void *arg, modellab_error *err)
{
    const keeping *k = arg;
    int64_t now_apart = k->now->wall_ms - k->now->monotonic_ms, apart = 0;
    bool known;
    modellab_status status = load(s, k->now->boot_id, &apart, &known, err);
    mli_query q;

    *k->moved_ms = 0;
    if (status != MODELLAB_OK || (known && !has_moved(apart, now_apart))) {
        return status; /* another one was faster */
    }
    if (known) {
        *k->moved_ms = now_apart - apart;
        q = mli_query_open(s, MLI_SQL_CLOCK_MOVE);
        mli_query_int(&q, *k->moved_ms);
        mli_query_int(&q, k->now->wall_ms);
        status = mli_query_run(&q, err);
    }
    if (status == MODELLAB_OK) {
        q = mli_query_open(s, MLI_SQL_CLOCK_PUT);
        mli_query_text(&q, k->now->boot_id);
        mli_query_int(&q, now_apart);
        status = mli_query_run(&q, err);
    }
    return status;
}

modellab_status mli_sqlite_keep_clock(mli_store *store, const mli_store_clock *now,
                                      int64_t *moved_ms, modellab_error *err)
{
    mli_sqlite *s = (mli_sqlite *)store;
    keeping k = {now, moved_ms};
    int64_t apart = 0;
    bool known = false;
    modellab_status status = mli_sqlite_enter(s, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    status = load(s, now->boot_id, &apart, &known, err);
    mli_sqlite_leave(s);
    if (status != MODELLAB_OK || (known && !has_moved(apart, now->wall_ms - now->monotonic_ms))) {
        return status; /* as a rule */
    }
    status = mli_sqlite_write(s, run_keep, &k, false, err);
    *moved_ms = status == MODELLAB_OK ? *moved_ms : 0;
    return status;
}
