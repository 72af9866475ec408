/* Collecting findings and making them an immutable report.
 * Texts are built in a buffer of the caller's allocator and owned by the report. */
#include "check/report.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include "os/locale.h"

#include <stdarg.h>
#include <string.h>

void mli_report_begin(mli_report_builder *b, const modellab_allocator *alloc)
{
    memset(b, 0, sizeof *b);
    b->alloc = alloc;
}

static void free_findings(const modellab_allocator *alloc, mli_finding *findings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mli_free(alloc, findings[i].id);
        mli_free(alloc, findings[i].pointer);
        mli_free(alloc, findings[i].text);
    }
    mli_free(alloc, findings);
}

void mli_report_dispose(mli_report_builder *b)
{
    free_findings(b->alloc, b->findings, b->count);
    mli_report_begin(b, b->alloc);
}

static mli_finding *next_finding(mli_report_builder *b)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity == 0 ? 8 : 2 * b->capacity;
        mli_finding *grown = mli_realloc_array(b->alloc, b->findings, capacity, sizeof *grown);

        if (grown == NULL) {
            return NULL;
        }
        b->findings = grown;
        b->capacity = capacity;
    }
    memset(&b->findings[b->count], 0, sizeof *b->findings);
    return &b->findings[b->count];
}

void mli_report_add(mli_report_builder *b, modellab_severity severity, const char *id,
                    const char *pointer, const char *format, ...)
{
    char text[1024];
    mli_finding *finding;
    va_list args;

    if (b->status != MODELLAB_OK || b->count > MLI_REPORT_MAX) {
        return;
    }
    va_start(args, format);
    int length = mli_os_vformat(text, sizeof text, format, args);
    va_end(args);
    if (b->count == MLI_REPORT_MAX) {
        id = "report.more";
        pointer = "";
        (void)memcpy(text, "There are more findings.", sizeof "There are more findings.");
    } else if (length < 0) {
        b->status = MODELLAB_E_INTERNAL;
        return;
    }
    finding = next_finding(b);
    if (finding == NULL) {
        b->status = MODELLAB_E_NO_MEMORY;
        return;
    }
    finding->severity = severity;
    finding->id = mli_strdup(b->alloc, id);
    finding->pointer = mli_strdup(b->alloc, pointer);
    finding->text = mli_strdup(b->alloc, text);
    b->count++;
    b->worst = severity > b->worst ? severity : b->worst;
    if (finding->id == NULL || finding->pointer == NULL || finding->text == NULL) {
        b->status = MODELLAB_E_NO_MEMORY;
    }
}

modellab_status mli_report_finish(mli_report_builder *b, modellab_report **out, modellab_error *err)
{
    modellab_report *report;

    *out = NULL;
    if (b->status != MODELLAB_OK) {
        modellab_status status = b->status;

        mli_report_dispose(b);
        return mli_fail(err, status, "the findings could not be kept");
    }
    report = mli_alloc_zero(b->alloc, sizeof *report);
    if (report == NULL) {
        mli_report_dispose(b);
        return mli_no_memory(err);
    }
    if (b->alloc != NULL) {
        report->alloc = *b->alloc;
    }
    atomic_init(&report->references, 1);
    report->findings = b->findings;
    report->count = b->count;
    mli_report_begin(b, b->alloc);
    *out = report;
    return MODELLAB_OK;
}

modellab_report *mli_report_ref(modellab_report *report)
{
    if (report != NULL) {
        atomic_fetch_add(&report->references, 1);
    }
    return report;
}

void mli_report_unref(modellab_report *report)
{
    if (report != NULL && atomic_fetch_sub(&report->references, 1) == 1) {
        modellab_allocator alloc = report->alloc;
        const modellab_allocator *from = alloc.alloc == NULL ? NULL : &alloc;

        free_findings(from, report->findings, report->count);
        mli_free(from, report);
    }
}
