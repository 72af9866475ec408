/* The options of `transcribe` and `run submit` as a request, spooling of stdin, submitting. */
#include "cli/request.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/speakers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)1024 * 1024)

static int wrong(const cli_call *call, cli_option_id id, const char *wanted)
{
    return cli_fail_text(call, CLI_EXIT_USAGE, "--%s must be %s, not '%s'", cli_options[id].name,
                         wanted, cli_value(call, id));
}

static int put_int(const cli_call *call, cli_json *j, cli_option_id id, const char *key,
                   int64_t min, int64_t max)
{
    int64_t value;
    char wanted[64];
    if (!cli_has(call, id))
        return 0;
    if (!cli_parse_int(cli_value(call, id), min, max, &value)) {
        snprintf(wanted, sizeof wanted, "a number from %lld to %lld", (long long)min,
                 (long long)max);
        return wrong(call, id, wanted);
    }
    cli_json_kint(j, key, value);
    return 0;
}

static void put_text(const cli_call *call, cli_json *j, cli_option_id id, const char *key)
{
    if (cli_has(call, id))
        cli_json_kstring(j, key, cli_value(call, id));
}

static int put_temperatures(const cli_call *call, cli_json *j)
{
    if (!cli_has(call, CLI_OPT_TEMPERATURE))
        return 0;
    cli_json_key(j, "temperatures");
    cli_json_open(j, '[');
    for (const char *at = cli_value(call, CLI_OPT_TEMPERATURE);;) {
        char word[32];
        double value;
        size_t n = strcspn(at, ",");
        if (n == 0 || n >= sizeof word)
            return wrong(call, CLI_OPT_TEMPERATURE, "numbers from 0 to 1 separated by commas");
        memcpy(word, at, n);
        word[n] = '\0';
        if (!cli_parse_real(word, &value) || value < 0 || value > 1)
            return wrong(call, CLI_OPT_TEMPERATURE, "numbers from 0 to 1 separated by commas");
        cli_json_real(j, value);
        if (at[n] == '\0')
            break;
        at += n + 1;
    }
    cli_json_close(j, ']');
    return 0;
}

