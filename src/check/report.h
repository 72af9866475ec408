/* Reports: findings are collected by a builder and become an immutable, shared modellab_report. A
 * failed allocation while collecting is remembered and told once, by mli_report_finish(). */
#ifndef MLI_CHECK_REPORT_H
#define MLI_CHECK_REPORT_H

#include <modellab/report.h>
#include <stdatomic.h>

typedef struct mli_finding {
    char *id, *pointer, *text; /* owned */
    modellab_severity severity;
} mli_finding;

/* The public modellab_report. */
struct modellab_report {
    modellab_allocator alloc;
    _Atomic uint32_t references;
    mli_finding *findings;
    size_t count;
};

typedef struct mli_report_builder {
    const modellab_allocator *alloc; /* borrowed */
    mli_finding *findings;
    size_t count, capacity;
    modellab_status status;
    modellab_severity worst; /* 0 without findings */
} mli_report_builder;

/* Findings beyond this many are counted in one last finding. */
#define MLI_REPORT_MAX 1000

void mli_report_begin(mli_report_builder *b, const modellab_allocator *alloc);
void mli_report_dispose(mli_report_builder *b);
/* `pointer` is a JSON pointer, "" for the whole. The text is UTF-8 without absolute paths and
 * secrets. */
__attribute__((format(printf, 5, 6))) void mli_report_add(mli_report_builder *b,
                                                          modellab_severity severity,
                                                          const char *id, const char *pointer,
                                                          const char *format, ...);
/* Makes the report and empties the builder, also on failure. @param[out] out new */
MODELLAB_MUST_CHECK modellab_status mli_report_finish(mli_report_builder *b, modellab_report **out,
                                                      modellab_error *err);
modellab_report *mli_report_ref(modellab_report *report);
void mli_report_unref(modellab_report *report);

#endif
