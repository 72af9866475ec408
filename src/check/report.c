/* A growing list of findings, and how it is read. */
#include "check/report.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/sized.h"
#include "base/str.h"
#include "os/locale.h"
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#define TEXT_BYTES 1024

struct modellab_report {
    _Atomic int64_t refs;
    modellab_allocator alloc;
    modellab_finding *findings; /* each with its three strings in one block, at `id` */
    size_t count, capacity;
    modellab_severity worst;
};

const char *mli_severity_name(modellab_severity severity)
{
    static const char *const names[] = {"unknown", "info", "warning", "error"};
    return severity >= 1 && severity <= 3 ? names[severity] : names[0];
}

modellab_status mli_report_create(const modellab_allocator *alloc, modellab_report **out,
                                  modellab_error *err)
{
    modellab_report *r = mli_alloc_zero(alloc, sizeof *r);
    *out = r;
    if (r == NULL)
        return mli_no_memory(err);
    atomic_store(&r->refs, 1);
    if (alloc != NULL)
        r->alloc = *alloc;
    return MODELLAB_OK;
}

modellab_report *mli_report_ref(modellab_report *report)
{
    if (report != NULL)
        atomic_fetch_add_explicit(&report->refs, 1, memory_order_relaxed);
    return report;
}

void mli_report_unref(modellab_report *r)
{
    if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator alloc = r->alloc;
    for (size_t i = 0; i < r->count; i++)
        mli_free(&alloc, (void *)(uintptr_t)r->findings[i].id);
    mli_free(&alloc, r->findings);
    mli_free(&alloc, r);
}

MODELLAB_MUST_CHECK static modellab_status add(modellab_report *r, modellab_severity severity,
                                               const char *id, const char *pointer,
                                               const char *text, modellab_error *err)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity == 0 ? 8 : r->capacity * 2;
        modellab_finding *grown =
            mli_realloc_array(&r->alloc, r->findings, capacity, sizeof *grown);
        if (grown == NULL)
            return mli_no_memory(err);
        r->findings = grown;
        r->capacity = capacity;
    }
    size_t a = strlen(id) + 1, b = strlen(pointer) + 1, c = strlen(text) + 1;
    char *block = mli_alloc(&r->alloc, a + b + c);
    if (block == NULL)
        return mli_no_memory(err);
    memcpy(block, id, a);
    memcpy(block + a, pointer, b);
    memcpy(block + a + b, text, c);
    r->findings[r->count++] = (modellab_finding){.size = sizeof(modellab_finding),
                                                 .id = block,
                                                 .pointer = block + a,
                                                 .text = block + a + b,
                                                 .severity = severity};
    if (severity > r->worst)
        r->worst = severity;
    return MODELLAB_OK;
}

modellab_status mli_report_add(modellab_report *r, modellab_severity severity, const char *id,
                               const char *pointer, modellab_error *err, const char *format, ...)
{
    char text[2 * TEXT_BYTES], cut[TEXT_BYTES];
    va_list args;
    if (r->count > MLI_REPORT_MAX) {
        if (severity > r->worst)
            r->worst = severity;
        return MODELLAB_OK;
    }
    if (r->count == MLI_REPORT_MAX)
        return add(r, severity, "report.more", "", "there are more findings than are listed", err);
    va_start(args, format);
    int n = mli_os_vformat(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return mli_fail(err, MODELLAB_E_INTERNAL, "a finding could not be put into words");
    (void)mli_str_copy(cut, sizeof cut, text); /* cut at the documented size */
    if (!mli_utf8_valid(cut, strlen(cut)))
        for (char *p = cut; *p != '\0'; p++)
            *p = (unsigned char)*p < 0x80 ? *p : '?';
    return add(r, severity, id, pointer, cut, err);
}

size_t mli_report_count(const modellab_report *report)
{
    return report != NULL ? report->count : 0;
}

modellab_severity mli_report_worst(const modellab_report *report)
{
    return report != NULL ? report->worst : 0;
}

const modellab_finding *mli_report_finding(const modellab_report *report, size_t index)
{
    return report != NULL && index < report->count ? &report->findings[index] : NULL;
}

modellab_status mli_report_at(const modellab_report *report, size_t index, modellab_finding *out,
                              modellab_error *err)
{
    const modellab_finding *f = mli_report_finding(report, index);
    if (f == NULL)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the report has no finding at this index");
    return mli_sized_out(out, f, sizeof *f, MLI_SIZE_UP_TO(modellab_finding, severity), err);
}

const modellab_allocator *mli_report_allocator(const modellab_report *report)
{
    return &report->alloc;
}

modellab_status mli_report_to_json(const modellab_report *r, mli_buf *out, modellab_error *err)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_key(&w, "findings");
    mli_jw_array(&w);
    for (size_t i = 0; i < r->count; i++) {
        const modellab_finding *f = &r->findings[i];
        mli_jw_object(&w);
        mli_jw_kstring(&w, "id", f->id);
        mli_jw_kstring(&w, "severity", mli_severity_name(f->severity));
        mli_jw_kstring(&w, "pointer", f->pointer);
        mli_jw_kstring(&w, "text", f->text);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_kstring(&w, "worst", r->count > 0 ? mli_severity_name(r->worst) : NULL);
    mli_jw_end_object(&w);
    return mli_buf_status(out, err);
}
