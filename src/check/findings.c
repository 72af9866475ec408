/* The collector of findings (see the header): a failure is kept until the end, so that a check
 * reads as a list of what it checks. */
#include "check/findings.h"

#include "base/error.h"
#include "os/locale.h"

#include <stdarg.h>
#include <string.h>

void mli_findings_begin(mli_findings *f, const modellab_allocator *alloc)
{
    memset(f, 0, sizeof *f);
    f->alloc = alloc;
    f->status = mli_report_create(alloc, &f->report, NULL);
}

void mli_findings_dispose(mli_findings *f)
{
    mli_report_unref(f->report);
    memset(f, 0, sizeof *f);
}

void mli_findings_add(mli_findings *f, modellab_severity severity, const char *id,
                      const char *pointer, const char *format, ...)
{
    char text[1024];
    va_list args;
    int length;

    if (f->status != MODELLAB_OK) {
        return;
    }
    va_start(args, format);
    length = mli_os_vformat(text, sizeof text, format, args);
    va_end(args);
    f->worst = severity > f->worst ? severity : f->worst;
    f->status = length < 0 ? MODELLAB_E_INTERNAL
                           : mli_report_add(f->report, severity, id, pointer, NULL, "%s", text);
}

modellab_status mli_findings_finish(mli_findings *f, modellab_report **out, modellab_error *err)
{
    modellab_status status = f->status;

    *out = NULL;
    if (status == MODELLAB_OK) {
        *out = f->report;
        f->report = NULL;
    }
    mli_findings_dispose(f);
    return status == MODELLAB_OK ? status : mli_fail(err, status, "the findings could not be kept");
}
