/* Artifacts of a run, addressed by their opaque ids. */
#ifndef MLI_LAB_ARTIFACTS_H
#define MLI_LAB_ARTIFACTS_H

#include "lab/lab.h"

/* As modellab_run_read_artifact(); appends to `out`. */
MODELLAB_MUST_CHECK modellab_status mli_run_read_artifact(mli_lab *lab, const char *run_id,
                                                          const char *artifact_id,
                                                          int64_t max_bytes, mli_buf *out,
                                                          modellab_error *err);
#endif
