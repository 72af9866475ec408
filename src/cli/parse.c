/* Options may stand anywhere: --name value, --name=value, -x value, -xvalue; -- ends them. */
#include "cli/parse.h"
#include "cli/commands.h"
#include "cli/help.h"
#include <string.h>

typedef struct parser {
    const cli_command *command;
    cli_call *call;
    const char **argv;
    int argc, at;
} parser;

/* Some names mean something else to each command (--format): that of the command comes first. */
static int find_option(const cli_command *command, const char *name, size_t n, char letter)
{
    int found = -1;
    for (int id = 0; id < CLI_OPT_COUNT; id++) {
        const cli_option *o = &cli_options[id];
        const bool fits = name != NULL ? strlen(o->name) == n && memcmp(o->name, name, n) == 0
                                       : o->letter == letter;
        if (fits && cli_command_has(command, (cli_option_id)id))
            return id;
        if (fits && found < 0)
            found = id;
    }
    return found;
}

static bool is_choice(const char *choices, const char *value)
{
    size_t n = strlen(value);
    for (const char *at = choices; *at != '\0';) {
        size_t c = strcspn(at, "|");
        if (c == n && memcmp(at, value, n) == 0)
            return true;
        at += c + (at[c] == '|');
    }
    return false;
}

static int unknown_option(const parser *p, const char *typed)
{
    char name[64] = {0};
    size_t n = strcspn(typed, "=");
    memcpy(name, typed, n < sizeof name - 1 ? n : sizeof name - 1);
    const char *near = cli_suggest_option(p->command, name + strspn(name, "-"));
    if (near != NULL)
        return cli_fail_text(p->call, CLI_EXIT_USAGE, "`%s` has no option %s; did you mean --%s?",
                             p->command->name, name, near);
    return cli_fail_text(p->call, CLI_EXIT_USAGE, "`%s` has no option %s; see `modellab help %s`",
                         p->command->name, name, p->command->name);
}

static int set_value(const parser *p, int id, const char *value)
{
    const cli_option *o = &cli_options[id];
    char near[64];
    if (o->choices != NULL && !is_choice(o->choices, value)) {
        if (cli_suggest_choice(o->choices, value, near, sizeof near))
            return cli_fail_text(p->call, CLI_EXIT_USAGE, "--%s cannot be '%s'; did you mean %s?",
                                 o->name, value, near);
        return cli_fail_text(p->call, CLI_EXIT_USAGE, "--%s cannot be '%s'; choose one of %s",
                             o->name, value, o->choices);
    }
    if (p->call->counts[id] == CLI_MAX_REPEAT)
        return cli_fail_text(p->call, CLI_EXIT_USAGE, "--%s is given too often", o->name);
    p->call->values[id][p->call->counts[id]++] = value;
    return CLI_EXIT_OK;
}

static int parse_option(parser *p, const char *word)
{
    const char *value = NULL;
    int id;
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        id = find_option(p->command, word + 2, n, '\0');
        value = word[2 + n] == '=' ? word + 3 + n : NULL;
    } else {
        id = find_option(p->command, NULL, 0, word[1]);
        value = word[2] != '\0' ? word + 2 : NULL;
    }
    if (id < 0 || !cli_command_has(p->command, (cli_option_id)id))
        return unknown_option(p, word);
    const cli_option *o = &cli_options[id];
    if (o->value == NULL) {
        if (value != NULL)
            return cli_fail_text(p->call, CLI_EXIT_USAGE, "--%s takes no value", o->name);
        return set_value(p, id, "");
    }
    if (value == NULL && o->value[0] == '[') { /* may be left out: only what can be none else */
        const char *next = p->at < p->argc ? p->argv[p->at] : "";
        size_t digits = strspn(next, "0123456789-");
        bool given =
            strcmp(next, "auto") == 0 || (next[0] >= '0' && next[0] <= '9' && next[digits] == '\0');
        value = given ? p->argv[p->at++] : "auto";
    }
    if (value == NULL) {
        if (p->at == p->argc)
            return cli_fail_text(p->call, CLI_EXIT_USAGE, "--%s needs a value: %s", o->name,
                                 o->value);
        value = p->argv[p->at++];
    }
    return set_value(p, id, value);
}

