/* The one-time choice of the instruction set: what the CPU offers, lowered by MODEL_LAB_ISA. */
#include "kernels/isa.h"
#include "kernels/table.h"

#include "os/file.h"
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static _Atomic(const mli_kernels *) in_use;

const mli_kernels *mli_kernels_of(mli_isa isa)
{
#if defined(__x86_64__)
    if (isa == MLI_ISA_AVX512 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq"))
        return &mli_kernels_avx512;
    if (isa == MLI_ISA_AVX2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("f16c"))
        return &mli_kernels_avx2;
#endif
    return isa == MLI_ISA_SCALAR ? &mli_kernels_scalar : NULL;
}

static const mli_kernels *choose(void)
{
    const char *word = mli_os_env("MODEL_LAB_ISA");
    for (int isa = MLI_ISA_COUNT; word != NULL && isa-- > 0;) {
        const mli_kernels *wanted = mli_kernels_of((mli_isa)isa);
        if (wanted != NULL && strcmp(word, mli_isa_name((mli_isa)isa)) == 0)
            return wanted;
    }
    for (int isa = MLI_ISA_COUNT - 1; isa > MLI_ISA_SCALAR; isa--) {
        if (mli_kernels_of((mli_isa)isa) != NULL)
            return mli_kernels_of((mli_isa)isa);
    }
    return &mli_kernels_scalar;
}

const mli_kernels *mli_kernels_current(void)
{
    const mli_kernels *table = atomic_load_explicit(&in_use, memory_order_acquire);
    if (table == NULL) {
        /* Two threads that meet here choose the same. */
        table = choose();
        atomic_store_explicit(&in_use, table, memory_order_release);
    }
    return table;
}

bool mli_kernels_use(mli_isa isa)
{
    const mli_kernels *table = mli_kernels_of(isa);
    if (table != NULL)
        atomic_store_explicit(&in_use, table, memory_order_release);
    return table != NULL;
}

mli_isa mli_isa_current(void)
{
    return mli_kernels_current()->isa;
}

bool mli_isa_available(mli_isa isa)
{
    return mli_kernels_of(isa) != NULL;
}

const char *mli_isa_name(mli_isa isa)
{
    static const char *const names[MLI_ISA_COUNT] = {"scalar", "avx2", "avx512"};
    return (int)isa >= 0 && (int)isa < MLI_ISA_COUNT ? names[isa] : "unknown";
}
