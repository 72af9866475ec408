/* Voices that are known by name (--enrol NAME=FILE), as typed and, with the number of speakers, as
 * a part of a request. */
#include "cli/speakers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLIP_MAX ((size_t)700 * 1024) /* more does not fit into a request */

int cli_known_voice(const cli_call *call, int index, char **name, const char **file)
{
    const char *typed = call->values[CLI_OPT_ENROL][index], *mark = strchr(typed, '=');

    if (mark == NULL || mark == typed || mark[1] == '\0')
        return cli_fail_text(call, CLI_EXIT_USAGE, "--enrol must be NAME=FILE, not '%s'", typed);
    *name = cli_strdup(typed);
    (*name)[mark - typed] = '\0';
    *file = mark + 1;
    return CLI_EXIT_OK;
}

static void add_base64(cli_text *text, const unsigned char *data, size_t bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < bytes; i += 3) {
        size_t left = bytes - i;
        uint32_t bits = (uint32_t)data[i] << 16;
        char four[4];
        bits |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)data[i + 2] : 0;
        for (size_t k = 0; k < 4; k++)
            four[k] = k <= left ? letters[bits >> (18 - 6 * k) & 63] : '=';
        cli_text_add_n(text, four, sizeof four);
    }
}

/* The bytes of a clip as base64. */
static int read_clip(const cli_call *call, const char *file, cli_text *out)
{
    unsigned char *data = cli_alloc(CLIP_MAX + 1);
    FILE *f = fopen(file, "rb");
    size_t bytes = f != NULL ? fread(data, 1, CLIP_MAX + 1, f) : 0;
    int code = CLI_EXIT_OK;

    if (f == NULL || ferror(f) != 0)
        code =
            cli_fail_text(call, CLI_EXIT_INPUT, "%s: the clip cannot be read", cli_basename(file));
    else if (bytes > CLIP_MAX)
        code = cli_fail_text(call, CLI_EXIT_INPUT,
                             "%s: a clip is part of the request and at most %zu KiB; some seconds "
                             "of speech are enough",
                             cli_basename(file), CLIP_MAX / 1024);
    else
        add_base64(out, data, bytes);
    if (f != NULL && fclose(f) != 0 && code == CLI_EXIT_OK)
        code =
            cli_fail_text(call, CLI_EXIT_INPUT, "%s: the clip cannot be read", cli_basename(file));
    free(data);
    return code;
}

static int put_known(const cli_call *call, cli_json *json)
{
    int code = CLI_EXIT_OK;

    if (!cli_has(call, CLI_OPT_ENROL))
        return CLI_EXIT_OK;
    cli_json_key(json, "known");
    cli_json_open(json, '[');
    for (int i = 0; code == CLI_EXIT_OK && i < call->counts[CLI_OPT_ENROL]; i++) {
        cli_text clip = CLI_TEXT_INIT;
        char *name = NULL;
        const char *file = NULL;
        code = cli_known_voice(call, i, &name, &file);
        if (code == CLI_EXIT_OK)
            code = read_clip(call, file, &clip);
        if (code == CLI_EXIT_OK) {
            cli_json_open(json, '{');
            cli_json_kstring(json, "name", name);
            cli_json_kstring(json, "clip", cli_text_get(&clip));
            cli_json_close(json, '}');
        }
        cli_text_free(&clip);
        free(name);
    }
    cli_json_close(json, ']');
    return code;
}

int cli_put_diarization(const cli_call *call, cli_json *j)
{
    int32_t least, most;
    int code = cli_speakers(call, &least, &most);
    cli_json_key(j, "diarization");
    cli_json_open(j, '{');
    if (least > 0) {
        cli_json_kint(j, "min_speakers", least);
        cli_json_kint(j, "max_speakers", most);
    }
    if (code == 0)
        code = put_known(call, j);
    cli_json_close(j, '}');
    return code;
}
