/* Help texts from the table. */
#include "cli/help.h"
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>

/* The words of `text` in lines of at most 90 columns, each indented. */
static void wrap(cli_text *out, const char *text, size_t indent)
{
    size_t column = indent;
    for (const char *at = text; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (column > indent && column + 1 + n > 90) {
            cli_text_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            cli_text_add(out, " ");
            column++;
        }
        cli_text_add_n(out, at, n);
        column += n;
        at += n + (at[n] == ' ');
    }
    cli_text_add(out, "\n");
}

static void option_line(cli_text *out, const cli_option *o)
{
    char left[64], letter[8] = "    ";
    if (o->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", o->letter);
    int n = snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name,
                     o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
    cli_text_printf(out, "%-38s", left);
    if (n >= 38)
        cli_text_printf(out, "\n%38s", "");
    wrap(out, o->text, 38);
    if (o->choices != NULL && (o->value == NULL || strcmp(o->choices, o->value) != 0)) {
        cli_text_printf(out, "%38s", "");
        cli_text_printf(out, "One of %s.\n", o->choices);
    }
}

static void examples(cli_text *out, const char *lines)
{
    cli_text_add(out, "\nExamples:\n");
    for (const char *at = lines; *at != '\0';) {
        size_t n = strcspn(at, "\n"), command = strcspn(at, "\t\n");
        cli_text_add(out, "  ");
        cli_text_add_n(out, at, command);
        if (command + 1 < n) {
            cli_text_printf(out, "%*s# ", command < 58 ? (int)(60 - command) : 2, "");
            cli_text_add_n(out, at + command + 1, n - command - 1);
        }
        cli_text_add(out, "\n");
        at += n + (at[n] == '\n');
    }
}

static void help_of(cli_text *out, const cli_command *c)
{
    cli_text_printf(out, "Usage: modellab %s%s%s [OPTIONS]\n\n%s\n", c->name,
                    c->arguments[0] != '\0' ? " " : "", c->arguments, c->summary);
    if (c->text != NULL)
        wrap(out, c->text, 0);
    cli_text_add(out, "\nOptions:\n");
    for (size_t i = 0; c->options[i] != 0; i++)
        option_line(out, &cli_options[c->options[i] - 1]);
    option_line(out, &cli_options[CLI_OPT_JSON]);
    option_line(out, &cli_options[CLI_OPT_HELP]);
    examples(out, c->examples);
}

static void help_of_all(cli_text *out)
{
    cli_text_add(out, "Usage: modellab COMMAND [ARGUMENTS] [OPTIONS]\n\n"
                      "Runs audio models so that every execution can be trusted.\n\nCommands:\n");
    for (size_t i = 0; i < cli_command_count; i++)
        cli_text_printf(out, "  %-18s %s\n", cli_commands[i].name, cli_commands[i].summary);
    cli_text_add(out, "\nFirst steps:\n"
                      "  modellab models pull whisper-tiny.en\n"
                      "  modellab transcribe talk.wav\n"
                      "  modellab run status last\n\n"
                      "`modellab help COMMAND` tells more. Exit codes:");
#define CLI_EXIT_HELP_(name, number, text) cli_text_printf(out, "\n  %3d  %s", number, text);
    CLI_EXIT_LIST(CLI_EXIT_HELP_)
#undef CLI_EXIT_HELP_
    cli_text_add(out, "\n");
}

int cli_print_help(const cli_call *call, const cli_command *command)
{
    if (cli_has(call, CLI_OPT_JSON))
        return cli_help_json(command != NULL ? command->name : "");
    cli_text out = CLI_TEXT_INIT;
    if (command != NULL)
        help_of(&out, command);
    else
        help_of_all(&out);
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : cli_fail_text(call, CLI_EXIT_FAILURE, "stdout cannot be written");
}

/* --- the manual page --- */

static void roff(cli_text *out, const char *text)
{
    bool line_start = true;
    for (; *text != '\0'; text++) {
        if (line_start && (*text == '.' || *text == '\''))
            cli_text_add(out, "\\&");
        if (*text == '\\')
            cli_text_add(out, "\\e");
        else if (*text == '-')
            cli_text_add(out, "\\-");
        else
            cli_text_add_n(out, text, 1);
        line_start = *text == '\n';
    }
}

static void man_option(cli_text *out, const cli_option *o)
{
    cli_text_add(out, ".TP\n\\fB");
    if (o->letter != 0)
        cli_text_printf(out, "\\-%c\\fR, \\fB", o->letter);
    cli_text_add(out, "\\-\\-");
    roff(out, o->name);
    cli_text_add(out, "\\fR");
    if (o->value != NULL) {
        cli_text_add(out, " \\fI");
        roff(out, o->value);
        cli_text_add(out, "\\fR");
    }
    cli_text_add(out, "\n");
    roff(out, o->text);
    if (o->choices != NULL) {
        cli_text_add(out, " One of ");
        roff(out, o->choices);
        cli_text_add(out, ".");
    }
    cli_text_add(out, "\n");
}

static void man_command(cli_text *out, const cli_command *c)
{
    cli_text_add(out, ".SS modellab ");
    roff(out, c->name);
    cli_text_printf(out, " %s\n", c->arguments);
    roff(out, c->summary);
    cli_text_add(out, "\n");
    if (c->text != NULL) {
        roff(out, c->text);
        cli_text_add(out, "\n");
    }
    for (size_t i = 0; c->options[i] != 0; i++)
        man_option(out, &cli_options[c->options[i] - 1]);
    cli_text_add(out, ".PP\nExamples:\n.nf\n");
    for (const char *at = c->examples; *at != '\0';) {
        size_t n = strcspn(at, "\n"), command = strcspn(at, "\t\n");
        char line[256];
        snprintf(line, sizeof line, "    %.*s", (int)command, at);
        roff(out, line);
        cli_text_add(out, "\n");
        at += n + (at[n] == '\n');
    }
    cli_text_add(out, ".fi\n");
}

static void man(cli_text *out)
{
    cli_text_printf(out,
                    ".TH MODELLAB 1 \"\" \"modellab %s\" \"User Commands\"\n.SH NAME\nmodellab "
                    "\\- runs audio models so that every execution can be trusted\n.SH SYNOPSIS\n"
                    "\\fBmodellab\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n"
                    ".SH DESCRIPTION\nData goes to stdout, progress and errors to stderr. Every "
                    "command takes \\fB\\-\\-json\\fR and \\fB\\-\\-help\\fR.\n.SH COMMANDS\n",
                    modellab_version_string());
    for (size_t i = 0; i < cli_command_count; i++)
        man_command(out, &cli_commands[i]);
    cli_text_add(out, ".SH EXIT STATUS\n");
#define CLI_EXIT_MAN_(name, number, text)                                                          \
    cli_text_printf(out, ".TP\n\\fB%d\\fR\n", number);                                             \
    roff(out, text);                                                                               \
    cli_text_add(out, "\n");
    CLI_EXIT_LIST(CLI_EXIT_MAN_)
#undef CLI_EXIT_MAN_
    cli_text_add(out, ".SH ENVIRONMENT\nSee `modellab env`.\n");
}

int cli_help(cli_call *call)
{
    int used = 0;
    cli_text out = CLI_TEXT_INIT;
    if (cli_has(call, CLI_OPT_MAN) && cli_has(call, CLI_OPT_JSON))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--man and --json cannot be given together");
    if (cli_has(call, CLI_OPT_MAN)) {
        man(&out);
    } else if (call->argument_count == 0 && cli_has(call, CLI_OPT_JSON)) {
        return cli_help_json("");
    } else if (call->argument_count == 0) {
        help_of_all(&out);
    } else {
        const cli_command *c = cli_command_find(call->argument_count, call->arguments, &used);
        bool noun = false;
        for (size_t i = 0; c == NULL && i < cli_command_count; i++) {
            size_t n = strlen(call->arguments[0]);
            if (strncmp(cli_commands[i].name, call->arguments[0], n) == 0 &&
                cli_commands[i].name[n] == ' ') {
                cli_text_printf(&out, "  %-18s %s\n", cli_commands[i].name,
                                cli_commands[i].summary);
                noun = true;
            }
        }
        if (c == NULL && !noun) {
            const char *near = cli_suggest_command(call->arguments[0]);
            cli_text_free(&out);
            return cli_fail_text(call, CLI_EXIT_USAGE, "there is no command `%s`%s%s%s",
                                 call->arguments[0], near != NULL ? "; did you mean `" : "",
                                 near != NULL ? near : "", near != NULL ? "`?" : "");
        }
        if (cli_has(call, CLI_OPT_JSON)) {
            cli_text_free(&out);
            return cli_help_json(c != NULL ? c->name : call->arguments[0]);
        }
        if (c != NULL)
            help_of(&out, c);
    }
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
