/* The logger: one JSON object a line, with the ids of the work that the line belongs to. Silent
 * until a sink is given. Logging never fails and never blocks the host for long: what could not be
 * written is counted (modellab_logger_get_stats()). @since 0.1
 *
 * Keys come in this order: ts (UTC, microseconds), level, event, msg, run_id, request_id, trace_id,
 * span_id, sev (OpenTelemetry severity number), attempt, pid, seq, then the caller's fields; ids
 * that are not known are left out. A caller's key that appears twice, or is one of ours, gets a
 * suffix
 * ("key_2"), so that no line has duplicate keys. Text that is not UTF-8 gets U+FFFD. A value is cut
 * at 8 KiB, a line at 32 KiB; then the line ends with "truncated":true.
 *
 * Example: examples/c/logger.c */
#ifndef MODELLAB_LOGGER_H
#define MODELLAB_LOGGER_H

#include <modellab/types.h>

/** A logger. Reference counted; every call from any thread; not after fork. Logging needs about 40
 * KiB of the caller's stack and allocates nothing. */
typedef struct modellab_logger modellab_logger;

/** Level of a line; the numbers are OpenTelemetry's severity numbers. */
typedef int32_t modellab_log_level;
enum {
    MODELLAB_LOG_TRACE = 1,
    MODELLAB_LOG_DEBUG = 5,
    MODELLAB_LOG_INFO = 9,
    MODELLAB_LOG_WARN = 13,
    MODELLAB_LOG_ERROR = 17,
    MODELLAB_LOG_FATAL = 21,
    MODELLAB_LOG_OFF = 100 /**< as a threshold: nothing */
};

/** What a field holds, and so how it is written. */
typedef int32_t modellab_log_type;
enum {
    MODELLAB_LOG_STRING = 1, /**< text */
    MODELLAB_LOG_INT = 2,    /**< integer */
    MODELLAB_LOG_REAL = 3,   /**< real; NaN and infinities become null */
    MODELLAB_LOG_BOOL = 4,   /**< integer, 0 = false */
    MODELLAB_LOG_SECRET = 5, /**< text, written as a short keyed hash: equal secrets look equal */
    MODELLAB_LOG_PATH =
        6, /**< text, written relative to the logger's root, else its last component */
    MODELLAB_LOG_URL = 7 /**< text, written without user info, query and fragment */
};

/** A field of a line. In arrays, so its layout is final: new kinds use the same members. */
typedef struct modellab_log_field {
    const char *key;   /**< UTF-8, not empty, cut at 64 bytes */
    const char *text;  /**< NULL = null */
    size_t text_bytes; /**< 0 = NUL-terminated */
    int64_t integer;
    double real;
    modellab_log_type type;
    int32_t reserved; /**< 0 */
} modellab_log_field;

/** A line to be logged. All pointers are used during the call only. */
typedef struct modellab_log_record {
    size_t size; /**< sizeof(modellab_log_record) */
    modellab_log_level level;
    int32_t reserved;    /**< 0 */
    const char *event;   /**< dotted machine name, for example "run.claimed" */
    const char *message; /**< for people; NULL = "" */
    const char *site;    /**< key of the rate limit; NULL = event */
    const modellab_log_field *fields;
    size_t field_count; /**< at most 64 are written */
} modellab_log_record;

#define MODELLAB_LOG_RECORD_INIT                                                                   \
    {                                                                                              \
        sizeof(modellab_log_record), 0, 0, NULL, NULL, NULL, NULL, 0                               \
    }

/** A finished line, as a sink gets it. Borrowed for the time of the call. */
typedef struct modellab_log_line {
    size_t size; /**< sizeof(modellab_log_line) of the library */
    modellab_log_level level;
    int32_t reserved;
    const char *event;
    const char *text; /**< JSON, NUL-terminated, without a line end */
    size_t text_bytes;
    int64_t time_ns; /**< since 1970 UTC */
    int64_t seq;
} modellab_log_line;

/** A callback that gets lines. */
typedef struct modellab_log_sink {
    size_t size; /**< sizeof(modellab_log_sink) */
    void *user;
    /** Called by the thread that logs, one call at a time. Logging to the same logger inside is
     * refused and counted. */
    void (*write)(void *user, const modellab_log_line *line);
    void (*release)(
        void *user); /**< optional; called once, when the sink is replaced or the logger goes */
    modellab_log_level min_level; /**< 0 = MODELLAB_LOG_WARN */
    int32_t reserved;             /**< 0 */
} modellab_log_sink;

#define MODELLAB_LOG_SINK_INIT                                                                     \
    {                                                                                              \
        sizeof(modellab_log_sink), NULL, NULL, NULL, 0, 0                                          \
    }

