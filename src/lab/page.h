/* The shared page of a run: what a supervisor and its worker tell each other without system calls.
 * A file `page` in the run directory, mapped by both and by whoever adopts the run later. It is a
 * hint channel: nothing in it is a record, and either side survives any content. */
#ifndef MLI_LAB_PAGE_H
#define MLI_LAB_PAGE_H

#include "base/cancel.h"
#include "os/file.h"
#include "os/process.h"
#include <modellab/run.h>

#define MLI_PAGE_BYTES 4096u

typedef struct mli_page {
    uint32_t magic, version;
    /* Supervisor -> worker. The cancel word holds the modellab_reason; the first one stays. */
    mli_cancel_word stop;
    _Atomic uint32_t keep_on_host_death; /* 1: the worker finishes although its host is gone */
    /* What is left of the run's allowance; INT64_MAX = no cap. The worker asks before each step. */
    _Atomic int64_t cpu_left_ns, cost_left_micros, calls_left, audio_left_ms;
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
    _Atomic int64_t journal_lines; /* written so far */
    /* CLOCK_MONOTONIC when a step returned because of the cancel word: from here on nothing is
     * computed, only what was done is kept. 0 = not yet. */
    _Atomic int64_t stopped_ns;
    _Atomic int64_t stopped_cpu_ns; /* CPU time of the process then; written before stopped_ns */
    /* Identity of the worker, for adoption; valid once worker_pid is not 0. */
    _Atomic int64_t worker_pid;
    uint64_t worker_start_ticks;
    char worker_boot_id[40];
} mli_page;

/* Makes the file anew, zeroed to its full size, and maps it. `fd` stays open for the worker. 0 or
 * -errno. */
MLI_OS_MUST_USE int mli_page_create(const mli_os_files *files, const char *path, int *fd,
                                    mli_page **out);
/* Maps an existing page; -EINVAL when it is none. The fd may be closed after. */
MLI_OS_MUST_USE int mli_page_map(const mli_os_files *files, int fd, mli_page **out);
void mli_page_unmap(mli_page *page); /* NULL accepted */

/* Sets the cancel word unless it is set already; true when this call did it. Async-signal-safe. */
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
/* The call has ended: gives back what it did not cost; with `made` false also the call itself. */
void mli_page_call_end(mli_page *page, int64_t taken, int64_t cost, bool made);

#endif
