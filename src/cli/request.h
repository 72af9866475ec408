/* From options to a run request, and from the caller's files to something that can be submitted. */
#ifndef MLI_CLI_REQUEST_H
#define MLI_CLI_REQUEST_H

#include "cli/call.h"

/* enhance.c: what is given by --op; an exit code after saying what is wrong. */
int cli_check_operators(const cli_call *call);

/* --priority as a number; CLI_EXIT_USAGE when it is none. */
int cli_priority(const cli_call *call, int32_t *out);
/* --model, else MODEL_LAB_WHISPER_MODEL, with "whisper-" before a size; nothing when neither is
 * there. 0, or CLI_EXIT_USAGE (told). */
int cli_model_name(const cli_call *call, cli_text *out);
/* The request as JSON. 0, or an exit code after saying which option is wrong. */
int cli_request(const cli_call *call, cli_text *out);
/* The request of --request, else of the options: not of both. 0 or an exit code (told). */
int cli_request_given(const cli_call *call, cli_text *out);
/* Whole of a file or ("-") of stdin, at most `max` bytes. */
int cli_read_file(const cli_call *call, const char *path, size_t max, cli_text *out);

/* An input as typed; stdin is spooled to a temporary file without a name. Not to be copied: `path`
 * may point into it. */
typedef struct cli_input {
    const char *shown; /* last component, for messages */
    const char *path;
    char own[32];
    int spool; /* -1 when it is the user's own file */
} cli_input;

int cli_input_open(const cli_call *call, const char *typed, cli_input *input);
void cli_input_close(cli_input *input);
/* Warnings to stderr; and what is wrong with a request, when `errors`. */
void cli_tell_findings(const modellab_report *report, bool errors);
/* Progress of an input that is read, for options; `user` is a cli_progress. */
int32_t cli_on_input(void *user, int64_t done, int64_t total);
/* Findings of severity error: the one fault of a request is told by the error itself. */
size_t cli_faults(const modellab_report *report);
/* Submits; findings of the validation go to stderr. 0 or an exit code. */
int cli_submit(const cli_call *call, modellab_lab *lab, const cli_input *input, const char *request,
               char run_id[MODELLAB_RUN_ID_BYTES]);
/* caps.c: estimates instead of submitting, and prints that. 0 or an exit code. */
int cli_estimate_input(cli_call *call, modellab_lab *lab, const cli_input *input,
                       const char *request);
/* pipelines.c: --steps "asr, summary" as a member; a name that is none is told by the check of the
 * request. */
int cli_put_steps(const cli_call *call, cli_json *j);

#endif
