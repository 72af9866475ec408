/* Run directories: <root>/runs/<ULID>/{lock, input, request.json, journal.jsonl, manifest.json,
 * page, log.jsonl, artifacts/<fence>-<name>}. Only ULIDs and names of closed sets stand in a path.
 */
#ifndef MLI_STORE_RUNDIR_H
#define MLI_STORE_RUNDIR_H

#include "base/buf.h"
#include "base/cancel.h"
#include "base/hash.h"
#include "os/file.h"

#define MLI_PATH_BYTES 4096
#define MLI_STORE_FILE "lab.sqlite"
#define MLI_BELL_FILE "lab.bell"

typedef enum mli_run_file {
    MLI_RUN_FOLDER,
    MLI_RUN_LOCK,
    MLI_RUN_INPUT,
    MLI_RUN_REQUEST,
    MLI_RUN_JOURNAL,
    MLI_RUN_MANIFEST,
    MLI_RUN_PAGE,
    MLI_RUN_LOG,
    MLI_RUN_ARTIFACTS
} mli_run_file;

/* E_INVALID_ARGUMENT: not a run id; E_LIMIT: too long. */
MODELLAB_MUST_CHECK modellab_status mli_run_path(const char *root, const char *run_id,
                                                 mli_run_file what, char out[MLI_PATH_BYTES],
                                                 modellab_error *err);
/* Makes the directory with artifacts/, the lock file and an empty journal. Nothing is synced:
 * mli_rundir_sync, when all that belongs to it is there, then the folder of all runs. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_make(const mli_os_files *files, const char *root,
                                                    const char *run_id, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_rundir_sync(const mli_os_files *files, const char *root,
                                                    const char *run_id, modellab_error *err);
/* The same, all synced. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_create(const mli_os_files *files, const char *root,
                                                      const char *run_id, modellab_error *err);
/* Removes a run's directory (refused submission, cleanup). */
MODELLAB_MUST_CHECK modellab_status mli_rundir_remove(const mli_os_files *files, const char *root,
                                                      const char *run_id, modellab_error *err);
/* Opens the lock file (made when missing) and takes flock(LOCK_EX); *fd is then the caller's to
 * close, which frees the lock once no other process has the descriptor. E_BUSY: held by somebody.
 */
MODELLAB_MUST_CHECK modellab_status mli_rundir_lock(const mli_os_files *files, const char *root,
                                                    const char *run_id, int *fd,
                                                    modellab_error *err);
typedef struct mli_input_facts {
    int64_t bytes;
    char sha256[65];
} mli_input_facts;

/* Who looks on while an input is read: each member may be NULL, as may the whole. `progress` hears
 * of each block, of `total` bytes (-1: not known); not 0 ends the work with E_CALLBACK. */
typedef struct mli_copy_watch {
    const mli_cancel_word *cancel;
    int32_t (*progress)(void *user, int64_t done, int64_t total);
    void *user;
    int64_t total;
} mli_copy_watch;

/* For each block of a reading: E_CANCELLED, E_CALLBACK. */
MODELLAB_MUST_CHECK modellab_status mli_copy_watch_tell(const mli_copy_watch *watch, int64_t done,
                                                        modellab_error *err);

/* Copies an open file (from its present position) or bytes to `input`: temporary, hashed on the
 * way, synced, renamed; the directory is the caller's to sync. E_LIMIT beyond max_bytes; `watch` is
 * asked for each block. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_put_input(
    const mli_os_files *files, const char *root, const char *run_id, int source_fd,
    const void *data, size_t data_bytes, int64_t max_bytes, const modellab_allocator *alloc,
    const mli_copy_watch *watch, mli_input_facts *facts, modellab_error *err);
/* The same at a path of which nothing is there yet. */
MODELLAB_MUST_CHECK modellab_status mli_put_input(const mli_os_files *files, const char *path,
                                                  int source_fd, const void *data,
                                                  size_t data_bytes, int64_t max_bytes,
                                                  const modellab_allocator *alloc,
                                                  const mli_copy_watch *watch,
                                                  mli_input_facts *facts, modellab_error *err);
