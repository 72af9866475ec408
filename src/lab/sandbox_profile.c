/* The sum of what the steps of a run declare. */
#include "lab/sandbox_profile.h"

#include "lab/pipeline.h"
#include <string.h>

mli_sandbox_profile mli_sandbox_profile_of(const char *steps)
{
    mli_sandbox_profile profile = {false, false};
    while (*steps != '\0') {
        char name[64];
        size_t bytes = strcspn(steps, ",");
        if (bytes < sizeof(name)) {
            memcpy(name, steps, bytes);
            name[bytes] = '\0';
            const mli_step_kind *kind = mli_step_kind_find(name);
            profile.network = profile.network || (kind != NULL && kind->needs_network);
            profile.programs = profile.programs || (kind != NULL && kind->needs_programs);
        }
        steps += bytes + (steps[bytes] == ',');
    }
    return profile;
}
