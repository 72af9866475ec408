/* Making, mapping and writing the shared page of a run. */
#include "lab/page.h"

#include "os/memory.h"
#include <errno.h>
#include <string.h>

#define PAGE_MAGIC 0x4d4c5047u /* "MLPG" */
#define PAGE_VERSION 2u

_Static_assert(sizeof(mli_page) <= MLI_PAGE_BYTES, "the page holds all of its fields");

static int map_file(int fd, mli_page **out)
{
    void *map = NULL;
    int error = mli_os_file_map_shared(fd, MLI_PAGE_BYTES, &map);
    *out = map;
    return -error;
}

static void set_unlimited(mli_page *page)
{
    atomic_store(&page->cpu_left_ns, INT64_MAX);
    atomic_store(&page->cost_left_micros, INT64_MAX);
    atomic_store(&page->calls_left, INT64_MAX);
    atomic_store(&page->audio_left_ms, INT64_MAX);
}

int mli_page_create(const mli_os_files *files, const char *path, int *fd, mli_page **out)
{
    *out = NULL;
    *fd = -1;
    /* A new file each time: whoever still maps the page of an earlier attempt keeps it whole. */
    int gone = files->unlink(files->user, path);
    if (gone != 0 && gone != -ENOENT) {
        return gone;
    }
    int opened = files->open(files->user, path,
                             MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE, 0600);
    if (opened < 0) {
        return opened;
    }
    int error = files->truncate(files->user, opened, MLI_PAGE_BYTES);
    if (error == 0) {
        error = map_file(opened, out);
    }
    if (error != 0) {
        (void)files->close(files->user, opened); /* the first error is the one to tell */
        return error;
    }
    *fd = opened;
    (*out)->version = PAGE_VERSION;
    set_unlimited(*out);
    (*out)->magic = PAGE_MAGIC;
    return 0;
}

int mli_page_map(const mli_os_files *files, int fd, mli_page **out)
{
    mli_os_stat facts;
    *out = NULL;
    int error = files->fstat(files->user, fd, &facts);
    if (error != 0) {
        return error;
    }
    /* A shorter file would fault at the first look beyond its end. */
    if (facts.kind != MLI_OS_REGULAR || facts.bytes < (int64_t)MLI_PAGE_BYTES) {
        return -EINVAL;
    }
    mli_page *page = NULL;
    error = map_file(fd, &page);
    if (error != 0) {
        return error;
    }
    if (page->magic != PAGE_MAGIC || page->version != PAGE_VERSION) {
        mli_page_unmap(page);
        return -EINVAL;
    }
    *out = page;
    return 0;
}

void mli_page_unmap(mli_page *page)
{
    if (page != NULL) {
        mli_os_file_unmap(page, MLI_PAGE_BYTES);
    }
}

bool mli_page_stop(mli_page *page, modellab_reason reason)
{
    uint32_t expected = 0;
    return atomic_compare_exchange_strong(&page->stop, &expected, (uint32_t)reason);
}

void mli_page_stopped(mli_page *page, int64_t now_ns, int64_t cpu_ns)
{
    if (atomic_load(&page->stopped_ns) == 0) { /* one thread writes it */
        atomic_store(&page->stopped_cpu_ns, cpu_ns);
        atomic_store(&page->stopped_ns, now_ns);
    }
}

modellab_reason mli_page_stop_reason(const mli_page *page)
{
    return (modellab_reason)atomic_load(&page->stop);
}

/* Takes from an amount that may not fall below 0; INT64_MAX = unlimited. */
static bool take(_Atomic int64_t *left, int64_t amount)
{
    int64_t now = atomic_load(left);
    do {
        if (now == INT64_MAX) {
            return true;
        }
        if (amount > now) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(left, &now, now - amount));
    return true;
}

static void give(_Atomic int64_t *left, int64_t amount)
{
    int64_t now = atomic_load(left);
    while (now != INT64_MAX && !atomic_compare_exchange_weak(left, &now, now + amount)) {
    }
}

modellab_reason mli_page_call_begin(mli_page *page, int64_t micros)
{
    if (!take(&page->calls_left, 1)) {
        return MODELLAB_REASON_API_CALLS_CAP;
    }
    if (!take(&page->cost_left_micros, micros > 0 ? micros : 0)) {
        give(&page->calls_left, 1);
        return MODELLAB_REASON_COST_CAP;
    }
    return MODELLAB_REASON_NONE;
}

void mli_page_call_end(mli_page *page, int64_t taken, int64_t cost, bool made)
{
    int64_t real = made && cost > 0 ? cost : 0;
    if (taken > real) {
        give(&page->cost_left_micros, taken - real);
    }
    if (made) {
        atomic_fetch_add(&page->calls_made, 1);
    } else {
        give(&page->calls_left, 1);
    }
}

void mli_page_touch(mli_page *page)
{
    atomic_fetch_add_explicit(&page->progress, 1, memory_order_relaxed);
}

void mli_page_set_worker(mli_page *page, const mli_os_identity *worker)
{
    page->worker_start_ticks = worker->start_ticks;
    memcpy(page->worker_boot_id, worker->boot_id, sizeof(page->worker_boot_id));
    atomic_store(&page->worker_pid, worker->pid);
}

bool mli_page_worker(const mli_page *page, mli_os_identity *out)
{
    out->pid = atomic_load(&page->worker_pid);
    out->start_ticks = page->worker_start_ticks;
    memcpy(out->boot_id, page->worker_boot_id, sizeof(out->boot_id));
    out->boot_id[sizeof(out->boot_id) - 1] = '\0';
    return out->pid > 0;
}
