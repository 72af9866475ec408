/* The machine and its processes. */
#include "crash/sim.h"

#include "base/error.h"
#include "base/str.h"
#include "lab/cancel.h"
#include "lab/order.h"
#include "lab/page.h"
#include "lab/settle.h"
#include "lab/snapshot.h"
#include "lab/state.h"
#include "lab/submit.h"
#include "lab/supervisor.h"
#include "lab/worker_channel.h"
#include "os/poller.h"
#include "os/process.h"
#include "unit/lab/lab_common.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define MS ((int64_t)1000000)
#define SECOND ((int64_t)1000000000)
#define BASE_REALTIME_NS ((int64_t)1750000000 * SECOND)
#define TERM 15
#define KILL 9

enum { WORKERS = 64, HOSTS = 2, RUNS = 16, PIDFDS = 32, FIRST_PID = 5000, HOST_PID = 100 };

typedef enum worker_state {
    WORKER_NONE,
    WORKER_IDLE,
    WORKER_BUSY,
    WORKER_HANGS,
    WORKER_ZOMBIE,
    WORKER_REAPED
} worker_state;

typedef struct worker {
    worker_state state;
    int64_t pid, next_ns;
    uint64_t ticks;
    int host; /* who started it; -1: that one is dead */
    int64_t host_life;
    int channel;
    int pidfds[PIDFDS];
    int exit_code;
    bool signaled, told_to_stop;
    int64_t cpu_ns;
    /* The present run. */
    mli_order order;
    mli_json *order_root;
    int fds[MLI_ORDER_FDS];
    mli_page *page;
    mli_journal_writer journal;
    int phase, phases;
} worker;

typedef struct host {
    bool alive;
    int64_t next_ns, life;
    mli_lab *lab;
    mli_supervisor *supervisor;
} host;

typedef struct run {
    char id[MLI_ULID_BYTES];
    int64_t said_fence; /* an outcome of this attempt is whole in the journal */
    modellab_run_status said;
    modellab_cancel_outcome cancelled;
    int max_attempts;
} run;

struct sim {
    uint64_t random;
    int64_t now_ns, jump_ns, lives;
    const sim_faults *faults;
    sim_plant plant;
    bool calm;
    const char *wrong;
    char root[512];
    host hosts[HOSTS];
    worker workers[WORKERS];
    run runs[RUNS];
    int run_count, wanted;
    int64_t next_pid, outside_ns;
    mli_lab_tables tables;
    mli_os_clock clock;
    mli_os_random source;
    mli_os_files files;
    mli_os_processes processes;
    mli_os_pollers pollers;
};

sim_counts sim_total;
static int present_host; /* whose code runs: its pid is "self" */

