/* How many speakers there are, as typed. */
#ifndef MLI_CLI_SPEAKERS_H
#define MLI_CLI_SPEAKERS_H

#include "cli/call.h"

/* --speakers [N|MIN-MAX|auto]: 0 and 0 = to be found. 0, or an exit code (told). */
int cli_speakers(const cli_call *call, int32_t *least, int32_t *most);

#endif
