/* The table of commands as JSON, for programs that drive this one. */
#include "cli/commands.h"
#include "cli/help.h"
#include <stdio.h>
#include <string.h>

static void put_list(cli_json *j, const char *key, const char *bars)
{
    cli_json_key(j, key);
    cli_json_open(j, '[');
    for (const char *at = bars; at != NULL && *at != '\0';) {
        char word[64];
        size_t n = strcspn(at, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        cli_json_string(j, word);
        at += n + (at[n] == '|');
    }
    cli_json_close(j, ']');
}

static void put_option(cli_json *j, const cli_option *o)
{
    char letter[2] = {o->letter, '\0'};
    cli_json_open(j, '{');
    cli_json_kstring(j, "name", o->name);
    cli_json_kstring(j, "letter", o->letter != 0 ? letter : NULL);
    cli_json_kstring(j, "value", o->value);
    put_list(j, "choices", o->choices);
    cli_json_kstring(j, "text", o->text);
    cli_json_close(j, '}');
}

static void put_command(cli_json *j, const cli_command *c)
{
    cli_json_open(j, '{');
    cli_json_kstring(j, "name", c->name);
    cli_json_kstring(j, "arguments", c->arguments);
    cli_json_kint(j, "min_arguments", c->min_arguments);
    cli_json_kint(j, "max_arguments", c->max_arguments);
    put_list(j, "words", c->words);
    cli_json_kstring(j, "summary", c->summary);
    cli_json_kstring(j, "text", c->text);
    cli_json_key(j, "options");
    cli_json_open(j, '[');
    for (size_t i = 0; c->options[i] != 0; i++)
        put_option(j, &cli_options[c->options[i] - 1]);
    put_option(j, &cli_options[CLI_OPT_JSON]);
    put_option(j, &cli_options[CLI_OPT_HELP]);
    cli_json_close(j, ']');
    cli_json_close(j, '}');
}

static void put_exit_code(cli_json *j, const char *name, int number, const char *text)
{
    cli_json_open(j, '{');
    cli_json_kint(j, "code", number);
    cli_json_kstring(j, "name", name);
    cli_json_kstring(j, "text", text);
    cli_json_close(j, '}');
}

int cli_help_json(const char *prefix)
{
    cli_json j = {.depth = 0};
    size_t n = strlen(prefix);
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "version", modellab_version_string());
    cli_json_key(&j, "commands");
    cli_json_open(&j, '[');
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        if (n == 0 || (strncmp(name, prefix, n) == 0 && (name[n] == '\0' || name[n] == ' ')))
            put_command(&j, &cli_commands[i]);
    }
    cli_json_close(&j, ']');
    cli_json_key(&j, "exit_codes");
    cli_json_open(&j, '[');
#define CLI_EXIT_JSON_(name, number, text) put_exit_code(&j, #name, number, text);
    CLI_EXIT_LIST(CLI_EXIT_JSON_)
#undef CLI_EXIT_JSON_
    cli_json_close(&j, ']');
    cli_json_close(&j, '}');
    return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
