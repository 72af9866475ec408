/* The worker's own log lines: JSON with the run's ids, appended to the run's log.jsonl through the
 * inherited descriptor. */
#ifndef MLI_LAB_WORKER_LOG_H
#define MLI_LAB_WORKER_LOG_H

#include "lab/worker.h"

/* Sets w->log; leaves it NULL when memory is short (a worker without log still works). */
void mli_worker_log_open(mli_worker *w);
void mli_worker_log_close(mli_worker *w);

#endif
