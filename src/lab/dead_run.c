/* Who is responsible for a RUNNING run, and how one is ended that a crash left behind. */
#include "lab/dead_run.h"

#include "base/error.h"
#include "lab/ingest.h"
#include "lab/page.h"
#include "lab/run_lock.h"
#include "lab/wake.h"
#include "log/logger.h"
#include "os/process.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status owner_alive(const mli_lab *lab, const mli_run_row *row,
                                                       bool *alive, modellab_error *err)
{
    mli_json *owner = NULL;
    *alive = false;
    /* An owner that cannot be read is nobody who could settle the run. */
    if (mli_json_parse(row->owner, strlen(row->owner), MLI_JSON_MAX_BYTES, &owner, NULL) !=
        MODELLAB_OK) {
        return MODELLAB_OK;
    }
    const char *id = mli_json_string(mli_json_get(owner, "supervisor"), "");
    modellab_status status = mli_supervisor_alive(lab, id, alive, err);
    mli_json_free(owner);
    return status;
}

/* False when there is none that can be used. */
static bool look_at_page(const mli_lab *lab, const char *run_id, mli_page *out)
{
    char path[MLI_PATH_BYTES];
    mli_page_view page;
    if (mli_run_path(lab->root, run_id, MLI_RUN_PAGE, path, NULL) != MODELLAB_OK ||
        mli_page_open(&page, lab->os.files, path) != 0) {
        return false;
    }
    memcpy(out, &page.seen, sizeof(*out));
    mli_page_close(&page);
    return true;
}

bool mli_run_worker_noted(const mli_lab *lab, const char *run_id, mli_os_identity *out)
{
    mli_page page;
    return look_at_page(lab, run_id, &page) && mli_page_worker(&page, out);
}

/* Whether the process that the page names is the one that lives under its pid. */
static bool worker_is_known(const mli_lab *lab, const char *run_id)
{
    mli_os_identity noted;
    mli_os_identity now;
    const mli_os_processes *ops = lab->os.processes;
    return mli_run_worker_noted(lab, run_id, &noted) &&
           ops->identity(ops->user, noted.pid, &now) == 0 && mli_os_identity_equal(&noted, &now);
}

