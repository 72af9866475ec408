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

#define CLI_COMMANDS_WEBHOOKS                                                                      \
    {"webhook create",                                                                             \
     "URL",                                                                                        \
     1,                                                                                            \
     1,                                                                                            \
     CLI_ARG_WORD,                                                                                 \
     NULL,                                                                                         \
     cli_webhook_create,                                                                           \
     "Have an address told of events of runs; the secret of its signatures is printed once.",      \
     "Without --user it is told of the runs of all users. Only https to hosts of the internet, "   \
     "and what MODEL_LAB_WEBHOOK_ALLOW names. Deliveries are made by `modellab supervise` and "    \
     "servers. docs/webhooks.md.",                                                                 \
     "modellab webhook create https://hooks.example.com/x --events run_completed,run_failed\t\n",  \
     {O(EVENTS), O(USER), O(LAB), 0}},                                                             \
        {"webhook list",                                                                           \
         "",                                                                                       \
         0,                                                                                        \
         0,                                                                                        \
         CLI_ARG_NONE,                                                                             \
         NULL,                                                                                     \
         cli_webhook_list,                                                                         \
         "List webhooks, without their secrets.",                                                  \
         NULL,                                                                                     \
         "modellab webhook list\t\n",                                                              \
         {O(LAB), 0}},                                                                             \
        {"webhook deliveries",                                                                     \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_webhook_deliveries,                                                                   \
         "Show what a webhook was told and how that went, newest first.",                          \
         NULL,                                                                                     \
         "modellab webhook deliveries 01JZZ3M8V5T9Q2W7X4B6C8D0EF\t\n",                             \
         {O(LIMIT), O(BEFORE), O(LAB), 0}},                                                        \
        {"webhook test",                                                                           \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_webhook_test,                                                                         \
         "Have a delivery of type test made.",                                                     \
         NULL,                                                                                     \
         "modellab webhook test 01JZZ3M8V5T9Q2W7X4B6C8D0EF\t\n",                                   \
         {O(LAB), 0}},                                                                             \
        {"webhook enable",                                                                         \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_webhook_enable,                                                                       \
         "Make one that was disabled work again, for events from now on.",                         \
         NULL,                                                                                     \
         "modellab webhook enable 01JZZ3M8V5T9Q2W7X4B6C8D0EF\t\n",                                 \
         {O(LAB), 0}},                                                                             \
        {"webhook delete",                                                                         \
         "ID",                                                                                     \
         1,                                                                                        \
         1,                                                                                        \
         CLI_ARG_WORD,                                                                             \
         NULL,                                                                                     \
         cli_webhook_delete,                                                                       \
         "Remove a webhook with its deliveries.",                                                  \
         NULL,                                                                                     \
         "modellab webhook delete 01JZZ3M8V5T9Q2W7X4B6C8D0EF\t\n",                                 \
         {O(LAB), 0}},

#endif
