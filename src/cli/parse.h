/* The command line, parsed by the table. */
#ifndef MLI_CLI_PARSE_H
#define MLI_CLI_PARSE_H

#include "cli/call.h"

/* 0: `call` is filled; its arguments point into `argv`, which is reordered. Else the exit code,
 * after saying what is wrong (or printing the help that was asked for, then *done is set). */
int cli_parse(int argc, const char **argv, cli_call *call, bool *done);

#endif
