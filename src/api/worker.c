/* The entry of the worker program. */
#include <modellab/worker.h>

#include "lab/worker.h"

int32_t modellab_worker_main(int32_t argc, const char *const *argv)
{
    return mli_worker_main(argc, argv);
}
