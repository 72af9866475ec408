/* Suggestions for mistyped commands, options and choices. */
#include "cli/command.h"
#include <string.h>

/* Damerau-Levenshtein distance (neighbours may be swapped) of short words; 99 for long ones. */
static int distance(const char *a, const char *b)
{
    enum { MAX = 40 };
    int d[MAX + 1][MAX + 1];
    size_t n = strlen(a), m = strlen(b);
    if (n > MAX || m > MAX)
        return 99;
    for (size_t i = 0; i <= n; i++)
        d[i][0] = (int)i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = (int)j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    return d[n][m];
}

/* Keeps `candidate` when it is the nearest so far and near enough to be meant. */
static bool nearer(const char *typed, const char *candidate, int *best)
{
    int d = distance(typed, candidate);
    size_t n = strlen(typed);
    if (d >= *best || d > (n <= 4 ? 1 : (n <= 8 ? 2 : 3)))
        return false;
    *best = d;
    return true;
}

const char *cli_suggest_command(const char *typed)
{
    const char *found = NULL;
    int best = 99;
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        const char *space = strchr(name, ' ');
        if (nearer(typed, name, &best) ||
            (space != NULL && strcmp(typed, space + 1) == 0 && best > 0))
            found = name;
    }
    return found;
}

const char *cli_suggest_option(const cli_command *command, const char *typed)
{
    const char *found = NULL;
    int best = 99;
    for (int id = 0; id < CLI_OPT_COUNT; id++)
        if (cli_command_has(command, (cli_option_id)id) &&
            nearer(typed, cli_options[id].name, &best))
            found = cli_options[id].name;
    return found;
}

bool cli_suggest_choice(const char *choices, const char *typed, char *out, size_t room)
{
    int best = 99;
    bool found = false;
    for (const char *at = choices; *at != '\0';) {
        char word[64];
        size_t n = strcspn(at, "|");
        if (n < sizeof word && n < room) {
            memcpy(word, at, n);
            word[n] = '\0';
            if (nearer(typed, word, &best)) {
                memcpy(out, word, n + 1);
                found = true;
            }
        }
        at += n + (at[n] == '|');
    }
    return found;
}