static uint64_t draw(sim *s) /* splitmix64 */
{
    uint64_t z = (s->random += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int64_t between(sim *s, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(s) % (uint64_t)(high - low + 1));
}

static bool happens(sim *s, int of_thousand)
{
    return !s->calm && (int)(draw(s) % 1000) < of_thousand;
}

static void blame(sim *s, const char *what)
{
    s->wrong = s->wrong != NULL ? s->wrong : what;
}

/* --- clock, random, files --- */

static int64_t sim_realtime(void *user)
{
    const sim *s = user;
    return BASE_REALTIME_NS + s->now_ns + s->jump_ns;
}

static int64_t sim_monotonic(void *user)
{
    return ((const sim *)user)->now_ns;
}

static int sim_sleep(void *user, int64_t ns)
{
    ((sim *)user)->now_ns += ns;
    return 0;
}

static int sim_fill(void *user, void *out, size_t bytes)
{
    unsigned char *p = out;
    for (size_t i = 0; i < bytes; i++) {
        p[i] = (unsigned char)draw(user);
    }
    return 0;
}

static int free_lock(void *user, int fd, bool wait)
{
    (void)user;
    (void)fd;
    (void)wait;
    return 0;
}

/* --- workers --- */

static worker *by_pid(sim *s, int64_t pid)
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

static void wake_host(sim *s, int which)
{
    if (which >= 0 && s->hosts[which].alive && !happens(s, s->faults->lost_wake) &&
        s->hosts[which].next_ns > s->now_ns) {
        s->hosts[which].next_ns = s->now_ns + between(s, 0, 3) * MS;
    }
}

static void end_worker(sim *s, worker *w, bool signaled, int code)
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
        wake_host(s, i);
    }
    if (orphan && happens(s, s->faults->pid_reuse)) {
        sim_total.pid_reuses++;
        for (int i = 0; i < WORKERS; i++) {
            worker *stranger = &s->workers[i];
            if (stranger->state == WORKER_NONE) {
                memset(stranger, 0, sizeof(*stranger));
                stranger->state = WORKER_HANGS;
                stranger->pid = w->pid;
                stranger->ticks = draw(s) | 1;
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
    w->next_ns = s->now_ns + between(s, 1, 20) * MS;
    if (!mli_channel_send_answer(&mli_os_system_channels, w->channel, &answer)) {
        end_worker(s, w, false, 0);
        return;
    }
    wake_host(s, w->host);
}

/* Two workers on one run is what locks are there to prevent. */
static void look_for_twins(sim *s, const worker *w)
{
    for (int i = 0; i < WORKERS; i++) {
        const worker *other = &s->workers[i];
        if (other != w && other->order_root != NULL &&
            strcmp(other->order.run_id, w->order.run_id) == 0) {
            blame(s, "two workers work on one run");
        }
    }
}

static void take_order(sim *s, worker *w)
{
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    mli_buf text;
    mli_os_poll_item item = {.fd = w->channel, .want_read = true};
    w->next_ns = s->now_ns + between(s, 1, 40) * MS;
    if (mli_os_poll(&item, 1, 0) <= 0) {
        return;
    }
    modellab_status got = mli_channel_receive(&mli_os_system_channels, &mli_os_system_files,
                                              w->channel, &text, list, &count, NULL);
    if (got != MODELLAB_OK) {
        end_worker(s, w, false, 0); /* told to leave, or its supervisor is gone */
        return;
    }
    ASSERT_OK(mli_order_read(text.data, text.size, &w->order, &w->order_root, err));
    mli_buf_dispose(&text);
    size_t next = 0;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        w->fds[i] = MLI_ORDER_HAS(&w->order, i) ? list[next++] : -1;
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
    w->phases = (int)between(s, 1, 12);
    look_for_twins(s, w);
}

static bool host_is_gone(const sim *s, const worker *w)
{
    return w->host < 0 || !s->hosts[w->host].alive || s->hosts[w->host].life != w->host_life;
}

static void work(sim *s, worker *w)
{
    if ((host_is_gone(s, w) && atomic_load(&w->page->keep_on_host_death) == 0) || w->told_to_stop) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED);
    }
    modellab_reason stop = mli_page_stop_reason(w->page);
    w->next_ns = s->now_ns + between(s, 1, 400) * MS;
    if (happens(s, s->faults->worker_slow)) {
        w->next_ns += between(s, 1, 30) * SECOND;
    }
    if (w->phase++ == 0) {
        say(w, "step_started", MODELLAB_REASON_NONE, false);
        atomic_store(&w->page->step, 1);
    } else if (stop != MODELLAB_REASON_NONE) {
        finish_run(s, w, stop);
    } else if (w->phase > w->phases) {
        finish_run(s, w, happens(s, 60) ? MODELLAB_REASON_IO_ERROR : MODELLAB_REASON_NONE);
    } else {
        mli_page_touch(w->page);
    }
}

/* A torn line is what a crash in the middle of a write leaves. */
static void crash_worker(sim *s, worker *w)
{
    sim_total.worker_crashes++;
    if (w->order_root != NULL && (draw(s) & 1) != 0) {
        (void)!write(w->fds[MLI_ORDER_JOURNAL], "{\"n\":", 5);
    }
    end_worker(s, w, true, 11);
}

static void act_worker(sim *s, worker *w)
{
    if (w->state == WORKER_IDLE && w->told_to_stop) {
        end_worker(s, w, false, 0);
    } else if (happens(s, s->faults->worker_crash)) {
        crash_worker(s, w);
    } else if (w->state == WORKER_BUSY && happens(s, s->faults->worker_hang)) {
        sim_total.worker_hangs++;
        w->state = WORKER_HANGS;
        w->next_ns = INT64_MAX;
    } else if (w->state == WORKER_IDLE) {
        take_order(s, w);
    } else {
        work(s, w);
    }
}

/* --- processes --- */

