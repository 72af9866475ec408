/* Looking at an input before it is accepted. */
#include "lab/input.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status open_file(const mli_lab *lab, const char *path,
                                                     mli_input *out, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    mli_os_stat info;
    int rc;

    /* without NONBLOCK a pipe would hold the call until somebody writes to it */
    out->fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NONBLOCK, 0);
    if (out->fd < 0) {
        rc = -out->fd;
        out->fd = -1;
        return mli_fail_os(err, rc, "the input file cannot be opened");
    }
    rc = f->fstat(f->user, out->fd, &info);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the input file cannot be looked at");
    }
    if (info.kind == MLI_OS_DIR) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the input is a directory, not an audio file");
    }
    if (info.kind != MLI_OS_REGULAR) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the input is a pipe or a device, not a regular file");
    }
    out->bytes = info.bytes;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status check_size(int64_t bytes, int64_t limit,
                                                      modellab_error *err)
{
    return bytes <= limit ? MODELLAB_OK
                          : mli_fail_at(err, MODELLAB_E_LIMIT, bytes,
                                        "the input has %lld bytes, at most %lld are accepted",
                                        (long long)bytes, (long long)limit);
}

/* The first error of the probe as status and sentence. */
MODELLAB_MUST_CHECK static modellab_status verdict(const mli_findings *report, size_t first,
                                                   modellab_error *err)
{
    for (size_t i = first; i < mli_report_count(report->report); i++) {
        const modellab_finding *finding = mli_report_finding(report->report, i);

        if (finding->severity >= MODELLAB_SEVERITY_ERROR) {
            bool foreign = strcmp(finding->id, "probe.unsupported") == 0;

            return mli_fail(err, foreign ? MODELLAB_E_UNSUPPORTED_FORMAT : MODELLAB_E_INVALID_AUDIO,
                            "%s", finding->text);
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status probe(const mli_lab *lab, mli_input *out,
                                                 mli_findings *report, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    size_t wanted = out->bytes < MLI_PROBE_BYTES ? (size_t)out->bytes : MLI_PROBE_BYTES, have = 0;
    size_t first = mli_report_count(report->report);
    char *block;

    if (out->fd < 0) {
        mli_probe_header(out->data, wanted, out->bytes, &out->probe, report);
        return verdict(report, first, err);
    }
    block = mli_alloc(lab->alloc, wanted);
    if (block == NULL) {
        return mli_no_memory(err);
    }
    while (have < wanted) {
        int64_t got = f->pread(f->user, out->fd, block + have, wanted - have, (int64_t)have);

        if (got < 0) {
            mli_free(lab->alloc, block);
            return mli_fail_os(err, (int)-got, "the input file cannot be read");
        }
        if (got == 0) {
            break; /* it became shorter meanwhile: probe what is there */
        }
        have += (size_t)got;
    }
    mli_probe_header(block, have, out->bytes, &out->probe, report);
    mli_free(lab->alloc, block);
    return verdict(report, first, err);
}

modellab_status mli_input_open(const mli_lab *lab, const modellab_run_submit_options *options,
                               mli_input *out, mli_findings *report, modellab_error *err)
{
    modellab_status status;

    const char *name = options->input_name;

    *out = (mli_input){.fd = -1};
    out->probe.seconds = -1;
    if (options->input_path == NULL && options->input_data == NULL) {
        return MODELLAB_OK;
    }
    if (options->input_path != NULL && options->input_data != NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "give an input path or bytes, not both");
    }
    out->present = true;
    if (name == NULL) {
        name = options->input_path != NULL ? mli_basename(options->input_path) : "input";
    }
    mli_str_copy_shown(out->name, sizeof out->name, name);
    if (options->input_path != NULL) {
        status = open_file(lab, options->input_path, out, err);
        if (status == MODELLAB_OK) {
            status = check_size(out->bytes, lab->settings.max_input_bytes, err);
        }
    } else {
        out->data = options->input_data;
        out->data_bytes = options->input_bytes;
        out->bytes = (int64_t)options->input_bytes;
        status = check_size(out->bytes, lab->settings.max_upload_bytes, err);
    }
    return status == MODELLAB_OK ? probe(lab, out, report, err) : status;
}

void mli_input_close(const mli_lab *lab, mli_input *input)
{
    if (input->fd >= 0) {
        /* it was only read: closing it can lose nothing */
        (void)lab->os.files->close(lab->os.files->user, input->fd);
        input->fd = -1;
    }
}
