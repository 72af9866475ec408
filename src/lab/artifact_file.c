/* Opening and reading a run's files in pieces. The winning row names the file; whoever reads it in
 * order has its bytes compared with their sha256 on the way. */
#include "lab/artifact_file.h"

#include "base/alloc.h"
#include "base/error.h"
#include "check/probe.h"
#include "lab/run_log.h"
#include "lab/step_state.h"
#include "log/logger.h"
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

static const mli_artifact_row *find(const mli_run_record *record, const char *artifact_id)
{
    for (size_t i = 0; i < record->artifact_count; i++) {
        if (strcmp(record->artifacts[i].id, artifact_id) == 0) {
            return &record->artifacts[i];
        }
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status open_input(const mli_lab *lab,
                                                      const mli_run_record *record, int *fd,
                                                      modellab_artifact_info *info,
                                                      modellab_error *err)
{
    const mli_run_row *run = record->run;
    const mli_os_files *f = lab->os.files;
    char path[MLI_PATH_BYTES];
    modellab_status status;

    *info = (modellab_artifact_info){.size = sizeof *info,
                                     .id = MODELLAB_ARTIFACT_INPUT,
                                     .step = "",
                                     .name = run->input_name,
                                     .media_type = "application/octet-stream",
                                     .sha256 = run->input_sha256,
                                     .bytes = run->input_bytes};
    if (run->input_sha256[0] == '\0') {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no input");
    }
    if ((run->removed & MLI_PART_INPUT) != 0) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run's input was taken away (retention)");
    }
    status = mli_run_path(lab->root, run->id, MLI_RUN_INPUT, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    *fd = f->open(f->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);
    return *fd >= 0 ? MODELLAB_OK : mli_fail_os(err, -*fd, "the input cannot be opened");
}

MODELLAB_MUST_CHECK static modellab_status
open_made(const mli_lab *lab, const mli_run_record *record, const char *artifact_id, int *fd,
          modellab_artifact_info *info, modellab_error *err)
{
    const mli_artifact_row *row = find(record, artifact_id);

    if (row == NULL) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "the run has no artifact of this id");
    }
    if ((record->run->removed & MLI_PART_ARTIFACTS) != 0) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND,
                        "the run's artifacts were taken away (retention)");
    }
    *info = (modellab_artifact_info){.size = sizeof *info,
                                     .id = row->id,
                                     .step = row->step,
                                     .name = row->name,
                                     .media_type = row->media_type,
                                     .sha256 = row->sha256,
                                     .bytes = row->bytes,
                                     .is_late = strcmp(row->role, MLI_ROLE_LATE) == 0};
    return mli_artifact_open(lab->os.files, lab->root, record->run->id, row->file, fd, err);
}

MODELLAB_MUST_CHECK static modellab_status check_size(const mli_os_files *f, int fd,
                                                      int64_t recorded, modellab_error *err)
{
    mli_os_stat stat;
    int rc = f->fstat(f->user, fd, &stat);

    if (rc != 0) {
        return mli_fail_os(err, -rc, "cannot look at the file");
    }
    return stat.kind == MLI_OS_REGULAR && stat.bytes == recorded
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the file does not have the size that was recorded");
}

static size_t room(const char *text)
{
    return strlen(text) + 1;
}

static const char *keep(char **at, const char *text)
{
    char *kept = *at;

    memcpy(kept, text, room(text));
    *at += room(text);
    return kept;
}

/* The handle with its own texts; it owns the descriptor then. */
MODELLAB_MUST_CHECK static modellab_status wrap(mli_lab *lab, int fd,
                                                const modellab_artifact_info *info,
                                                modellab_artifact **out, modellab_error *err)
{
    size_t texts = room(info->id) + room(info->step) + room(info->name) + room(info->media_type) +
                   room(info->sha256);
    modellab_artifact *a = mli_alloc_zero(lab->alloc, sizeof *a + texts);
    char *at;

    if (a == NULL) {
        return mli_no_memory(err);
    }
    at = (char *)(a + 1);
    a->info = *info;
    a->info.id = keep(&at, info->id);
    a->info.step = keep(&at, info->step);
    a->info.name = keep(&at, info->name);
    a->info.media_type = keep(&at, info->media_type);
    a->info.sha256 = keep(&at, info->sha256);
    a->fd = fd;
    a->lab = mli_lab_ref(lab);
    mli_sha256_init(&a->hash);
    *out = a;
    return MODELLAB_OK;
}

/* What the first bytes of an input say it is. */
MODELLAB_MUST_CHECK static modellab_status probe(const mli_lab *lab, int fd,
                                                 modellab_artifact_info *info, modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    char *head = mli_alloc(lab->alloc, MLI_PROBE_BYTES);
    int64_t n = head == NULL ? 0 : f->pread(f->user, fd, head, MLI_PROBE_BYTES, 0);

    if (head != NULL && n > 0) {
        mli_probe found;
        mli_findings findings;

        mli_findings_begin(&findings, lab->alloc);
        mli_probe_header(head, (size_t)n, info->bytes, &found, &findings);
        mli_findings_dispose(&findings); /* they were told when it was submitted */
        info->media_type = found.media_type;
    }
    mli_free(lab->alloc, head);
    if (head == NULL) {
        return mli_no_memory(err);
    }
    return n >= 0 ? MODELLAB_OK : mli_fail_os(err, (int)-n, "cannot read the input");
}

