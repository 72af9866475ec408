/* Errors in one line, exit codes, advice, and opening the lab. */
#include "cli/call.h"
#include "cli/signals.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_has(const cli_call *call, cli_option_id option)
{
    return call->counts[option] > 0;
}

const char *cli_value(const cli_call *call, cli_option_id option)
{
    return call->counts[option] > 0 ? call->values[option][call->counts[option] - 1] : NULL;
}

const char *cli_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

/* --- statuses and reasons: exit code and advice --- */

static const struct status_row {
    modellab_status status;
    int exit_code;
    const char *advice;
} status_rows[] = {
    {MODELLAB_E_INVALID_ARGUMENT, CLI_EXIT_USAGE, ""},
    {MODELLAB_E_NOT_FOUND, CLI_EXIT_NOT_FOUND, "Check the name."},
    {MODELLAB_E_ALREADY_EXISTS, CLI_EXIT_FAILURE, ""},
    {MODELLAB_E_PERMISSION, CLI_EXIT_ACCESS, "Check who may read and write it."},
    {MODELLAB_E_NO_SPACE, CLI_EXIT_SPACE,
     "Free some space, choose another disk, or lower MODEL_LAB_MIN_FREE_BYTES."},
    {MODELLAB_E_TIMEOUT, CLI_EXIT_TIMEOUT, ""},
    {MODELLAB_E_BUSY, CLI_EXIT_BUSY, "Try again when the other one is done."},
    {MODELLAB_E_LIMIT, CLI_EXIT_LIMIT, "See `modellab env` for the limits."},
    {MODELLAB_E_INVALID_AUDIO, CLI_EXIT_INPUT,
     "Check the file with a player, or convert it to WAV or FLAC."},
    {MODELLAB_E_UNSUPPORTED_FORMAT, CLI_EXIT_INPUT, "Convert it to WAV, FLAC, Ogg or MP3."},
    {MODELLAB_E_INVALID_JSON, CLI_EXIT_INPUT, "Correct the JSON."},
    {MODELLAB_E_SCHEMA, CLI_EXIT_INPUT, "Correct the request."},
    {MODELLAB_E_INVALID_MODEL, CLI_EXIT_INPUT, "Run `modellab models verify`, then pull it again."},
    {MODELLAB_E_UNSUPPORTED_MODEL, CLI_EXIT_INPUT, "See `modellab models list`."},
    {MODELLAB_E_STORE_NEWER, CLI_EXIT_ACCESS, "Use the newer modellab, or another --lab."},
    {MODELLAB_E_STORE_CORRUPT, CLI_EXIT_FAILURE,
     "Restore the lab from a backup, or use another --lab."},
    {MODELLAB_E_STORE_READ_ONLY, CLI_EXIT_ACCESS, "Make the lab writable, or use another --lab."},
    {MODELLAB_E_STORE_FAILED, CLI_EXIT_FAILURE, "Check the disk, then try again."},
    {MODELLAB_E_CAP_EXCEEDED, CLI_EXIT_LIMIT, "Raise the cap, or use shorter audio."},
    {MODELLAB_E_NETWORK, CLI_EXIT_NETWORK, "Check the network, then try again."},
    {MODELLAB_E_HASH_MISMATCH, CLI_EXIT_NETWORK,
     "Try again; if it stays so, do not trust the source."},
    {MODELLAB_E_REMOTE, CLI_EXIT_NETWORK, "Try again later."},
    {MODELLAB_E_NO_SOURCE, CLI_EXIT_NETWORK, "Check the network and your package index."},
    {MODELLAB_E_WORKER_START, CLI_EXIT_FAILURE,
     "Check that modellab-worker is installed (MODEL_LAB_WORKER)."},
};

