/* Threads for everything that can block: the connection is suspended meanwhile. They are made when
 * they are needed, up to a limit, and end when nothing is left to do. */
#ifndef SERVER_JOBS_H
#define SERVER_JOBS_H

#include <modellab/export.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*job_function)(void *user);

MODELLAB_MUST_CHECK bool jobs_start(int max_threads); /* once, from main() */
/* Waits until all jobs that run have ended; timers and jobs that have not begun are run too, so
 * that each gives back what it holds. Nothing may be added afterwards. */
void jobs_stop(void);

/* Runs it on a job thread. False: out of memory, or stopping. */
MODELLAB_MUST_CHECK bool job_run(job_function function, void *user);
/* Runs it on a job thread after `ms`, or when jobs_stop() begins. For waits that must not hold a
 * thread: look, and come back. False as job_run(). */
MODELLAB_MUST_CHECK bool job_after(int64_t ms, job_function function, void *user);

typedef struct jobs_numbers {
    int threads, busy;
    size_t waiting, timers;
} jobs_numbers;
jobs_numbers jobs_now(void);

#endif
