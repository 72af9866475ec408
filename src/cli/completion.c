/* Completion scripts of bash, zsh and fish from the table. */
#include "cli/commands.h"
#include <stdio.h>
#include <string.h>

static void spaces_for_bars(cli_text *out, const char *choices)
{
    for (; *choices != '\0'; choices++)
        cli_text_add_n(out, *choices == '|' ? " " : choices, 1);
}

/* First words, each once. */
static void nouns(cli_text *out, const char *separator)
{
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name;
        size_t n = strcspn(name, " ");
        bool seen = false;
        for (size_t k = 0; k < i; k++)
            seen = seen || (strncmp(cli_commands[k].name, name, n) == 0 &&
                            strcspn(cli_commands[k].name, " ") == n);
        if (!seen) {
            cli_text_add(out, out->size > 0 && out->data[out->size - 1] != '"' ? separator : "");
            cli_text_add_n(out, name, n);
        }
    }
}

static void options_of(cli_text *out, const cli_command *c)
{
    for (int id = 0; id < CLI_OPT_COUNT; id++)
        if (cli_command_has(c, (cli_option_id)id))
            cli_text_printf(out, "--%s ", cli_options[id].name);
}

static void bash_nouns_with_verbs(cli_text *out)
{
    const char *last = "";
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *name = cli_commands[i].name, *space = strchr(name, ' ');
        if (space == NULL || strncmp(last, name, (size_t)(space - name) + 1) == 0)
            continue;
        last = name;
        cli_text_printf(out, "            %.*s) words=\"", (int)(space - name), name);
        for (size_t k = i; k < cli_command_count; k++)
            if (strncmp(cli_commands[k].name, name, (size_t)(space - name) + 1) == 0)
                cli_text_printf(out, "%s ", cli_commands[k].name + (space - name) + 1);
        cli_text_add(out, "\" ;;\n");
    }
}

static void bash(cli_text *out)
{
    cli_text_add(out, "# bash completion of modellab; made by `modellab completion bash`\n"
                      "_modellab() {\n"
                      "    local cur prev words=\"\" files=0\n"
                      "    cur=\"${COMP_WORDS[COMP_CWORD]}\"\n"
                      "    prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
                      "    COMPREPLY=()\n"
                      "    case \"$prev\" in\n");
    for (int id = 0; id < CLI_OPT_COUNT; id++) {
        const cli_option *o = &cli_options[id];
        if (o->value == NULL)
            continue;
        cli_text_printf(out, "        --%s) ", o->name);
        if (o->choices != NULL) {
            cli_text_add(out, "COMPREPLY=($(compgen -W \"");
            spaces_for_bars(out, o->choices);
            cli_text_add(out, "\" -- \"$cur\")); return ;;\n");
        } else {
            cli_text_add(out, strcmp(o->value, "PATH") == 0 || strncmp(o->value, "FILE", 4) == 0
                                  ? "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
                                  : "return ;;\n");
        }
    }
    cli_text_add(out, "    esac\n    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    cli_text list = CLI_TEXT_INIT;
    nouns(&list, " ");
    cli_text_add(out, cli_text_get(&list));
    cli_text_free(&list);
    cli_text_add(out, "\"\n    elif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
                      "        case \"${COMP_WORDS[1]}\" in\n");
    bash_nouns_with_verbs(out);
    cli_text_add(out, "        esac\n    fi\n    if [ -z \"$words\" ]; then\n"
                      "        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        cli_text_printf(out, "            \"%s\"%s) words=\"", c->name,
                        strchr(c->name, ' ') != NULL ? "" : "\\ *");
        if (c->words != NULL) {
            spaces_for_bars(out, c->words);
            cli_text_add(out, " ");
        }
        options_of(out, c);
        cli_text_printf(out, "\"; files=%d ;;\n", c->argument_kind == CLI_ARG_FILE);
    }
    cli_text_add(out, "        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
                      "    if [ \"$files\" -eq 1 ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
                      "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n    fi\n}\n"
                      "complete -o filenames -F _modellab modellab\n");
}

/* Text inside of '...' of a shell, where ' is written '\''; ':' and brackets are zsh's own. */
static void shell_quoted(cli_text *out, const char *text, const char *escape)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            cli_text_add(out, "'\\''");
        else if (strchr(escape, *text) != NULL)
            cli_text_printf(out, "\\%c", *text);
        else
            cli_text_add_n(out, text, 1);
    }
}

static void zsh_option(cli_text *out, const cli_option *o)
{
    cli_text_printf(out, "            '*--%s[", o->name);
    shell_quoted(out, o->text, "[]:\\");
    cli_text_add(out, "]");
    if (o->value != NULL) {
        cli_text_add(out, ":");
        shell_quoted(out, o->value, "[]:\\");
        cli_text_add(out, ":");
        if (o->choices != NULL) {
            cli_text_add(out, "(");
            spaces_for_bars(out, o->choices);
            cli_text_add(out, ")");
        } else if (strchr(o->value, '/') != NULL || strcmp(o->value, "PATH") == 0 ||
                   strcmp(o->value, "FILE") == 0) {
            cli_text_add(out, "_files");
        }
    }
    cli_text_add(out, "' \\\n");
}

