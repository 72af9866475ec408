/* Which programs may be started for a step: the declaration, the exact command line, the state of
 * the run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/program_rule.h"

static const mli_program_view calm = {.steps = "noop,program"};

static const char *refusal(const mli_program_view *run, const char *step, const char *program,
                           const char *word)
{
    mli_program_ask ask = {.fence = 1};
    const mli_program_rule *rule = NULL;
    (void)strncpy(ask.step, step, sizeof(ask.step) - 1);
    (void)strncpy(ask.program, program, sizeof(ask.program) - 1);
    (void)strncpy(ask.word, word, sizeof(ask.word) - 1);
    const char *why = mli_program_refusal(run, &ask, &rule);
    assert_true((why == NULL) == (rule != NULL));
    assert_true(rule == NULL || strcmp(rule->name, program) == 0);
    return why;
}

static void what_is_declared_may_be_started(void **state)
{
    (void)state;
    assert_null(refusal(&calm, "program", "upper", ""));
    assert_null(refusal(&calm, "program", "chosen", "en-us"));
}

static void all_else_may_not(void **state)
{
    static const char *const asks[][3] = {
        {"noop", "upper", ""},        {"asr", "upper", ""},
        {"nothing", "upper", ""},     {"", "upper", ""},
        {"program", "sh", ""},        {"program", "/bin/sh", ""},
        {"program", "", ""},          {"program", "upper", "-x"},
        {"program", "upper", "x"},    {"program", "chosen", ""},
        {"program", "chosen", "-x"},  {"program", "chosen", "a b"},
        {"program", "chosen", "a/b"}, {"program", "chosen", "$(id)"}};
    const mli_program_view without = {.steps = "noop"};
    const mli_program_view stopping = {.steps = "program", .stopping = true};
    const mli_program_view busy = {.steps = "program", .busy = true};
    (void)state;
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        assert_non_null(refusal(&calm, asks[i][0], asks[i][1], asks[i][2]));
    }
    assert_non_null(refusal(&without, "program", "upper", ""));
    assert_non_null(strstr(refusal(&stopping, "program", "upper", ""), "stopped"));
    assert_non_null(refusal(&busy, "program", "upper", ""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_declared_may_be_started),
                                       cmocka_unit_test(all_else_may_not)};
    if (setenv("MODEL_LAB_TESTING", "1", 1) != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
