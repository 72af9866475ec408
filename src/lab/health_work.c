/* Checks of those who work: supervisors that hold their place but do not turn, and runs that are
 * RUNNING but stand still. Words are read from files, so that nothing of another process can hurt
 * this one. */
#include "base/error.h"
#include "base/str.h"
#include "lab/beat.h"
#include "lab/health.h"
#include "lab/page.h"
#include "lab/wake.h"
#include "os/locale.h"
#include <errno.h>
#include <string.h>

#define NS_PER_S ((int64_t)1000000000)
/* Supervisors turn every second; this leaves room for a slow disk and a busy machine. */
#define SUPERVISOR_STILL_NS (15 * NS_PER_S)
/* A step tells progress far more often, also while it loads a model. */
#define RUN_STILL_NS (60 * NS_PER_S)

static int64_t now_of(const mli_lab *lab)
{
    return lab->os.clock->monotonic_ns(lab->os.clock->user);
}

typedef struct turning {
    const mli_lab *lab;
    modellab_error *err;
    modellab_status status;
    int64_t now, longest;
    int present, still;
} turning;

static int look_at_supervisor(void *arg, const char *id)
{
    turning *t = arg;
    mli_beat_page beat;
    modellab_status status = mli_beat_read(t->lab, id, &beat, t->err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(t->err); /* it says nothing about itself */
        return 0;
    }
    if (status != MODELLAB_OK) {
        t->status = status;
        return 1;
    }
    int64_t turned = atomic_load(&beat.turned_ns);
    int64_t ago = turned > 0 ? t->now - turned : 0; /* 0: its first round is still to come */
    t->present++;
    if (ago >= SUPERVISOR_STILL_NS) {
        t->still++;
        t->longest = ago > t->longest ? ago : t->longest;
    }
    return 0;
}

void mli_health_supervisors(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    turning t = {.lab = lab, .err = &err, .status = MODELLAB_OK, .now = now_of(lab)};
    modellab_status status = mli_supervisors_each(lab, look_at_supervisor, &t, &err);
    status = status == MODELLAB_OK ? t.status : status;
    if (status != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    } else if (t.still > 0) {
        check->state = t.still == t.present ? MODELLAB_HEALTH_CRITICAL : MODELLAB_HEALTH_DEGRADED;
        (void)mli_os_format(check->message, sizeof check->message,
                            "%d of %d supervisors hold their place but do not turn, for %lld s.",
                            t.still, t.present, (long long)(t.longest / NS_PER_S));
    } else {
        check->state = MODELLAB_HEALTH_HEALTHY;
        (void)mli_os_format(check->message, sizeof check->message,
                            t.present > 0 ? "All supervisors turn (%d)."
                                          : "There are no supervisors (%d).",
                            t.present);
    }
}

/* For how long a run has made no progress, by its page; -1 = its page does not tell. */
MODELLAB_MUST_CHECK static modellab_status still_for(const mli_lab *lab, const char *run_id,
                                                     int64_t now, int64_t *ns, modellab_error *err)
{
    char path[MLI_PATH_BYTES];
    mli_page_view view = MLI_PAGE_VIEW_NONE;
    *ns = -1;
    modellab_status status = mli_run_path(lab->root, run_id, MLI_RUN_PAGE, path, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_page_open(&view, lab->os.files, path);
    if (rc == -ENOENT || rc == -EINVAL || rc == -EACCES) {
        return MODELLAB_OK; /* just being started or ended; a lab of somebody else */
    }
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the page of a run could not be read");
    }
    int64_t moved = atomic_load(&view.seen.moved_ns);
    int64_t started = atomic_load(&view.seen.started_ns);
    moved = moved > started ? moved : started;
    *ns = moved > 0 && moved <= now ? now - moved : -1; /* later: of another boot */
    mli_page_close(&view);
    return MODELLAB_OK;
}

void mli_health_workers(mli_lab *lab, mli_health_check *check)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_run_row_list *active = NULL;
    int running = 0, still = 0;
    int64_t now = now_of(lab), longest = 0;
    const char *which = "";
    modellab_status status = mli_store_active(lab->store, &active, &err);
    for (size_t i = 0; status == MODELLAB_OK && i < active->count; i++) {
        const mli_run_row *row = active->rows[i];
        int64_t ns = -1;
        if (row->is_record != 0) {
            continue; /* the host's own work: only the host knows */
        }
        running++;
        status = still_for(lab, row->id, now, &ns, &err);
        if (ns >= RUN_STILL_NS) {
            still++;
            which = ns > longest ? row->id : which;
            longest = ns > longest ? ns : longest;
        }
    }
    if (status != MODELLAB_OK) {
        mli_health_say(check, MODELLAB_HEALTH_DEGRADED, err.message);
    } else if (still > 0) {
        check->state = MODELLAB_HEALTH_DEGRADED;
        (void)mli_os_format(check->message, sizeof check->message,
                            "%d of %d running runs make no progress; longest, for %lld s, run %s.",
                            still, running, (long long)(longest / NS_PER_S), which);
    } else {
        check->state = MODELLAB_HEALTH_HEALTHY;
        (void)mli_os_format(check->message, sizeof check->message,
                            running > 0 ? "All running runs make progress (%d)."
                                        : "No run is running (%d).",
                            running);
    }
    mli_run_row_list_free(active);
}
