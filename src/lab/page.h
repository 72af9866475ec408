/* The shared page of a run: what a supervisor and its worker tell each other without messages. A
 * file `page` in the run directory. The worker alone maps it; a supervisor, who adopts the run or
 * who cancels it looks with read and write, so that a worker that shortens the file harms nobody
 * but itself. It is a hint channel: nothing in it is a record, and either side survives any
 * content. */
#ifndef MLI_LAB_PAGE_H
#define MLI_LAB_PAGE_H

#include "base/cancel.h"
#include "os/file.h"
#include "os/process.h"
#include <modellab/run.h>

#define MLI_PAGE_BYTES 4096u

/* What a run may take in all; INT64_MAX = no cap. The worker asks before each step and call. */
typedef enum mli_leave {
    MLI_LEAVE_CPU_NS,
    MLI_LEAVE_COST_MICROS,
    MLI_LEAVE_CALLS,
    MLI_LEAVE_AUDIO_MS,
    MLI_LEAVES
} mli_leave;

/* Every field has one side that writes it; only the cancel word is written by both. */
typedef struct mli_page {
    uint32_t magic, version;
    /* The cancel word holds a modellab_reason, all of which are one byte, so that no half of one is
     * ever seen. The first one stays; of two within a microsecond, either. */
    mli_cancel_word stop;
    /* Supervisor -> worker. */
    _Atomic uint32_t keep_on_host_death;  /* 1: the worker finishes although its host is gone */
    _Atomic int64_t leave[2][MLI_LEAVES]; /* twice: a write that is under way is seen */
    /* CLOCK_MONOTONIC at the claim, so that who adopts the run keeps its deadline whatever happened
     * to the wall clock; 0 = not told. */
    _Atomic int64_t started_ns;
    /* Worker -> supervisor. */
    _Atomic uint32_t progress; /* moves whenever work was done: the stall deadline looks here */
    _Atomic uint32_t step;     /* index of the present step + 1; 0 = none */
    _Atomic int64_t step_started_ns; /* CLOCK_MONOTONIC; written before `step` */
    _Atomic int64_t audio_done_ms;   /* of the present step */
    _Atomic int64_t audio_total_ms;
    _Atomic int64_t cpu_ns; /* of the worker process */
    _Atomic int64_t rss_bytes, peak_bytes;
    _Atomic int64_t step_cpu_ns; /* cpu_ns when the present step began */
    _Atomic int64_t calls_made;
    _Atomic int64_t calls_taken;       /* with leave; all of them, capped or not */
    _Atomic int64_t cost_taken_micros; /* of the leave, where there is a cap */
    _Atomic uint32_t call_waits;       /* 1: a call waits for more leave */
    _Atomic int64_t journal_lines;     /* written so far */
    /* CLOCK_MONOTONIC when a step returned because of the cancel word: from here on nothing is
     * computed, only what was done is kept. 0 = not yet. */
    _Atomic int64_t stopped_ns;
    _Atomic int64_t stopped_cpu_ns; /* CPU time of the process then; written before stopped_ns */
    /* Identity of the worker, for adoption; valid once worker_pid is not 0. */
    _Atomic int64_t worker_pid;
    uint64_t worker_start_ticks;
    char worker_boot_id[40];
    /* CLOCK_MONOTONIC when the worker's watcher last saw `progress` move; 0 = not yet. */
    _Atomic int64_t moved_ns;
} mli_page;

/* The page as everybody but the worker sees it. */
typedef struct mli_page_view {
    const mli_os_files *files;
    int fd;        /* -1 = none */
    mli_page seen; /* at the last look; zeros before */
} mli_page_view;

#define MLI_PAGE_VIEW_NONE ((mli_page_view){.fd = -1})

/* What the supervisor tells with a new page. */
typedef struct mli_page_terms {
    bool keep_on_host_death;
    int64_t started_ns;
    int64_t leave[MLI_LEAVES];
} mli_page_terms;

/* Makes the file anew; `view->fd` is also what the worker gets. 0 or -errno. */
MLI_OS_MUST_USE int mli_page_create(mli_page_view *view, const mli_os_files *files,
                                    const char *path, const mli_page_terms *terms);
/* Opens an existing page and looks at it. -EINVAL: it is none. */
MLI_OS_MUST_USE int mli_page_open(mli_page_view *view, const mli_os_files *files, const char *path);
void mli_page_close(mli_page_view *view); /* without a page: nothing */
/* Looks again. -EINVAL: it is a page no more (somebody shortened it); `seen` stays. */
MLI_OS_MUST_USE int mli_page_look(mli_page_view *view);
/* Sets the cancel word unless it is set already. */
MLI_OS_MUST_USE int mli_page_ask_stop(mli_page_view *view, modellab_reason reason);
MLI_OS_MUST_USE int mli_page_write_leave(mli_page_view *view, const int64_t leave[MLI_LEAVES]);

/* Worker: maps the page; -EINVAL when it is none. The fd may be closed after. */
MLI_OS_MUST_USE int mli_page_map(const mli_os_files *files, int fd, mli_page **out);
void mli_page_unmap(mli_page *page); /* NULL accepted */
/* Worker: what it may take in all, as written last. */
int64_t mli_page_leave_of(const mli_page *page, mli_leave which);
/* Worker: sets the cancel word unless it is set already; true when this call did it.
 * Async-signal-safe. */
bool mli_page_stop(mli_page *page, modellab_reason reason);
/* Notes when the worker stopped computing; the first time stays. */
void mli_page_stopped(mli_page *page, int64_t now_ns, int64_t cpu_ns);
modellab_reason mli_page_stop_reason(const mli_page *page); /* MODELLAB_REASON_NONE = go on */
/* Notes a process as the worker. */
void mli_page_set_worker(mli_page *page, const mli_os_identity *worker);
/* false when no worker has noted itself yet. */
bool mli_page_worker(const mli_page *page, mli_os_identity *out);
void mli_page_touch(mli_page *page); /* one more sign of progress */

/* Asks for leave to make one call that costs at most `micros`: takes both from what is left, or
 * nothing. NONE, or the reason of the cap that has no room. Any thread; calls that run side by side
 * never take more than there is. */
modellab_reason mli_page_call_begin(mli_page *page, int64_t micros);
/* Calls that count: one that has leave and whose end nobody told may have been made. Not below 0.
 */
int64_t mli_page_calls(const mli_page *page);
/* The call has ended: gives back what it did not cost; with `made` false also the call itself. */
void mli_page_call_end(mli_page *page, int64_t taken, int64_t cost, bool made);

#endif
