/* What the steps of a run may do beyond computing with what they are given. Pure; the effect is the
 * worker's (worker_sandbox.c). */
#ifndef MLI_LAB_SANDBOX_PROFILE_H
#define MLI_LAB_SANDBOX_PROFILE_H

#include <stdbool.h>

typedef struct mli_sandbox_profile {
    bool network;  /* connects to other machines */
    bool programs; /* has the supervisor run a program for it, and talks to that; never itself */
} mli_sandbox_profile;

/* The least that the steps (comma-separated) need, by what each declares. A step that is not known
 * needs nothing: it is refused anyway. */
mli_sandbox_profile mli_sandbox_profile_of(const char *steps);

#endif
