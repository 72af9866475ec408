/* Making, looking at, mapping and writing the shared page of a run. */
#include "lab/page.h"

#include "os/memory.h"
#include <errno.h>
#include <stddef.h>
#include <string.h>

#define PAGE_MAGIC 0x4d4c5047u /* "MLPG" */
#define PAGE_VERSION 4u
#define LOOKS 8 /* at a page that changes under them */

_Static_assert(sizeof(mli_page) <= MLI_PAGE_BYTES, "the page holds all of its fields");

static void fill(mli_page *page, const mli_page_terms *terms)
{
    memset(page, 0, sizeof(*page));
    page->magic = PAGE_MAGIC;
    page->version = PAGE_VERSION;
    atomic_store(&page->keep_on_host_death, terms->keep_on_host_death ? 1u : 0u);
    atomic_store(&page->started_ns, terms->started_ns);
    for (int i = 0; i < MLI_LEAVES; i++) {
        atomic_store(&page->leave[0][i], terms->leave[i]);
        atomic_store(&page->leave[1][i], terms->leave[i]);
    }
}

static int write_at(const mli_page_view *view, const void *data, size_t bytes, size_t offset)
{
    int64_t n = view->files->pwrite(view->files->user, view->fd, data, bytes, (int64_t)offset);
    return n < 0 ? (int)n : (size_t)n == bytes ? 0 : -ENOSPC;
}

int mli_page_create(mli_page_view *view, const mli_os_files *files, const char *path,
                    const mli_page_terms *terms)
{
    *view = MLI_PAGE_VIEW_NONE;
    const int flags = MLI_OS_READ | MLI_OS_WRITE | MLI_OS_CREATE | MLI_OS_EXCLUSIVE;
    int opened = files->open(files->user, path, flags, 0600);
    if (opened == -EEXIST) {
        /* A new file each time: whoever has the page of an earlier attempt keeps it whole. */
        int gone = files->unlink(files->user, path);
        opened = gone == 0 ? files->open(files->user, path, flags, 0600) : gone;
    }
    if (opened < 0) {
        return opened;
    }
    view->files = files;
    view->fd = opened;
    fill(&view->seen, terms);
    int error = files->truncate(files->user, opened, MLI_PAGE_BYTES);
    if (error == 0) {
        error = write_at(view, &view->seen, sizeof(view->seen), 0);
    }
    if (error != 0) {
        mli_page_close(view);
    }
    return error;
}

int mli_page_open(mli_page_view *view, const mli_os_files *files, const char *path)
{
    *view = MLI_PAGE_VIEW_NONE;
    int opened = files->open(files->user, path, MLI_OS_READ | MLI_OS_WRITE | MLI_OS_NOFOLLOW, 0);
    if (opened < 0) {
        return opened;
    }
    view->files = files;
    view->fd = opened;
    int error = mli_page_look(view);
    if (error != 0) {
        mli_page_close(view);
    }
    return error;
}

void mli_page_close(mli_page_view *view)
{
    if (view->fd >= 0) {
        (void)view->files->close(view->files->user, view->fd); /* a hint channel: nothing to lose */
        view->fd = -1;
    }
}

static int read_whole(const mli_page_view *view, mli_page *out)
{
    int64_t n = view->files->pread(view->files->user, view->fd, out, sizeof(*out), 0);
    if (n < 0) {
        return (int)n;
    }
    bool valid =
        (size_t)n == sizeof(*out) && out->magic == PAGE_MAGIC && out->version == PAGE_VERSION;
    return valid ? 0 : -EINVAL;
}

/* The worker writes while this reads: what two looks agree on was not caught half written. A page
 * that never rests is taken as it is; a hint may be off by one write. */
int mli_page_look(mli_page_view *view)
{
    mli_page twice[2];
    int error = read_whole(view, &twice[0]);
    for (int i = 1; error == 0 && i < LOOKS; i++) {
        error = read_whole(view, &twice[i & 1]);
        if (error == 0 && memcmp(&twice[0], &twice[1], sizeof(twice[0])) == 0) {
            break;
        }
    }
    if (error == 0) {
        memcpy(&view->seen, &twice[0], sizeof(view->seen));
    }
    return error;
}

