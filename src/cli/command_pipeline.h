/* The commands of pipelines, as rows of the table of commands. */
#ifndef MLI_CLI_COMMAND_PIPELINE_H
#define MLI_CLI_COMMAND_PIPELINE_H

#define CLI_COMMANDS_PIPELINE                                                                      \
    {"pipeline list",                                                                              \
     "",                                                                                           \
     0,                                                                                            \
     0,                                                                                            \
     CLI_ARG_NONE,                                                                                 \
     NULL,                                                                                         \
     cli_pipeline_list,                                                                            \
     "List the pipelines: built in, and of the lab.",                                              \
     NULL,                                                                                         \
     "modellab pipeline list\t\n",                                                                 \
     {O(LAB), 0}},                                                                                 \
        {"pipeline show",                                                                          \
         "NAME",                                                                                   \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_pipeline_show,                                                                        \
         "Print a pipeline as JSON.",                                                              \
         NULL,                                                                                     \
         "modellab pipeline show full_meeting\t\n",                                                \
         {O(LAB), 0}},                                                                             \
        {"pipeline validate",                                                                      \
         "FILE|NAME",                                                                              \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_FILE,                                                                             \
         NULL,                                                                                     \
         cli_pipeline_validate,                                                                    \
         "Say whether a definition is one that runs could have.",                                  \
         "A definition is a JSON object: text, steps, config; of a file, or of the pipeline of "   \
         "this name. Exit code 3 when it is not valid.",                                           \
         "modellab pipeline validate mine.json\t\n",                                               \
         {O(LAB), 0}},                                                                             \
        {"pipeline resolve",                                                                       \
         "NAME|STEPS",                                                                             \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_pipeline_resolve,                                                                     \
         "Print the steps in order of execution, and which ones were added.",                      \
         NULL,                                                                                     \
         "modellab pipeline resolve asr,summary\t\n",                                              \
         {O(LAB), 0}},                                                                             \
        {"pipeline save",                                                                          \
         "NAME FILE",                                                                              \
         2,                                                                                        \
         2,                                                                                        \
         CLI_ARG_FILE,                                                                             \
         NULL,                                                                                     \
         cli_pipeline_save,                                                                        \
         "Store a pipeline of your own in the lab.",                                               \
         NULL,                                                                                     \
         "modellab pipeline save minutes mine.json\t\n"                                            \
         "modellab run submit talk.flac --pipeline minutes\tuse it\n",                             \
         {O(LAB), 0}},                                                                             \
        {"pipeline delete",                                                                        \
         "NAME",                                                                                   \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_pipeline_delete,                                                                      \
         "Remove a pipeline of your own.",                                                         \
         NULL,                                                                                     \
         "modellab pipeline delete minutes\t\n",                                                   \
         {O(LAB), 0}},

#endif
