/* Help from the one table of commands, as text and as JSON. */
#ifndef MLI_CLI_HELP_H
#define MLI_CLI_HELP_H

#include "cli/call.h"
#include "cli/command.h"

/* Of one command, of all when NULL; JSON with --json. An exit code. */
int cli_print_help(const cli_call *call, const cli_command *command);
/* Commands whose name begins with the words of `prefix` ("" = all), their options, and the exit
 * codes. */
int cli_help_json(const char *prefix);

#endif
