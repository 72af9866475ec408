/* A logger whose lines carry the ids of a run: run, request, trace, span, attempt. */
#ifndef MLI_LAB_RUN_LOG_H
#define MLI_LAB_RUN_LOG_H

#include "lab/lab.h"
#include <modellab/logger.h>

/* New, give it back with mli_logger_unref(); NULL when the lab is silent. */
modellab_logger *mli_run_log(const mli_lab *lab, const mli_run_row *row);
/* The same for who has only its id: the record is read. With the run's id alone when it cannot. */
modellab_logger *mli_run_log_of(const mli_lab *lab, const char *run_id);

#endif