static int sim_spawn(void *user, const mli_os_spawn *what, int64_t *pid)
{
    sim *s = user;
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        if (w->state != WORKER_NONE && w->state != WORKER_REAPED) {
            continue;
        }
        memset(w, 0, sizeof(*w));
        memset(w->pidfds, 0xff, sizeof(w->pidfds));
        memset(w->fds, 0xff, sizeof(w->fds));
        w->state = WORKER_IDLE;
        w->pid = *pid = s->next_pid++;
        w->ticks = draw(s) | 1;
        w->host = present_host;
        w->host_life = s->hosts[present_host].life;
        w->channel = dup(what->fds[0].from);
        w->next_ns = s->now_ns + between(s, 1, 50) * MS;
        return w->channel >= 0 ? 0 : -errno;
    }
    return -EAGAIN;
}

static int sim_pidfd(void *user, int64_t pid)
{
    worker *w = by_pid(user, pid);
    if (w == NULL) {
        return -ESRCH;
    }
    int fd = mli_os_event_create();
    if (w->state == WORKER_ZOMBIE) {
        mli_os_event_set(fd);
        return fd;
    }
    for (int i = 0; i < PIDFDS; i++) {
        if (w->pidfds[i] < 0) {
            w->pidfds[i] = dup(fd);
            return fd;
        }
    }
    mli_os_fd_close(fd);
    return -EMFILE;
}

static void fill_exit(const worker *w, mli_os_exit *out)
{
    *out = (mli_os_exit){w->signaled, w->exit_code, w->cpu_ns, 0};
}

static int sim_peek(void *user, int64_t pid, mli_os_exit *out)
{
    const sim *s = user;
    const worker *w = by_pid(user, pid);
    if (w == NULL || w->host != present_host || w->host_life != s->hosts[present_host].life) {
        return -ECHILD;
    }
    if (w->state != WORKER_ZOMBIE) {
        return -EAGAIN;
    }
    fill_exit(w, out);
    return 0;
}

static int sim_reap(void *user, int64_t pid, bool wait, mli_os_exit *out)
{
    (void)wait;
    int rc = sim_peek(user, pid, out);
    if (rc == 0) {
        by_pid(user, pid)->state = WORKER_REAPED;
    }
    return rc;
}

static int sim_pidfd_exit(void *user, int pidfd, mli_os_exit *out)
{
    (void)user;
    (void)pidfd;
    (void)out;
    return -ENOSYS;
}

static void deliver(sim *s, worker *w, int number)
{
    if (w->host == -2 && number != 0) {
        blame(s, "a stranger was signalled");
        return;
    }
    if (number == KILL && s->plant != SIM_NO_KILL) {
        end_worker(s, w, true, KILL);
    } else if (number == TERM && w->state != WORKER_HANGS && !happens(s, s->faults->lost_signal)) {
        w->told_to_stop = true;
        w->next_ns = s->now_ns + between(s, 0, 5) * MS;
    }
}

/* By the descriptor: whoever has it. The simulation needs only the group's signal, which names the
 * same process. */
static int sim_signal(void *user, int pidfd, int number)
{
    (void)user;
    (void)pidfd;
    (void)number;
    return 0;
}

static int sim_kill(void *user, int64_t pid, int number)
{
    worker *w = by_pid(user, pid);
    if (w == NULL) {
        return -ESRCH;
    }
    deliver(user, w, number);
    return 0;
}

static int sim_identity(void *user, int64_t pid, mli_os_identity *out)
{
    sim *s = user;
    memset(out, 0, sizeof(*out));
    (void)snprintf(out->boot_id, sizeof(out->boot_id), "sim");
    out->pid = pid;
    if (pid == 0) {
        out->pid = HOST_PID + present_host;
        out->start_ticks = (uint64_t)s->hosts[present_host].life;
        return 0;
    }
    const worker *w = by_pid(s, pid);
    if (w == NULL || s->plant == SIM_NO_ADOPTION) {
        return -ESRCH;
    }
    out->start_ticks = w->ticks;
    return 0;
}

static void act_workers(sim *s, int64_t until_ns);

