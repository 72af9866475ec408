/* Reports: built by whoever checks something, immutable once they are handed out. */
#ifndef MLI_CHECK_REPORT_H
#define MLI_CHECK_REPORT_H

#include "base/buf.h"
#include <modellab/report.h>

/* Beyond so many findings one more says that there are others (hostile input makes any number). */
#define MLI_REPORT_MAX 1000

/* @param[out] out new, with one reference; mli_report_unref(). `alloc` NULL = C heap, copied. */
MODELLAB_MUST_CHECK modellab_status mli_report_create(const modellab_allocator *alloc,
                                                      modellab_report **out, modellab_error *err);
/* Adds a finding; only before the report is handed out. `id` and `pointer` are copied. The text is
 * cut at 1023 bytes and made valid UTF-8. */
__attribute__((format(printf, 6, 7))) MODELLAB_MUST_CHECK modellab_status
mli_report_add(modellab_report *report, modellab_severity severity, const char *id,
               const char *pointer, modellab_error *err, const char *format, ...);
modellab_report *mli_report_ref(modellab_report *report);
void mli_report_unref(modellab_report *report);
size_t mli_report_count(const modellab_report *report);
modellab_severity mli_report_worst(const modellab_report *report);
/* Borrowed; NULL outside. */
const modellab_finding *mli_report_finding(const modellab_report *report, size_t index);
MODELLAB_MUST_CHECK modellab_status mli_report_at(const modellab_report *report, size_t index,
                                                  modellab_finding *out, modellab_error *err);
/* Appends the report as JSON. */
MODELLAB_MUST_CHECK modellab_status mli_report_to_json(const modellab_report *report, mli_buf *out,
                                                       modellab_error *err);
const modellab_allocator *mli_report_allocator(const modellab_report *report);
const char *mli_severity_name(modellab_severity severity);

#endif
