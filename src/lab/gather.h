/* The bundle of a run's results for people: subtitles, summary, action items, the ledger of the
 * input, and a manifest of what there is and of what is absent and why. Made by the step of a
 * worker, or by who ends an attempt whose worker could not make it any more (gather_ended.h). */
#ifndef MLI_LAB_GATHER_H
#define MLI_LAB_GATHER_H

#include "base/buf.h"
#include <modellab/run.h>
#include <stdbool.h>

typedef struct mli_gather_file {
    const char *name, *sha256;
    int64_t bytes;
} mli_gather_file;

/* A step that was begun, or passed over. */
typedef struct mli_gather_step {
    const char *name;
    modellab_run_status status;
    modellab_reason reason;
} mli_gather_step;

/* Where the files lie is the caller's. */
typedef struct mli_gather_view {
    const modellab_allocator *alloc;
    const char *run_id, *steps;  /* steps of the run, comma-separated */
    const mli_gather_step *past; /* in order */
    size_t past_count;
    double audio_seconds;   /* of the input; -1 = not known */
    double reached_seconds; /* of the input, that speech recognition has worked on; -1 = its text */
    modellab_reason end;    /* why the steps that are not among `past` were not begun; NONE */
    bool go_on;             /* a part that cannot be made is absent, and no failure */
    void *user;
    /* False: there is none of this name. `out` lives as long as the view. */
    bool (*find)(void *user, const char *name, mli_gather_file *out);
    /* E_LIMIT: it is too large to be read here. */
    modellab_status (*read)(void *user, const char *name, mli_buf *out, modellab_error *err);
    modellab_status (*write)(void *user, const char *name, const char *media_type,
                             const mli_buf *text, modellab_error *err);
} mli_gather_view;

/* What `read`, `write` and memory say. */
MODELLAB_MUST_CHECK modellab_status mli_gather(const mli_gather_view *view, modellab_error *err);

#endif
