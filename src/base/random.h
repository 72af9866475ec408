/* Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the value depends on key and
 * counter alone, so the same numbers come for any chunking, thread count and platform. */
#ifndef MLI_BASE_RANDOM_H
#define MLI_BASE_RANDOM_H

#include <stdint.h>

/* Four words for (seed, counter). */
void mli_philox(uint64_t seed, const uint32_t counter[4], uint32_t out[4]);
/* Uniform in [0, 1) with 53 bits from two words of mli_philox. */
double mli_philox_uniform(uint32_t high, uint32_t low);

#endif