static int sim_poll(void *user, mli_os_poll_item *items, size_t count, int64_t timeout_ns)
{
    sim *s = user;
    int rc = mli_os_poll(items, count, 0);
    int64_t until = timeout_ns < 0 ? s->now_ns + SECOND : s->now_ns + timeout_ns;
    while (rc == 0 && s->now_ns < until) {
        int64_t slice = s->now_ns + 5 * MS < until ? s->now_ns + 5 * MS : until;
        act_workers(s, slice);
        s->now_ns = slice;
        rc = mli_os_poll(items, count, 0);
    }
    return rc;
}

/* --- pollers: hosts are called when it is time --- */

static int poller_open(void *user, mli_os_poller *poller)
{
    (void)user;
    *poller = (mli_os_poller){-1, -1, -1};
    return 0;
}
static void poller_close(void *user, mli_os_poller *poller)
{
    (void)user;
    (void)poller;
}
static int poller_fd(void *user, mli_os_poller *poller, int fd)
{
    (void)user;
    (void)poller;
    (void)fd;
    return 0;
}
static int poller_timer(void *user, mli_os_poller *poller, int64_t at)
{
    (void)user;
    (void)poller;
    (void)at;
    return 0;
}
static int poller_wake(void *user, mli_os_poller *poller)
{
    (void)user;
    (void)poller;
    return 0;
}
/* A drain waits here: time goes on. */
static int poller_wait(void *user, mli_os_poller *poller, int64_t timeout_ms)
{
    sim *s = user;
    (void)poller;
    int64_t until = s->now_ns + (timeout_ms < 0 ? 50 : timeout_ms) * MS;
    act_workers(s, until);
    s->now_ns = until;
    return 0;
}

/* --- hosts --- */

static mli_lab *open_lab_here(sim *s)
{
    modellab_lab_options options = MODELLAB_LAB_OPTIONS_INIT;
    mli_lab *lab = NULL;
    options.models_root = options.cache_root = s->root;
    ASSERT_OK(mli_lab_open(s->root, &options, &s->tables, &lab, err));
    lab->settings.min_free_bytes = 0;
    return lab;
}

static void start_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    modellab_supervisor_options options = MODELLAB_SUPERVISOR_OPTIONS_INIT;
    present_host = which;
    h->life = ++s->lives;
    h->lab = open_lab_here(s);
    options.worker_program = "/bin/true"; /* has to exist; is never run */
    options.max_workers = (int32_t)between(s, 1, 3);
    options.threads_per_worker = 1;
    options.keep_on_host_death = (int32_t)between(s, 0, 1);
    ASSERT_OK(mli_supervisor_create(h->lab, &options, &h->supervisor, err));
    h->alive = true;
    h->next_ns = s->now_ns;
}

/* Its descriptors close and its locks are free; nothing else is done on the way out. */
static void crash_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    int64_t pid = h->lab->pid;
    present_host = which;
    sim_total.host_crashes++;
    h->alive = false;
    mli_lab *lab = mli_lab_ref(h->lab);
    h->lab->pid = -1; /* as in a forked child: lets go, and touches nothing that is shared */
    mli_supervisor_destroy(h->supervisor);
    lab->pid = pid;
    mli_lab_unref(lab);
    mli_lab_unref(h->lab);
    h->supervisor = NULL;
    h->lab = NULL;
    for (int i = 0; i < WORKERS; i++) {
        worker *w = &s->workers[i];
        if (w->host == which && w->state == WORKER_ZOMBIE) {
            w->state = WORKER_REAPED;
        }
    }
}

static void act_host(sim *s, int which)
{
    host *h = &s->hosts[which];
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t next_ms = 0;
    present_host = which;
    if (mli_supervisor_step(h->supervisor, 0, &next_ms, &err) != MODELLAB_OK) {
        blame(s, "a supervisor failed");
        print_message("supervisor: %s\n", err.message);
    }
    h->next_ns = s->now_ns + (next_ms > 0 ? next_ms : 1) * MS;
}

/* --- the outside --- */

static void submit(sim *s, mli_lab *lab)
{
    modellab_run_submit_options o = MODELLAB_RUN_SUBMIT_OPTIONS_INIT;
    char request[256];
    run *r = &s->runs[s->run_count];
    r->said_fence = -1;
    r->max_attempts = (int)between(s, 1, 3);
    (void)snprintf(request, sizeof(request),
                   "{\"steps\":[\"noop\"],\"max_duration_seconds\":%d,\"max_attempts\":%d,"
                   "\"stall_seconds\":20}",
                   (int)between(s, 2, 40), r->max_attempts);
    o.request = request;
    ASSERT_OK(mli_run_submit(lab, &o, r->id, NULL, err));
    s->run_count++;
    sim_total.runs++;
}

