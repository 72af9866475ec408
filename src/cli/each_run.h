/* What commands about runs have in common: opening one, and doing the same to each that is named.
 */
#ifndef MLI_CLI_EACH_RUN_H
#define MLI_CLI_EACH_RUN_H

#include "cli/call.h"

/* Opens the lab (`to_read`: also one that cannot be written) and finds the run that the first
 * argument names. 0, or an exit code, told. The lab is the caller's to give back either way. */
int cli_run_open(cli_call *call, bool to_read, int32_t flags, modellab_lab **lab,
                 char id[MODELLAB_RUN_ID_BYTES]);
/* The run and its facts; `info->size` is set by the caller. 0, or an exit code, told. */
int cli_run_load(const cli_call *call, modellab_lab *lab, const char *id, modellab_run **run,
                 modellab_run_info *info);
/* Adds the run as its record has it (docs/manifest.md). 0, or an exit code, told. */
int cli_run_record(const cli_call *call, cli_json *json, const modellab_run *run);

/* One run of several; `json` NULL = text to stdout. */
typedef int (*cli_run_fn)(cli_call *call, modellab_lab *lab, const char *id, const void *how,
                          cli_json *json);
/* Does it to every run that is named, whatever becomes of the others; with --json one document
 * {"results":[...]}. The exit code of the first that failed. */
int cli_runs_each(cli_call *call, bool to_read, int32_t flags, cli_run_fn one, const void *how);

#endif
