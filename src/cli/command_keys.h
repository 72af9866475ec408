/* The commands of keys and webhooks, as rows of the table of commands. */
#ifndef MLI_CLI_COMMAND_KEYS_H
#define MLI_CLI_COMMAND_KEYS_H

#define CLI_COMMANDS_KEYS                                                                          \
    {"key create",                                                                                 \
     "",                                                                                           \
     0,                                                                                            \
     0,                                                                                            \
     CLI_ARG_NONE,                                                                                 \
     NULL,                                                                                         \
     cli_key_create,                                                                               \
     "Make a key for clients of a server; its secret is printed once.",                            \
     "SCOPES are runs:read, runs:write, models:write and admin, which has all of them. A key "     \
     "without admin sees the runs of its user alone. docs/keys.md.",                               \
     "modellab key create --name laptop --user ann --scopes runs:read,runs:write --expires "       \
     "90d\t\n"                                                                                     \
     "modellab key create --scopes admin --json\tid and secret\n",                                 \
     {O(NAME), O(USER), O(SCOPES), O(EXPIRES), O(LAB), 0}},                                        \
        {"key list",                                                                               \
         "",                                                                                       \
         0,                                                                                        \
         0,                                                                                        \
         CLI_ARG_NONE,                                                                             \
         NULL,                                                                                     \
         cli_key_list,                                                                             \
         "List keys, without their secrets.",                                                      \
         NULL,                                                                                     \
         "modellab key list\t\n",                                                                  \
         {O(LAB), 0}},                                                                             \
        {"key rotate",                                                                             \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_key_rotate,                                                                           \
         "Give a key another secret, which is printed once.",                                      \
         "The secret before stays good for the overlap; an older one no longer at all.",           \
         "modellab key rotate 01JZZ3M8V5T9Q2W7X4B6C8D0EF --overlap 24h\t\n",                       \
         {O(OVERLAP), O(LAB), 0}},                                                                 \
        {"key revoke",                                                                             \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_key_revoke,                                                                           \
         "Refuse a key from now on.",                                                              \
         NULL,                                                                                     \
         "modellab key revoke 01JZZ3M8V5T9Q2W7X4B6C8D0EF\t\n",                                     \
         {O(LAB), 0}},

#endif
