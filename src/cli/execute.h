/* Executing one run from this program and waiting for its end, with progress and Ctrl-C. */
#ifndef MLI_CLI_EXECUTE_H
#define MLI_CLI_EXECUTE_H

#include "cli/call.h"

typedef struct cli_wait {
    const char *title;     /* for the progress line */
    int32_t threads;       /* 0 = default */
    bool supervise;        /* execute it here when nobody else does */
    bool cancel_on_signal; /* Ctrl-C cancels the run, not just the waiting */
    bool gives_back;       /* Ctrl-C gives a run that is executed here back to the queue */
    int64_t timeout_ms;    /* -1 = none */
} cli_wait;

/* Path of the worker program, new; NULL = where the library finds it. */
char *cli_worker_program(void);
/* Waits for a final status. 0 with *run loaded (give it back), else an exit code. */
int cli_wait_for_run(cli_call *call, modellab_lab *lab, const char *run_id, const cli_wait *how,
                     modellab_run **run);
/* One line on stderr for a run that did not complete; its exit code. */
int cli_tell_end(const char *subject, const modellab_run_info *info);

#endif
