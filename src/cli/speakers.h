/* How many speakers there are, and whose voices are known, as typed. */
#ifndef MLI_CLI_SPEAKERS_H
#define MLI_CLI_SPEAKERS_H

#include "cli/call.h"
#include "cli/text.h"

/* --speakers [N|MIN-MAX|auto]: 0 and 0 = to be found. 0, or an exit code (told). */
int cli_speakers(const cli_call *call, int32_t *least, int32_t *most);
/* The parts of --enrol NAME=FILE number `index`; *name is the caller's (free). 0, or an exit code
 * (told). */
int cli_known_voice(const cli_call *call, int index, char **name, const char **file);
/* The member "diarization" of the config of a request: how many speakers, known voices. 0, or an
 * exit code (told). */
int cli_put_diarization(const cli_call *call, cli_json *json);

#endif
