/* The commands of experiments, as rows of the table of commands. */
#ifndef MLI_CLI_COMMAND_EXPERIMENT_H
#define MLI_CLI_COMMAND_EXPERIMENT_H

#define CLI_EXPERIMENT(verb, arguments, least, kind, run, summary, text, examples, ...)            \
    {                                                                                              \
        "experiment " verb, arguments, least, least, kind, NULL, run, summary, text, examples,     \
        {                                                                                          \
            __VA_ARGS__, 0                                                                         \
        }                                                                                          \
    }

#define CLI_COMMANDS_EXPERIMENT                                                                    \
    CLI_EXPERIMENT("create", "FILE", 1, CLI_ARG_FILE, cli_experiment_create,                       \
                   "Make an experiment of a document: inputs, references, candidates.",            \
                   "Files are those beside the document. Everything is checked and copied; the "   \
                   "id that is printed stands for all of it, and the same document gives the "     \
                   "same id. `docs/experiments.md` describes it.",                                 \
                   "modellab experiment create beams.json\t\n", O(LAB)),                           \
        CLI_EXPERIMENT("start", "ID", 1, CLI_ARG_WORD, cli_experiment_start,                       \
                       "Submit its runs; those that it has stay.",                                 \
                       "Six digits of the id do when no other begins so.",                         \
                       "modellab experiment start 3fa41c\t\n", O(LAB)),                            \
        CLI_EXPERIMENT("status", "ID", 1, CLI_ARG_WORD, cli_experiment_status,                     \
                       "Say how its runs stand.", NULL,                                            \
                       "modellab experiment status 3fa41c --json\t\n", O(LAB)),                    \
        CLI_EXPERIMENT("wait", "ID", 1, CLI_ARG_WORD, cli_experiment_wait,                         \
                       "Wait for its runs, executing them when nobody else does.", NULL,           \
                       "modellab experiment wait 3fa41c --timeout 1h\t\n", O(LAB), O(TIMEOUT),     \
                       O(THREADS), O(QUIET)),                                                      \
        CLI_EXPERIMENT("compare", "ID", 1, CLI_ARG_WORD, cli_experiment_compare,                   \
                       "Put its candidates side by side, with a verdict.",                         \
                       "Each candidate against the first: by errors against references, then by "  \
                       "cost, then by speed.",                                                     \
                       "modellab experiment compare 3fa41c\t\n"                                    \
                       "modellab experiment compare 3fa41c --csv\tfor a spreadsheet\n",            \
                       O(LAB), O(CSV)),                                                            \
        CLI_EXPERIMENT("cancel", "ID", 1, CLI_ARG_WORD, cli_experiment_cancel,                     \
                       "Ask its runs to stop.", NULL, "modellab experiment cancel 3fa41c\t\n",     \
                       O(LAB)),                                                                    \
        CLI_EXPERIMENT("list", "", 0, CLI_ARG_NONE, cli_experiment_list, "List the experiments.",  \
                       NULL, "modellab experiment list\t\n", O(LAB)),                              \
        CLI_EXPERIMENT("show", "ID", 1, CLI_ARG_WORD, cli_experiment_show,                         \
                       "Print an experiment with its snapshot as JSON.", NULL,                     \
                       "modellab experiment show 3fa41c\t\n", O(LAB)),                             \
        CLI_EXPERIMENT("delete", "ID", 1, CLI_ARG_WORD, cli_experiment_delete,                     \
                       "Remove an experiment with its inputs; its runs stay.", NULL,               \
                       "modellab experiment delete 3fa41c\t\n", O(LAB)),

#endif
