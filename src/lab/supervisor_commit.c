/* Ends and starts that come due in the same round share one transaction and its one sync; what
 * follows from them (manifests, orders, free workers) is done when they are durable. */
#include "base/error.h"
#include "lab/supervisor_private.h"
#include <string.h>

#define LOOKS_MOST 8 /* at the queue in a row, when others were faster */
/* Bundles of runs that ended early, in a round: while they are gathered no other run is looked
 * after. */
#define GATHERS_MOST 4

/* The jobs that are being ended, in the order of their writes. */
typedef struct ends {
    mli_job *jobs[MLI_SUPERVISOR_JOBS];
    size_t count;
} ends;

/* Those whose rest of the journal cannot be read are ready again later. */
static void read_journals(mli_supervisor *s, ends *e, int64_t now)
{
    for (size_t i = 0; i < s->job_count; i++) {
        if (s->jobs[i]->ready && mli_job_end_read(s->jobs[i], now)) {
            s->writes[e->count] = mli_job_end_lines(s->jobs[i]);
            e->jobs[e->count++] = s->jobs[i];
        }
    }
    mli_store_write_many(s->lab->store, s->writes, e->count);
}

static void prepare_ends(mli_supervisor *s, ends *e, int64_t now)
{
    size_t count = 0;
    int gathers = GATHERS_MOST;
    for (size_t i = 0; i < e->count; i++) {
        if (mli_job_end_prepare(e->jobs[i], &s->writes[i], now, &gathers)) {
            e->jobs[count++] = e->jobs[i];
        }
    }
    e->count = count;
}

static void conclude_ends(mli_supervisor *s, const ends *e, int64_t now)
{
    for (size_t i = 0; i < e->count; i++) {
        mli_job_end_conclude(e->jobs[i], &s->writes[i], now);
    }
    for (size_t i = 0; i < s->job_count;) {
        if (s->jobs[i]->finished) {
            mli_supervisor_remove(s, i);
        } else {
            i++;
        }
    }
}

/* One that cannot be started for a reason of its own does not hold up the others. */
MODELLAB_MUST_CHECK static modellab_status
conclude_starts(mli_supervisor *s, const mli_store_write *claims, size_t *lost, modellab_error *err)
{
    modellab_status first = MODELLAB_OK;
    size_t count = s->start_count;
    s->start_count = 0;
    for (size_t i = 0; i < count; i++) {
        modellab_error one = MODELLAB_ERROR_INIT;
        bool taken = false;
        modellab_status status = mli_job_start(s->starts[i], &claims[i], &taken, &one);
        *lost += !taken && status == MODELLAB_OK;
        if (!taken || s->starts[i]->finished || !mli_supervisor_add(s, s->starts[i])) {
            mli_job_dispose(s->starts[i]); /* there was room for all that were prepared */
        }
        if (status != MODELLAB_OK && first == MODELLAB_OK) {
            first = mli_fail(err, status, "%s", one.message);
        }
    }
    return first;
}

modellab_status mli_supervisor_end_and_start(mli_supervisor *s, int64_t now, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    ends e = {.count = 0};
    size_t lost = 1;
    read_journals(s, &e, now);
    prepare_ends(s, &e, now);
    for (int i = 0; i < LOOKS_MOST && status == MODELLAB_OK && lost > 0; i++) {
        modellab_error later = MODELLAB_ERROR_INIT; /* the first error keeps its message */
        size_t count = e.count;
        lost = 0;
        if (mli_supervisor_has_room(s)) {
            status = mli_supervisor_prepare_starts(s, now, &lost, err);
        }
        for (size_t k = 0; k < e.count; k++) {
            s->writes[k] = mli_ending_write(&e.jobs[k]->ending);
        }
        for (size_t k = 0; k < s->start_count; k++) {
            s->writes[count++] = mli_job_claim(s->starts[k]);
        }
        mli_store_write_many(s->lab->store, s->writes, count);
        conclude_ends(s, &e, mli_supervisor_now(s));
        modellab_status started = conclude_starts(s, &s->writes[e.count], &lost, &later);
        if (status == MODELLAB_OK && started != MODELLAB_OK) {
            status = mli_fail(err, started, "%s", later.message);
        }
        lost += e.count; /* what ended makes room also for those whom a limit or a cap held back */
        e.count = 0;
    }
    return status;
}
