/* modellab_logger: JSON lines to a file, a callback, another logger. */
#include "log/logger.h"
#include "base/error.h"
#include "base/sized.h"
#include "log/line.h"

void modellab_logger_options_init(modellab_logger_options *options, size_t size)
{
    const modellab_logger_options init = MODELLAB_LOGGER_OPTIONS_INIT;
    mli_sized_init(options, size, &init, sizeof init);
}

void modellab_log_record_init(modellab_log_record *record, size_t size)
{
    const modellab_log_record init = MODELLAB_LOG_RECORD_INIT;
    mli_sized_init(record, size, &init, sizeof init);
}

modellab_status modellab_logger_create(const modellab_logger_options *options,
                                       modellab_logger **out, modellab_error *err)
{
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    return mli_logger_create(options, NULL, out, err);
}

modellab_status modellab_logger_child(modellab_logger *parent, const modellab_log_context *context,
                                      modellab_logger **out, modellab_error *err)
{
    if (out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "out must not be NULL");
    *out = NULL;
    if (parent == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "parent must not be NULL");
    return mli_logger_child(parent, context, out, err);
}

modellab_logger *modellab_logger_ref(modellab_logger *logger)
{
    return mli_logger_ref(logger);
}

void modellab_logger_unref(modellab_logger *logger)
{
    mli_logger_unref(logger);
}

void modellab_logger_log(modellab_logger *logger, const modellab_log_record *record)
{
    mli_logger_log(logger, record);
}

void modellab_logger_write(modellab_logger *logger, modellab_log_level level, const char *event,
                           const char *message)
{
    mli_log_text(logger, level, event, message);
}

int32_t modellab_logger_is_enabled(const modellab_logger *logger, modellab_log_level level)
{
    return mli_logger_is_enabled(logger, level) ? 1 : 0;
}

void modellab_logger_set_level(modellab_logger *logger, modellab_log_level level)
{
    if (logger != NULL)
        mli_logger_set_level(logger, level);
}

modellab_status modellab_logger_set_sink(modellab_logger *logger, const modellab_log_sink *sink,
                                         modellab_error *err)
{
    if (logger == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "logger must not be NULL");
    return mli_logger_set_sink(logger, sink, err);
}

modellab_status modellab_logger_get_stats(const modellab_logger *logger, modellab_logger_stats *out,
                                          modellab_error *err)
{
    if (logger == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "logger and out must not be NULL");
    return mli_logger_get_stats(logger, out, err);
}

const char *modellab_log_level_name(modellab_log_level level)
{
    return mli_log_level_name(level);
}
