/* The simulated machine's tables: clock, randomness, processes, pollers. */
#include "crash/sim_private.h"

#include "base/error.h"
#include "unit/lab/lab_common.h"
#include <errno.h>
#include <unistd.h>

#define BASE_REALTIME_NS ((int64_t)1750000000 * SECOND)

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
        p[i] = (unsigned char)sim_draw(user);
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
        w->ticks = sim_draw(s) | 1;
        w->host = sim_present_host;
        w->host_life = s->hosts[sim_present_host].life;
        w->channel = dup(what->fds[0].from);
        w->next_ns = s->now_ns + sim_between(s, 1, 50) * MS;
        return w->channel >= 0 ? 0 : -errno;
    }
    return -EAGAIN;
}

static int sim_pidfd(void *user, int64_t pid)
{
    worker *w = sim_by_pid(user, pid);
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
    const worker *w = sim_by_pid(user, pid);
    if (w == NULL || w->host != sim_present_host ||
        w->host_life != s->hosts[sim_present_host].life) {
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
        sim_by_pid(user, pid)->state = WORKER_REAPED;
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
        sim_blame(s, "a stranger was signalled");
        return;
    }
    if (number == KILL && s->plant != SIM_NO_KILL) {
        sim_end_worker(s, w, true, KILL);
    } else if (number == TERM && w->state != WORKER_HANGS &&
               !sim_happens(s, s->faults->lost_signal)) {
        w->told_to_stop = true;
        w->next_ns = s->now_ns + sim_between(s, 0, 5) * MS;
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
    worker *w = sim_by_pid(user, pid);
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
        out->pid = HOST_PID + sim_present_host;
        out->start_ticks = (uint64_t)s->hosts[sim_present_host].life;
        return 0;
    }
    const worker *w = sim_by_pid(s, pid);
    if (w == NULL || s->plant == SIM_NO_ADOPTION) {
        return -ESRCH;
    }
    out->start_ticks = w->ticks;
    return 0;
}

static int sim_poll(void *user, mli_os_poll_item *items, size_t count, int64_t timeout_ns)
{
    sim *s = user;
    int rc = mli_os_poll(items, count, 0);
    int64_t until = timeout_ns < 0 ? s->now_ns + SECOND : s->now_ns + timeout_ns;
    while (rc == 0 && s->now_ns < until) {
        int64_t slice = s->now_ns + 5 * MS < until ? s->now_ns + 5 * MS : until;
        sim_act_workers(s, slice);
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
    sim *s = user;
    for (int i = 0; i < s->watched_count;) {
        if (s->watched[i].poller == poller) {
            s->watched[i] = s->watched[--s->watched_count];
        } else {
            i++;
        }
    }
}
static int poller_add(void *user, mli_os_poller *poller, int fd)
{
    sim *s = user;
    if (s->watched_count == WATCHED) {
        return -ENOSPC;
    }
    s->watched[s->watched_count].poller = poller;
    s->watched[s->watched_count++].fd = fd;
    return 0;
}
static int poller_remove(void *user, mli_os_poller *poller, int fd)
{
    sim *s = user;
    for (int i = 0; s->plant != SIM_DEAF_POLLER && i < s->watched_count; i++) {
        if (s->watched[i].poller == poller && s->watched[i].fd == fd) {
            s->watched[i] = s->watched[--s->watched_count];
            return 0;
        }
    }
    return -ENOENT;
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
    sim_act_workers(s, until);
    s->now_ns = until;
    return 0;
}

static modellab_status keep_no_clock(mli_store *store, const mli_store_clock *now,
                                     int64_t *moved_ms, modellab_error *err)
{
    (void)store;
    (void)now;
    (void)err;
    *moved_ms = 0;
    return MODELLAB_OK;
}

static modellab_status adopt_always(mli_store *store, const mli_store_adoption *what, bool *taken,
                                    modellab_error *err)
{
    (void)store;
    (void)what;
    (void)err;
    *taken = true;
    return MODELLAB_OK;
}

static sim *sim_of_store;               /* whose operations are the ones below */
static const mli_store_ops *real_store; /* the store's own */

static modellab_status active(mli_store *store, mli_run_row_list **out, modellab_error *err)
{
    modellab_status status = real_store->active(store, out, err);
    for (size_t i = 0; status == MODELLAB_OK && i < (*out)->count; i++) {
        if (sim_of_store->plant == SIM_BLIND) {
            (*out)->rows[i]->cancel_requested_ms = -1;
        }
    }
    return status;
}

static modellab_status apply(mli_store *store, const mli_store_change *change, bool *applied,
                             int64_t *last_event, modellab_error *err)
{
    if (sim_of_store->no_ends && change->transition != NULL) {
        return mli_fail(err, MODELLAB_E_BUSY, "the simulated store is busy");
    }
    return real_store->apply(store, change, applied, last_event, err);
}

static bool is_end(const mli_store_write *w)
{
    for (size_t i = 0; i < w->change_count; i++) {
        if (w->changes[i]->transition != NULL) {
            return true;
        }
    }
    return false;
}

static void write_many(mli_store *store, mli_store_write *writes, size_t count)
{
    if (!sim_of_store->no_ends) {
        real_store->write_many(store, writes, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (is_end(&writes[i])) {
            writes[i].status =
                mli_fail(&writes[i].error, MODELLAB_E_BUSY, "the simulated store is busy");
        } else {
            real_store->write_many(store, &writes[i], 1);
        }
    }
}

void sim_plant_store(sim *s, mli_lab *lab)
{
    sim_of_store = s;
    real_store = lab->store->ops;
    s->store_ops = *real_store;
    s->store_ops.active = active;
    s->store_ops.apply = apply;
    s->store_ops.write_many = write_many;
    if (s->plant == SIM_ONE_CLOCK) {
        s->store_ops.keep_clock = keep_no_clock;
    }
    if (s->plant == SIM_TWO_OWNERS) {
        s->store_ops.adopt = adopt_always;
    }
    lab->store->ops = &s->store_ops;
}

/* The pages of runs cannot be opened while a test says so. */
static int open_file(void *user, const char *path, int flags, uint32_t mode)
{
    size_t bytes = strlen(path);
    if (sim_of_store->no_pages && bytes > 5 && strcmp(path + bytes - 5, "/page") == 0) {
        return -EIO;
    }
    return mli_os_system_files.open(user, path, flags, mode);
}

static int64_t read_file(void *user, int fd, void *out, size_t bytes, int64_t offset)
{
    int64_t got = mli_os_system_files.pread(user, fd, out, bytes, offset);
    sim_read(sim_of_store, got);
    return got;
}

void sim_fill_tables(sim *s)
{
    s->clock = (mli_os_clock){s, sim_realtime, sim_monotonic, sim_sleep};
    s->source = (mli_os_random){s, sim_fill};
    s->files = mli_os_system_files;
    s->files.open = open_file;
    s->files.pread = read_file;
    sim_of_store = s;
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
    s->pollers = (mli_os_pollers){s,           poller_open,   poller_close,
                                  poller_add,  poller_remove, poller_timer,
                                  poller_wake, poller_wait};
    s->tables = (mli_lab_tables){.clock = &s->clock,
                                 .random = &s->source,
                                 .files = &s->files,
                                 .processes = &s->processes,
                                 .pollers = &s->pollers};
}
