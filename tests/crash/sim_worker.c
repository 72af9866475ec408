/* The workers of the simulated machine: what a real one does, played step by step. */
#include "crash/sim_private.h"

#include "lab/settle.h"
#include "lab/state.h"
#include "lab/worker_channel.h"
#include "unit/lab/lab_common.h"
#include <unistd.h>

worker *sim_by_pid(sim *s, int64_t pid)
{
    for (int i = 0; i < WORKERS; i++) {
        if (s->workers[i].pid == pid && s->workers[i].state != WORKER_NONE &&
            s->workers[i].state != WORKER_REAPED) {
            return &s->workers[i];
        }
    }
    return NULL;
}

static run *run_of(sim *s, const char *id)
{
    for (int i = 0; i < s->run_count; i++) {
        if (strcmp(s->runs[i].id, id) == 0) {
            return &s->runs[i];
        }
    }
    return NULL;
}

static void release(worker *w)
{
    if (w->order_root == NULL) {
        return;
    }
    mli_journal_writer_dispose(&w->journal);
    mli_page_unmap(w->page);
    w->page = NULL;
    mli_json_free(w->order_root);
    w->order_root = NULL;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        mli_os_fd_close(w->fds[i]);
        w->fds[i] = -1;
    }
}

void sim_wake_host(sim *s, int which)
{
    if (which >= 0 && s->hosts[which].alive && !sim_happens(s, s->faults->lost_wake) &&
        s->hosts[which].next_ns > s->now_ns) {
        s->hosts[which].next_ns = s->now_ns + sim_between(s, 0, 3) * MS;
    }
}

void sim_end_worker(sim *s, worker *w, bool signaled, int code)
{
    if (w->state == WORKER_ZOMBIE || w->state == WORKER_REAPED || w->state == WORKER_NONE) {
        return;
    }
    release(w);
    mli_os_fd_close(w->channel);
    w->channel = -1;
    w->signaled = signaled;
    w->exit_code = code;
    for (int i = 0; i < PIDFDS; i++) {
        if (w->pidfds[i] >= 0) {
            mli_os_event_set(w->pidfds[i]);
            mli_os_fd_close(w->pidfds[i]);
            w->pidfds[i] = -1;
        }
    }
    bool orphan = w->host < 0 || !s->hosts[w->host].alive || s->hosts[w->host].life != w->host_life;
    w->state = orphan ? WORKER_REAPED : WORKER_ZOMBIE; /* init reaps orphans */
    for (int i = 0; i < HOSTS; i++) {
        sim_wake_host(s, i);
    }
    if (orphan && sim_happens(s, s->faults->pid_reuse)) {
        sim_total.pid_reuses++;
        for (int i = 0; i < WORKERS; i++) {
            worker *stranger = &s->workers[i];
            if (stranger->state == WORKER_NONE) {
                memset(stranger, 0, sizeof(*stranger));
                stranger->state = WORKER_HANGS;
                stranger->pid = w->pid;
                stranger->ticks = sim_draw(s) | 1;
                stranger->host = -2; /* nobody's: whoever kills it is wrong */
                stranger->channel = -1;
                stranger->next_ns = INT64_MAX;
                memset(stranger->pidfds, 0xff, sizeof(stranger->pidfds));
                break;
            }
        }
    }
}

static void say(worker *w, const char *type, modellab_reason reason, bool sync)
{
    mli_jw *line = mli_journal_begin(&w->journal, type);
    if (strncmp(type, "step", 4) == 0) {
        mli_jw_kstring(line, "step", "noop");
        mli_jw_kint(line, "position", 0);
        mli_jw_kint(line, "attempt", w->order.attempt);
        mli_jw_kint(line, "started_ms", 1000);
    }
    if (strcmp(type, "step_started") != 0) {
        mli_jw_kstring(line, "status", mli_status_name_of_run(mli_settle_status(reason)));
        mli_jw_kstring(line, "reason", mli_reason_name(reason));
        mli_jw_kstring(line, "message", "");
        mli_jw_kreal(line, "cpu_seconds", 0.25);
    }
    ASSERT_OK(mli_journal_end(&w->journal, sync, err));
    atomic_fetch_add(&w->page->journal_lines, 1);
    mli_page_touch(w->page);
}

static void finish_run(sim *s, worker *w, modellab_reason reason)
{
    run *r = run_of(s, w->order.run_id);
    say(w, "step_done", reason, true);
    say(w, "outcome", reason, true);
    r->said_fence = w->order.fence;
    r->said = mli_settle_status(reason);
    mli_worker_answer answer = {.fence = w->order.fence,
                                .cpu_ns = w->cpu_ns += SECOND / 4,
                                .peak_bytes = 1000000,
                                .own_bytes = 1000000};
    release(w);
    w->state = WORKER_IDLE;
    w->next_ns = s->now_ns + sim_between(s, 1, 20) * MS;
    if (!mli_channel_send_answer(&mli_os_system_channels, w->channel, &answer)) {
        sim_end_worker(s, w, false, 0);
        return;
    }
    sim_wake_host(s, w->host);
}

/* Two workers on one run is what locks are there to prevent. */
static void look_for_twins(sim *s, const worker *w)
{
    for (int i = 0; i < WORKERS; i++) {
        const worker *other = &s->workers[i];
        if (other != w && other->order_root != NULL &&
            strcmp(other->order.run_id, w->order.run_id) == 0) {
            sim_blame(s, "two workers work on one run");
        }
    }
}