/* A run records a model by its name and sha256, so only an installed one can be named. */
int cli_model_name(const cli_call *call, cli_text *out)
{
    static const char *const sizes[] = {"tiny", "base", "small", "medium", "large"};
    char *configured = NULL;
    const char *model = cli_value(call, CLI_OPT_MODEL);
    if (model == NULL)
        model = configured = cli_config("MODEL_LAB_WHISPER_MODEL");
    if (model == NULL)
        return CLI_EXIT_OK;
    if (strchr(model, '/') != NULL) {
        free(configured);
        return cli_fail_text(
            call, CLI_EXIT_USAGE,
            "a model is given by its name; install your own first: modellab models "
            "import NAME PATH");
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (strncmp(model, sizes[i], strlen(sizes[i])) == 0 &&
            strchr(".-", model[strlen(sizes[i])]) != NULL) /* the end of the text is found, too */
            cli_text_add(out, "whisper-");
    cli_text_add(out, model);
    free(configured);
    return CLI_EXIT_OK;
}

static int put_model(const cli_call *call, cli_json *j)
{
    cli_text name = CLI_TEXT_INIT;
    int code = cli_model_name(call, &name);
    if (name.size > 0)
        cli_json_kstring(j, "model", cli_text_get(&name));
    cli_text_free(&name);
    return code;
}

/* Formats that need the times of words. */
static bool is_by_word(const char *format)
{
    static const char *const names[] = {"ctm", "textgrid", "srt_words", "vtt_words"};
    bool found = false;
    for (size_t i = 0; format != NULL && i < sizeof names / sizeof *names; i++)
        found = found || strcmp(format, names[i]) == 0;
    return found;
}

static int put_asr(const cli_call *call, cli_json *j)
{
    cli_json_key(j, "asr");
    cli_json_open(j, '{');
    int code = put_model(call, j);
    if (cli_has(call, CLI_OPT_LANGUAGE))
        cli_json_kstring(j, "language", cli_value(call, CLI_OPT_LANGUAGE));
    put_text(call, j, CLI_OPT_TASK, "task");
    if (code == 0)
        code = put_int(call, j, CLI_OPT_BEAM, "beam_size", 1, 16);
    if (code == 0)
        code = put_int(call, j, CLI_OPT_BEST_OF, "best_of", 1, 16);
    if (code == 0)
        code = put_temperatures(call, j);
    put_text(call, j, CLI_OPT_PROMPT, "initial_prompt");
    if (cli_has(call, CLI_OPT_CONDITION)) {
        cli_json_key(j, "condition_on_previous");
        cli_json_bool(j, strcmp(cli_value(call, CLI_OPT_CONDITION), "yes") == 0);
    }
    if (cli_has(call, CLI_OPT_WORD_TIMES) || cli_has(call, CLI_OPT_SPEAKERS) ||
        is_by_word(cli_value(call, CLI_OPT_FORMAT))) {
        cli_json_key(j, "word_times");
        cli_json_bool(j, true);
    }
    if (cli_has(call, CLI_OPT_VAD)) {
        cli_json_key(j, "vad");
        cli_json_bool(j, true);
    }
    if (code == 0)
        code = put_int(call, j, CLI_OPT_THREADS, "threads", 1, 1024);
    put_text(call, j, CLI_OPT_WEIGHTS, "weights");
    cli_json_close(j, '}');
    return code;
}

static int put_operators(const cli_call *call, cli_json *j)
{
    int code = cli_check_operators(call);
    if (code != CLI_EXIT_OK || !cli_has(call, CLI_OPT_OP))
        return code;
    cli_json_key(j, "preprocessing");
    cli_json_open(j, '[');
    for (int i = 0; i < call->counts[CLI_OPT_OP]; i++)
        cli_json_string(j, call->values[CLI_OPT_OP][i]);
    cli_json_close(j, ']');
    return CLI_EXIT_OK;
}

static int put_caps(const cli_call *call, cli_json *j)
{
    static const char names[] =
        "cpu_seconds|wall_seconds|peak_memory_bytes|audio_seconds|api_calls|cost_micros";
    if (!cli_has(call, CLI_OPT_CAP))
        return 0;
    cli_json_key(j, "caps");
    cli_json_open(j, '{');
    for (int i = 0; i < call->counts[CLI_OPT_CAP]; i++) {
        char name[32], near[32];
        const char *text = call->values[CLI_OPT_CAP][i];
        size_t n = strcspn(text, "=");
        double value;
        if (text[n] != '=' || n >= sizeof name)
            return cli_fail_text(call, CLI_EXIT_USAGE, "--cap must be NAME=VALUE, not '%s'", text);
        memcpy(name, text, n);
        name[n] = '\0';
        bool near_one = cli_suggest_choice(names, name, near, sizeof near);
        if (!near_one || strcmp(near, name) != 0)
            return cli_fail_text(call, CLI_EXIT_USAGE, "there is no cap %s; %s%s%s", name,
                                 near_one ? "did you mean " : "choose one of ",
                                 near_one ? near : names, near_one ? "?" : "");
        if (!cli_parse_real(text + n + 1, &value) || value < 0)
            return cli_fail_text(call, CLI_EXIT_USAGE,
                                 "the cap %s must be a number that is not negative", name);
        bool whole = strstr("peak_memory_bytes api_calls cost_micros", name) != NULL;
        if (whole && (value > 9e15 || value != (double)(int64_t)value))
            return cli_fail_text(call, CLI_EXIT_USAGE, "the cap %s must be a whole number", name);
        if (whole)
            cli_json_kint(j, name, (int64_t)value);
        else
            cli_json_kreal(j, name, value);
    }
    cli_json_close(j, '}');
    return 0;
}

int cli_priority(const cli_call *call, int32_t *out)
{
    static const char names[] = "low|normal|high|urgent";
    static const int32_t numbers[] = {MODELLAB_PRIORITY_LOW, MODELLAB_PRIORITY_NORMAL,
                                      MODELLAB_PRIORITY_HIGH, MODELLAB_PRIORITY_URGENT};
    const char *typed = cli_value(call, CLI_OPT_PRIORITY);
    const char *name = names;
    char near[16];
    int64_t number;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        size_t n = strcspn(name, "|");
        if (strlen(typed) == n && memcmp(typed, name, n) == 0) {
            *out = numbers[i];
            return CLI_EXIT_OK;
        }
        name += n + (name[n] == '|');
    }
    if (cli_parse_int(typed, MODELLAB_PRIORITY_LOW, MODELLAB_PRIORITY_URGENT, &number)) {
        *out = (int32_t)number;
        return CLI_EXIT_OK;
    }
    if (cli_suggest_choice(names, typed, near, sizeof near))
        return cli_fail_text(call, CLI_EXIT_USAGE, "there is no priority '%s'; did you mean %s?",
                             typed, near);
    return wrong(call, CLI_OPT_PRIORITY, "low, normal, high, urgent or a number from 0 to 30");
}

