/* Fuzz: the header probe on any bytes and any claimed file size.
 * What it says must stay within its own bounds. */
#include "check/probe.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void probe_one(const uint8_t *data, size_t size, int64_t file_bytes)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_findings builder;
    modellab_report *report = NULL;
    mli_probe probe;

    mli_findings_begin(&builder, NULL);
    mli_probe_header(data, size, file_bytes, &probe, &builder);
    if (builder.worst < MODELLAB_SEVERITY_ERROR && probe.container[0] == '\0') {
        abort(); /* neither known nor refused */
    }
    if (builder.worst < MODELLAB_SEVERITY_ERROR && probe.rate_hz >= 0 &&
        (probe.rate_hz < MLI_PROBE_MIN_RATE || probe.rate_hz > MLI_PROBE_MAX_RATE)) {
        abort(); /* a rate outside the bounds was let through */
    }
    if (mli_findings_finish(&builder, &report, &err) == MODELLAB_OK) {
        mli_report_unref(report);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    probe_one(data, size, (int64_t)size);
    probe_one(data, size, INT64_MAX);
    probe_one(data, size, (int64_t)size + 100);
    return 0;
}
