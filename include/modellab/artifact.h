/* Artifacts: the files that a run made, and its input, read in pieces: for what is sent on or too
 * large for memory. Addressed by run and opaque id, never by a path. @since 0.1
 *
 * Example: examples/c/artifact.c */
#ifndef MODELLAB_ARTIFACT_H
#define MODELLAB_ARTIFACT_H

#include <modellab/run.h>

/** Stands for the run's input where the id of an artifact is asked for. */
#define MODELLAB_ARTIFACT_INPUT "input"

/** An open file of a run. Stays readable when the run is deleted meanwhile. */
typedef struct modellab_artifact modellab_artifact;

MODELLAB_BEGIN_DECLS

/** Opens an artifact, or the input, of a run. Its size is compared with what was recorded.
 * @param artifact_id  as in modellab_artifact_info, or MODELLAB_ARTIFACT_INPUT
 * @param[out] out     new; modellab_artifact_close()
 * @errors E_NOT_FOUND (run, artifact, or its bytes were taken away), E_HASH_MISMATCH (another size
 * than recorded), E_STORE_FAILED, E_IO, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_artifact_open(modellab_lab *lab,
                                                                        const char *run_id,
                                                                        const char *artifact_id,
                                                                        modellab_artifact **out,
                                                                        modellab_error *err);

/** Its facts. The input has the id MODELLAB_ARTIFACT_INPUT, no step, the name that it was submitted
 * with, and a media type by its first bytes. Strings are borrowed until the close. `out->size` must
 * be set. @errors E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_artifact_get_info(
    const modellab_artifact *artifact, modellab_artifact_info *out, modellab_error *err);

/** Reads bytes from `offset` on. Who reads all of it in order has its sha256 compared: the read
 * that reaches the end then fails, so that what is damaged is never complete.
 * @param[out] got  how many: fewer than `bytes` only at the end, 0 behind it
 * @errors E_INVALID_ARGUMENT, E_HASH_MISMATCH (see above, or it became shorter), E_IO
 * @threads one at a time for each handle @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_artifact_read(modellab_artifact *artifact,
                                                                        int64_t offset, void *data,
                                                                        size_t bytes, size_t *got,
                                                                        modellab_error *err);

/** Reads all of it and compares the sha256 with what was recorded.
 * @param cancel  optional
 * @errors E_HASH_MISMATCH, E_CANCELLED, E_IO, E_NO_MEMORY
 * @threads one at a time for each handle @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_artifact_verify(modellab_artifact *artifact, modellab_cancel *cancel, modellab_error *err);

/** Closes it; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_artifact_close(modellab_artifact *artifact);

MODELLAB_END_DECLS
#endif