/* What decides about the run's place in the queue. */
static int put_queue(const cli_call *call, cli_json *j)
{
    int32_t priority;
    int64_t wait;
    int code = CLI_EXIT_OK;
    if (cli_has(call, CLI_OPT_PRIORITY)) {
        code = cli_priority(call, &priority);
        if (code == CLI_EXIT_OK)
            cli_json_kint(j, "priority", priority);
    }
    if (cli_has(call, CLI_OPT_HOLD)) {
        cli_json_key(j, "hold");
        cli_json_bool(j, true);
    }
    if (code == CLI_EXIT_OK && cli_has(call, CLI_OPT_MAX_QUEUE)) {
        if (!cli_parse_duration(cli_value(call, CLI_OPT_MAX_QUEUE), &wait) || wait < 0)
            return wrong(call, CLI_OPT_MAX_QUEUE, "a duration such as 90, 10m or 1h30m");
        cli_json_kreal(j, "max_queue_seconds", (double)wait / 1000);
    }
    return code;
}

/* JSON can hold nothing else, and another text must not be taken for it. */
static int check_utf8(const cli_call *call)
{
    for (cli_option_id id = 0; id < CLI_OPT_COUNT; id++)
        if (cli_has(call, id) && id != CLI_OPT_LAB && id != CLI_OPT_OUTPUT &&
            id != CLI_OPT_REQUEST && !cli_is_utf8(cli_value(call, id)))
            return cli_fail_text(call, CLI_EXIT_USAGE, "--%s is not UTF-8", cli_options[id].name);
    return CLI_EXIT_OK;
}

