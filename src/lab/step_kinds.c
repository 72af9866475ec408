/* The table of steps, in an order in which each comes after what it needs and wants: it is also
 * the order of execution. */
#include "lab/step_kinds.h"

#include "os/file.h"
#include <string.h>

static const mli_step_kind *const kinds[] = {
    &mli_step_kind_ingest,
    &mli_step_kind_enhance,
    &mli_step_kind_vad,
    &mli_step_kind_asr,
    &mli_step_kind_diarization,
    &mli_step_kind_who_said_what,
    &mli_step_kind_alignment,
    &mli_step_kind_chapters,
    &mli_step_kind_summary,
    &mli_step_kind_action_items,
    &mli_step_kind_tts,
    &mli_step_kind_score,
    &mli_step_kind_bundle,
    /* of tests */
    &mli_step_kind_noop,
    &mli_step_kind_noop_may_fail,
    &mli_step_kind_noop_needs,
    &mli_step_kind_noop_wants,
    &mli_step_kind_noop_text,
    &mli_step_kind_program,
    &mli_step_kind_noop_always,
};

#define COUNT (sizeof kinds / sizeof *kinds)
_Static_assert(COUNT <= MLI_STEP_MAX, "marks and limits have room for all steps");

size_t mli_step_kind_count(void)
{
    return COUNT;
}

const mli_step_kind *mli_step_kind_at(size_t index)
{
    return index < COUNT ? kinds[index] : NULL;
}

bool mli_step_model_is_needed(const mli_step_model *model, const mli_json *config)
{
    const char *value = model->when != NULL ? strchr(model->when, '=') : NULL, *key;
    const mli_json *member;

    if (value == NULL) {
        return model->when == NULL || mli_json_bool(mli_json_get(config, model->when), false);
    }
    for (mli_json_cursor at = mli_json_first(config); mli_json_next(&at, &key, &member);) {
        if (strlen(key) == (size_t)(value - model->when) &&
            memcmp(key, model->when, strlen(key)) == 0) {
            return strcmp(mli_json_string(member, ""), value + 1) == 0;
        }
    }
    return true; /* by default */
}

bool mli_step_kind_is_offered(const mli_step_kind *kind)
{
    const char *testing = kind->for_tests ? mli_os_env("MODEL_LAB_TESTING") : "1";

    return testing != NULL && strcmp(testing, "1") == 0;
}

size_t mli_step_kind_index(const char *name, size_t length)
{
    size_t i = 0;

    while (i < COUNT &&
           (strlen(kinds[i]->name) != length || memcmp(kinds[i]->name, name, length) != 0)) {
        i++;
    }
    return i < COUNT && !mli_step_kind_is_offered(kinds[i]) ? COUNT : i;
}

const mli_step_kind *mli_step_kind_find(const char *name)
{
    return mli_step_kind_at(mli_step_kind_index(name, strlen(name)));
}
