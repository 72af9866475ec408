/* Reading the logs of runs in pages: lines behind a position, filtered by level and request id. */
#ifndef MLI_LAB_LOG_READ_H
#define MLI_LAB_LOG_READ_H

#include "base/cancel.h"
#include "base/json.h"
#include "lab/lab.h"
#include <modellab/run_log.h>

typedef struct mli_log_wanted {
    const char *cursor, *request_id, *user; /* NULL = none, all */
    modellab_log_level level;
    int32_t limit;
    const mli_cancel_word *cancel;
} mli_log_wanted;

/* As the public functions; append the page to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_run_log_page(mli_lab *lab, const char *run_id,
                                                     const mli_log_wanted *wanted, mli_buf *out,
                                                     modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_request_log_page(mli_lab *lab, const char *request_id,
                                                         const mli_log_wanted *wanted, mli_buf *out,
                                                         modellab_error *err);
/* log_lines.c: a page that is being filled, over one log or several. */
typedef struct mli_log_page {
    const mli_log_wanted *wanted;
    mli_jw w;
    int64_t position; /* in the present log: behind the last line that was looked at */
    bool inside;      /* no line begins there: one that is too long for a page goes on */
    int64_t left;     /* bytes that this page may still read */
    int32_t count;
    int64_t damaged;
    bool more;
} mli_log_page;

/* Takes lines of the run's log from page->position on, until the page is full or the log ends. A
 * run without a log has none. E_INVALID_ARGUMENT: no line begins at the position (but `inside`). */
MODELLAB_MUST_CHECK modellab_status mli_log_lines(mli_lab *lab, const char *run_id,
                                                  mli_log_page *page, modellab_error *err);

#endif