static const struct reason_row {
    modellab_reason reason;
    int exit_code;
    const char *advice;
} reason_rows[] = {
    {MODELLAB_REASON_RUN_TIMEOUT, CLI_EXIT_TIMEOUT, "Raise --max-duration."},
    {MODELLAB_REASON_STEP_TIMEOUT, CLI_EXIT_TIMEOUT, "Raise --max-duration."},
    {MODELLAB_REASON_STALL_TIMEOUT, CLI_EXIT_TIMEOUT, "Try again."},
    {MODELLAB_REASON_QUEUE_TIMEOUT, CLI_EXIT_TIMEOUT, "Start a supervisor: modellab supervise."},
    {MODELLAB_REASON_OOM, CLI_EXIT_LIMIT, "Use a smaller model, or give it more memory."},
    {MODELLAB_REASON_COST_CAP, CLI_EXIT_LIMIT, "Raise --cap cost_micros=."},
    {MODELLAB_REASON_CPU_CAP, CLI_EXIT_LIMIT, "Raise --cap cpu_seconds=."},
    {MODELLAB_REASON_MEMORY_CAP, CLI_EXIT_LIMIT, "Raise --cap peak_memory_bytes=."},
    {MODELLAB_REASON_AUDIO_CAP, CLI_EXIT_LIMIT, "Raise --cap audio_seconds=."},
    {MODELLAB_REASON_API_CALLS_CAP, CLI_EXIT_LIMIT, "Raise --cap api_calls=."},
    {MODELLAB_REASON_INVALID_AUDIO, CLI_EXIT_INPUT,
     "Check the file with a player, or convert it to WAV or FLAC."},
    {MODELLAB_REASON_UNSUPPORTED_FORMAT, CLI_EXIT_INPUT, "Convert it to WAV, FLAC, Ogg or MP3."},
    {MODELLAB_REASON_INPUT_MISSING, CLI_EXIT_NOT_FOUND, "Submit it again."},
    {MODELLAB_REASON_AUDIO_TOO_LONG, CLI_EXIT_LIMIT, "Cut the audio into pieces."},
    {MODELLAB_REASON_MODEL_NOT_FOUND, CLI_EXIT_NOT_FOUND,
     "Install it: modellab models pull NAME (see `modellab models list`)."},
    {MODELLAB_REASON_MODEL_INVALID, CLI_EXIT_INPUT,
     "Run `modellab models verify`, then pull it again."},
    {MODELLAB_REASON_UNSUPPORTED_REQUEST, CLI_EXIT_INPUT,
     "Take another model (`modellab models list`), language or task."},
    {MODELLAB_REASON_NO_SPACE, CLI_EXIT_SPACE, "Free some space, or choose another disk."},
    {MODELLAB_REASON_PERMISSION_DENIED, CLI_EXIT_ACCESS, "Check who may read and write it."},
    {MODELLAB_REASON_NETWORK_ERROR, CLI_EXIT_NETWORK, "Check the network, then try again."},
    {MODELLAB_REASON_WORKER_NOT_STARTED, CLI_EXIT_FAILURE,
     "Check that modellab-worker is installed (MODEL_LAB_WORKER)."},
    {MODELLAB_REASON_WORKER_DIED, CLI_EXIT_FAILURE, "Try again; the run's log tells more."},
    {MODELLAB_REASON_WORKER_LOST, CLI_EXIT_FAILURE, "Submit it again."},
    {MODELLAB_REASON_IO_ERROR, CLI_EXIT_FAILURE, "Check the disk, then try again."},
};

int cli_exit_of_status(modellab_status status)
{
    if (status == MODELLAB_OK)
        return CLI_EXIT_OK;
    for (size_t i = 0; i < sizeof status_rows / sizeof status_rows[0]; i++)
        if (status_rows[i].status == status)
            return status_rows[i].exit_code;
    return CLI_EXIT_FAILURE;
}

const char *cli_advice(modellab_status status)
{
    for (size_t i = 0; i < sizeof status_rows / sizeof status_rows[0]; i++)
        if (status_rows[i].status == status)
            return status_rows[i].advice;
    return "";
}

int cli_exit_of_run(modellab_run_status status, modellab_reason reason)
{
    if (status == MODELLAB_RUN_COMPLETED)
        return CLI_EXIT_OK;
    for (size_t i = 0; i < sizeof reason_rows / sizeof reason_rows[0]; i++)
        if (reason_rows[i].reason == reason)
            return reason_rows[i].exit_code;
    return status == MODELLAB_RUN_TIMEOUT ? CLI_EXIT_TIMEOUT : CLI_EXIT_FAILURE;
}

const char *cli_advice_reason(modellab_reason reason)
{
    for (size_t i = 0; i < sizeof reason_rows / sizeof reason_rows[0]; i++)
        if (reason_rows[i].reason == reason)
            return reason_rows[i].advice;
    return "";
}

/* --- telling --- */

static void tell_json(const cli_call *call, const char *code, const char *subject,
                      const char *run_id, const char *message, const char *advice)
{
    cli_json own = {.depth = 0}, *j = call->answer != NULL ? call->answer : &own;
    bool wrap = call->answer == NULL || !call->in_object;
    if (wrap)
        cli_json_open(j, '{');
    cli_json_key(j, "error");
    cli_json_open(j, '{');
    cli_json_kstring(j, "code", code);
    cli_json_kstring(j, "message", message);
    cli_json_kstring(j, "action", advice[0] != '\0' ? advice : NULL);
    cli_json_kstring(j, "subject", subject);
    cli_json_kstring(j, "run_id", run_id);
    cli_json_close(j, '}');
    if (wrap)
        cli_json_close(j, '}');
    if (call->answer == NULL && !cli_json_print(j))
        fputs("modellab: stdout cannot be written\n", stderr);
}