int cli_request(const cli_call *call, cli_text *out)
{
    cli_json j = {.depth = 0};
    int64_t duration;
    if (check_utf8(call) != CLI_EXIT_OK)
        return CLI_EXIT_USAGE;
    cli_json_open(&j, '{');
    cli_json_kint(&j, "schema_version", 1);
    put_text(call, &j, CLI_OPT_PIPELINE, "pipeline");
    put_text(call, &j, CLI_OPT_USER, "user");
    int code = put_queue(call, &j);
    if (code == 0)
        code = cli_put_steps(call, &j);
    if (code == 0 && cli_has(call, CLI_OPT_MAX_DURATION)) {
        if (!cli_parse_duration(cli_value(call, CLI_OPT_MAX_DURATION), &duration) || duration <= 0)
            code = wrong(call, CLI_OPT_MAX_DURATION, "a duration such as 90, 10m or 1h30m");
        else
            cli_json_kreal(&j, "max_duration_seconds", (double)duration / 1000);
    }
    if (code == 0)
        code = put_caps(call, &j);
    if (code == 0)
        code = put_operators(call, &j);
    if (cli_has(call, CLI_OPT_SPEAKERS)) {
        cli_json_key(&j, "steps");
        cli_json_open(&j, '[');
        cli_json_string(&j, "ingest"); /* all of them: nothing has to be added */
        cli_json_string(&j, "asr");
        cli_json_string(&j, "diarization");
        cli_json_string(&j, "who_said_what");
        cli_json_close(&j, ']');
    }
    if (code == 0 && cli_has(call, CLI_OPT_ENROL) && !cli_has(call, CLI_OPT_SPEAKERS))
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--enrol needs --speakers");
    cli_json_key(&j, "config");
    cli_json_open(&j, '{');
    if (code == 0)
        code = put_asr(call, &j);
    if (code == 0 && cli_has(call, CLI_OPT_SPEAKERS))
        code = cli_put_diarization(call, &j);
    cli_json_close(&j, '}');
    cli_json_close(&j, '}');
    if (code == 0)
        *out = j.text;
    else
        cli_text_free(&j.text);
    return code;
}

/* What a request says for itself: an option beside it would be dropped without a word. */
static int check_alone(const cli_call *call)
{
    static const cli_option_id others[] = {CLI_OPT_REQUEST, CLI_OPT_LAB,     CLI_OPT_JSON,
                                           CLI_OPT_QUIET,   CLI_OPT_DRY_RUN, CLI_OPT_HELP};
    for (cli_option_id id = 0; id < CLI_OPT_COUNT; id++) {
        bool beside = false;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            beside = beside || id == others[i];
        if (!beside && cli_has(call, id))
            return cli_fail_text(call, CLI_EXIT_USAGE,
                                 "--%s and --request cannot be given together; write it into the "
                                 "request",
                                 cli_options[id].name);
    }
    return CLI_EXIT_OK;
}

int cli_request_given(const cli_call *call, cli_text *out)
{
    if (!cli_has(call, CLI_OPT_REQUEST))
        return cli_request(call, out);
    int code = check_alone(call);
    return code != CLI_EXIT_OK
               ? code
               : cli_read_file(call, cli_value(call, CLI_OPT_REQUEST), REQUEST_MAX, out);
}

/* --- files --- */

int cli_read_file(const cli_call *call, const char *path, size_t max, cli_text *out)
{
    char block[16384];
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (file == NULL)
        return cli_fail_text(call, errno == ENOENT ? CLI_EXIT_NOT_FOUND : CLI_EXIT_ACCESS,
                             "%s cannot be read: %s", path, strerror(errno));
    size_t n;
    int code = 0;
    while (code == 0 && (n = fread(block, 1, sizeof block, file)) > 0) {
        cli_text_add_n(out, block, n);
        if (out->size > max)
            code = cli_fail_text(call, CLI_EXIT_LIMIT, "%s is larger than %zu bytes", path, max);
    }
    if (code == 0 && ferror(file) != 0)
        code = cli_fail_text(call, CLI_EXIT_FAILURE, "%s cannot be read", path);
    if (!standard)
        fclose(file);
    return code;
}

static int copy_stdin(const cli_call *call, int fd)
{
    static char block[256 * 1024];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, block, sizeof block);
        if (n == 0)
            return 0;
        if (n < 0 && errno == EINTR && cli_signal() == 0)
            continue;
        if (cli_signal() != 0)
            return cli_signal_exit();
        if (n < 0)
            return cli_fail_text(call, CLI_EXIT_FAILURE, "stdin cannot be read: %s",
                                 strerror(errno));
        for (ssize_t done = 0; done < n;) {
            ssize_t w = write(fd, block + done, (size_t)(n - done));
            if (w < 0 && errno == EINTR)
                continue;
            if (w < 0)
                return cli_fail_text(call, errno == ENOSPC ? CLI_EXIT_SPACE : CLI_EXIT_FAILURE,
                                     "stdin cannot be kept in a temporary file: %s (TMPDIR chooses "
                                     "another folder)",
                                     strerror(errno));
            done += w;
        }
    }
}

