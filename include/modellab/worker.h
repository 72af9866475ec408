/* The worker's entry. `modellab-worker` is a program of two lines around it; a host that ships one
 * binary may call it when started with its own marker argument. @since 0.1 */
#ifndef MODELLAB_WORKER_H
#define MODELLAB_WORKER_H

#include <modellab/status.h>

MODELLAB_BEGIN_DECLS

/** Executes the runs that a supervisor sends over the socket that this process inherited, one after
 * the other, until it is told to end. Returns the exit code (0 = every run's journal holds its
 * outcome). It never opens the store. For a process of its own
 * only: it sets resource limits and dispositions for SIGTERM.
 * @threads not-after-fork; once a process @since 0.1 */
MODELLAB_API int32_t modellab_worker_main(int32_t argc, const char *const *argv);

MODELLAB_END_DECLS
#endif