static void act_outside(sim *s)
{
    int which = (int)between(s, 0, HOSTS - 1);
    host *h = &s->hosts[which];
    s->outside_ns = s->now_ns + between(s, 1, 900) * MS;
    if (!h->alive) {
        if (s->calm || happens(s, 400)) {
            start_host(s, which);
        }
        return;
    }
    present_host = which;
    if (happens(s, s->faults->clock_jump)) {
        sim_total.clock_jumps++;
        s->jump_ns += between(s, -3600, 3600) * SECOND;
    }
    if (s->run_count < s->wanted && (s->calm || (draw(s) & 1) != 0)) {
        submit(s, h->lab);
    }
    if (s->run_count > 0 && happens(s, s->faults->cancel)) {
        run *r = &s->runs[between(s, 0, s->run_count - 1)];
        modellab_cancel_outcome outcome = 0;
        ASSERT_OK(mli_run_cancel(h->lab, r->id, &outcome, err));
        bool first = outcome == MODELLAB_CANCEL_CANCELLED || outcome == MODELLAB_CANCEL_REQUESTED;
        r->cancelled = first ? outcome : r->cancelled;
    }
    for (int i = 0; i < HOSTS; i++) {
        wake_host(s, i);
    }
    if (happens(s, s->faults->host_crash)) {
        crash_host(s, which);
    }
}

/* --- time --- */

static worker *next_worker(sim *s)
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

static void act_workers(sim *s, int64_t until_ns)
{
    worker *w = next_worker(s);
    while (w != NULL && w->next_ns <= until_ns) {
        s->now_ns = w->next_ns > s->now_ns ? w->next_ns : s->now_ns;
        act_worker(s, w);
        w = next_worker(s);
    }
}

static void live_until(sim *s, int64_t until_ns)
{
    while (s->wrong == NULL && s->now_ns < until_ns) {
        int64_t due = s->outside_ns;
        int which = -1;
        worker *w = next_worker(s);
        for (int i = 0; i < HOSTS; i++) {
            if (s->hosts[i].alive && s->hosts[i].next_ns < due) {
                due = s->hosts[i].next_ns;
                which = i;
            }
        }
        if (w != NULL && w->next_ns < due) {
            s->now_ns = w->next_ns > s->now_ns ? w->next_ns : s->now_ns;
            act_worker(s, w);
            continue;
        }
        s->now_ns = due > s->now_ns ? due : s->now_ns;
        if (which >= 0) {
            act_host(s, which);
        } else {
            act_outside(s);
        }
    }
}

static bool all_final(sim *s)
{
    mli_lab *lab = s->hosts[0].alive ? s->hosts[0].lab : s->hosts[1].lab;
    for (int i = 0; i < s->run_count; i++) {
        modellab_run_status now = 0;
        if (lab == NULL || mli_store_status(lab->store, s->runs[i].id, &now, NULL) != MODELLAB_OK ||
            !mli_status_is_final(now)) {
            return false;
        }
    }
    return s->run_count == s->wanted;
}

/* --- what must be true in the end --- */

