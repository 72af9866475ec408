/* Transcripts from artifacts, in the wanted format, to the wanted place. */
#include "cli/output.h"
#include "cli/signals.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRANSCRIPT "transcript.json"
#define WITH_SPEAKERS "who_said_what.json"
#define PARTIAL "transcript.partial.json"
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
        /* what came after the end is no result: it has to be asked for by its id */
        bool named = a.is_late == 0 && strcmp(a.name, which) == 0;
        if (status == MODELLAB_OK && (named || strcmp(a.id, which) == 0))
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

static bool has_artifact(const modellab_run *run, const char *name)
{
    for (size_t i = 0; i < modellab_run_artifact_count(run); i++) {
        modellab_artifact_info a = {.size = sizeof a};
        if (modellab_run_artifact_at(run, i, &a, NULL) == MODELLAB_OK && a.is_late == 0 &&
            strcmp(a.name, name) == 0)
            return true;
    }
    return false;
}

int cli_load_transcript(cli_call *call, modellab_lab *lab, const modellab_run *run,
                        modellab_transcript **out)
{
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    bool partial = !has_artifact(run, TRANSCRIPT) && has_artifact(run, PARTIAL);
    bool named = !partial && has_artifact(run, WITH_SPEAKERS);
    const char *name = partial ? PARTIAL : named ? WITH_SPEAKERS : TRANSCRIPT;
    int code = cli_load_artifact(call, lab, run, name, &json);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_status status = modellab_transcript_read_json(
        modellab_buffer_data(json), modellab_buffer_size(json), NULL, out, &err);
    modellab_buffer_destroy(json);
    if (status != MODELLAB_OK)
        return cli_fail(call, name, NULL, status, &err);
    if (cli_has(call, CLI_OPT_SPEAKERS) && !named && !partial)
        cli_note(call, "the speakers could not be found: this is the text without them; see "
                       "`modellab run status` for why");
    if (partial)
        cli_note(call, "the run did not complete: this is the part of the text that was done");
    return CLI_EXIT_OK;
}

int cli_format_transcript(cli_call *call, const modellab_transcript *transcript, const char *name,
                          modellab_buffer **out)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT);
    modellab_error err = MODELLAB_ERROR_INIT;
    if (format != NULL && strcmp(format, "rttm") == 0)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "rttm has no words: it is the format of `modellab diarize`");
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
    if (strcmp(format, "textgrid") == 0)
        return "TextGrid";
    if (strcmp(format, "srt_words") == 0 || strcmp(format, "vtt_words") == 0)
        return strncmp(format, "srt", 3) == 0 ? "srt" : "vtt";
    return strcmp(format, "verbose_json") == 0 || strcmp(format, "diarized_json") == 0 ? "json"
                                                                                       : format;
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

/* Everything, however little a pipe takes at a time. */
static int write_all(int fd, const modellab_buffer *data)
{
    const char *at = modellab_buffer_data(data);
    for (size_t left = modellab_buffer_size(data); left > 0;) {
        ssize_t n = write(fd, at, left);
        if (n < 0 && errno == EINTR && cli_signal() == 0)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        at += n;
        left -= (size_t)n;
    }
    return 0;
}

/* Devices, pipes and what is not there yet behind a link: nothing that could be replaced. */
static int write_straight(const char *path, const modellab_buffer *data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0)
        return errno;
    int failed = write_all(fd, data);
    if (close(fd) != 0 && failed == 0)
        failed = errno;
    return failed;
}

/* A temporary file beside the target, synced, then renamed over it. */
static int replace_file(const char *path, mode_t mode, const modellab_buffer *data)
{
    cli_text temporary = CLI_TEXT_INIT;
    cli_text_printf(&temporary, "%s.XXXXXX", path);
    int fd = mkstemp(temporary.data);
    int failed = fd < 0 ? errno : write_all(fd, data);
    if (failed == 0 && (fchmod(fd, mode) != 0 || fsync(fd) != 0))
        failed = errno;
    if (fd >= 0 && close(fd) != 0 && failed == 0)
        failed = errno;
    if (failed == 0 && rename(temporary.data, path) != 0)
        failed = errno;
    if (failed != 0 && fd >= 0 && unlink(temporary.data) != 0)
        fputs("modellab: a temporary file could not be removed\n", stderr);
    cli_text_free(&temporary);
    return failed;
}

/* A link stays one: what it names is written. A file that is there keeps its mode. */
static int write_file(const char *path, const modellab_buffer *data)
{
    struct stat st, link;
    mode_t mask = umask(0);
    umask(mask);
    bool there = stat(path, &st) == 0;
    bool linked = lstat(path, &link) == 0 && S_ISLNK(link.st_mode);
    bool special = strncmp(path, "/dev/", 5) == 0 || (there && !S_ISREG(st.st_mode));
    char *real = linked && there && !special ? realpath(path, NULL) : NULL;
    mode_t mode = there ? st.st_mode & 0777 : 0666 & ~mask;
    if (special || (linked && real == NULL))
        return write_straight(path, data);
    int failed = replace_file(real != NULL ? real : path, mode, data);
    free(real);
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
    if (failed == EINTR && cli_signal() != 0) { /* nobody reads the pipe */
        cli_text_free(&path);
        return cli_signal_exit();
    }
    if (failed != 0) {
        int code = cli_fail_text(call, failed == ENOSPC ? CLI_EXIT_SPACE : CLI_EXIT_FAILURE,
                                 "%s cannot be written: %s", cli_text_get(&path), strerror(failed));
        cli_text_free(&path);
        return code;
    }
    *written = path.data;
    return CLI_EXIT_OK;
}
