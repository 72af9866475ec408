/* The logger beneath the public functions; what each does stands in modellab/logger.h. Other rooms
 * log through mli_log() and the field helpers here. */
#ifndef MLI_LOG_LOGGER_H
#define MLI_LOG_LOGGER_H

#include "os/clock.h"
#include "os/file.h"
#include <modellab/logger.h>

/* What a logger stands on; NULL members are the system's. */
typedef struct mli_logger_world {
    const mli_os_files *files;
    const mli_os_clock *clock;
    const mli_os_random *random;
} mli_logger_world;

MODELLAB_MUST_CHECK modellab_status mli_logger_create(const modellab_logger_options *options,
                                                      const mli_logger_world *world,
                                                      modellab_logger **out, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_logger_child(modellab_logger *parent,
                                                     const modellab_log_context *context,
                                                     modellab_logger **out, modellab_error *err);
modellab_logger *mli_logger_ref(modellab_logger *logger);
void mli_logger_unref(modellab_logger *logger);
void mli_logger_log(modellab_logger *logger, const modellab_log_record *record);
bool mli_logger_is_enabled(const modellab_logger *logger, modellab_log_level level);
void mli_logger_set_level(modellab_logger *logger, modellab_log_level level);
MODELLAB_MUST_CHECK modellab_status mli_logger_set_sink(modellab_logger *logger,
                                                        const modellab_log_sink *sink,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_logger_get_stats(const modellab_logger *logger,
                                                         modellab_logger_stats *out,
                                                         modellab_error *err);
/* Lines that were held back or could not be written since the last call, by whomever: each is told
 * once. 0 for NULL. */
int64_t mli_logger_take_dropped(const modellab_logger *logger);
/* The context of a logger, for what it must hand on (a worker's ids). Borrowed; "" = none. */
const char *mli_logger_run_id(const modellab_logger *logger);
const char *mli_logger_request_id(const modellab_logger *logger);
const char *mli_logger_trace_id(const modellab_logger *logger);

/* One line: mli_log(l, MODELLAB_LOG_INFO, "run.claimed", "claimed",
 * MLI_LOG_FIELDS(mli_log_int("attempt", 2))); without fields: mli_log_text(). */
void mli_log(modellab_logger *logger, modellab_log_level level, const char *event,
             const char *message, const modellab_log_field *fields, size_t count);
void mli_log_text(modellab_logger *logger, modellab_log_level level, const char *event,
                  const char *message);
/* A failure with its code and words, as field "error" and "status". */
void mli_log_error(modellab_logger *logger, modellab_log_level level, const char *event,
                   const char *message, modellab_status status, const modellab_error *err);

#define MLI_LOG_FIELDS(...)                                                                        \
    (const modellab_log_field[]){__VA_ARGS__},                                                     \
        sizeof((const modellab_log_field[]){__VA_ARGS__}) / sizeof(modellab_log_field)

static inline modellab_log_field mli_log_string(const char *key, const char *text)
{
    return (modellab_log_field){.key = key, .text = text, .type = MODELLAB_LOG_STRING};
}
static inline modellab_log_field mli_log_int(const char *key, int64_t value)
{
    return (modellab_log_field){.key = key, .integer = value, .type = MODELLAB_LOG_INT};
}
static inline modellab_log_field mli_log_real(const char *key, double value)
{
    return (modellab_log_field){.key = key, .real = value, .type = MODELLAB_LOG_REAL};
}
static inline modellab_log_field mli_log_bool(const char *key, bool value)
{
    return (modellab_log_field){.key = key, .integer = value, .type = MODELLAB_LOG_BOOL};
}
static inline modellab_log_field mli_log_secret(const char *key, const char *text)
{
    return (modellab_log_field){.key = key, .text = text, .type = MODELLAB_LOG_SECRET};
}
static inline modellab_log_field mli_log_path(const char *key, const char *text)
{
    return (modellab_log_field){.key = key, .text = text, .type = MODELLAB_LOG_PATH};
}
static inline modellab_log_field mli_log_url(const char *key, const char *text)
{
    return (modellab_log_field){.key = key, .text = text, .type = MODELLAB_LOG_URL};
}

#endif
