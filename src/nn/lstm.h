/* Long short-term memory (Hochreiter and Schmidhuber 1997, with forget gates), one layer: one
 * sequence at a time, or many of equal length side by side. Threads of a team meet in every step:
 * engines give each thread sequences of its own (mli_team_alone). */
#ifndef MLI_NN_LSTM_H
#define MLI_NN_LSTM_H

#include "kernels/linear.h"

/* Gates stand below each other in the order input, forget, cell, output (torch; ONNX has i o f c).
 */
typedef struct mli_nn_lstm {
    mli_packed ih;     /* [4 * hidden][inputs] */
    mli_packed hh;     /* [4 * hidden][hidden] */
    const float *bias; /* [4 * hidden]: the sum of both biases; NULL = none */
    size_t hidden;
} mli_nn_lstm;

/* Collective. y[steps][hidden] from x[steps][inputs]; h[hidden] and c[hidden] are the state before
 * and after. gates: scratch of steps * 4 * hidden floats. The same bits whether a sequence comes in
 * one call or in several. */
void mli_nn_lstm_run(mli_team *team, const mli_nn_lstm *lstm, size_t steps, const float *x,
                     float *h, float *c, float *y, float *gates);

/* Collective. `rows` sequences that have nothing to do with each other, from a state of zeros:
 * x[steps][rows][inputs] gives y[steps][rows][hidden]; y NULL keeps only the last state, h[rows]
 * [hidden]; y may be x where inputs and hidden are equal. c[rows][hidden] and gates[rows][4 *
 * hidden] are scratch. A sequence's bits do not depend on the rows beside it. */
void mli_nn_lstm_rows(mli_team *team, const mli_nn_lstm *lstm, size_t steps, size_t rows,
                      const float *x, float *h, float *c, float *y, float *gates);

#endif
