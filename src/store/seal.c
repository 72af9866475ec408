/* Making, writing and reading the seal of a run's directory. */
#include "store/seal.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "store/journal.h"
#include <errno.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)64 * 1024)

MODELLAB_MUST_CHECK static modellab_status digest_open(const mli_os_files *files, int fd,
                                                       int64_t most, char *block,
                                                       const mli_cancel_word *cancel,
                                                       mli_seal_file *out, modellab_error *err)
{
    mli_sha256 hash;
    int64_t offset = 0;

    mli_sha256_init(&hash);
    for (;;) {
        int64_t got = files->pread(files->user, fd, block, BLOCK_BYTES, offset);
        int64_t wanted = most >= 0 && got > most - offset ? most - offset : got;

        if (mli_cancelled(cancel)) {
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        if (got < 0) {
            return mli_fail_os(err, (int)-got, "cannot read a file of the run");
        }
        if (got == 0) {
            break;
        }
        if (wanted > 0) {
            mli_sha256_update(&hash, block, (size_t)wanted);
        }
        offset += got;
    }
    out->present = true;
    out->bytes = offset;
    mli_sha256_hex(&hash, out->sha256);
    return MODELLAB_OK;
}

modellab_status mli_file_digest(const mli_os_files *files, const char *path, int64_t most,
                                const modellab_allocator *alloc, const mli_cancel_word *cancel,
                                mli_seal_file *out, modellab_error *err)
{
    mli_os_stat info;
    modellab_status status = MODELLAB_OK;
    char *block;
    int rc, fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW | MLI_OS_NONBLOCK, 0);

    memset(out, 0, sizeof *out);
    if (fd < 0) {
        return mli_fail_os(err, -fd, "a file of the run cannot be opened");
    }
    rc = files->fstat(files->user, fd, &info);
    if (rc != 0) {
        status = mli_fail_os(err, -rc, "cannot look at a file of the run");
    } else if (info.kind != MLI_OS_REGULAR) {
        status = mli_fail(err, MODELLAB_E_STORE_CORRUPT, "a file of the run is not a file");
    }
    block = status == MODELLAB_OK ? mli_alloc(alloc, BLOCK_BYTES) : NULL;
    if (status == MODELLAB_OK) {
        status = block == NULL ? mli_no_memory(err)
                               : digest_open(files, fd, most, block, cancel, out, err);
    }
    mli_free(alloc, block);
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close a file") : status;
}

MODELLAB_MUST_CHECK static modellab_status digest_of(const mli_os_files *files, const char *root,
                                                     const char *run_id, mli_run_file what,
                                                     const modellab_allocator *alloc,
                                                     mli_seal_file *out, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status = mli_run_path(root, run_id, what, path, err);

    if (status == MODELLAB_OK) {
        status = mli_file_digest(files, path, -1, alloc, NULL, out, err);
    }
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    return status;
}

/* Reads the journal to its end, for the number and the chain of its last line. */
MODELLAB_MUST_CHECK static modellab_status read_chain(const mli_os_files *files, const char *path,
                                                      const modellab_allocator *alloc,
                                                      mli_seal *out, modellab_error *err)
{
    mli_journal_reader reader;
    mli_journal_line line;
    bool found = true;
    modellab_status status = MODELLAB_OK;
    int rc, fd = files->open(files->user, path, MLI_OS_READ | MLI_OS_NOFOLLOW, 0);

    if (fd < 0) {
        return mli_fail_os(err, -fd, "the run's journal cannot be opened");
    }
    mli_journal_reader_init(&reader, alloc, files, fd);
    while (status == MODELLAB_OK && found) {
        status = mli_journal_next(&reader, &line, &found, err);
    }
    if (status == MODELLAB_E_STORE_CORRUPT) { /* a line without end: the file's sha256 covers it */
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    out->journal_lines = reader.last_n;
    memcpy(out->journal_chain, reader.chain, sizeof out->journal_chain);
    mli_journal_reader_dispose(&reader);
    rc = files->close(files->user, fd);
    return status == MODELLAB_OK && rc != 0 ? mli_fail_os(err, -rc, "cannot close the journal")
                                            : status;
}

modellab_status mli_run_seal_make(const mli_os_files *files, const char *root, const char *run_id,
                                  const modellab_allocator *alloc, mli_seal *out,
                                  modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    modellab_status status;

    memset(out, 0, sizeof *out);
    status = digest_of(files, root, run_id, MLI_RUN_JOURNAL, alloc, &out->journal, err);
    if (status == MODELLAB_OK) {
        status = digest_of(files, root, run_id, MLI_RUN_LOG, alloc, &out->log, err);
    }
    if (status == MODELLAB_OK) {
        status = digest_of(files, root, run_id, MLI_RUN_REQUEST, alloc, &out->request, err);
    }
    if (status == MODELLAB_OK && out->journal.present) {
        status = mli_run_path(root, run_id, MLI_RUN_JOURNAL, path, err);
        if (status == MODELLAB_OK) {
            status = read_chain(files, path, alloc, out, err);
        }
    }
    return status;
}

static void write_file(mli_jw *w, const char *key, const mli_seal_file *file)
{
    mli_jw_key(w, key);
    if (!file->present) {
        mli_jw_null(w);
        return;
    }
    mli_jw_object(w);
    mli_jw_kint(w, "bytes", file->bytes);
    mli_jw_kstring(w, "sha256", file->sha256);
    mli_jw_end_object(w);
}

void mli_run_seal_write(const mli_seal *seal, mli_buf *out)
{
    mli_jw w;

    mli_jw_init(&w, out);
    mli_jw_object(&w);
    write_file(&w, "journal", &seal->journal);
    write_file(&w, "log", &seal->log);
    write_file(&w, "request", &seal->request);
    mli_jw_kint(&w, "journal_lines", seal->journal_lines);
    mli_jw_kstring(&w, "journal_chain", seal->journal_chain);
    mli_jw_end_object(&w);
}

static bool read_file(const mli_json *value, mli_seal_file *out)
{
    const char *sha256 = mli_json_string(mli_json_get(value, "sha256"), "");

    out->present = value != NULL && mli_json_typeof(value) == MLI_JSON_OBJECT;
    out->bytes = mli_json_int(mli_json_get(value, "bytes"), -1);
    (void)mli_str_copy(out->sha256, sizeof out->sha256, sha256);
    return !out->present || (out->bytes >= 0 && strlen(sha256) == 64);
}

bool mli_run_seal_read(const mli_json *value, mli_seal *out)
{
    memset(out, 0, sizeof *out);
    if (value == NULL || mli_json_typeof(value) != MLI_JSON_OBJECT ||
        !read_file(mli_json_get(value, "journal"), &out->journal) ||
        !read_file(mli_json_get(value, "log"), &out->log) ||
        !read_file(mli_json_get(value, "request"), &out->request)) {
        return false;
    }
    out->journal_lines = mli_json_int(mli_json_get(value, "journal_lines"), -1);
    (void)mli_str_copy(out->journal_chain, sizeof out->journal_chain,
                       mli_json_string(mli_json_get(value, "journal_chain"), ""));
    return out->journal_lines >= 0;
}
