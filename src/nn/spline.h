/* Monotone rational-quadratic splines with linear tails (Durkan et al. 2019), backwards. */
#ifndef MLI_NN_SPLINE_H
#define MLI_NN_SPLINE_H

#include <stddef.h>

enum { MLI_NN_SPLINE_BINS = 10 };

/* The x whose spline is y. params: unnormalised widths[10], heights[10] (both still to be divided
 * by `scale`), derivatives[9]. Identity beyond -5 .. 5. */
float mli_nn_spline_inverse(const float *params, float scale, float y);

#endif