static void check_events(sim *s, mli_lab *lab, const mli_run_row *row)
{
    mli_event_row_list *events = NULL;
    int ends = 0;
    ASSERT_OK(mli_store_events(lab->store, row->id, 0, 1000, &events, err));
    for (size_t i = 0; i < events->count; i++) {
        const char *type = events->rows[i].type;
        if (events->rows[i].number != (int64_t)i + 1) {
            blame(s, "events have gaps");
        }
        for (modellab_run_status to = MODELLAB_RUN_COMPLETED; to <= MODELLAB_RUN_STALE; to++) {
            ends += strcmp(type, mli_state_event(to)) == 0;
        }
        sim_total.requeued += strcmp(type, mli_state_event(MODELLAB_RUN_QUEUED)) == 0;
    }
    if (ends != 1) {
        blame(s, "a run has not one end");
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
        blame(s, "a run never ended");
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
        blame(s, "a run's end is not what its worker said");
    }
    if (row->status == MODELLAB_RUN_COMPLETED && r->said_fence != row->fence) {
        blame(s, "a run is completed that no worker completed");
    }
    if (row->attempt > r->max_attempts) {
        blame(s, "a run was tried too often");
    }
    if (r->cancelled == MODELLAB_CANCEL_CANCELLED && row->status != MODELLAB_RUN_CANCELLED) {
        blame(s, "a cancelled run is something else");
    }
    mli_buf_init(&text, NULL);
    if (mli_manifest_read(lab->os.files, lab->root, r->id, &text, NULL) != MODELLAB_OK ||
        strstr(mli_buf_text(&text), mli_status_name_of_run(row->status)) == NULL) {
        blame(s, "a manifest is not as its record");
    }
    mli_buf_dispose(&text);
    sim_total.completed += row->status == MODELLAB_RUN_COMPLETED;
    sim_total.failed += row->status == MODELLAB_RUN_FAILED;
    sim_total.cancelled += row->status == MODELLAB_RUN_CANCELLED;
    sim_total.timeout += row->status == MODELLAB_RUN_TIMEOUT;
    sim_total.stale += row->status == MODELLAB_RUN_STALE;
    mli_run_record_free(record);
}

static void check_all(sim *s)
{
    mli_lab *lab = open_lab_here(s);
    for (int i = 0; i < s->run_count && s->wrong == NULL; i++) {
        check_run(s, lab, &s->runs[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (s->workers[i].order_root != NULL) {
            blame(s, "a worker works on a run that has ended");
        }
    }
    mli_lab_unref(lab);
}

static void set_up(sim *s, const char *folder)
{
    (void)snprintf(s->root, sizeof(s->root), "%s", folder);
    assert_int_equal(mli_os_remove_tree(&mli_os_system_files, s->root), 0);
    s->next_pid = FIRST_PID;
    s->now_ns = SECOND;
    s->clock = (mli_os_clock){s, sim_realtime, sim_monotonic, sim_sleep};
    s->source = (mli_os_random){s, sim_fill};
    s->files = mli_os_system_files;
    if (s->plant == SIM_NO_LOCK) {
        s->files.lock = free_lock;
    }
    s->processes = (mli_os_processes){.user = s,
                                      .spawn = sim_spawn,
                                      .pidfd = sim_pidfd,
                                      .peek = sim_peek,
                                      .reap = sim_reap,
                                      .pidfd_exit = sim_pidfd_exit,
                                      .signal = sim_signal,
                                      .kill = sim_kill,
                                      .kill_group = sim_kill,
                                      .identity = sim_identity,
                                      .poll = sim_poll};
    s->pollers = (mli_os_pollers){s,         poller_open,  poller_close, poller_fd,
                                  poller_fd, poller_timer, poller_wake,  poller_wait};
    s->tables = (mli_lab_tables){.clock = &s->clock,
                                 .random = &s->source,
                                 .files = &s->files,
                                 .processes = &s->processes,
                                 .pollers = &s->pollers};
}

const char *sim_run(const char *folder, uint64_t seed, int runs, const sim_faults *faults,
                    sim_plant plant)
{
    static sim state;
    sim *s = &state;
    memset(s, 0, sizeof(*s));
    s->random = seed;
    s->faults = faults;
    s->plant = plant;
    s->wanted = runs;
    set_up(s, folder);
    for (int i = 0; i < HOSTS; i++) {
        start_host(s, i);
    }
    live_until(s, s->now_ns + between(s, 5, 60) * SECOND);
    s->calm = true;
    for (int i = 0; i < 60 && s->wrong == NULL && !all_final(s); i++) {
        live_until(s, s->now_ns + 10 * SECOND);
    }
    live_until(s, s->now_ns + 20 * SECOND); /* what still works has time to notice */
    for (int i = 0; i < HOSTS; i++) {
        if (s->hosts[i].alive && s->wrong == NULL) {
            present_host = i;
            mli_supervisor_destroy(s->hosts[i].supervisor);
            mli_lab_unref(s->hosts[i].lab);
            s->hosts[i].alive = false;
        } else if (s->hosts[i].alive) {
            crash_host(s, i);
        }
    }
    check_all(s);
    for (int i = 0; i < WORKERS; i++) {
        if (s->workers[i].host != -2) {
            end_worker(s, &s->workers[i], true, KILL);
        }
    }
    return s->wrong;
}
