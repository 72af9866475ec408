/* The worker's entry. `modellab-worker` is a program of two lines around it; a host that ships one
 * binary may call it when started with its own marker argument. @since 0.1 */
#ifndef MODELLAB_WORKER_H
#define MODELLAB_WORKER_H

#include <modellab/status.h>

MODELLAB_BEGIN_DECLS

/** Executes the run whose descriptors this process inherited from a supervisor, and returns its
 * exit code (0 = the journal holds an outcome). It never opens the store. For a process of its own
 * only: it sets resource limits and dispositions for SIGTERM.
 * @threads not-after-fork; once a process @since 0.1 */
MODELLAB_API int32_t modellab_worker_main(int32_t argc, const char *const *argv);

MODELLAB_END_DECLS
#endif
