/* Signal handlers of the program (the library has none). */
#include "cli/signals.h"
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static volatile sig_atomic_t received;
static _Atomic(modellab_cancel *) token;

static void on_signal(int number)
{
    if (received != 0)
        _exit(128 + number);
    received = number;
    modellab_cancel *cancel = atomic_load(&token);
    if (cancel != NULL)
        modellab_cancel_set(cancel);
}

int cli_signals_install(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0 ? 0 : -1;
}

int cli_signal(void)
{
    return received;
}

int cli_signal_exit(void)
{
    return 128 + received;
}

void cli_signal_cancels(modellab_cancel *cancel)
{
    atomic_store(&token, cancel);
}

modellab_cancel *cli_cancel_begin(void)
{
    modellab_cancel *cancel = NULL;
    if (modellab_cancel_create(NULL, &cancel, NULL) != MODELLAB_OK) {
        fputs("modellab: out of memory\n", stderr);
        exit(1);
    }
    cli_signal_cancels(cancel);
    if (received != 0)
        modellab_cancel_set(cancel);
    return cancel;
}

void cli_cancel_end(modellab_cancel *cancel)
{
    cli_signal_cancels(NULL);
    modellab_cancel_unref(cancel);
}
