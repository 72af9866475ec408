/* Looking at an input before it is accepted. */
#include "lab/input.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/uploads.h"
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

/* An upload of somebody else is one that is not there. */
MODELLAB_MUST_CHECK static modellab_status find_upload(const mli_lab *lab, const char *id,
                                                       const char *user, bool own,
                                                       const char *given_name, mli_input *out,
                                                       modellab_error *err)
{
    mli_upload_facts facts;
    modellab_status status = mli_upload_find(lab, id, &facts, err);

    if (status == MODELLAB_OK && user != NULL && (own || facts.user[0] != '\0') &&
        strcmp(user, facts.user) != 0) {
        status = mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no such upload");
    }
    if (status == MODELLAB_OK) {
        status = mli_upload_path(lab, facts.id, MLI_UPLOAD_DATA, out->path, err);
    }
    if (status == MODELLAB_OK) {
        (void)mli_str_copy(out->shared_sha256, sizeof out->shared_sha256, facts.sha256);
        mli_str_copy_shown(out->name, sizeof out->name,
                           given_name != NULL ? given_name : facts.name);
    }
    return status;
}

/* Nothing is there; it may be on its way. */
MODELLAB_MUST_CHECK static modellab_status wait_for(const mli_lab *lab,
                                                    const modellab_run_submit_options *options,
                                                    mli_input *out, modellab_error *err)
{
    out->follows = (options->flags & MODELLAB_RUN_INPUT_FOLLOWS) != 0;
    if (!out->follows) {
        return MODELLAB_OK;
    }
    if (options->input_bytes > (size_t)INT64_MAX) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the input is too large");
    }
    out->bytes = (int64_t)options->input_bytes;
    return check_size(out->bytes, lab->settings.max_upload_bytes, err);
}

modellab_status mli_input_open(const mli_lab *lab, const modellab_run_submit_options *options,
                               const char *user, mli_input *out, mli_findings *report,
                               modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    const char *name = options->input_name, *path = options->input_path;
    int given = (path != NULL) + (options->input_data != NULL) + (options->upload_id != NULL);

    *out = (mli_input){.fd = -1};
    out->probe.seconds = -1;
    if (given == 0) {
        return wait_for(lab, options, out, err);
    }
    if (given > 1) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "give one of an input path, bytes and an upload");
    }
    out->present = true;
    if (options->upload_id != NULL) {
        bool own = (options->flags & MODELLAB_RUN_OWN_UPLOAD) != 0;
        status = find_upload(lab, options->upload_id, user, own, name, out, err);
        path = out->path;
    } else {
        mli_str_copy_shown(out->name, sizeof out->name,
                           name != NULL   ? name
                           : path != NULL ? mli_basename(path)
                                          : "input");
    }
    if (status == MODELLAB_OK && path != NULL) {
        status = open_file(lab, path, out, err);
        if (status == MODELLAB_OK) {
            status = check_size(out->bytes, lab->settings.max_input_bytes, err);
        }
    } else if (status == MODELLAB_OK) {
        out->data = options->input_data;
        out->data_bytes = options->input_bytes;
        out->bytes = (int64_t)options->input_bytes;
        status = check_size(out->bytes, lab->settings.max_upload_bytes, err);
    }
    return status == MODELLAB_OK ? probe(lab, out, report, err) : status;
}

void mli_input_share(mli_input *input, const char *path, const char *sha256)
{
    (void)mli_str_copy(input->path, sizeof input->path, path);
    (void)mli_str_copy(input->shared_sha256, sizeof input->shared_sha256, sha256);
}

void mli_input_close(const mli_lab *lab, mli_input *input)
{
    if (input->fd >= 0) {
        /* it was only read: closing it can lose nothing */
        (void)lab->os.files->close(lab->os.files->user, input->fd);
        input->fd = -1;
    }
}
