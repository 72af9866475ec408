/* The caps of users as people name them: set, removed, listed with what is used of them. */
#ifndef MLI_LAB_USER_CAPS_H
#define MLI_LAB_USER_CAPS_H

#include "lab/lab.h"
#include <modellab/user_cap.h>

typedef struct mli_user_cap_use {
    int64_t used, held; /* -1: nothing to count */
} mli_user_cap_use;

struct modellab_user_cap_list {
    const modellab_allocator *alloc;
    mli_lab *lab; /* referenced: its allocator outlives the list */
    mli_cap_list *caps;
    mli_user_cap_use *use;
};

/* `value` NULL: only measure and period are read. E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_user_cap_parse(const char *measure, const char *period,
                                                       const char *value, mli_cap *out,
                                                       modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_user_cap_set(mli_lab *lab, const char *user,
                                                     const mli_cap *cap, modellab_error *err);
/* E_NOT_FOUND: there was none. */
MODELLAB_MUST_CHECK modellab_status mli_user_cap_remove(mli_lab *lab, const char *user,
                                                        const mli_cap *cap, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_user_cap_list_load(mli_lab *lab, const char *user,
                                                           modellab_user_cap_list **out,
                                                           modellab_error *err);
void mli_user_cap_list_unref(modellab_user_cap_list *list);
/* An amount of a measure as modellab_user_cap tells it. */
double mli_user_cap_amount(int32_t measure, int64_t amount);
/* Caps of the configuration, into the store. */
MODELLAB_MUST_CHECK modellab_status mli_user_caps_configure(mli_lab *lab, modellab_error *err);

#endif
