/* Is the database the one that its version number promises? A version of the library between two
 * releases may have written the same number over fewer columns; such a lab is refused by name
 * instead of failing at some statement later. */
#include "base/error.h"
#include "base/hash.h"
#include "store/sqlite_db.h"
#include <string.h>

static int hash_schema(sqlite3 *db, char out[65])
{
    static const char sql[] = "SELECT type,name,coalesce(sql,'') FROM sqlite_master "
                              "WHERE name NOT LIKE 'sqlite_%' ORDER BY type,name";
    sqlite3_stmt *statement = NULL;
    mli_sha256 hash;
    int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

    mli_sha256_init(&hash);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(statement);
        for (int i = 0; rc == SQLITE_ROW && i < 3; i++) {
            const unsigned char *text = sqlite3_column_text(statement, i);
            if (text == NULL) {
                rc = SQLITE_NOMEM;
                break;
            }
            mli_sha256_update(&hash, text, (size_t)sqlite3_column_bytes(statement, i) + 1);
        }
    }
    (void)sqlite3_finalize(statement); /* repeats the code of the last step */
    mli_sha256_hex(&hash, out);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

modellab_status mli_sqlite_fingerprint(mli_sqlite *s, char out[65], modellab_error *err)
{
    int rc = hash_schema(s->db, out);

    return rc == SQLITE_OK ? MODELLAB_OK : mli_sqlite_fail(s, rc, err);
}

/* The schema as this library makes it, in memory. */
static int make_reference(sqlite3 **out)
{
    int rc = sqlite3_open_v2(":memory:", out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);

    for (int64_t from = 0; from < MLI_SCHEMA_VERSION; from++) {
        for (const char *const *part = mli_sqlite_schema(from); rc == SQLITE_OK && *part != NULL;
             part++) {
            rc = sqlite3_exec(*out, *part, NULL, NULL, NULL);
        }
    }
    return rc;
}

/* The first row of `all` (kind, table or "", name) that `one` does not find in the other database
 * goes to `out`; "" = nothing is missing. */
static int find_missing(sqlite3 *reference, const char *all, sqlite3 *db, const char *one,
                        char out[128])
{
    sqlite3_stmt *list = NULL, *look = NULL;
    int rc = sqlite3_prepare_v2(reference, all, -1, &list, NULL);

    rc = rc == SQLITE_OK ? sqlite3_prepare_v2(db, one, -1, &look, NULL) : rc;
    while (rc == SQLITE_OK && (rc = sqlite3_step(list)) == SQLITE_ROW) {
        const char *kind = (const char *)sqlite3_column_text(list, 0);
        const char *table = (const char *)sqlite3_column_text(list, 1);
        const char *name = (const char *)sqlite3_column_text(list, 2);

        rc = sqlite3_bind_text(look, 1, table, -1, SQLITE_STATIC);
        rc = rc == SQLITE_OK ? sqlite3_bind_text(look, 2, name, -1, SQLITE_STATIC) : rc;
        rc = rc == SQLITE_OK ? sqlite3_step(look) : rc;
        if (rc == SQLITE_DONE) {
            (void)sqlite3_snprintf(128, out, "the %s %s%s%s", kind, table,
                                   *table != '\0' ? "." : "", name);
            break;
        }
        (void)sqlite3_reset(look); /* repeats the code of the step */
        rc = rc == SQLITE_ROW ? SQLITE_OK : rc;
    }
    (void)sqlite3_finalize(list);
    (void)sqlite3_finalize(look);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int compare(sqlite3 *reference, sqlite3 *db, char missing[128])
{
    int rc;

    *missing = '\0';
    rc = find_missing(reference,
                      "SELECT 'column',m.name,p.name FROM sqlite_master m,"
                      "pragma_table_info(m.name) p WHERE m.type='table'",
                      db, "SELECT 1 FROM pragma_table_info(?1) WHERE name=?2", missing);
    if (rc == SQLITE_OK && *missing == '\0') {
        rc = find_missing(reference,
                          "SELECT type,'',name FROM sqlite_master WHERE type IN "
                          "('index','trigger') AND name NOT LIKE 'sqlite_%'",
                          db,
                          "SELECT 1 FROM sqlite_master WHERE ?1='' AND name=?2 AND "
                          "type IN ('index','trigger')",
                          missing);
    }
    return rc;
}

modellab_status mli_sqlite_check_schema(mli_sqlite *s, modellab_error *err)
{
    char now[65], missing[128] = "";
    sqlite3 *reference = NULL;
    modellab_status status = mli_sqlite_fingerprint(s, now, err);
    int rc;

    if (status != MODELLAB_OK || strcmp(now, MLI_SCHEMA_FINGERPRINT) == 0) {
        return status;
    }
    rc = make_reference(&reference);
    rc = rc == SQLITE_OK ? compare(reference, s->db, missing) : rc;
    (void)sqlite3_close(reference); /* no statement is open: cannot fail */
    if (rc != SQLITE_OK) {
        return mli_sqlite_fail(s, rc, err);
    }
    if (*missing != '\0') { /* what is there besides is somebody's own, and harmless */
        return mli_fail(err, MODELLAB_E_UNSUPPORTED,
                        "the lab's database has schema version %d but not %s: an unreleased "
                        "version of the library made it. Open it with that one, or begin a new lab",
                        MLI_SCHEMA_VERSION, missing);
    }
    return MODELLAB_OK;
}
