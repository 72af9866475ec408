/* Normal random numbers that belong to a place (base/random.h), without state. The same key and
 * place give the same number in any order, thread and machine. */
#ifndef MLI_NN_NOISE_H
#define MLI_NN_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* The normal deviate below which a share p of them lies (Wichura 1988, AS 241); 0 < p < 1. */
double mli_nn_normal_inverse(double p);
/* n standard normal numbers: channels 0 .. n - 1 of a frame. */
void mli_nn_noise(uint64_t key, uint32_t stream, uint32_t utterance, uint32_t frame, float *out,
                  size_t n);

#endif
