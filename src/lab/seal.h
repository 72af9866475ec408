/* The seal of a run's files, made when the run gets its final status. */
#ifndef MLI_LAB_SEAL_H
#define MLI_LAB_SEAL_H

#include "lab/lab.h"

/* Appends the seal (store/seal.h) to `out`. Nothing when it cannot be made: the run must get its
 * end all the same; it is logged, and a verification says that there is none. */
void mli_run_seal(const mli_lab *lab, const char *run_id, modellab_logger *log, mli_buf *out);

#endif
