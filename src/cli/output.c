/* Transcripts from artifacts, in the wanted format, to the wanted place. */
#include "cli/output.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRANSCRIPT "transcript.json"
#define MAX_BYTES ((int64_t)256 * 1024 * 1024)

int cli_load_artifact(cli_call *call, modellab_lab *lab, const modellab_run *run, const char *which,
                      modellab_buffer **out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_run_info info = {.size = sizeof info};
    modellab_artifact_info found = {.size = sizeof found};
    modellab_status status = modellab_run_get_info(run, &info, &err);
    /* the last one of a name: earlier attempts may have left theirs */
    for (size_t i = 0; status == MODELLAB_OK && i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info a = {.size = sizeof a};
        status = modellab_run_artifact_at(run, i, &a, &err);
        if (status == MODELLAB_OK && (strcmp(a.name, which) == 0 || strcmp(a.id, which) == 0))
            found = a;
    }
    if (status == MODELLAB_OK && found.id == NULL)
        return cli_fail_text(call, CLI_EXIT_NOT_FOUND,
                             "the run has no artifact %s; see `modellab run results` (run %s)",
                             which, info.id);
    if (status == MODELLAB_OK)
        status = modellab_run_read_artifact(lab, info.id, found.id, MAX_BYTES, out, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, which, info.id, status, &err);
}

int cli_load_transcript(cli_call *call, modellab_lab *lab, const modellab_run *run,
                        modellab_transcript **out)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_load_artifact(call, lab, run, TRANSCRIPT, &json);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_transcript_read_json(
        modellab_buffer_data(json), modellab_buffer_size(json), NULL, out, &err);
    modellab_buffer_destroy(json);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, TRANSCRIPT, NULL, status, &err);
}

int cli_format_transcript(cli_call *call, const modellab_transcript *transcript, const char *name,
                          modellab_buffer **out)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT);
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_transcript_format id =
        modellab_transcript_format_from_name(format != NULL ? format : "txt");
    modellab_status status = modellab_transcript_write(transcript, id, name, out, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, name, NULL, status, &err);
}

/* --- places --- */

static bool is_folder(const char *path)
{
    struct stat st;
    size_t n = strlen(path);
    return (n > 0 && path[n - 1] == '/') || (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
}

static const char *extension(const cli_call *call)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT);
    if (format == NULL)
        return "txt";
    return strcmp(format, "verbose_json") == 0 ? "json" : format;
}

/* <folder>/<name of the input without its ending>.<format> */
static void place(const cli_call *call, const char *input, cli_text *out)
{
    const char *target = cli_value(call, CLI_OPT_OUTPUT);
    if (!is_folder(target)) {
        cli_text_add(out, target);
        return;
    }
    const char *name = strcmp(input, "-") == 0 ? "stdin" : cli_basename(input);
    const char *dot = strrchr(name, '.');
    size_t n = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    size_t t = strlen(target);
    cli_text_printf(out, "%s%s%.*s.%s", target, t > 0 && target[t - 1] == '/' ? "" : "/", (int)n,
                    name, extension(call));
}

int cli_output_check(cli_call *call)
{
    const char *target = cli_value(call, CLI_OPT_OUTPUT);
    if (target == NULL)
        return CLI_EXIT_OK;
    if (target[0] == '\0')
        return cli_fail_text(call, CLI_EXIT_USAGE, "--output needs a file or a folder");
    if (call->argument_count > 1 && !is_folder(target))
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--output must be a folder for several files ('%s/' makes one)",
                             target);
    for (int i = 0; i < call->argument_count; i++)
        for (int k = 0; k < i; k++) {
            cli_text a = CLI_TEXT_INIT, b = CLI_TEXT_INIT;
            place(call, call->arguments[i], &a);
            place(call, call->arguments[k], &b);
            bool same = strcmp(cli_text_get(&a), cli_text_get(&b)) == 0;
            cli_text_free(&a);
            cli_text_free(&b);
            if (same)
                return cli_fail_text(call, CLI_EXIT_USAGE,
                                     "%s and %s would be written to the same file",
                                     call->arguments[k], call->arguments[i]);
        }
    return CLI_EXIT_OK;
}

/* A temporary file beside the target, synced, then renamed over it. */
static int write_file(const char *path, const modellab_buffer *data)
{
    cli_text temporary = CLI_TEXT_INIT;
    int failed = 0;
    cli_text_printf(&temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary.data);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    size_t n = modellab_buffer_size(data);
    mode_t mask = umask(0);
    umask(mask);
    if (file == NULL) {
        failed = errno;
        if (fd >= 0)
            close(fd);
    } else {
        if (fwrite(modellab_buffer_data(data), 1, n, file) != n || fflush(file) != 0 ||
            fchmod(fd, 0666 & ~mask) != 0 || fsync(fd) != 0)
            failed = errno != 0 ? errno : EIO;
        if (fclose(file) != 0 && failed == 0)
            failed = errno;
    }
    if (failed == 0 && rename(temporary.data, path) != 0)
        failed = errno;
    if (failed != 0 && fd >= 0 && unlink(temporary.data) != 0)
        fputs("modellab: a temporary file could not be removed\n", stderr);
    cli_text_free(&temporary);
    return failed;
}

int cli_output_write(cli_call *call, const char *input, const modellab_buffer *data, char **written)
{
    const char *target = cli_value(call, CLI_OPT_OUTPUT);
    *written = NULL;
    if (target == NULL) {
        size_t n = modellab_buffer_size(data);
        const char *text = modellab_buffer_data(data);
        bool ok = cli_print(text, n);
        if (ok && n > 0 && text[n - 1] != '\n')
            ok = cli_print("\n", 1);
        return ok ? CLI_EXIT_OK
                  : cli_fail_text(call, CLI_EXIT_FAILURE, "stdout cannot be written: %s",
                                  strerror(errno));
    }
    size_t t = strlen(target);
    if (t > 0 && target[t - 1] == '/' && mkdir(target, 0777) != 0 && errno != EEXIST)
        return cli_fail_text(call, CLI_EXIT_FAILURE, "the folder %s cannot be made: %s", target,
                             strerror(errno));
    cli_text path = CLI_TEXT_INIT;
    place(call, input, &path);
    int failed = write_file(cli_text_get(&path), data);
    if (failed != 0) {
        int code = cli_fail_text(call, failed == ENOSPC ? CLI_EXIT_SPACE : CLI_EXIT_FAILURE,
                                 "%s cannot be written: %s", cli_text_get(&path), strerror(failed));
        cli_text_free(&path);
        return code;
    }
    *written = path.data;
    return CLI_EXIT_OK;
}
