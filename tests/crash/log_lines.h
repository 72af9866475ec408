/* A lab of a host that has a request under way, and every line that it logs, as JSON. */
#ifndef TESTS_CRASH_LOG_LINES_H
#define TESTS_CRASH_LOG_LINES_H

#include "base/json.h"
#include "unit/lab/lab_common.h"
#include <modellab/modellab.h>

#define REQUEST_ID "req-of-the-host"
#define LINES 4000

static const char *worker_program;
static temp_folder folder;
static mli_lab *lab;
static modellab_logger *logger; /* of a host that has a request under way */
static mli_os_files files;
static mli_json *lines[LINES];
static size_t line_count;

static inline void keep_line(void *user, const modellab_log_line *line)
{
    (void)user;
    assert_null(strstr(line->text, folder.path)); /* no absolute path, whatever is logged */
    assert_true(line_count < LINES);
    assert_int_equal(MODELLAB_OK, mli_json_parse(line->text, line->text_bytes, MLI_JSON_MAX_BYTES,
                                                 &lines[line_count++], NULL));
}

static inline void forget_lines(void)
{
    while (line_count > 0) {
        mli_json_free(lines[--line_count]);
    }
}

static inline int set_up(void **state)
{
    modellab_log_sink sink = MODELLAB_LOG_SINK_INIT;
    modellab_logger_options options = MODELLAB_LOGGER_OPTIONS_INIT;
    modellab_log_context context = MODELLAB_LOG_CONTEXT_INIT;
    modellab_lab_options lab_options = MODELLAB_LAB_OPTIONS_INIT;
    mli_lab_tables tables = {.files = &files};
    modellab_logger *base = NULL;
    char root[512];

    (void)state;
    temp_folder_make(&folder);
    files = mli_os_system_files;
    sink.write = keep_line;
    sink.min_level = MODELLAB_LOG_DEBUG;
    options.sink = &sink;
    options.level = MODELLAB_LOG_DEBUG;
    options.rate_per_second = -1;
    context.request_id = REQUEST_ID;
    ASSERT_OK(modellab_logger_create(&options, &base, err));
    ASSERT_OK(modellab_logger_child(base, &context, &logger, err));
    modellab_logger_unref(base);
    assert_true(snprintf(root, sizeof root, "%s/lab", folder.path) > 0);
    lab_options.logger = logger;
    lab_options.models_root = folder.path;
    lab_options.cache_root = folder.path;
    ASSERT_OK(mli_lab_open(root, &lab_options, &tables, &lab, err));
    lab->settings.min_free_bytes = 0;
    forget_lines();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    files = mli_os_system_files;
    mli_lab_unref(lab);
    modellab_logger_unref(logger);
    forget_lines();
    temp_folder_remove(&folder);
    return 0;
}

static inline const char *text_of(const mli_json *line, const char *key)
{
    return mli_json_string(mli_json_get(line, key), "");
}

/* The `which`-th line of this event, NULL when there are fewer. */
static inline const mli_json *find(const char *event, size_t which)
{
    for (size_t i = 0; i < line_count; i++) {
        if (strcmp(text_of(lines[i], "event"), event) == 0 && which-- == 0) {
            return lines[i];
        }
    }
    return NULL;
}

#endif