static int find_command(parser *p, int *used)
{
    const char *near;
    p->command = cli_command_find(p->argc - 1, p->argv + 1, used);
    if (p->command != NULL)
        return CLI_EXIT_OK;
    bool noun = false;
    for (size_t i = 0; i < cli_command_count; i++) {
        size_t n = strcspn(cli_commands[i].name, " ");
        noun = noun || (strlen(p->argv[1]) == n && cli_commands[i].name[n] == ' ' &&
                        memcmp(cli_commands[i].name, p->argv[1], n) == 0);
    }
    if (noun && (p->argc == 2 || p->argv[2][0] == '-'))
        return cli_fail_text(p->call, CLI_EXIT_USAGE,
                             "`%s` needs one of its commands; see `modellab help %s`", p->argv[1],
                             p->argv[1]);
    cli_text typed = CLI_TEXT_INIT;
    cli_text_add(&typed, p->argv[1]);
    if (p->argc > 2 && p->argv[2][0] != '-' && (noun || cli_suggest_command(p->argv[1]) == NULL))
        cli_text_printf(&typed, " %s", p->argv[2]);
    near = cli_suggest_command(cli_text_get(&typed));
    int code;
    if (near != NULL)
        code =
            cli_fail_text(p->call, CLI_EXIT_USAGE, "there is no command `%s`; did you mean `%s`?",
                          cli_text_get(&typed), near);
    else
        code = cli_fail_text(p->call, CLI_EXIT_USAGE,
                             "there is no command `%s`; see `modellab help`", cli_text_get(&typed));
    cli_text_free(&typed);
    return code;
}

static int check_arguments(const parser *p)
{
    int n = p->call->argument_count;
    if (n < p->command->min_arguments)
        return cli_fail_text(p->call, CLI_EXIT_USAGE, "`%s` needs %s; see `modellab help %s`",
                             p->command->name, p->command->arguments, p->command->name);
    if (p->command->max_arguments >= 0 && n > p->command->max_arguments)
        return cli_fail_text(
            p->call, CLI_EXIT_USAGE, "`%s` has an argument too many: '%s'; see `modellab help %s`",
            p->command->name, p->call->arguments[p->command->max_arguments], p->command->name);
    if (p->command->words != NULL && n > 0 && !is_choice(p->command->words, p->call->arguments[0]))
        return cli_fail_text(p->call, CLI_EXIT_USAGE, "`%s` needs one of %s", p->command->name,
                             p->command->words);
    return CLI_EXIT_OK;
}

int cli_parse(int argc, const char **argv, cli_call *call, bool *done)
{
    parser p = {NULL, call, argv, argc, 1};
    int used = 0, kept = 0;
    bool options_end = false;
    *done = false;
    /* so that an error of the parser itself can be JSON, too */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            call->values[CLI_OPT_JSON][0] = "", call->counts[CLI_OPT_JSON] = 1;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        *done = true;
        int code = cli_print_help(call, NULL);
        return argc < 2 && code == CLI_EXIT_OK ? CLI_EXIT_USAGE : code;
    }
    if (strcmp(argv[1], "--version") == 0)
        argv[1] = "version";
    int code = find_command(&p, &used);
    if (code != CLI_EXIT_OK)
        return code;
    call->command = p.command;
    call->counts[CLI_OPT_JSON] = 0;
    p.at = 1 + used;
    while (p.at < argc) {
        const char *word = argv[p.at++];
        if (options_end || word[0] != '-' || word[1] == '\0') {
            argv[kept++] = word; /* behind what was read already */
        } else if (strcmp(word, "--") == 0) {
            options_end = true;
        } else {
            code = parse_option(&p, word);
            if (code != CLI_EXIT_OK)
                return code;
        }
    }
    call->arguments = argv;
    call->argument_count = kept;
    if (cli_has(call, CLI_OPT_HELP)) {
        *done = true;
        return cli_print_help(call, p.command);
    }
    return check_arguments(&p);
}
