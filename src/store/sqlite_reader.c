/* A connection for what reads long (sorted and filtered lists): it has a lock of its own, so that
 * nobody who does something short waits for a list. Made when the first one is asked for; where it
 * cannot be made, lists take the store's own connection. */
#include "base/alloc.h"
#include "base/error.h"
#include "store/sqlite_db.h"

/* Fewer pages than the store's own: a page of a list is read once. */
#define SETTINGS                                                                                   \
    "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;PRAGMA temp_store=MEMORY;"                \
    "PRAGMA query_only=ON;PRAGMA cache_size=-4096;"

static void close_reader(mli_sqlite *r)
{
    const modellab_allocator alloc = r->base.alloc;
    const bool has_alloc = r->base.has_alloc;

    for (int i = 0; i < MLI_SQL_COUNT; i++) {
        (void)sqlite3_finalize(r->statements[i]); /* repeats an old code */
    }
    (void)sqlite3_close_v2(r->db); /* never refuses */
    mli_os_mutex_destroy(&r->mutex);
    mli_free(has_alloc ? &alloc : NULL, r);
}

/* NULL: it cannot be made now. */
static mli_sqlite *open_reader(const mli_sqlite *s)
{
    mli_sqlite *r = mli_alloc_zero(s->base.has_alloc ? &s->base.alloc : NULL, sizeof *r);
    int rc;

    if (r == NULL) {
        return NULL;
    }
    r->base = s->base;
    r->base.read_only = true;
    if (mli_os_mutex_init(&r->mutex) != 0) {
        mli_free(s->base.has_alloc ? &s->base.alloc : NULL, r);
        return NULL;
    }
    rc = sqlite3_open_v2(sqlite3_db_filename(s->db, "main"), &r->db,
                         SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READONLY, NULL);
    rc = rc == SQLITE_OK ? sqlite3_busy_timeout(r->db, s->wait_ms) : rc;
    rc = rc == SQLITE_OK ? sqlite3_exec(r->db, SETTINGS, NULL, NULL, NULL) : rc;
    if (rc != SQLITE_OK) {
        close_reader(r);
        return NULL;
    }
    return r;
}

modellab_status mli_sqlite_enter_long(mli_sqlite *s, mli_sqlite **out, modellab_error *err)
{
    *out = s;
    if (!s->base.read_only) { /* else nobody writes, and the medium may have its own ways */
        mli_os_mutex_lock(&s->reader_mutex);
        s->reader = s->reader != NULL ? s->reader : open_reader(s);
        *out = s->reader != NULL ? s->reader : s;
        mli_os_mutex_unlock(&s->reader_mutex);
    }
    return mli_sqlite_enter(*out, err);
}

void mli_sqlite_close_reader(mli_sqlite *s)
{
    if (s->reader != NULL) {
        close_reader(s->reader);
    }
    s->reader = NULL;
}
