/* OpenBLAS, loaded when it is first needed: the engines run on our own kernels, and its start costs
 * a process milliseconds, megabytes and a thread a CPU. */
#include "kernels/blas_private.h"

#include "os/dl.h"
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define LIBRARY "libopenblas.so.0"

/* What is asked of it; the types come from its header, nothing is linked. */
typedef struct blas_calls {
    mli_blas_sgemm_fn *sgemm;
    __typeof__(openblas_get_corename) *core;
    __typeof__(openblas_get_parallel) *parallel;
    __typeof__(openblas_get_num_threads) *threads;
    __typeof__(openblas_set_num_threads) *set_threads;
} blas_calls;

/* Never unloaded, and threads that meet here find the same library. */
static _Atomic(void *) loaded;
static _Atomic(bool) single_thread_wanted;

/* Function pointers come as data pointers: copied, since ISO C has no cast between them. */
static bool find(void *library, const char *name, void *function)
{
    void *symbol = mli_os_dl_symbol(library, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool find_all(void *library, blas_calls *c)
{
    return library != NULL && find(library, "cblas_sgemm", &c->sgemm) &&
           find(library, "openblas_get_corename", &c->core) &&
           find(library, "openblas_get_parallel", &c->parallel) &&
           find(library, "openblas_get_num_threads", &c->threads) &&
           find(library, "openblas_set_num_threads", &c->set_threads);
}

static bool calls(blas_calls *c)
{
    void *library = atomic_load(&loaded);
    if (library == NULL)
        library = mli_os_dl_open(LIBRARY);
    if (!find_all(library, c))
        return false;
    if (atomic_exchange(&loaded, library) == NULL && atomic_load(&single_thread_wanted))
        c->set_threads(1);
    return true;
}

mli_blas_sgemm_fn *mli_blas_sgemm(void)
{
    blas_calls c;
    return calls(&c) ? c.sgemm : NULL;
}

const char *mli_blas_core(void)
{
    blas_calls c;
    return calls(&c) ? c.core() : "absent";
}

const char *mli_blas_core_in_use(void)
{
    return atomic_load(&loaded) != NULL ? mli_blas_core() : "none";
}

mli_blas_kind mli_blas_parallel(void)
{
    blas_calls c;
    int kind = calls(&c) ? c.parallel() : -1;
    return kind == OPENBLAS_THREAD       ? MLI_BLAS_PTHREAD
           : kind == OPENBLAS_OPENMP     ? MLI_BLAS_OPENMP
           : kind == OPENBLAS_SEQUENTIAL ? MLI_BLAS_SERIAL
                                         : MLI_BLAS_ABSENT;
}

int mli_blas_threads(void)
{
    blas_calls c;
    return calls(&c) ? c.threads() : 0;
}

bool mli_blas_use_single_thread(void)
{
    blas_calls c;
    atomic_store(&single_thread_wanted, true);
    /* The host may have loaded it for itself. */
    if (!find_all(mli_os_dl_find(LIBRARY), &c))
        return true;
    c.set_threads(1);
    return c.parallel() != OPENBLAS_OPENMP;
}