static void take_order(sim *s, worker *w)
{
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    mli_buf text;
    mli_os_poll_item item = {.fd = w->channel, .want_read = true};
    w->next_ns = s->now_ns + sim_between(s, 1, 40) * MS;
    if (mli_os_poll(&item, 1, 0) <= 0) {
        return;
    }
    modellab_status got = mli_channel_receive(&mli_os_system_channels, &mli_os_system_files,
                                              w->channel, NULL, &text, list, &count, NULL);
    if (got != MODELLAB_OK) {
        sim_end_worker(s, w, false, 0); /* told to leave, or its supervisor is gone */
        return;
    }
    ASSERT_OK(mli_order_read(text.data, text.size, &w->order, &w->order_root, err));
    mli_buf_dispose(&text);
    size_t next = 0;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        w->fds[i] = w->order.has[i] ? list[next++] : -1;
    }
    assert_int_equal(next, count);
    assert_int_equal(mli_page_map(&mli_os_system_files, w->fds[MLI_ORDER_PAGE], &w->page), 0);
    w->page->worker_start_ticks = w->ticks;
    (void)snprintf(w->page->worker_boot_id, sizeof(w->page->worker_boot_id), "sim");
    atomic_store(&w->page->worker_pid, w->pid);
    mli_journal_writer_init(&w->journal, NULL, &mli_os_system_files, &s->clock,
                            w->fds[MLI_ORDER_JOURNAL], w->order.fence, &w->order.journal);
    w->state = WORKER_BUSY;
    w->phase = 0;
    w->phases = s->phases > 0 ? s->phases : (int)sim_between(s, 1, 12);
    look_for_twins(s, w);
}

static bool host_is_gone(const sim *s, const worker *w)
{
    return w->host < 0 || !s->hosts[w->host].alive || s->hosts[w->host].life != w->host_life;
}

/* A slow disk, of 3 MB a second; a flood is as fast. */
void sim_read(sim *s, int64_t bytes)
{
    bool anybody = false;
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        int64_t written = 0;
        while (w->floods && w->state == WORKER_BUSY && w->order_root != NULL && written < bytes) {
            mli_jw *line = mli_journal_begin(&w->journal, "nothing");
            mli_jw_kstring(line, "more", "0123456789012345678901234567890123456789");
            ASSERT_OK(mli_journal_end(&w->journal, false, err));
            written += (int64_t)w->journal.line.size;
        }
        anybody = anybody || written > 0;
    }
    s->now_ns += anybody ? bytes * 300 : 0;
}

static void work(sim *s, worker *w)
{
    if ((host_is_gone(s, w) && atomic_load(&w->page->keep_on_host_death) == 0) || w->told_to_stop) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED);
    }
    modellab_reason stop = mli_page_stop_reason(w->page);
    w->next_ns = s->now_ns + sim_between(s, 1, 400) * MS;
    if (sim_happens(s, s->faults->worker_slow)) {
        w->next_ns += sim_between(s, 1, 30) * SECOND;
    }
    if (w->phase++ == 0) {
        say(w, "step_started", MODELLAB_REASON_NONE, false);
        atomic_store(&w->page->step, 1);
    } else if (stop != MODELLAB_REASON_NONE) {
        finish_run(s, w, stop);
    } else if (w->phase > w->phases) {
        finish_run(s, w, sim_happens(s, 60) ? MODELLAB_REASON_IO_ERROR : MODELLAB_REASON_NONE);
    } else {
        mli_page_touch(w->page);
    }
}

/* A torn line is what a crash in the middle of a write leaves. */
static void crash_worker(sim *s, worker *w)
{
    sim_total.worker_crashes++;
    if (w->order_root != NULL && (sim_draw(s) & 1) != 0) {
        (void)!write(w->fds[MLI_ORDER_JOURNAL], "{\"n\":", 5);
    }
    sim_end_worker(s, w, true, 11);
}

void sim_act_worker(sim *s, worker *w)
{
    if (w->state == WORKER_IDLE && w->told_to_stop) {
        sim_end_worker(s, w, false, 0);
    } else if (sim_happens(s, s->faults->worker_crash)) {
        crash_worker(s, w);
    } else if (w->state == WORKER_BUSY && sim_happens(s, s->faults->worker_hang)) {
        sim_total.worker_hangs++;
        w->state = WORKER_HANGS;
        w->next_ns = INT64_MAX;
    } else if (w->state == WORKER_IDLE) {
        take_order(s, w);
    } else {
        work(s, w);
    }
}

worker *sim_next_worker(sim *s)
{
    worker *first = NULL;
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        if ((w->state == WORKER_IDLE || w->state == WORKER_BUSY) &&
            (first == NULL || w->next_ns < first->next_ns)) {
            first = w;
        }
    }
    return first;
}

void sim_act_workers(sim *s, int64_t until_ns)
{
    worker *w = sim_next_worker(s);
    while (w != NULL && w->next_ns <= until_ns) {
        s->now_ns = w->next_ns > s->now_ns ? w->next_ns : s->now_ns;
        sim_act_worker(s, w);
        w = sim_next_worker(s);
    }
}
