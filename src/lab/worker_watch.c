/* The worker's watcher: a thread that looks outward while the steps compute. */
#include "lab/worker.h"

#include "base/error.h"
#include "os/memory.h"
#include "os/poller.h"
#include "os/process.h"
#include <errno.h>

#define LOOK_NS ((int64_t)100 * 1000000)
#define QUIET_NS ((int64_t)5 * 1000000)        /* lines of shorter runs are seen with their end */
#define MEMORY_LOOK_NS ((int64_t)10 * 1000000) /* of a run with a memory cap */

int64_t mli_worker_cpu_ns(const mli_worker *w)
{
    return mli_os_process_cpu_ns() - w->context->cpu_before_ns;
}

static void sample_memory(mli_worker *w)
{
    int64_t peak = 0;
    int64_t now = 0;
    int64_t own = 0;
    if (mli_os_gauge_read(&w->context->gauge, &peak, &now, &own) != 0) {
        return; /* not known stays not known */
    }
    int64_t most = w->peak_is_sampled ? now : peak;
    int64_t before = atomic_load(&w->peak_bytes); /* two threads look: the larger one stays */
    while (most > before && !atomic_compare_exchange_weak(&w->peak_bytes, &before, most)) {
    }
    atomic_store(&w->page->peak_bytes, atomic_load(&w->peak_bytes));
    atomic_store(&w->page->rss_bytes, now);
}

int64_t mli_worker_peak_bytes(mli_worker *w)
{
    sample_memory(w);
    return atomic_load(&w->peak_bytes);
}

void mli_worker_sample(mli_worker *w)
{
    mli_run_use use = MLI_RUN_USE_INIT;
    use.memory_bytes = mli_worker_peak_bytes(w);
    use.cpu_ns = mli_worker_cpu_ns(w);
    atomic_store(&w->page->cpu_ns, use.cpu_ns);
    modellab_reason passed = mli_caps_passed(&w->caps, &use);
    if (passed == MODELLAB_REASON_NONE &&
        use.cpu_ns > mli_page_leave_of(w->page, MLI_LEAVE_CPU_NS)) {
        passed = MODELLAB_REASON_CPU_CAP;
    }
    if (passed != MODELLAB_REASON_NONE) {
        (void)mli_page_stop(w->page, passed); /* false: it is stopping already */
    }
}

static int64_t now_of(const mli_worker *w)
{
    return w->clock->monotonic_ns(w->clock->user);
}

static void wake_supervisor(mli_worker *w)
{
    mli_channel_send_news(w->context->channels, w->context->channel);
}

void mli_worker_count_line(mli_worker *w)
{
    atomic_fetch_add(&w->page->journal_lines, 1);
}

void mli_worker_tell(mli_worker *w)
{
    mli_worker_count_line(w);
    if (now_of(w) >= w->quiet_until_ns) {
        wake_supervisor(w);
    }
}

/* SIGTERM, the death of the host and the end of its socket stay readable: each is said once. */
typedef struct signs {
    int term_fd, host_fd, channel;
} signs;

static void heed(mli_worker *w, signs *s, const mli_os_poll_item *items)
{
    bool term = items[1].can_read;
    bool alone = items[2].can_read || items[3].closed;
    if (term || alone) {
        atomic_store(&w->context->leaving, true);
    }
    if (term || atomic_load(&w->page->keep_on_host_death) == 0) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED); /* first one stays */
    }
    s->term_fd = term ? -1 : s->term_fd;
    s->host_fd = items[2].can_read ? -1 : s->host_fd;
    s->channel = items[3].closed ? -1 : s->channel;
}

/* For those who look whether a run stands still (health_work.c). */
static void note_progress(mli_worker *w, uint32_t *seen)
{
    uint32_t progress = atomic_load(&w->page->progress);
    if (progress != *seen || atomic_load(&w->page->moved_ns) == 0) {
        *seen = progress;
        atomic_store(&w->page->moved_ns, w->clock->monotonic_ns(w->clock->user));
    }
}

