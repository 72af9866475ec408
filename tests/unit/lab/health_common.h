/* A lab whose health is looked at, in the caller's thread unless a test opens it otherwise. */
#ifndef TESTS_UNIT_LAB_HEALTH_H
#define TESTS_UNIT_LAB_HEALTH_H

#include "lab/health_probe.h"
#include "unit/lab/lab_common.h"

/* Of the test: what must not hang any more when the lab is closed. */
static void before_closing(void);

static temp_folder folder;
static mli_lab *lab;
static mli_lab_tables here = {.health_in_caller = true};

static inline int set_up(void **state)
{
    (void)state;
    temp_folder_make(&folder);
    lab = open_lab(&folder, NULL, &here, 0);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    before_closing();
    mli_lab_unref(lab);
    temp_folder_remove(&folder);
    return 0;
}

static inline void open_again(const mli_lab_tables *tables)
{
    mli_lab_unref(lab);
    lab = open_lab(&folder, NULL, tables, 0);
}

static inline const mli_health_check *find(const modellab_health *health, const char *name)
{
    for (size_t i = 0; i < health->count; i++) {
        if (strcmp(health->checks[i].name, name) == 0) {
            return &health->checks[i];
        }
    }
    fail_msg("no check %s", name);
    return NULL;
}

static inline modellab_health *look(modellab_health_level level, int32_t wait_ms)
{
    modellab_health_options o = MODELLAB_HEALTH_OPTIONS_INIT;
    modellab_health *health = NULL;

    o.level = level;
    o.wait_ms = wait_ms;
    ASSERT_OK(mli_health_look(lab, &o, &health, err));
    return health;
}

/* State of one check of a look in this thread. */
static inline modellab_health_state state_of(modellab_health_level level, const char *name)
{
    modellab_health *health = look(level, 0);
    modellab_health_state state = find(health, name)->state;

    mli_health_unref(health);
    return state;
}

#endif
