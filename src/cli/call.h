/* A parsed command line, and what every command may do with it: report errors, open the lab, log.
 */
#ifndef MLI_CLI_CALL_H
#define MLI_CLI_CALL_H

#include "cli/command.h"
#include "cli/text.h"
#include <modellab/modellab.h>

/* Exit codes: X(NAME, number, "meaning"); docs/exit-codes.md is made from it. */
#define CLI_EXIT_LIST(X)                                                                           \
    X(OK, 0, "Done.")                                                                              \
    X(FAILURE, 1, "The work failed, and none of the codes below says why.")                        \
    X(USAGE, 2, "The command line is wrong.")                                                      \
    X(INPUT, 3, "The input is not what it should be: no audio, not a model, not a valid request.") \
    X(NOT_FOUND, 4, "A file, a run or a model does not exist.")                                    \
    X(LIMIT, 5, "A limit or a cap was exceeded.")                                                  \
    X(SPACE, 6, "No space is left on a disk.")                                                     \
    X(ACCESS, 7, "Access was denied, or the lab can only be read.")                                \
    X(NETWORK, 8, "No source could deliver: network, package index, or wrong bytes.")              \
    X(BUSY, 9, "Somebody else is at it.")                                                          \
    X(UNHEALTHY, 10,                                                                               \
      "`admin health`, `admin doctor`, `admin reconcile`, `run verify` or `models verify` found "  \
      "something "                                                                                 \
      "wrong.")                                                                                    \
    X(TIMEOUT, 124, "A deadline passed.")                                                          \
    X(INTERRUPTED, 130, "Ctrl-C (SIGINT) ended it.")                                               \
    X(TERMINATED, 143, "SIGTERM ended it.")
#define CLI_EXIT_ENUM_(name, number, text) CLI_EXIT_##name = number,
enum { CLI_EXIT_LIST(CLI_EXIT_ENUM_) };
#undef CLI_EXIT_ENUM_

typedef struct cli_call {
    const cli_command *command;
    const char *values[CLI_OPT_COUNT][CLI_MAX_REPEAT]; /* "" for flags that are set */
    int counts[CLI_OPT_COUNT];
    const char *const *arguments;
    int argument_count;
    modellab_logger *logger; /* NULL = silent */
    cli_json *answer;        /* JSON that is being made: errors become part of it; NULL = none */
    bool in_object;          /* of `answer` an object is open, else an array */
} cli_call;

bool cli_has(const cli_call *call, cli_option_id option);
/* Last value given, or NULL. */
const char *cli_value(const cli_call *call, cli_option_id option);

/* One line on stderr (and {"error": ...} on stdout with --json): what happened and what to do.
 * `subject` (a file as typed, a run, a model) and `run_id` may be NULL. Returns the exit code. */
int cli_fail(const cli_call *call, const char *subject, const char *run_id, modellab_status status,
             const modellab_error *err);
/* The same for a refused input: a folder or a pipe is a wrong input, not a wrong command line. */
int cli_fail_input(const cli_call *call, const char *subject, modellab_status status,
                   const modellab_error *err);
/* Opens a model; what is wrong with it is told. 0, or an exit code. */
int cli_open_model(const cli_call *call, const char *name, modellab_model **out);
/* The same for a run that may not be there. */
int cli_fail_run(const cli_call *call, const char *run_id, modellab_status status,
                 const modellab_error *err);
/* The same where the status has another meaning than elsewhere. */
int cli_fail_advice(const cli_call *call, const char *subject, const char *run_id,
                    modellab_status status, const modellab_error *err, int exit_code,
                    const char *advice);
/* The same for the program's own findings. */
__attribute__((format(printf, 3, 4))) int cli_fail_text(const cli_call *call, int exit_code,
                                                        const char *format, ...);
/* A note on stderr unless --quiet. */
__attribute__((format(printf, 2, 3))) void cli_note(const cli_call *call, const char *format, ...);
int cli_exit_of_status(modellab_status status);
/* Exit code of a run that ended so. */
int cli_exit_of_run(modellab_run_status status, modellab_reason reason);
/* What to do about it, "" when there is nothing to add. */
const char *cli_advice(modellab_status status);
const char *cli_advice_reason(modellab_reason reason);

/* Opens the lab of --lab. 0, or the exit code after telling why. */
int cli_open_lab(cli_call *call, int32_t flags, modellab_lab **lab);
/* For commands that only look: also a lab that cannot be written. */
int cli_open_lab_to_read(cli_call *call, int32_t flags, modellab_lab **lab);
/* Likewise without a word. */
MODELLAB_MUST_CHECK modellab_status cli_try_lab_to_read(cli_call *call, int32_t flags,
                                                        modellab_lab **lab, modellab_error *err);
/* Value of a configuration variable, new; NULL when unset. */
char *cli_config(const char *name);
/* The id as typed, or that of the newest run for "last". 0 or an exit code. */
int cli_run_id(const cli_call *call, modellab_lab *lab, const char *typed,
               char id[MODELLAB_RUN_ID_BYTES]);
/* Last component of a path as typed. */
const char *cli_basename(const char *path);
/* "10m" -> milliseconds, "3" -> number; false when it is none. */
bool cli_parse_duration(const char *text, int64_t *milliseconds);
/* Milliseconds of a duration option, `fallback` when it was not given; exit code, complaint said.
 */
int cli_duration_option(const cli_call *call, cli_option_id id, int64_t fallback, int64_t *out);
bool cli_parse_int(const char *text, int64_t min, int64_t max, int64_t *out);
bool cli_parse_real(const char *text, double *out);

#endif
