/* Logger: JSON lines with the ids of a piece of work, a field of each kind, and a callback sink. */
#include "example.h"

static void print_line(void *user, const modellab_log_line *line)
{
    (void)user;
    printf("%s\n", line->text);
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_logger_stats stats = MODELLAB_LOGGER_STATS_INIT;
    modellab_logger *logger = NULL, *child = NULL;
    modellab_log_field fields[3];
    modellab_log_record record = MODELLAB_LOG_RECORD_INIT;

    sink.write = print_line;
    sink.min_level = MODELLAB_LOG_INFO;
    options.sink = &sink;
    must(modellab_logger_create(&options, &logger, &err), &err, "logger");
    context.request_id = "web-42";
    must(modellab_logger_child(logger, &context, &child, &err), &err, "child");

    memset(fields, 0, sizeof fields);
    fields[0] =
        (modellab_log_field){"file", "/var/audio/talk.flac", 0, 0, 0.0, MODELLAB_LOG_PATH, 0};
    fields[1] = (modellab_log_field){"seconds", NULL, 0, 0, 30.0, MODELLAB_LOG_REAL, 0};
    fields[2] = (modellab_log_field){"api_key", "s3cret", 0, 0, 0.0, MODELLAB_LOG_SECRET, 0};
    record.level = MODELLAB_LOG_INFO;
    record.event = "example.upload";
    record.message = "an upload arrived";
    record.fields = fields;
    record.field_count = 3;
    modellab_logger_log(child, &record);
    modellab_logger_write(child, MODELLAB_LOG_WARN, "example.done", "that was all");
    modellab_logger_set_level(logger, MODELLAB_LOG_ERROR);
    if (modellab_logger_is_enabled(child, MODELLAB_LOG_WARN)) {
        fprintf(stderr, "the threshold %s did not hold\n",
                modellab_log_level_name(MODELLAB_LOG_ERROR));
        return 1;
    }
    modellab_logger *held = modellab_logger_ref(child);
    /* Once this has returned the callback never runs again. */
    must(modellab_logger_set_sink(logger, NULL, &err), &err, "no sink");
    modellab_logger_write(held, MODELLAB_LOG_ERROR, "example.silent", "nobody reads this");
    modellab_logger_unref(held);
    must(modellab_logger_get_stats(logger, &stats, &err), &err, "stats");
    modellab_logger_unref(child);
    modellab_logger_unref(logger);
    return stats.lines == 2 && stats.failed == 0 ? 0 : 1;
}
