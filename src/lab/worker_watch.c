/* The worker's watcher: a thread that looks outward while the steps compute. */
#include "lab/worker.h"

#include "base/error.h"
#include "os/memory.h"
#include "os/poller.h"
#include "os/process.h"
#include <errno.h>

#define LOOK_NS ((int64_t)100 * 1000000)

void mli_worker_sample(mli_worker *w)
{
    int64_t peak = 0;
    int64_t now = 0;
    mli_run_use use = MLI_RUN_USE_INIT;
    use.cpu_ns = mli_os_process_cpu_ns();
    atomic_store(&w->page->cpu_ns, use.cpu_ns);
    if (mli_os_memory_peak(0, &peak, &now) == 0) {
        use.memory_bytes = peak;
        atomic_store(&w->page->peak_bytes, peak);
        atomic_store(&w->page->rss_bytes, now);
    }
    modellab_reason passed = mli_caps_passed(&w->caps, &use);
    if (passed == MODELLAB_REASON_NONE && use.cpu_ns > atomic_load(&w->page->cpu_left_ns)) {
        passed = MODELLAB_REASON_CPU_CAP;
    }
    if (passed != MODELLAB_REASON_NONE) {
        (void)mli_page_stop(w->page, passed); /* false: it is stopping already */
    }
}

static void *watch(void *arg)
{
    mli_worker *w = arg;
    for (;;) {
        mli_os_poll_item items[3] = {{.fd = w->stop_event, .want_read = true},
                                     {.fd = w->term_fd, .want_read = true},
                                     {.fd = w->host_fd, .want_read = true}};
        int ready = mli_os_poll(items, 3, LOOK_NS);
        if (ready > 0 && items[0].can_read) {
            return NULL;
        }
        if (ready > 0 && (items[1].can_read || items[2].can_read)) {
            bool keep = !items[1].can_read && atomic_load(&w->page->keep_on_host_death) != 0;
            if (!keep) {
                (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED); /* first one stays */
            }
            /* Said once; both stay readable from now on. */
            w->term_fd = items[1].can_read ? -1 : w->term_fd;
            w->host_fd = items[2].can_read ? -1 : w->host_fd;
        }
        mli_worker_sample(w);
    }
}

/* The host is this process's parent unless it died already (then somebody else is the parent). */
static void find_host(mli_worker *w)
{
    int fd = mli_os_parent_pidfd();
    bool ours = w->order.host_pid > 0 && mli_os_parent_pid() == w->order.host_pid;
    w->host_fd = -1;
    if (ours && fd >= 0) {
        w->host_fd = fd;
        return;
    }
    mli_os_fd_close(fd);
    if (!ours && atomic_load(&w->page->keep_on_host_death) == 0) {
        (void)mli_page_stop(w->page, MODELLAB_REASON_HOST_STOPPED);
    }
}

modellab_status mli_worker_watch(mli_worker *w, modellab_error *err)
{
    w->term_fd = -1;
    w->stop_event = mli_os_event_create();
    if (w->stop_event < 0) {
        return mli_fail_os(err, -w->stop_event, "the worker's event could not be made");
    }
    int rc = mli_os_term_fd(&w->term_fd);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the worker cannot listen for SIGTERM");
    }
    find_host(w);
    rc = mli_os_thread_start(&w->watcher, "modellab-watch", 0, watch, w);
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
    mli_os_fd_close(w->term_fd);
    mli_os_fd_close(w->host_fd);
    w->stop_event = w->term_fd = w->host_fd = -1;
}