static void tell(const cli_call *call, const char *code, const char *subject, const char *run_id,
                 const char *message, const char *advice)
{
    cli_text line = CLI_TEXT_INIT;
    if (subject != NULL)
        cli_text_printf(&line, "%s: ", subject);
    cli_text_add(&line, message);
    size_t n = line.size;
    char last = n > 0 ? line.data[n - 1] : '.';
    if (last != '.' && last != '?' && last != '!')
        cli_text_add(&line, ".");
    if (advice[0] != '\0')
        cli_text_printf(&line, " %s", advice);
    if (run_id != NULL)
        cli_text_printf(&line, " (run %s)", run_id);
    cli_say_text(cli_text_get(&line));
    cli_text_free(&line);
    if (cli_has(call, CLI_OPT_JSON))
        tell_json(call, code, subject, run_id, message, advice);
}

static const char *message_of(modellab_status status, const modellab_error *err)
{
    return err != NULL && err->message[0] != '\0' ? err->message : modellab_status_text(status);
}

/* What Ctrl-C ended has its own code, whatever it was. */
static int exit_of(modellab_status status)
{
    return status == MODELLAB_E_CANCELLED && cli_signal() != 0 ? cli_signal_exit()
                                                               : cli_exit_of_status(status);
}

int cli_fail(const cli_call *call, const char *subject, const char *run_id, modellab_status status,
             const modellab_error *err)
{
    tell(call, modellab_status_name(status), subject, run_id, message_of(status, err),
         cli_advice(status));
    return exit_of(status);
}

int cli_fail_input(const cli_call *call, const char *subject, modellab_status status,
                   const modellab_error *err)
{
    bool wrong_kind = status == MODELLAB_E_INVALID_ARGUMENT;
    const char *advice = cli_advice(status);
    if (wrong_kind)
        advice = "Give an audio file; what comes by a pipe is read with `-`.";
    else if (status == MODELLAB_E_NOT_FOUND)
        advice =
            "Check the names of file and model (`modellab models list`, `modellab models pull`).";
    tell(call, modellab_status_name(status), subject, NULL, message_of(status, err), advice);
    return wrong_kind ? CLI_EXIT_INPUT : exit_of(status);
}

int cli_fail_run(const cli_call *call, const char *run_id, modellab_status status,
                 const modellab_error *err)
{
    return cli_fail_advice(call, NULL, run_id, status, err, cli_exit_of_status(status),
                           status == MODELLAB_E_NOT_FOUND ? "See `modellab run list`."
                                                          : cli_advice(status));
}

int cli_fail_advice(const cli_call *call, const char *subject, const char *run_id,
                    modellab_status status, const modellab_error *err, int exit_code,
                    const char *advice)
{
    tell(call, modellab_status_name(status), subject, run_id, message_of(status, err), advice);
    return status == MODELLAB_E_CANCELLED ? exit_of(status) : exit_code;
}

int cli_fail_text(const cli_call *call, int exit_code, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (n < 0)
        message[0] = '\0';
    tell(call, exit_code == CLI_EXIT_USAGE ? "USAGE" : "FAILED", NULL, NULL, message, "");
    return exit_code;
}

void cli_note(const cli_call *call, const char *format, ...)
{
    char line[2048];
    va_list args;
    if (cli_has(call, CLI_OPT_QUIET))
        return;
    va_start(args, format);
    if (vsnprintf(line, sizeof line, format, args) >= 0)
        cli_say_text(line);
    va_end(args);
}

/* --- the lab --- */

MODELLAB_MUST_CHECK static modellab_status open_lab(cli_call *call, int32_t flags,
                                                    modellab_lab **lab, modellab_error *err)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    options.logger = call->logger;
    options.flags = flags;
    return modellab_lab_open(cli_value(call, CLI_OPT_LAB), &options, lab, err);
}

int cli_open_lab(cli_call *call, int32_t flags, modellab_lab **lab)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = open_lab(call, flags, lab, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "lab", NULL, status, &err);
}