static void tell(mli_lab *lab, const mli_run_record *record, modellab_status status,
                 const modellab_error *err)
{
    modellab_logger *log = mli_run_log(lab, record->run);

    mli_log_error(log, MODELLAB_LOG_ERROR, "artifact.damaged",
                  "a file of the run is not what was recorded", status, err);
    mli_logger_unref(log);
}

MODELLAB_MUST_CHECK static modellab_status open_of(mli_lab *lab, const mli_run_record *record,
                                                   const char *artifact_id, modellab_artifact **out,
                                                   modellab_error *err)
{
    const mli_os_files *f = lab->os.files;
    modellab_artifact_info info;
    bool is_input = strcmp(artifact_id, MODELLAB_ARTIFACT_INPUT) == 0;
    int fd = -1;
    modellab_status status = is_input ? open_input(lab, record, &fd, &info, err)
                                      : open_made(lab, record, artifact_id, &fd, &info, err);

    if (status == MODELLAB_OK) {
        status = check_size(f, fd, info.bytes, err);
        if (status == MODELLAB_E_HASH_MISMATCH) {
            tell(lab, record, status, err);
        }
    }
    if (status == MODELLAB_OK && is_input) {
        status = probe(lab, fd, &info, err);
    }
    if (status == MODELLAB_OK) {
        status = wrap(lab, fd, &info, out, err);
    }
    if (status != MODELLAB_OK && fd >= 0) {
        (void)f->close(f->user, fd); /* only read; the first failure is told */
    }
    return status;
}

modellab_status mli_artifact_file_open(mli_lab *lab, const char *run_id, const char *artifact_id,
                                       modellab_artifact **out, modellab_error *err)
{
    mli_run_record *record = NULL;
    modellab_status status;

    if (!mli_ulid_valid(run_id)) {
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no run of this id");
    }
    status = mli_store_load(lab->store, run_id, &record, err);
    if (status == MODELLAB_OK) {
        status = open_of(lab, record, artifact_id, out, err);
    }
    mli_run_record_free(record);
    return status;
}

/* Bytes that follow what was hashed count; with the last one the sum has to be right. */
MODELLAB_MUST_CHECK static modellab_status
follow(modellab_artifact *a, int64_t offset, const void *data, size_t bytes, modellab_error *err)
{
    char digits[65];

    if (offset != a->hashed || bytes == 0) {
        return MODELLAB_OK;
    }
    mli_sha256_update(&a->hash, data, bytes);
    a->hashed += (int64_t)bytes;
    if (a->hashed < a->info.bytes) {
        return MODELLAB_OK;
    }
    mli_sha256_hex(&a->hash, digits);
    mli_sha256_init(&a->hash); /* another reader may begin anew */
    a->hashed = 0;
    return strcmp(digits, a->info.sha256) == 0
               ? MODELLAB_OK
               : mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                          "the file's bytes are not those that were recorded");
}

modellab_status mli_artifact_file_read(modellab_artifact *a, int64_t offset, void *data,
                                       size_t bytes, size_t *got, modellab_error *err)
{
    const mli_os_files *f = a->lab->os.files;
    size_t done = 0;
    modellab_status status;

    *got = 0;
    if (offset >= a->info.bytes) {
        return MODELLAB_OK;
    }
    if ((uint64_t)bytes > (uint64_t)(a->info.bytes - offset)) {
        bytes = (size_t)(a->info.bytes - offset);
    }
    while (done < bytes) {
        int64_t n =
            f->pread(f->user, a->fd, (char *)data + done, bytes - done, offset + (int64_t)done);

        if (n < 0) {
            return mli_fail_os(err, (int)-n, "cannot read the file");
        }
        if (n == 0) {
            return mli_fail(err, MODELLAB_E_HASH_MISMATCH,
                            "the file became shorter than was recorded");
        }
        done += (size_t)n;
    }
    status = follow(a, offset, data, bytes, err);
    *got = status == MODELLAB_OK ? bytes : 0;
    return status;
}

modellab_status mli_artifact_file_verify(modellab_artifact *a, const mli_cancel_word *cancel,
                                         modellab_error *err)
{
    char *block = mli_alloc(a->lab->alloc, BLOCK_BYTES);
    modellab_status status = block == NULL ? mli_no_memory(err) : MODELLAB_OK;
    size_t got = 1;

    mli_sha256_init(&a->hash);
    a->hashed = 0;
    for (int64_t at = 0; status == MODELLAB_OK && at < a->info.bytes; at += (int64_t)got) {
        status = mli_cancelled(cancel)
                     ? mli_fail(err, MODELLAB_E_CANCELLED, "the verification was cancelled")
                     : mli_artifact_file_read(a, at, block, BLOCK_BYTES, &got, err);
    }
    if (status != MODELLAB_OK) {
        mli_sha256_init(&a->hash);
        a->hashed = 0;
    }
    mli_free(a->lab->alloc, block);
    return status;
}

void mli_artifact_file_close(modellab_artifact *a)
{
    if (a != NULL) {
        mli_lab *lab = a->lab;
        const mli_os_files *f = lab->os.files;

        (void)f->close(f->user, a->fd); /* only read */
        mli_free(lab->alloc, a);
        mli_lab_unref(lab);
    }
}
