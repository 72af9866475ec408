/* The scheduler's own state. */
#ifndef MLI_LAB_SCHEDULE_PRIVATE_H
#define MLI_LAB_SCHEDULE_PRIVATE_H

#include "base/alloc.h"
#include "lab/schedule.h"

/* A part of the sorted runs. */
typedef struct mli_line {
    size_t at, end;
} mli_line;

typedef struct mli_schedule_user {
    int64_t virtual_ms; /* with what its running runs will probably take */
    int64_t had_ms;     /* with what they have taken so far */
    int32_t running;
    mli_line lines[2]; /* by mli_size_class */
} mli_schedule_user;

struct mli_schedule {
    const mli_queue_view *view;
    mli_schedule_policy policy;
    int64_t now_ms, starts;
    int32_t running;
    const mli_queue_run **sorted; /* by user, size and turn */
    bool *taken;                  /* by index of the view */
    mli_schedule_user *users;
};

/* What a run counts for its user when it starts. */
int64_t mli_schedule_charge_ms(const mli_queue_run *run);

#endif
