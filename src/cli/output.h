/* Where a transcript goes: stdout, a file, or a folder; written whole or not at all. */
#ifndef MLI_CLI_OUTPUT_H
#define MLI_CLI_OUTPUT_H

#include "cli/call.h"

/* Reads the transcript of a run; of one that did not complete the part that was done, with a note.
 * 0 or an exit code (told). */
int cli_load_transcript(cli_call *call, modellab_lab *lab, const modellab_run *run,
                        modellab_transcript **out);
/* Bytes of an artifact by its id or name. */
int cli_load_artifact(cli_call *call, modellab_lab *lab, const modellab_run *run, const char *which,
                      modellab_buffer **out);
/* The transcript as --format says. */
int cli_format_transcript(cli_call *call, const modellab_transcript *transcript, const char *name,
                          modellab_buffer **out);
/* --output must be a folder when there are several inputs; no two inputs may get the same name. */
int cli_output_check(cli_call *call);
/* Writes to --output (for `input`) or to stdout; devices and pipes are written, links followed.
 * `written` gets the path as made, new, or NULL. */
int cli_output_write(cli_call *call, const char *input, const modellab_buffer *data,
                     char **written);

#endif