static void *watch(void *arg)
{
    mli_worker *w = arg;
    uint32_t seen = atomic_load(&w->page->progress);
    const mli_worker_context *c = w->context;
    signs s = {c->term_fd, c->host_fd, c->channel};
    bool quiet = true;
    mli_os_thread_set_name("modellab-watch");
    for (;;) {
        mli_os_poll_item items[4] = {{.fd = w->stop_event, .want_read = true},
                                     {.fd = s.term_fd, .want_read = true},
                                     {.fd = s.host_fd, .want_read = true},
                                     {.fd = s.channel}};
        int64_t often = w->caps.peak_memory_bytes > 0 ? MEMORY_LOOK_NS : LOOK_NS;
        int64_t left = w->quiet_until_ns - now_of(w);
        int ready = mli_os_poll(items, 4, !quiet ? often : left > 0 ? left : 0);
        if (ready > 0 && items[0].can_read) {
            return NULL;
        }
        if (ready > 0 && (items[1].can_read || items[2].can_read || items[3].closed)) {
            heed(w, &s, items);
        }
        if (quiet && now_of(w) >= w->quiet_until_ns) {
            quiet = false;
            wake_supervisor(w); /* for what was written until now */
        }
        mli_worker_sample(w);
        note_progress(w, &seen);
    }
}

bool mli_worker_wait(const mli_worker_context *c)
{
    for (;;) {
        mli_os_poll_item items[3] = {{.fd = c->channel, .want_read = true},
                                     {.fd = c->term_fd, .want_read = true},
                                     {.fd = c->host_fd, .want_read = true}};
        int ready = mli_os_poll(items, 3, c->host_gone ? 0 : -1);
        if (ready < 0) {
            return false;
        }
        /* An order that has arrived holds the lock of its run: it is taken first. */
        if (items[0].can_read || items[0].closed) {
            return true;
        }
        if (items[1].can_read || items[2].can_read || c->host_gone) {
            return false;
        }
    }
}

modellab_status mli_worker_context_open(mli_worker_context *c, modellab_error *err)
{
    mli_os_gauge_open(&c->gauge);
    c->identified = mli_os_identity_of(0, &c->self) == 0;
    int rc = mli_os_term_fd(&c->term_fd);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the worker cannot listen for SIGTERM");
    }
    /* A host that died already has closed its socket too; the descriptor tells of one whose socket
     * a forked child still holds. */
    int fd = mli_os_parent_pidfd();
    if (mli_os_parent_pid() == c->host_pid) {
        c->host_fd = fd >= 0 ? fd : -1;
        return MODELLAB_OK;
    }
    mli_os_fd_close(fd);
    c->host_gone = true;
    return MODELLAB_OK;
}

void mli_worker_context_close(mli_worker_context *c)
{
    mli_worker_models_close(&c->models);
    mli_os_gauge_close(&c->gauge);
    mli_os_fd_close(c->channel);
    mli_os_fd_close(c->term_fd);
    mli_os_fd_close(c->host_fd);
    c->channel = c->term_fd = c->host_fd = -1;
}

modellab_status mli_worker_watch(mli_worker *w, modellab_error *err)
{
    if (w->context->host_gone) {
        atomic_store(&w->context->leaving, true);
        if (atomic_load(&w->page->keep_on_host_death) == 0) {
            (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED); /* first one stays */
        }
    }
    w->quiet_until_ns = now_of(w) + QUIET_NS;
    w->stop_event = mli_os_event_create();
    if (w->stop_event < 0) {
        return mli_fail_os(err, -w->stop_event, "the worker's event could not be made");
    }
    int rc = mli_os_thread_start(&w->watcher, 0, watch, w);
    if (rc != 0) {
        return mli_fail_os(err, rc, "the worker's watcher could not be started");
    }
    w->watching = true;
    return MODELLAB_OK;
}

void mli_worker_unwatch(mli_worker *w)
{
    if (w->watching) {
        mli_os_event_set(w->stop_event);
        mli_os_thread_join(w->watcher);
        w->watching = false;
    }
    mli_os_fd_close(w->stop_event);
    w->stop_event = -1;
}
