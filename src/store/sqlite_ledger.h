/* The ledger's part in the transactions of other files, and its operations of the store's table. */
#ifndef MLI_STORE_SQLITE_LEDGER_H
#define MLI_STORE_SQLITE_LEDGER_H

#include "store/sqlite_db.h"

/* Runs that wait for a cap and may look again when one gives back: a few, so that ending a run does
 * not cost more the more wait. The others look again by themselves. */
#define MLI_CAP_WAKE_AT_ONCE 16
#define MLI_CAP_LOOK_AGAIN_MS 2000

/* Within a transaction. Opens the account of a run that is inserted. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_ledger_open(mli_sqlite *s, const mli_run_row *run,
                                                           modellab_error *err);
/* For a claim, before the run's row is changed: takes what the run needs, or says in the verdict
 * which cap has no room (then nothing is taken). */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_ledger_hold(mli_sqlite *s, const char *run_id,
                                                           int64_t now_ms, mli_hold *hold,
                                                           mli_cap_verdict *verdict,
                                                           modellab_error *err);
/* Notes why a run goes on waiting, and until when nobody needs to look. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_ledger_wait(mli_sqlite *s, const char *run_id,
                                                           const char *message, int64_t until_ms,
                                                           modellab_error *err);
/* After measures and status of a run's row were written, when it leaves RUNNING or ends: charges
 * what it used since the last time and gives back all that it held. */
MODELLAB_MUST_CHECK modellab_status mli_sqlite_ledger_settle(mli_sqlite *s, const char *run_id,
                                                             modellab_error *err);
const char *mli_sqlite_ledger_text(mli_sql which);

MODELLAB_MUST_CHECK modellab_status mli_sqlite_hold_more(mli_store *, const char *, int64_t,
                                                         const mli_amounts *, mli_hold *,
                                                         mli_cap_verdict *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_cap_room(mli_store *, const char *, int64_t,
                                                        const mli_amounts *, mli_cap_set *,
                                                        mli_cap_verdict *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_cap_needs(mli_store *, const char *, mli_amounts *,
                                                         mli_hold *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_usage(mli_store *, const char *, int64_t, int64_t,
                                                     mli_usage *, modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_cap_change(mli_store *, const char *,
                                                          const mli_cap *, int64_t, bool, bool *,
                                                          modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_cap_defaults(mli_store *, bool *changed,
                                                            modellab_error *);
MODELLAB_MUST_CHECK modellab_status mli_sqlite_cap_list(mli_store *, const char *, mli_cap_list **,
                                                        modellab_error *);
#endif
