/* Collecting findings while checking: a report that is being built, with the first failure (no
 * memory) remembered and told once, by mli_findings_finish(). Checks stay free of error paths. */
#ifndef MLI_CHECK_FINDINGS_H
#define MLI_CHECK_FINDINGS_H

#include "check/report.h"

typedef struct mli_findings {
    const modellab_allocator *alloc; /* borrowed */
    modellab_report *report;         /* NULL after a failure */
    modellab_severity worst;         /* 0 without findings */
    modellab_status status;
} mli_findings;

void mli_findings_begin(mli_findings *f, const modellab_allocator *alloc);
void mli_findings_dispose(mli_findings *f);
/* `pointer` is a JSON pointer, "" for the whole. The text is UTF-8 without absolute paths and
 * secrets. */
__attribute__((format(printf, 5, 6))) void mli_findings_add(mli_findings *f,
                                                            modellab_severity severity,
                                                            const char *id, const char *pointer,
                                                            const char *format, ...);
/* Hands the report out and empties `f`, also on failure. @param[out] out new; mli_report_unref() */
MODELLAB_MUST_CHECK modellab_status mli_findings_finish(mli_findings *f, modellab_report **out,
                                                        modellab_error *err);

#endif
