/* The seal of a run's directory: how its journal, log and request were when the run ended. It goes
 * into the record with the final status and from there into the manifest, so that what is changed,
 * dropped or cut later is found. Input and artifacts have their sha256 in the record anyway. */
#ifndef MLI_STORE_SEAL_H
#define MLI_STORE_SEAL_H

#include "base/json.h"
#include "store/rundir.h"

typedef struct mli_seal_file {
    bool present;
    int64_t bytes;
    char sha256[65];
} mli_seal_file;

typedef struct mli_seal {
    mli_seal_file journal, log, request;
    int64_t journal_lines;  /* number of the last line */
    char journal_chain[65]; /* the chain's value after it */
} mli_seal;

/* Reads the three files. One that is not there is not present. E_IO, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_run_seal_make(const mli_os_files *files, const char *root,
                                                      const char *run_id,
                                                      const modellab_allocator *alloc,
                                                      mli_seal *out, modellab_error *err);
/* Appends it as a JSON object. */
void mli_run_seal_write(const mli_seal *seal, mli_buf *out);
/* False when the value is no seal. */
bool mli_run_seal_read(const mli_json *value, mli_seal *out);
/* Bytes and sha256 of a file at `path`: the first `most` bytes, -1 = all. `bytes` is always the
 * whole size. E_NOT_FOUND, E_STORE_CORRUPT (no regular file), E_CANCELLED. */
MODELLAB_MUST_CHECK modellab_status mli_file_digest(const mli_os_files *files, const char *path,
                                                    int64_t most, const modellab_allocator *alloc,
                                                    const mli_cancel_word *cancel,
                                                    mli_seal_file *out, modellab_error *err);

#endif
