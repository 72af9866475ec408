/* Finding a command by its words, and an option of it. */
#include "cli/command.h"
#include <string.h>

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
