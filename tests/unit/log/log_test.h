/* A logger for tests on a clock that stands still until it is told, with a sink that keeps lines.
 */
#ifndef TESTS_UNIT_LOG_LOG_TEST_H
#define TESTS_UNIT_LOG_LOG_TEST_H

#include "base/json.h"
#include "log/logger.h"
#include "unit/unit.h"
#include <string.h>

#define TEST_TIME_NS 1767323045678901000

typedef struct captured {
    int count, released;
    char last[40000];
    modellab_log_line line;
    modellab_logger *reenter; /* logged to from within the sink */
} captured;

static inline void capture(void *user, const modellab_log_line *line)
{
    captured *c = user;
    c->count++;
    c->line = *line;
    assert_int_equal(strlen(line->text), line->text_bytes);
    memcpy(c->last, line->text, line->text_bytes + 1);
    if (c->reenter != NULL)
        mli_log_text(c->reenter, MODELLAB_LOG_ERROR, "again", "from within");
}

static inline void capture_release(void *user)
{
    ((captured *)user)->released++;
}

static inline modellab_log_sink capture_sink(captured *c, modellab_log_level level)
{
    return (modellab_log_sink){sizeof(modellab_log_sink), c, capture, capture_release, level, 0};
}

static inline int64_t test_time(void *user)
{
    return *(int64_t *)user;
}

/* Every line must be one JSON object without duplicate keys; freed by the caller. */
static inline mli_json *parse_line(const char *text)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_json *root = NULL;
    assert_int_equal(mli_json_parse(text, strlen(text), 65536, &root, &err), MODELLAB_OK);
    assert_int_equal(mli_json_typeof(root), MLI_JSON_OBJECT);
    return root;
}

#endif
