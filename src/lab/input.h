/* The input of a submission: opened, its size checked, its header probed; nothing is decoded here.
 */
#ifndef MLI_LAB_INPUT_H
#define MLI_LAB_INPUT_H

#include "check/probe.h"
#include "lab/lab.h"

typedef struct mli_input {
    int fd; /* -1: bytes, or none */
    const void *data;
    size_t data_bytes;
    int64_t bytes;
    bool present;
    bool follows;              /* it comes later, and nobody is refused for that */
    char shared_sha256[65];    /* of a file of the lab that is linked, not copied; "" = none */
    char path[MLI_PATH_BYTES]; /* and where it is */
    char name[256];            /* to record: UTF-8 without controls; "" without input */
    mli_probe probe;
} mli_input;

/* `user`: whose uploads count (beside nobody's); NULL = everybody's. Findings go to `report` with
 * the pointer "/input". E_NOT_FOUND, E_PERMISSION, E_INVALID_ARGUMENT
 * (directory, pipe, device), E_LIMIT (too large), E_INVALID_AUDIO, E_UNSUPPORTED_FORMAT. */
MODELLAB_MUST_CHECK modellab_status mli_input_open(const mli_lab *lab,
                                                   const modellab_run_submit_options *options,
                                                   const char *user, mli_input *out,
                                                   mli_findings *report, modellab_error *err);
/* It is a file of the lab that is never changed: it is linked when it is taken. */
void mli_input_share(mli_input *input, const char *path, const char *sha256);
void mli_input_close(const mli_lab *lab, mli_input *input);

#endif