/* The input of another run of the lab as this one's: a hard link where the disk allows one, else a
 * copy. Its bytes are compared with what was recorded of them: E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_share_input(
    const mli_os_files *files, const char *root, const char *from_id, const char *run_id,
    const mli_input_facts *recorded, const modellab_allocator *alloc, const mli_copy_watch *watch,
    modellab_error *err);
/* Likewise a file of the lab that is never changed. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_share_file(
    const mli_os_files *files, const char *root, const char *from, const char *run_id,
    const mli_input_facts *recorded, const modellab_allocator *alloc, const mli_copy_watch *watch,
    modellab_error *err);
/* An artifact's file of another run as `file` of this one, likewise; its bytes are not read. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_share(const mli_os_files *files, const char *root,
                                                       const char *from_id, const char *from_file,
                                                       const char *run_id, const char *file,
                                                       modellab_error *err);
/* request.json of a run that nobody knows yet: made and synced; the directory is the caller's to
 * sync. */
MODELLAB_MUST_CHECK modellab_status mli_rundir_put_request(const mli_os_files *files,
                                                           const char *root, const char *run_id,
                                                           const char *json, size_t bytes,
                                                           modellab_error *err);
/* manifest.json, replaced atomically: `json` is an object without "crc32c"; that key (8 hex digits
 * over all bytes before it) is added as the last one. */
MODELLAB_MUST_CHECK modellab_status mli_manifest_write(const mli_os_files *files, const char *root,
                                                       const char *run_id, const mli_buf *json,
                                                       modellab_error *err);
/* The first manifest of a run that nobody knows yet: made and synced; the directory is the caller's
 * to sync. */
MODELLAB_MUST_CHECK modellab_status mli_manifest_write_first(const mli_os_files *files,
                                                             const char *root, const char *run_id,
                                                             const mli_buf *json,
                                                             modellab_error *err);
/* The text that is written so. */
MODELLAB_MUST_CHECK modellab_status mli_manifest_text(const mli_buf *json, mli_buf *out,
                                                      modellab_error *err);
/* Reads and verifies; `out` gets the whole text. E_NOT_FOUND: none; E_STORE_CORRUPT: checksum. */
MODELLAB_MUST_CHECK modellab_status mli_manifest_read(const mli_os_files *files, const char *root,
                                                      const char *run_id, mli_buf *out,
                                                      modellab_error *err);
/* Inputs and artifacts are never written again, also because runs share them (hard links). */
#define MLI_FINISHED_FILE_MODE 0400u
/* A name that may stand in a path: [a-z0-9][a-z0-9._-]{0,63}, without "..". */
bool mli_artifact_name_valid(const char *name);
/* "<fence>-<name>", the file of an artifact below artifacts/. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_file(int64_t fence, const char *name, char out[96],
                                                      modellab_error *err);
/* Temporary in artifacts/, sha256 on the way, synced, renamed, directory synced. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_write(const mli_os_files *files, const char *root,
                                                       const char *run_id, const char *file,
                                                       const void *data, size_t bytes,
                                                       char sha256[65], modellab_error *err);
/* Opened to read; *fd is the caller's to close, -1 on failure. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_open(const mli_os_files *files, const char *root,
                                                      const char *run_id, const char *file, int *fd,
                                                      modellab_error *err);
/* Whole artifact, its size and sha256 checked. E_NOT_FOUND, E_LIMIT, E_HASH_MISMATCH. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_read(const mli_os_files *files, const char *root,
                                                      const char *run_id, const char *file,
                                                      int64_t max_bytes, const char *sha256,
                                                      mli_buf *out, modellab_error *err);
/* A whole small file of the run (request, manifest ...), at most max_bytes. */
MODELLAB_MUST_CHECK modellab_status mli_run_file_read(const mli_os_files *files, const char *root,
                                                      const char *run_id, mli_run_file what,
                                                      size_t max_bytes, mli_buf *out,
                                                      modellab_error *err);
/* Calls `each` for the id of every run directory, in no order; stops when it returns non-zero.
 * Names that are no ULID go to `strange` (may be NULL). */
MODELLAB_MUST_CHECK modellab_status mli_rundir_list(const mli_os_files *files, const char *root,
                                                    int (*each)(void *arg, const char *run_id),
                                                    int (*strange)(void *arg, const char *name),
                                                    void *arg, modellab_error *err);
#endif
