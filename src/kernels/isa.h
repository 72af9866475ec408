/* Which instruction set the kernels use. Chosen once per process from what CPU and operating system
 * can do; the environment variable MODEL_LAB_ISA = scalar | avx2 | avx512 lowers it (an unknown
 * word, or one that this CPU lacks, leaves the best one). @threads any */
#ifndef MLI_KERNELS_ISA_H
#define MLI_KERNELS_ISA_H

#include <stdbool.h>

typedef enum mli_isa {
    MLI_ISA_SCALAR = 0,
    MLI_ISA_AVX2 = 1,  /* AVX2, FMA, F16C */
    MLI_ISA_AVX512 = 2 /* AVX-512 F, VL, BW, DQ */
} mli_isa;

enum { MLI_ISA_COUNT = 3 };

mli_isa mli_isa_current(void);
bool mli_isa_available(mli_isa isa);
/* "scalar", "avx2", "avx512". Static. */
const char *mli_isa_name(mli_isa isa);

#endif
