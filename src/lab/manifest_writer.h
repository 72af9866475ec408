/* Manifests behind their records: a supervisor's own threads write them, so that the syncs of
 * different runs overlap and its loop waits for none. The record is what was acknowledged; a
 * manifest that a crash kept from being written is written by whoever finds the dead supervisor
 * (the look at supervisors of a reconcile), which needs no more than the bound of the queue here.
 */
#ifndef MLI_LAB_MANIFEST_WRITER_H
#define MLI_LAB_MANIFEST_WRITER_H

#include "lab/lab.h"
#include "os/thread.h"

enum { MLI_MANIFEST_QUEUE = 256, MLI_MANIFEST_THREADS = 4 };

typedef struct mli_manifest_wait {
    char run_id[MLI_ULID_BYTES];
    int64_t due_ns; /* monotonic */
} mli_manifest_wait;

typedef struct mli_manifest_writer {
    mli_lab *lab;
    mli_os_mutex mutex; /* guards the rest */
    mli_os_cond work, rest;
    mli_manifest_wait waiting[MLI_MANIFEST_QUEUE]; /* each run once */
    size_t waiting_count;
    char working[MLI_MANIFEST_THREADS][MLI_ULID_BYTES]; /* "" = that thread waits */
    size_t working_count, started;
    mli_os_thread threads[MLI_MANIFEST_THREADS];
    size_t thread_count; /* 0: every manifest is written by who asks for it */
    size_t flushing;     /* somebody waits for all of them: they are due now */
    bool leave;
} mli_manifest_writer;

/* Without threads when they cannot be had, or when the lab's files are not the system's (a
 * simulation does one thing after the other). */
void mli_manifest_writer_open(mli_manifest_writer *writer, mli_lab *lab);
/* The manifest is to say what the record says, soon. `delay_ns`: the run may say more until then
 * (it was started and may end), which is written instead. Failures are logged. NULL: at once, here.
 */
void mli_manifest_writer_put(mli_manifest_writer *writer, mli_lab *lab, const char *run_id,
                             int64_t delay_ns, modellab_logger *log);
/* Returns when all that was asked for before is written. */
void mli_manifest_writer_flush(mli_manifest_writer *writer);
/* Flushes and ends the threads. In a forked child (`forked`) there are none. */
void mli_manifest_writer_close(mli_manifest_writer *writer, bool forked);

#endif