modellab_status cli_try_lab_to_read(cli_call *call, int32_t flags, modellab_lab **lab,
                                    modellab_error *err)
{
    modellab_error second = MODELLAB_ERROR_INIT;
    /* looking at a lab that was named must not make an empty one where a name was mistyped */
    if (cli_has(call, CLI_OPT_LAB)) {
        modellab_status there =
            open_lab(call, MODELLAB_LAB_READ_ONLY | MODELLAB_LAB_NO_RECONCILE, lab, err);
        modellab_lab_unref(*lab);
        *lab = NULL;
        if (there == MODELLAB_E_NOT_FOUND)
            return there;
    }
    modellab_status status = open_lab(call, flags, lab, err);
    /* also on a full disk people want to see what they have */
    if (status != MODELLAB_E_STORE_READ_ONLY && status != MODELLAB_E_PERMISSION &&
        status != MODELLAB_E_NO_SPACE)
        return status;
    modellab_status reading =
        open_lab(call, flags | MODELLAB_LAB_READ_ONLY | MODELLAB_LAB_NO_RECONCILE, lab, &second);
    if (reading == MODELLAB_OK)
        return reading;
    if (reading != MODELLAB_E_NOT_FOUND) { /* else there is nothing to read: the first one tells */
        *err = second;
        status = reading;
    }
    return status;
}

int cli_open_lab_to_read(cli_call *call, int32_t flags, modellab_lab **lab)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = cli_try_lab_to_read(call, flags, lab, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "lab", NULL, status, &err);
}

char *cli_config(const char *name)
{
    modellab_buffer *value = NULL;
    char *copy = NULL;
    if (modellab_config_get(name, &value, NULL, NULL) == MODELLAB_OK &&
        modellab_buffer_size(value) > 0)
        copy = cli_strdup(modellab_buffer_data(value));
    modellab_buffer_destroy(value);
    return copy;
}

int cli_run_id(const cli_call *call, modellab_lab *lab, const char *typed,
               char id[MODELLAB_RUN_ID_BYTES])
{
    modellab_run_filter filter = MODELLAB_RUN_FILTER_INIT;
    modellab_run_list *list = NULL;
    modellab_run_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    if (strcmp(typed, "last") != 0) {
        if (strlen(typed) != MODELLAB_RUN_ID_BYTES - 1)
            return cli_fail_text(
                call, CLI_EXIT_NOT_FOUND,
                "there is no run %.64s (an id has 26 characters; see `modellab run "
                "list`)",
                typed);
        memcpy(id, typed, MODELLAB_RUN_ID_BYTES);
        return CLI_EXIT_OK;
    }
    filter.limit = 1;
    modellab_status status = modellab_run_list_load(lab, &filter, &list, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, "last", NULL, status, &err);
    const modellab_run *run = modellab_run_list_at(list, 0);
    int code = CLI_EXIT_OK;
    if (run == NULL)
        code = cli_fail_text(call, CLI_EXIT_NOT_FOUND, "the lab has no runs yet");
    else if ((status = modellab_run_get_info(run, &info, &err)) != MODELLAB_OK)
        code = cli_fail(call, "last", NULL, status, &err);
    else
        memcpy(id, info.id, MODELLAB_RUN_ID_BYTES);
    modellab_run_list_unref(list);
    return code;
}

/* --- numbers --- */

bool cli_parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t value = 0;
    if (*text == '\0' || strlen(text) > 18)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (*text - '0');
    }
    *out = value;
    return value >= min && value <= max;
}

bool cli_parse_real(const char *text, double *out)
{
    char *end = NULL;
    if (*text == '\0' || *text == ' ')
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out);
}

bool cli_parse_duration(const char *text, int64_t *milliseconds)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    double sum = 0;
    if (*text == '\0')
        return false;
    while (*text != '\0') {
        char *end = NULL;
        if (*text < '0' || *text > '9')
            return false;
        double value = strtod(text, &end), factor = 0;
        size_t n = strcspn(end, "0123456789");
        if (*end == '\0')
            factor = 1000, n = 0;
        for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
            if (strlen(units[i].unit) == n && memcmp(units[i].unit, end, n) == 0)
                factor = units[i].factor;
        if (factor <= 0)
            return false;
        sum += value * factor;
        text = end + n;
    }
    *milliseconds = (int64_t)sum;
    return sum < 1e15;
}

int cli_duration_option(const cli_call *call, cli_option_id id, int64_t fallback, int64_t *out)
{
    *out = fallback;
    if (cli_has(call, id) && !cli_parse_duration(cli_value(call, id), out))
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--%s must be a duration such as 90, 10m or 1h30m",
                             cli_options[id].name);
    return CLI_EXIT_OK;
}

int cli_open_model(const cli_call *call, const char *name, modellab_model **out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_model_open(name, NULL, out, &err);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, name, NULL, status, &err);
}
