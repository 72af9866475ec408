/* Taking an order: its text, its descriptors, the page and the journal of the run; and letting go
 * of all that when the run is over. */
#include "lab/worker.h"

#include "base/error.h"
#include "lab/worker_log.h"
#include "os/process.h"
#include <string.h>

static void begin(mli_worker *w, mli_worker_context *context)
{
    memset(w, 0, sizeof(*w));
    w->context = context;
    w->alloc = context->alloc;
    mli_buf_init(&w->result, w->alloc);
    w->files = context->files;
    w->clock = context->clock;
    w->random = context->random;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        w->fds[i] = -1;
    }
    w->audio_seconds = -1;
    w->peak_bytes = -1;
    w->step = "";
    w->stop_event = -1;
}

/* The names in the order tell what each descriptor is. */
MODELLAB_MUST_CHECK static modellab_status sort_descriptors(mli_worker *w, const int *list,
                                                            size_t count, modellab_error *err)
{
    size_t next = 0;
    for (int i = 0; i < MLI_ORDER_FDS; i++) {
        if (w->order.has[i] && next < count) {
            w->fds[i] = list[next];
        }
        next += w->order.has[i];
    }
    if (next != count) {
        for (size_t i = next; i < count; i++) {
            mli_os_fd_close(list[i]);
        }
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the order's descriptors are others");
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status receive(mli_worker *w, modellab_error *err)
{
    const mli_worker_context *c = w->context;
    int list[MLI_ORDER_FDS];
    size_t count = 0;
    mli_buf text;
    modellab_status status =
        mli_channel_receive(c->channels, c->files, c->channel, c->alloc, &text, list, &count, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    status = mli_order_read(text.data, text.size, &w->order, &w->order_root, err);
    if (status == MODELLAB_OK) {
        status = sort_descriptors(w, list, count, err);
    } else {
        for (size_t i = 0; i < count; i++) {
            mli_os_fd_close(list[i]);
        }
    }
    mli_buf_wipe(&text); /* it may hold the key of the remote service */
    return status;
}

/* A watcher that hangs must not let a run pass its cap by much: beyond this the kernel ends it. */
#define CPU_GRACE_SECONDS 5

MODELLAB_MUST_CHECK static modellab_status limit(const mli_worker *w, modellab_error *err)
{
    uint64_t seconds = UINT64_MAX; /* lifts the limit of an earlier run */
    if (w->caps.cpu_ns > 0) {
        int64_t most = mli_os_process_cpu_ns() / 1000000000 + w->caps.cpu_ns / 1000000000;
        seconds = (uint64_t)(most + CPU_GRACE_SECONDS);
    }
    int rc = mli_os_limit_set(MLI_OS_LIMIT_CPU_SECONDS, seconds);
    if (rc == 0 && w->order.address_bytes > 0) {
        rc = mli_os_limit_set(MLI_OS_LIMIT_ADDRESS_BYTES, (uint64_t)w->order.address_bytes);
    }
    return rc == 0 ? MODELLAB_OK : mli_fail_os(err, -rc, "resource limits could not be set");
}

/* The high-water mark of a warm worker begins anew; where the kernel cannot do that, samples count.
 */
static void begin_memory(mli_worker *w)
{
    mli_worker_context *c = w->context;
    w->peak_is_sampled = c->runs > 0 && mli_os_gauge_reset(&c->gauge) != 0;
}

modellab_status mli_worker_accept(mli_worker *w, mli_worker_context *context, modellab_error *err)
{
    begin(w, context);
    modellab_status status = receive(w, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int rc = mli_page_map(w->files, w->fds[MLI_ORDER_PAGE], &w->page);
    if (rc != 0) {
        return mli_fail_os(err, -rc, "the shared page could not be mapped");
    }
    begin_memory(w);
    if (context->identified) { /* else nobody can adopt this run; its lock still tells */
        mli_page_set_worker(w->page, &context->self);
    }
    mli_caps_read(mli_json_get(w->order.request, "caps"), &w->caps);
    mli_journal_writer_init(&w->journal, w->alloc, w->files, w->clock, w->fds[MLI_ORDER_JOURNAL],
                            w->order.fence, &w->order.journal);
    return limit(w, err);
}

void mli_worker_release(mli_worker *w)
{
    mli_audio_unref(w->audio);
    w->audio = NULL;
    mli_time_map_dispose(&w->time_map);
    mli_buf_dispose(&w->result);
    w->time_map.moved = false;
    mli_journal_writer_dispose(&w->journal);
    mli_worker_log_close(w);
    mli_page_unmap(w->page);
    w->page = NULL;
    mli_order_forget(&w->order);
    mli_json_free(w->order_root);
    w->order_root = NULL;
    for (int i = MLI_ORDER_FDS - 1; i >= 0; i--) {
        mli_os_fd_close(w->fds[i]); /* what had to be on the disk was synced */
        w->fds[i] = -1;
    }
}
