/* Watching the list of runs. */
#ifndef MLI_CLI_WATCH_H
#define MLI_CLI_WATCH_H

#include "cli/call.h"

/* Until a signal or until nobody reads. Returns the exit code. */
int cli_watch_runs(cli_call *call, modellab_lab *lab, const modellab_run_filter *filter);

#endif
