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
    char name[256]; /* to record: UTF-8 without controls; "" without input */
    mli_probe probe;
} mli_input;

/* Findings go to `report` with the pointer "/input". E_NOT_FOUND, E_PERMISSION, E_INVALID_ARGUMENT
 * (directory, pipe, device), E_LIMIT (too large), E_INVALID_AUDIO, E_UNSUPPORTED_FORMAT. */
MODELLAB_MUST_CHECK modellab_status mli_input_open(const mli_lab *lab,
                                                   const modellab_run_submit_options *options,
                                                   mli_input *out, mli_findings *report,
                                                   modellab_error *err);
void mli_input_close(const mli_lab *lab, mli_input *input);

#endif