static void zsh(cli_text *out)
{
    cli_text_add(out,
                 "#compdef modellab\n# zsh completion of modellab; made by `modellab completion "
                 "zsh`\n_modellab() {\n    local -a commands\n    commands=(\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        cli_text_add(out, "        '");
        shell_quoted(out, cli_commands[i].name, ":");
        cli_text_add(out, ":");
        shell_quoted(out, cli_commands[i].summary, "");
        cli_text_add(out, "'\n");
    }
    cli_text_add(out, "    )\n    local name=\"${words[2]}\" first=3\n"
                      "    if (( ${commands[(I)${words[2]} ${words[3]}:*]} )); then\n"
                      "        name=\"${words[2]} ${words[3]}\"; first=4\n    fi\n"
                      "    if (( CURRENT == 2 )); then\n"
                      "        local -aU nouns; nouns=(${${commands%%:*}%% *})\n"
                      "        compadd -- $nouns; return\n    fi\n"
                      "    if (( CURRENT == 3 && ${commands[(I)${words[2]} *]} )); then\n"
                      "        local -a verbs; verbs=(${${${(M)commands:#${words[2]} *}%%:*}#* })\n"
                      "        compadd -- $verbs; return\n    fi\n"
                      "    case \"$name\" in\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        cli_text_printf(out, "        '%s') _arguments \\\n", c->name);
        for (int id = 0; id < CLI_OPT_COUNT; id++)
            if (cli_command_has(c, (cli_option_id)id))
                zsh_option(out, &cli_options[id]);
        if (c->words != NULL) {
            cli_text_add(out, "            '*:argument:(");
            spaces_for_bars(out, c->words);
            cli_text_add(out, ")' ;;\n");
        } else {
            cli_text_add(out, c->argument_kind == CLI_ARG_FILE ? "            '*:file:_files' ;;\n"
                                                               : "            '*:argument:' ;;\n");
        }
    }
    cli_text_add(out, "    esac\n}\n_modellab \"$@\"\n");
}

static void fish(cli_text *out)
{
    cli_text_add(out, "# fish completion of modellab; made by `modellab completion fish`\n"
                      "complete -c modellab -f\n");
    for (size_t i = 0; i < cli_command_count; i++) {
        const cli_command *c = &cli_commands[i];
        const char *space = strchr(c->name, ' ');
        if (space == NULL) {
            cli_text_printf(out, "complete -c modellab -n __fish_use_subcommand -a %s -d '",
                            c->name);
        } else {
            cli_text_printf(out, "complete -c modellab -n __fish_use_subcommand -a %.*s\n",
                            (int)(space - c->name), c->name);
            cli_text_printf(out,
                            "complete -c modellab -n '__fish_seen_subcommand_from %.*s; and test "
                            "(count (commandline -opc)) -eq 2' -a %s -d '",
                            (int)(space - c->name), c->name, space + 1);
        }
        shell_quoted(out, c->summary, "");
        cli_text_add(out, "'\n");
        for (int id = 0; id < CLI_OPT_COUNT; id++) {
            const cli_option *o = &cli_options[id];
            if (!cli_command_has(c, (cli_option_id)id))
                continue;
            cli_text_printf(out,
                            "complete -c modellab -n 'string match -q \"%s*\" -- (string join "
                            "\" \" (commandline -opc)[2..])' -l %s",
                            c->name, o->name);
            if (o->letter != 0)
                cli_text_printf(out, " -s %c", o->letter);
            if (o->choices != NULL) {
                cli_text_add(out, " -x -a '");
                spaces_for_bars(out, o->choices);
                cli_text_add(out, "'");
            } else if (o->value != NULL) {
                cli_text_add(out, " -r");
            }
            cli_text_add(out, " -d '");
            shell_quoted(out, o->text, "");
            cli_text_add(out, "'\n");
        }
        if (c->argument_kind == CLI_ARG_FILE)
            cli_text_printf(out,
                            "complete -c modellab -F -n 'string match -q \"%s*\" -- (string "
                            "join \" \" (commandline -opc)[2..])'\n",
                            c->name);
        if (c->words != NULL) {
            cli_text_printf(out, "complete -c modellab -n '__fish_seen_subcommand_from %s' -a '",
                            c->name);
            spaces_for_bars(out, c->words);
            cli_text_add(out, "'\n");
        }
    }
}

int cli_completion(cli_call *call)
{
    cli_text out = CLI_TEXT_INIT;
    const char *shell = call->arguments[0];
    if (strcmp(shell, "bash") == 0)
        bash(&out);
    else if (strcmp(shell, "zsh") == 0)
        zsh(&out);
    else
        fish(&out);
    bool ok;
    if (cli_has(call, CLI_OPT_JSON)) {
        cli_json j = {.depth = 0};
        cli_json_open(&j, '{');
        cli_json_kstring(&j, "shell", shell);
        cli_json_kstring(&j, "script", cli_text_get(&out));
        cli_json_close(&j, '}');
        ok = cli_json_print(&j);
    } else {
        ok = cli_print(cli_text_get(&out), out.size);
    }
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : cli_fail_text(call, CLI_EXIT_FAILURE, "stdout cannot be written");
}