/* A file that loses its name at once: whatever ends the program takes it away. */
static int open_nameless(void)
{
    const char *folder = getenv("TMPDIR");
    cli_text path = CLI_TEXT_INIT;
    cli_text_printf(&path, "%s/modellab-stdin-XXXXXX",
                    folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    int fd = mkstemp(path.data);
    if (fd >= 0 && (unlink(path.data) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)) {
        int failed = errno;
        close(fd);
        errno = failed;
        fd = -1;
    }
    cli_text_free(&path);
    return fd;
}

int cli_input_open(const cli_call *call, const char *typed, cli_input *input)
{
    *input = (cli_input){cli_basename(typed), typed, "", -1};
    if (strcmp(typed, "-") != 0)
        return 0;
    input->spool = open_nameless();
    if (input->spool < 0)
        return cli_fail_text(call, CLI_EXIT_FAILURE,
                             "no temporary file can be made for stdin: %s (TMPDIR chooses another "
                             "folder)",
                             strerror(errno));
    snprintf(input->own, sizeof input->own, "/proc/self/fd/%d", input->spool);
    input->path = input->own;
    input->shown = "stdin";
    int code = copy_stdin(call, input->spool);
    if (code != 0)
        cli_input_close(input);
    return code;
}

void cli_input_close(cli_input *input)
{
    if (input->spool >= 0)
        close(input->spool); /* its bytes were read back already, or are not wanted */
    input->spool = -1;
}

/* Warnings; and what is wrong with a request (the error of an input says it all by itself). */
void cli_tell_findings(const modellab_report *report, bool errors)
{
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK &&
            (errors || f.severity != MODELLAB_SEVERITY_ERROR))
            cli_say("%s: %s%s%s", modellab_severity_name(f.severity), f.pointer,
                    f.pointer[0] != '\0' ? ": " : "", f.text);
    }
}

size_t cli_faults(const modellab_report *report)
{
    size_t faults = 0;
    for (size_t i = 0; i < modellab_report_count(report); i++) {
        modellab_finding f = MODELLAB_FINDING_INIT;
        if (modellab_report_at(report, i, &f, NULL) == MODELLAB_OK &&
            f.severity >= MODELLAB_SEVERITY_ERROR)
            faults++;
    }
    return faults;
}

int32_t cli_on_input(void *user, int64_t done, int64_t total)
{
    cli_progress_bytes(user, "storing", done, total);
    return 0;
}

int cli_submit(const cli_call *call, modellab_lab *lab, const cli_input *input, const char *request,
               char run_id[MODELLAB_RUN_ID_BYTES])
{
    modellab_run_submit_options options = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_report *report = NULL;
    cli_progress progress;
    options.request = request;
    options.input_path = input != NULL ? input->path : NULL;
    options.input_name = input != NULL && input->spool >= 0 ? "stdin" : NULL;
    options.cancel = cli_cancel_begin();
    cli_progress_begin(&progress, call, input != NULL ? input->shown : "");
    options.progress = cli_on_input;
    options.user = &progress;
    modellab_status status = modellab_run_submit(lab, &options, run_id, &report, &err);
    cli_progress_end(&progress);
    cli_cancel_end(options.cancel);
    if (report != NULL && (status != MODELLAB_OK || !cli_has(call, CLI_OPT_QUIET)))
        cli_tell_findings(report, status == MODELLAB_E_SCHEMA && cli_faults(report) > 1);
    modellab_report_unref(report);
    if (status == MODELLAB_OK)
        return CLI_EXIT_OK;
    return input != NULL ? cli_fail_input(call, input->shown, status, &err)
                         : cli_fail(call, NULL, NULL, status, &err);
}
