/* The program `modellab`: parses the command line by the table and runs the command. It sees the
 * public headers of the library and nothing else. */
#include "cli/parse.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void log_line(void *user, const modellab_log_line *line)
{
    fwrite(line->text, 1, line->text_bytes, user);
    fputc('\n', user);
}

static modellab_log_level level_of(const char *name)
{
    static const modellab_log_level levels[] = {MODELLAB_LOG_TRACE, MODELLAB_LOG_DEBUG,
                                                MODELLAB_LOG_INFO,  MODELLAB_LOG_WARN,
                                                MODELLAB_LOG_ERROR, MODELLAB_LOG_FATAL};
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(modellab_log_level_name(levels[i]), name) == 0)
            return levels[i];
    return MODELLAB_LOG_OFF;
}

/* Logs only when somebody asked for it: by a level (then to stderr) or by a file. */
static int open_logger(cli_call *call)
{
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *level = NULL;
    modellab_status status = modellab_config_get("MODEL_LAB_LOG_LEVEL", &level, NULL, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, NULL, NULL, status, &err);
    char *file = cli_config("MODEL_LAB_LOG_FILE");
    bool set = modellab_buffer_size(level) > 0;
    options.level = set ? level_of(modellab_buffer_data(level)) : MODELLAB_LOG_WARN;
    modellab_buffer_destroy(level);
    if ((file == NULL && !set) || options.level == MODELLAB_LOG_OFF) {
        free(file);
        return CLI_EXIT_OK;
    }
    sink.write = log_line;
    sink.user = stderr;
    sink.min_level = options.level;
    options.file = file;
    options.sink = file == NULL ? &sink : NULL;
    status = modellab_logger_create(&options, &call->logger, &err);
    free(file);
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail(call, "log", NULL, status, &err);
}

int main(int argc, char **argv)
{
    cli_call *call = cli_alloc(sizeof *call);
    bool done = false;
    int code = cli_parse(argc, (const char **)argv, call, &done);
    if (code == CLI_EXIT_OK && !done) {
        if (cli_signals_install() != 0)
            code = cli_fail_text(call, CLI_EXIT_FAILURE, "signal handlers cannot be installed");
        else
            code = open_logger(call);
        if (code == CLI_EXIT_OK)
            code = call->command->run(call);
        modellab_logger_unref(call->logger);
    }
    free(call);
    if (fflush(stdout) != 0 && code == CLI_EXIT_OK)
        code = CLI_EXIT_FAILURE;
    return code;
}
