/* Bundles: a run that has ended in one file, to keep, to send with a report, and to import into
 * another lab. A bundle is a ZIP file of stored members; bundles of the same run are the same
 * bytes.
 * @since 0.1
 *
 * Example: examples/c/bundle.c */
#ifndef MODELLAB_BUNDLE_H
#define MODELLAB_BUNDLE_H

#include <modellab/run.h>

/** Values of the flags of modellab_run_bundle(). */
enum {
    /** Leave the input out; its sha256 stays in the record. */
    MODELLAB_BUNDLE_WITHOUT_INPUT = 1
};

MODELLAB_BEGIN_DECLS

/** Writes a run with its record, manifest, events, journal, log, request, artifacts and input into
 * a new file. The run is verified first. It holds what the run holds: text of transcripts too.
 * @param path    a new file; it must not exist
 * @param flags   MODELLAB_BUNDLE_*
 * @param cancel  optional
 * @errors E_NOT_FOUND, E_STATE (it has not ended, or changed meanwhile), E_HASH_MISMATCH (it is not
 * what was recorded, see modellab_run_verify()), E_ALREADY_EXISTS, E_LIMIT (larger than 4 GiB),
 *         E_CANCELLED, E_NO_SPACE, E_PERMISSION, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_bundle(modellab_lab *lab, const char *run_id, const char *path, int32_t flags,
                    modellab_cancel *cancel, modellab_error *err);

/** Imports a bundle: unpacks it, verifies every byte, and only then makes it a run of this lab,
 * with the ids that it had and marked as imported. It does not count in the lab's totals. What is
 * refused leaves nothing behind.
 * @param cancel        optional
 * @param[out] run_id   the run's id; also with E_ALREADY_EXISTS
 * @errors E_NOT_FOUND (no such file), E_INVALID_ARGUMENT (not a bundle), E_SCHEMA, E_INVALID_JSON
 * (not the record of a run that has ended), E_HASH_MISMATCH (damaged), E_ALREADY_EXISTS, E_LIMIT,
 *         E_CANCELLED, E_NO_SPACE, E_STORE_READ_ONLY, E_STORE_FAILED, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_run_import(modellab_lab *lab, const char *path, modellab_cancel *cancel,
                    char run_id[MODELLAB_RUN_ID_BYTES], modellab_error *err);

MODELLAB_END_DECLS
#endif
