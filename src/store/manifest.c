/* manifest.json: a snapshot of the record in the run's directory, replaced atomically, with a
 * checksum of itself as its last member. The record in the store wins when they disagree. */
#include "base/error.h"
#include "base/str.h"
#include "os/locale.h"
#include "store/rundir.h"
#include <string.h>

#define MANIFEST_MAX_BYTES ((size_t)16 * 1024 * 1024)
#define MARK ",\"crc32c\":\""
#define TAIL_BYTES (sizeof MARK - 1 + 8 + 3) /* mark, 8 digits, quote, brace, newline */

modellab_status mli_manifest_text(const mli_buf *json, mli_buf *out, modellab_error *err)
{
    char tail[64];
    modellab_status whole = mli_buf_status(json, err);

    if (whole != MODELLAB_OK) {
        return whole; /* it could not be written for want of memory */
    }
    if (json->size < 3 || json->data[json->size - 1] != '}') {
        return mli_fail(err, MODELLAB_E_INTERNAL, "a manifest that is no object");
    }
    mli_buf_append(out, json->data, json->size - 1);
    (void)mli_os_format(tail, sizeof tail, MARK "%08x\"}\n",
                        (unsigned)mli_crc32c(0, json->data, json->size - 1)); /* always fits */
    mli_buf_append_text(out, tail);
    return mli_buf_status(out, err);
}

MODELLAB_MUST_CHECK static modellab_status write_it(const mli_os_files *files, const char *root,
                                                    const char *run_id, const mli_buf *json,
                                                    bool first, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, MLI_RUN_MANIFEST, path, err);
    mli_buf whole;
    int rc;

    if (status != MODELLAB_OK) {
        return status;
    }
    mli_buf_init(&whole, json->alloc);
    status = mli_manifest_text(json, &whole, err);
    if (status == MODELLAB_OK) {
        rc = first ? mli_os_write_file(files, path, whole.data, whole.size, 0600)
                   : mli_os_replace_file(files, path, whole.data, whole.size, 0600);
        status = rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "cannot write the run's manifest");
    }
    mli_buf_dispose(&whole);
    return status;
}

modellab_status mli_manifest_write(const mli_os_files *files, const char *root, const char *run_id,
                                   const mli_buf *json, modellab_error *err)
{
    return write_it(files, root, run_id, json, false, err);
}

modellab_status mli_manifest_write_first(const mli_os_files *files, const char *root,
                                         const char *run_id, const mli_buf *json,
                                         modellab_error *err)
{
    return write_it(files, root, run_id, json, true, err);
}

modellab_status mli_manifest_read(const mli_os_files *files, const char *root, const char *run_id,
                                  mli_buf *out, modellab_error *err)
{
    char digits[16];
    const char *tail;
    modellab_status status =
        mli_run_file_read(files, root, run_id, MLI_RUN_MANIFEST, MANIFEST_MAX_BYTES, out, err);

    if (status != MODELLAB_OK) {
        return status;
    }
    if (out->size <= TAIL_BYTES) {
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT, "the run's manifest is cut");
    }
    tail = out->data + out->size - TAIL_BYTES;
    (void)mli_os_format(digits, sizeof digits, "%08x",
                        (unsigned)mli_crc32c(0, out->data, out->size - TAIL_BYTES));
    if (memcmp(tail, MARK, sizeof MARK - 1) != 0 ||
        memcmp(tail + sizeof MARK - 1, digits, 8) != 0 ||
        memcmp(tail + sizeof MARK - 1 + 8, "\"}\n", 3) != 0) {
        return mli_fail(err, MODELLAB_E_STORE_CORRUPT,
                        "the run's manifest does not have its checksum");
    }
    return MODELLAB_OK;
}