modellab_status mli_run_life_of(const mli_lab *lab, const mli_run_row *row, mli_run_life *out,
                                modellab_error *err)
{
    bool held = false;
    bool owned = false;
    *out = MLI_LIFE_DEAD;
    modellab_status status = mli_run_lock_is_held(lab, row->id, &held, err);
    if (status == MODELLAB_E_NOT_FOUND) {
        mli_error_clear(err); /* its folder is gone: nothing runs there */
        return MODELLAB_OK;
    }
    if (status == MODELLAB_OK) {
        status = owner_alive(lab, row, &owned, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    if (!held) {
        *out = owned ? MLI_LIFE_GUARDED : MLI_LIFE_DEAD;
    } else if (owned || row->is_record != 0) {
        *out = MLI_LIFE_WORKS;
    } else {
        *out = worker_is_known(lab, row->id) ? MLI_LIFE_ALONE : MLI_LIFE_ORPHANED;
    }
    return MODELLAB_OK;
}

static void read_page(const mli_lab *lab, const mli_run_row *row, mli_settle_view *view,
                      mli_host_measures *host)
{
    mli_page page;
    if (!look_at_page(lab, row->id, &page)) {
        return;
    }
    /* That the worker noticed the death of its host is no wish of anybody's. */
    modellab_reason asked = mli_page_stop_reason(&page);
    view->asked = asked == MODELLAB_REASON_HOST_STOPPED ? MODELLAB_REASON_NONE : asked;
    int64_t cpu = atomic_load(&page.cpu_ns);
    int64_t peak = atomic_load(&page.peak_bytes);
    host->page_ns = cpu > 0 ? cpu : -1;
    host->step_at_ns = atomic_load(&page.step_cpu_ns);
    host->api_calls = mli_page_calls(&page);
    host->peak_memory_bytes = peak > 0 ? peak : -1;
    host->progress_seconds = (double)atomic_load(&page.audio_done_ms) / 1000.0;
}

/* Nobody saw when it died: what is known is the last line that it wrote, and of a host's own work
 * the last event (only live streams write lines). What came after (the machine may have been off
 * for days) is not charged. */
static int64_t last_sign(const mli_lab *lab, const mli_run_row *row, const mli_ingest *ingest)
{
    int64_t sign = ingest->line_ms;
    mli_event_row_list *events = NULL;
    if (row->is_record != 0 && mli_store_events(lab->store, row->id, row->last_event - 1, 1,
                                                &events, NULL) == MODELLAB_OK) {
        sign = events->count > 0 && events->rows[0].time_ms > sign ? events->rows[0].time_ms : sign;
        mli_event_row_list_free(events);
    }
    return sign > row->started_ms ? sign : row->started_ms;
}

static void decide(const mli_lab *lab, const mli_run_row *row, const mli_ingest *ingest,
                   mli_settlement *out, mli_host_measures *host)
{
    mli_settle_view view = {.outcome = ingest->outcome,
                            .end = MLI_WORKER_UNKNOWN,
                            .journal_too_large = ingest->too_large,
                            .reconciling = true,
                            .limit_ms = row->max_duration_ms,
                            .attempt = row->attempt};
    mli_retry_of_request(row->request_json, row->is_record != 0 ? 1 : row->max_attempts,
                         &view.retry);
    view.last_delay_ms = row->retry_delay_ms;
    if (lab->os.random->fill(lab->os.random->user, &view.random, sizeof(view.random)) != 0) {
        view.random = (uint64_t)mli_lab_now_ms(lab); /* only spreads the delay of a retry */
    }
    read_page(lab, row, &view, host);
    host->alive_ms = last_sign(lab, row, ingest);
    mli_settle_decide(&view, out);
}

/* The end of a run whose journal is read. */
MODELLAB_MUST_CHECK static modellab_status settle_read(mli_lab *lab, const mli_run_row *row,
                                                       mli_ingest *ingest, modellab_run_status *to,
                                                       modellab_error *err)
{
    mli_settlement settlement;
    mli_host_measures host = MLI_HOST_MEASURES_INIT;
    modellab_status status = MODELLAB_OK;
    if (!ingest->refused) {
        decide(lab, row, ingest, &settlement, &host);
        ingest->worker_lives = worker_is_known(lab, row->id);
        status = mli_ingest_settle(ingest, &settlement, &host, to, err);
    }
    if (status == MODELLAB_OK && ingest->refused) {
        *to = 0;
    } else if (status == MODELLAB_OK) {
        mli_log(ingest->log, MODELLAB_LOG_WARN, "run.reconciled", settlement.message,
                MLI_LOG_FIELDS(mli_log_string("status", mli_status_name_of_run(*to)),
                               mli_log_string("reason", mli_reason_name(settlement.reason))));
    }
    return status;
}

static int64_t damaged_of(const mli_ingest *ingest)
{
    return ingest->bad_lines + (ingest->fd >= 0 ? ingest->reader.damaged : 0) +
           (ingest->endless ? 1 : 0);
}

MODELLAB_MUST_CHECK static modellab_status settle_locked(mli_lab *lab, const mli_run_row *row,
                                                         modellab_run_status *to, int64_t *damaged,
                                                         modellab_error *err)
{
    mli_ingest ingest;
    mli_ingest_open(&ingest, lab, row);
    modellab_status status = mli_ingest_pump(&ingest, NULL, err);
    if (status == MODELLAB_OK) {
        status = settle_read(lab, row, &ingest, to, err);
    }
    if (damaged != NULL) {
        *damaged = damaged_of(&ingest);
    }
    mli_ingest_close(&ingest);
    return status;
}

/* *mine: the lock is held now (*fd), or there is no folder that could have one. */
MODELLAB_MUST_CHECK static modellab_status take_lock(const mli_lab *lab, const char *run_id,
                                                     int *fd, bool *mine, modellab_error *err)
{
    modellab_status status = mli_run_lock_try(lab, run_id, fd, err);
    bool folder_gone = status == MODELLAB_E_NOT_FOUND;
    if (folder_gone) {
        mli_error_clear(err);
        status = MODELLAB_OK;
    }
    *mine = status == MODELLAB_OK && (*fd >= 0 || folder_gone);
    return status;
}

modellab_status mli_dead_run_settle(mli_lab *lab, const mli_run_row *row, modellab_run_status *to,
                                    int64_t *damaged, modellab_error *err)
{
    int fd = -1;
    bool mine = false;
    *to = 0;
    if (damaged != NULL) {
        *damaged = 0;
    }
    modellab_status status = take_lock(lab, row->id, &fd, &mine, err);
    if (mine) {
        status = settle_locked(lab, row, to, damaged, err);
    }
    mli_os_fd_close(fd);
    return status;
}

modellab_status mli_dead_run_open(mli_dead_run *dead, mli_lab *lab, mli_run_row **row,
                                  modellab_error *err)
{
    bool mine = false;
    dead->lab = lab;
    dead->lock_fd = -1;
    modellab_status status = take_lock(lab, (*row)->id, &dead->lock_fd, &mine, err);
    if (mine) {
        dead->row = *row;
        *row = NULL;
        mli_ingest_open(&dead->ingest, lab, dead->row);
        mli_ingest_in_turns(&dead->ingest);
    }
    return status;
}

modellab_status mli_dead_run_step(mli_dead_run *dead, bool *done, modellab_run_status *to,
                                  modellab_error *err)
{
    *to = 0;
    modellab_status status = mli_ingest_pump(&dead->ingest, NULL, err);
    *done = status != MODELLAB_OK || !dead->ingest.more;
    return status == MODELLAB_OK && *done
               ? settle_read(dead->lab, dead->row, &dead->ingest, to, err)
               : status;
}

int64_t mli_dead_run_damaged(const mli_dead_run *dead)
{
    return damaged_of(&dead->ingest);
}

void mli_dead_run_close(mli_dead_run *dead)
{
    if (dead->row == NULL) {
        return;
    }
    mli_ingest_close(&dead->ingest);
    mli_os_fd_close(dead->lock_fd);
    mli_run_row_free(dead->lab->alloc, dead->row);
    dead->row = NULL;
}
