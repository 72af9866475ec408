/* A run as lists and submissions show it, made of its record. */
#ifndef SERVER_RUN_SUMMARY_H
#define SERVER_RUN_SUMMARY_H

#include "call.h"

/* NULL: out of memory, or the record cannot be written. */
json_t *run_summary(const modellab_run *run);

#endif
