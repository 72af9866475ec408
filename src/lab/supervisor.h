/* The supervisor: claims runs, starts and watches workers, enforces deadlines and caps, ingests
 * their journals and adopts what others left. */
#ifndef MLI_LAB_SUPERVISOR_H
#define MLI_LAB_SUPERVISOR_H

#include "lab/lab.h"
#include <modellab/supervisor.h>

typedef struct modellab_supervisor mli_supervisor;

/* As the public functions of modellab/supervisor.h. */
MODELLAB_MUST_CHECK modellab_status
mli_supervisor_create(mli_lab *lab, const modellab_supervisor_options *options,
                      mli_supervisor **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_supervisor_start(mli_supervisor *s, modellab_error *err);
int32_t mli_supervisor_pollfd(const mli_supervisor *s);
MODELLAB_MUST_CHECK modellab_status mli_supervisor_step(mli_supervisor *s, int64_t timeout_ms,
                                                        int64_t *next_ms, modellab_error *err);
int32_t mli_supervisor_active_count(const mli_supervisor *s);
MODELLAB_MUST_CHECK modellab_status mli_supervisor_drain(mli_supervisor *s, int64_t deadline_ms,
                                                         modellab_drain_result *result,
                                                         modellab_error *err);
void mli_supervisor_destroy(mli_supervisor *s);

/* Path (new, absolute) of the worker program: `given`, else MODEL_LAB_WORKER, else beside the
 * library. E_NOT_FOUND. */
MODELLAB_MUST_CHECK modellab_status mli_worker_program_find(const mli_lab *lab, const char *given,
                                                            char **out, modellab_error *err);

#endif
