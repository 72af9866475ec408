/* An artifact, or the input, of a run as an open file that is read in pieces and compared with its
 * recorded size and sha256. */
#ifndef MLI_LAB_ARTIFACT_FILE_H
#define MLI_LAB_ARTIFACT_FILE_H

#include "base/cancel.h"
#include "base/hash.h"
#include "lab/lab.h"
#include <modellab/artifact.h>

struct modellab_artifact {
    mli_lab *lab; /* a reference */
    int fd;
    modellab_artifact_info info; /* its texts stand behind the struct */
    mli_sha256 hash;             /* of the first `hashed` bytes, when they were read in order */
    int64_t hashed;
};

/* As the public functions. */
MODELLAB_MUST_CHECK modellab_status mli_artifact_file_open(mli_lab *lab, const char *run_id,
                                                           const char *artifact_id,
                                                           modellab_artifact **out,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_artifact_file_read(modellab_artifact *a, int64_t offset,
                                                           void *data, size_t bytes, size_t *got,
                                                           modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_artifact_file_verify(modellab_artifact *a,
                                                             const mli_cancel_word *cancel,
                                                             modellab_error *err);
void mli_artifact_file_close(modellab_artifact *a);

#endif
