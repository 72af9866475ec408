/* Sums and maxima over rows of logits, for the rules and the search (which know no kernels). -inf
 * is a token that must not be said. */
#ifndef MLI_SPEECH_WHISPER_MATH_H
#define MLI_SPEECH_WHISPER_MATH_H

#include <stddef.h>
#include <stdint.h>

/* log(sum(exp(x))); -inf when all are. */
float mli_whisper_logsumexp(const float *x, size_t n);
/* First index of the greatest value; 0 when n is 0 or nothing is greater than -inf. */
size_t mli_whisper_argmax(const float *x, size_t n);
/* The k greatest values in falling order, ties by index; returns how many there are (min(k, n)).
 * k <= 32. */
size_t mli_whisper_top(const float *x, size_t n, size_t k, int32_t *ids);
/* x[i] = exp((x[i] - greatest) / temperature). */
void mli_whisper_exp_scaled(float *x, size_t n, float temperature);
/* In place. */
void mli_whisper_softmax(float *x, size_t n);

#endif
