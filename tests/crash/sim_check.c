/* What must be true of every run when all is still again. */
#include "crash/sim_private.h"

#include "lab/state.h"
#include "unit/lab/lab_common.h"

static void check_events(sim *s, mli_lab *lab, const mli_run_row *row)
{
    mli_event_row_list *events = NULL;
    int ends = 0;
    ASSERT_OK(mli_store_events(lab->store, row->id, 0, 1000, &events, err));
    for (size_t i = 0; i < events->count; i++) {
        const char *type = events->rows[i].type;
        if (events->rows[i].number != (int64_t)i + 1) {
            sim_blame(s, "events have gaps");
        }
        for (modellab_run_status to = MODELLAB_RUN_COMPLETED; to <= MODELLAB_RUN_STALE; to++) {
            ends += strcmp(type, mli_state_event(to)) == 0;
        }
        sim_total.requeued += strcmp(type, mli_state_event(MODELLAB_RUN_QUEUED)) == 0;
    }
    if (ends != 1) {
        sim_blame(s, "a run has not one end");
    }
    mli_event_row_list_free(events);
}

static void check_run(sim *s, mli_lab *lab, const run *r)
{
    mli_run_record *record = NULL;
    mli_buf text;
    ASSERT_OK(mli_store_load(lab->store, r->id, &record, err));
    const mli_run_row *row = record->run;
    if (!mli_status_is_final(row->status)) {
        sim_blame(s, "a run never ended");
    } else {
        check_events(s, lab, row);
    }
    /* An attempt that failed may have been given back to the queue and cancelled there. */
    bool cancelled =
        r->cancelled == MODELLAB_CANCEL_CANCELLED || r->cancelled == MODELLAB_CANCEL_REQUESTED;
    if (r->said_fence == row->fence && r->said != row->status &&
        !(cancelled && row->status == MODELLAB_RUN_CANCELLED)) {
        print_message("said %s, is %s (%s), attempt %d of %d\n", mli_status_name_of_run(r->said),
                      mli_status_name_of_run(row->status), mli_reason_name(row->reason),
                      (int)row->attempt, (int)row->max_attempts);
        sim_blame(s, "a run's end is not what its worker said");
    }
    if (row->status == MODELLAB_RUN_COMPLETED && r->said_fence != row->fence) {
        sim_blame(s, "a run is completed that no worker completed");
    }
    if (row->attempt > r->max_attempts) {
        sim_blame(s, "a run was tried too often");
    }
    if (r->cancelled == MODELLAB_CANCEL_CANCELLED && row->status != MODELLAB_RUN_CANCELLED) {
        sim_blame(s, "a cancelled run is something else");
    }
    mli_buf_init(&text, NULL);
    if (mli_manifest_read(lab->os.files, lab->root, r->id, &text, NULL) != MODELLAB_OK ||
        strstr(mli_buf_text(&text), mli_status_name_of_run(row->status)) == NULL) {
        sim_blame(s, "a manifest is not as its record");
    }
    mli_buf_dispose(&text);
    sim_total.completed += row->status == MODELLAB_RUN_COMPLETED;
    sim_total.failed += row->status == MODELLAB_RUN_FAILED;
    sim_total.cancelled += row->status == MODELLAB_RUN_CANCELLED;
    sim_total.timeout += row->status == MODELLAB_RUN_TIMEOUT;
    sim_total.stale += row->status == MODELLAB_RUN_STALE;
    mli_run_record_free(record);
}

static bool is_awake(const sim *s, const host *h)
{
    for (int i = 0; i < s->watched_count; i++) {
        mli_os_poll_item item = {.fd = s->watched[i].fd, .want_read = true};
        if (s->watched[i].poller == &h->supervisor->poller && mli_os_poll(&item, 1, 0) > 0) {
            return true;
        }
    }
    return false;
}

/* A descriptor that is still readable after a few rounds wakes its supervisor again and again. (It
 * may be readable after one: a round kills workers.) */
static void look_for_spins(sim *s, const host *h)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    for (int i = 0; i < 3 && is_awake(s, h); i++) {
        if (mli_supervisor_step(h->supervisor, 0, NULL, &err) != MODELLAB_OK) {
            sim_blame(s, "a supervisor failed");
        }
    }
    if (is_awake(s, h)) {
        sim_blame(s, "a supervisor spins");
    }
}

/* Two supervisors on one attempt would each end it: one's drain would cancel the other's run. */
void sim_check_round(sim *s)
{
    look_for_spins(s, &s->hosts[sim_present_host]);
    const mli_supervisor *a = s->hosts[0].alive ? s->hosts[0].supervisor : NULL;
    const mli_supervisor *b = s->hosts[1].alive ? s->hosts[1].supervisor : NULL;
    for (size_t i = 0; a != NULL && b != NULL && i < a->job_count; i++) {
        const mli_run_row *row = a->jobs[i]->row;
        for (size_t k = 0; k < b->job_count; k++) {
            if (strcmp(row->id, b->jobs[k]->row->id) == 0 && row->fence == b->jobs[k]->row->fence) {
                sim_blame(s, "two supervisors have one attempt");
            }
        }
    }
}

void sim_check_all(sim *s)
{
    mli_lab *lab = sim_open_lab(s);
    for (int i = 0; i < s->run_count && s->wrong == NULL; i++) {
        check_run(s, lab, &s->runs[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (s->workers[i].order_root != NULL) {
            sim_blame(s, "a worker works on a run that has ended");
        }
    }
    mli_lab_unref(lab);
}