/** How to log. Zero or NULL is the default. */
typedef struct modellab_logger_options {
    size_t size;                         /**< sizeof(modellab_logger_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    const modellab_log_sink *sink;       /**< copied; NULL = none */
    const char *file;                    /**< path of a file to append to; NULL = none */
    const char *root;         /**< absolute folder that PATH fields are written relative to */
    modellab_logger *forward; /**< referenced; gets every line too, by its own levels */
    int64_t file_max_bytes;   /**< renamed to file.1 beyond it; 0 = 64 MiB, -1 = never */
    int32_t file_keep;        /**< renamed files that are kept; 0 = 3 */
    modellab_log_level level; /**< threshold of the logger; 0 = MODELLAB_LOG_INFO */
    int32_t rate_per_second;  /**< lines a call site; 0 = 100, -1 = no limit */
    int32_t burst;            /**< lines at once a call site; 0 = 200 */
} modellab_logger_options;

#define MODELLAB_LOGGER_OPTIONS_INIT                                                               \
    {                                                                                              \
        sizeof(modellab_logger_options), NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0               \
    }

/** What a child logger adds to its lines. NULL or 0 keeps what the parent has. Strings are copied.
 */
typedef struct modellab_log_context {
    size_t size; /**< sizeof(modellab_log_context) */
    const char *run_id;
    const char *request_id;
    const char *trace_id;
    const char *span_id;
    int64_t attempt; /**< 0 = as the parent */
} modellab_log_context;

#define MODELLAB_LOG_CONTEXT_INIT                                                                  \
    {                                                                                              \
        sizeof(modellab_log_context), NULL, NULL, NULL, NULL, 0                                    \
    }

/** What became of the lines of a logger and its children. */
typedef struct modellab_logger_stats {
    size_t size;        /**< sizeof(modellab_logger_stats), set by the caller */
    int64_t lines;      /**< written to at least one sink */
    int64_t suppressed; /**< held back by the rate limit */
    int64_t failed;     /**< a sink could not take them */
    int32_t last_error; /**< errno value of the newest failure, 0 = none */
    int32_t reserved;
} modellab_logger_stats;

#define MODELLAB_LOGGER_STATS_INIT                                                                 \
    {                                                                                              \
        sizeof(modellab_logger_stats), 0, 0, 0, 0, 0                                               \
    }

MODELLAB_BEGIN_DECLS

/** Fills the structs like their INIT macros. @threads any @since 0.1 */
MODELLAB_API void modellab_logger_options_init(modellab_logger_options *options, size_t size);
/** As modellab_logger_options_init(). @threads any @since 0.1 */
MODELLAB_API void modellab_log_record_init(modellab_log_record *record, size_t size);

/** Makes a logger. @param[out] out new; modellab_logger_unref()
 * @errors E_INVALID_ARGUMENT, E_PERMISSION, E_NOT_FOUND (folder of the file), E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_logger_create(
    const modellab_logger_options *options, modellab_logger **out, modellab_error *err);

/** Makes a logger that writes where `parent` writes, with more ids on each line.
 * @param[out] out  new; modellab_logger_unref(), before or after the parent
 * @errors E_INVALID_ARGUMENT (an id longer than 128 bytes), E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_logger_child(modellab_logger *parent, const modellab_log_context *context,
                      modellab_logger **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_logger *modellab_logger_ref(modellab_logger *logger);

/** Gives a reference back; the last one writes what the rate limit still holds back as a count,
 * closes the file and releases the sink. NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_logger_unref(modellab_logger *logger);

/** Logs a line. NULL for `logger` logs nothing. What fails is counted. @threads any @since 0.1 */
MODELLAB_API void modellab_logger_log(modellab_logger *logger, const modellab_log_record *record);

/** Logs a line without fields. @threads any @since 0.1 */
MODELLAB_API void modellab_logger_write(modellab_logger *logger, modellab_log_level level,
                                        const char *event, const char *message);

/** 1 when a line of this level would be written anywhere. @threads any @since 0.1 */
MODELLAB_API int32_t modellab_logger_is_enabled(const modellab_logger *logger,
                                                modellab_log_level level);

/** Sets the threshold of the logger and of all that share its sinks. @threads any @since 0.1 */
MODELLAB_API void modellab_logger_set_level(modellab_logger *logger, modellab_log_level level);

/** Replaces the callback (NULL = none). When it returns, the old callback is not running and never
 * will again, and it has been released. @errors E_INVALID_ARGUMENT, E_STATE (called from within the
 * callback)
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_logger_set_sink(
    modellab_logger *logger, const modellab_log_sink *sink, modellab_error *err);

/** Copies the counters. `out->size` must be set. @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_logger_get_stats(
    const modellab_logger *logger, modellab_logger_stats *out, modellab_error *err);

/** Name of a level ("info"). Borrowed, static. @threads any @since 0.1 */
MODELLAB_API const char *modellab_log_level_name(modellab_log_level level);

MODELLAB_END_DECLS
#endif
