/* Members of a run's JSON that several documents have: the record, the summary, the results. */
#ifndef MLI_LAB_RUN_JSON_H
#define MLI_LAB_RUN_JSON_H

#include "base/json.h"
#include "store/rows.h"

/* null for what is not known (negative, empty), never 0 */
void mli_run_put_int(mli_jw *w, const char *key, int64_t value);
void mli_run_put_real(mli_jw *w, const char *key, double value);
void mli_run_put_text(mli_jw *w, const char *key, const char *text);
/* `reason`: name, recoverable, message */
void mli_run_put_reason(mli_jw *w, modellab_reason reason, const char *message);
/* A JSON text of ours that went through the store, or its member; an unreadable one becomes null,
 * not a broken document. */
void mli_run_put_json(mli_jw *w, const char *key, const char *json, const char *member);
int64_t mli_run_span_ms(int64_t from, int64_t to); /* -1 = not known */

#endif