int mli_page_ask_stop(mli_page_view *view, modellab_reason reason)
{
    const mli_os_files *f = view->files;
    uint32_t word = 0;
    int64_t n = f->pread(f->user, view->fd, &word, sizeof(word), offsetof(mli_page, stop));
    if (n != (int64_t)sizeof(word)) {
        return n < 0 ? (int)n : -EINVAL;
    }
    if (word == 0) {
        word = (uint32_t)reason;
        int error = write_at(view, &word, sizeof(word), offsetof(mli_page, stop));
        if (error != 0) {
            return error;
        }
    }
    atomic_store(&view->seen.stop, word);
    return 0;
}

int mli_page_write_leave(mli_page_view *view, const int64_t leave[MLI_LEAVES])
{
    const size_t bytes = sizeof(int64_t) * MLI_LEAVES;
    int error = write_at(view, leave, bytes, offsetof(mli_page, leave));
    if (error == 0) { /* the second copy is begun when the first is whole */
        error = write_at(view, leave, bytes, offsetof(mli_page, leave) + bytes);
    }
    return error;
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
    void *map = NULL;
    error = mli_os_file_map_shared(fd, MLI_PAGE_BYTES, &map);
    if (error != 0) {
        return -error;
    }
    mli_page *page = map;
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

int64_t mli_page_leave_of(const mli_page *page, mli_leave which)
{
    int64_t first = 0;
    int64_t second = 0;
    for (int i = 0; i < LOOKS; i++) { /* in the other order than they are written in */
        second = atomic_load(&page->leave[1][which]);
        first = atomic_load(&page->leave[0][which]);
        if (first == second) {
            return first;
        }
    }
    return first < second ? first : second; /* its writer died in between */
}

/* Takes from what there is leave for; INT64_MAX = unlimited, and not counted. */
static bool take(int64_t leave, _Atomic int64_t *taken, int64_t amount)
{
    int64_t now = atomic_load(taken);
    do {
        if (leave == INT64_MAX) {
            return true;
        }
        if (amount > leave - now) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(taken, &now, now + amount));
    return true;
}

static void give(int64_t leave, _Atomic int64_t *taken, int64_t amount)
{
    if (leave != INT64_MAX) {
        atomic_fetch_sub(taken, amount);
    }
}

modellab_reason mli_page_call_begin(mli_page *page, int64_t micros)
{
    int64_t calls = mli_page_leave_of(page, MLI_LEAVE_CALLS);
    int64_t money = mli_page_leave_of(page, MLI_LEAVE_COST_MICROS);
    if (calls == INT64_MAX) { /* counted all the same */
        atomic_fetch_add(&page->calls_taken, 1);
    } else if (!take(calls, &page->calls_taken, 1)) {
        return MODELLAB_REASON_API_CALLS_CAP;
    }
    if (!take(money, &page->cost_taken_micros, micros > 0 ? micros : 0)) {
        atomic_fetch_sub(&page->calls_taken, 1);
        return MODELLAB_REASON_COST_CAP;
    }
    return MODELLAB_REASON_NONE;
}

void mli_page_call_end(mli_page *page, int64_t taken, int64_t cost, bool made)
{
    int64_t real = made && cost > 0 ? cost : 0;
    if (taken > real) {
        give(mli_page_leave_of(page, MLI_LEAVE_COST_MICROS), &page->cost_taken_micros,
             taken - real);
    }
    if (made) {
        atomic_fetch_add(&page->calls_made, 1);
    } else {
        atomic_fetch_sub(&page->calls_taken, 1);
    }
}

int64_t mli_page_calls(const mli_page *page)
{
    int64_t made = atomic_load(&page->calls_made);
    int64_t taken = atomic_load(&page->calls_taken);
    int64_t most = made > taken ? made : taken;
    return most > 0 ? most : 0;
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
