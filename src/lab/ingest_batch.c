/* Copies of changes: a line's strings are gone when the next line is read. */
#include "lab/ingest_batch.h"

#include "base/alloc.h"
#include "base/error.h"
#include <string.h>

typedef struct copy {
    mli_store_change change; /* first: it is what is freed */
    mli_run_measures measures;
    mli_step_row step;
    mli_artifact_row artifact;
    mli_event_row event;
} copy;

/* What a line brings: at most one of each. */
static void take_rows(copy *c, const mli_store_change *from)
{
    c->change = *from;
    if (from->measures != NULL) {
        c->measures = *from->measures;
        c->change.measures = &c->measures;
    }
    if (from->step_count > 0) {
        c->step = from->steps[0];
        c->change.steps = &c->step;
    }
    if (from->artifact_count > 0) {
        c->artifact = from->artifacts[0];
        c->change.artifacts = &c->artifact;
    }
    if (from->event_count > 0) {
        c->event = from->events[0];
        c->change.events = &c->event;
    }
}

/* The strings of a copy: counted when `to` is NULL, else moved to `to`. */
static size_t move_strings(copy *c, char *to)
{
    const char **const strings[] = {
        &c->change.run_id,    &c->measures.model,   &c->measures.model_sha256,
        &c->measures.engine,  &c->measures.sandbox, &c->step.name,
        &c->step.message,     &c->step.key,         &c->step.reused_from,
        &c->step.config_json, &c->step.told_json,   &c->artifact.id,
        &c->artifact.step,    &c->artifact.name,    &c->artifact.media_type,
        &c->artifact.sha256,  &c->artifact.file,    &c->artifact.role,
        &c->event.type,       &c->event.step,       &c->event.data};
    size_t used = 0;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        if (*strings[i] == NULL) {
            continue;
        }
        size_t bytes = strlen(*strings[i]) + 1;
        if (to != NULL) {
            memcpy(to + used, *strings[i], bytes);
            *strings[i] = to + used;
        }
        used += bytes;
    }
    return used;
}

modellab_status mli_ingest_batch_add(mli_ingest_batch *batch, const modellab_allocator *alloc,
                                     const mli_store_change *change, modellab_error *err)
{
    copy from;
    memset(&from, 0, sizeof(from));
    if (batch->count == MLI_INGEST_BATCH || change->step_count > 1 || change->artifact_count > 1 ||
        change->event_count > 1 || change->transition != NULL) {
        return mli_fail(err, MODELLAB_E_INTERNAL, "a change that is no line's");
    }
    take_rows(&from, change);
    copy *kept = mli_alloc_zero(alloc, sizeof(*kept) + move_strings(&from, NULL));
    if (kept == NULL) {
        return mli_no_memory(err);
    }
    take_rows(kept, change);
    (void)move_strings(kept, (char *)(kept + 1)); /* as many as were counted */
    batch->changes[batch->count++] = &kept->change;
    return MODELLAB_OK;
}

/* The last thing that is said of the step from `from` on; 0 = nothing. */
static modellab_run_status last_of(const mli_ingest_batch *batch, size_t from, const char *step)
{
    modellab_run_status last = 0;
    for (size_t i = from; i < batch->count; i++) {
        const mli_store_change *change = batch->changes[i];
        if (change->step_count > 0 && strcmp(change->steps[0].name, step) == 0) {
            last = change->steps[0].status;
        }
    }
    return last;
}

bool mli_ingest_batch_leaves_open(const mli_ingest_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const mli_store_change *change = batch->changes[i];
        if (change->step_count > 0 &&
            last_of(batch, i, change->steps[0].name) == MODELLAB_RUN_RUNNING) {
            return true;
        }
    }
    return false;
}

bool mli_ingest_batch_ends(const mli_ingest_batch *batch, const char *step)
{
    modellab_run_status last = last_of(batch, 0, step);
    return last != 0 && last != MODELLAB_RUN_RUNNING;
}

void mli_ingest_batch_clear(mli_ingest_batch *batch, const modellab_allocator *alloc)
{
    for (size_t i = 0; i < batch->count; i++) {
        mli_free(alloc, batch->changes[i]);
    }
    batch->count = 0;
}
