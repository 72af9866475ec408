/* The table of programs, and the decision whether one may be started. */
#include "lab/program_rule.h"

#include "lab/pipeline.h"
#include <string.h>

#define MIB ((int64_t)1 << 20)
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-"

static const mli_program_rule rules[] = {
    /* Text in, IPA out; the word is the name of its voice. */
    {"espeak-ng", "tts", "MODEL_LAB_ESPEAK_NG", {"-q", "--ipa", "-v", "%", NULL}, 60000, 512 * MIB},
    /* For tests of what is here: `tr` or what the test gives in its place. */
    {"upper", "program", "MODEL_LAB_TEST_PROGRAM", {"a-z", "A-Z", NULL}, 120000, 512 * MIB},
    {"chosen", "program", "MODEL_LAB_TEST_PROGRAM", {"a", "%", NULL}, 1000, 512 * MIB},
};

static const mli_program_rule *find(const char *name)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].name, name) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static bool takes_word(const mli_program_rule *rule)
{
    for (size_t i = 0; rule->args[i] != NULL; i++) {
        if (strcmp(rule->args[i], "%") == 0) {
            return true;
        }
    }
    return false;
}

/* A word that begins with a hyphen would be an option. */
static bool word_valid(const char *word)
{
    return word[0] != '\0' && word[0] != '-' && strspn(word, LETTERS) == strlen(word);
}

const char *mli_program_refusal(const mli_program_view *run, const mli_program_ask *ask,
                                const mli_program_rule **rule)
{
    const mli_step_kind *step = mli_step_kind_find(ask->step);
    const mli_program_rule *found = find(ask->program);
    *rule = NULL;
    if (step == NULL || !step->needs_programs || !mli_steps_contain(run->steps, ask->step)) {
        return "the run has no step of this name that may have programs started";
    }
    if (found == NULL || strcmp(found->step, ask->step) != 0) {
        return "the step has not declared this program";
    }
    if (takes_word(found) ? !word_valid(ask->word) : ask->word[0] != '\0') {
        return "the program's command line has no place for this word";
    }
    if (run->stopping) {
        return "the run is being stopped";
    }
    if (run->busy) {
        return "another program of the run has not ended yet";
    }
    *rule = found;
    return NULL;
}
