/* Ctrl-C and SIGTERM: the first asks for a clean end, the second leaves at once. */
#ifndef MLI_CLI_SIGNALS_H
#define MLI_CLI_SIGNALS_H

#include <modellab/types.h>

/* Installs the handlers. 0, or -1 when the system refuses. */
int cli_signals_install(void);
/* The first signal that came, or 0. */
int cli_signal(void);
/* 130 or 143 of the signal that came. */
int cli_signal_exit(void);
/* Token that the signal sets; NULL takes it away. Borrowed. */
void cli_signal_cancels(modellab_cancel *cancel);
/* A new one, set when a signal has come already; and its end. */
modellab_cancel *cli_cancel_begin(void);
void cli_cancel_end(modellab_cancel *cancel);

#endif
