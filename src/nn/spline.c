/* The spline of the duration predictor, in double precision: it is a small part of the work, and a
 * rounding error here may become a frame. */
#include "nn/spline.h"
#include <math.h>

enum { BINS = MLI_NN_SPLINE_BINS };
#define TAIL 5.0
#define LEAST 1e-3 /* width, height and derivative of a bin */

/* Knots from -5 to 5 by the softmax of `values`. */
static void knots_of(const float *values, double scale, double knots[BINS + 1])
{
    double e[BINS], top = -INFINITY, sum = 0.0, total = 0.0;

    for (int i = 0; i < BINS; i++)
        top = fmax(top, (double)values[i] / scale);
    for (int i = 0; i < BINS; i++)
        sum += e[i] = exp((double)values[i] / scale - top);
    knots[0] = -TAIL;
    for (int i = 0; i < BINS; i++) {
        total += LEAST + (1.0 - LEAST * BINS) * e[i] / sum;
        knots[i + 1] = 2.0 * TAIL * total - TAIL;
    }
    knots[BINS] = TAIL;
}

/* At knot i: of the tails 1. */
static double derivative(const float *values, int i)
{
    if (i == 0 || i == BINS)
        return 1.0;
    double v = (double)values[i - 1];
    return LEAST + log1p(exp(-fabs(v))) + fmax(v, 0.0);
}

float mli_nn_spline_inverse(const float *params, float scale, float y)
{
    double xs[BINS + 1], ys[BINS + 1];
    int i = 0;

    if (!(y >= (float)-TAIL && y <= (float)TAIL))
        return y;
    knots_of(params, (double)scale, xs);
    knots_of(params + BINS, (double)scale, ys);
    while (i < BINS - 1 && (double)y >= ys[i + 1])
        i++;
    const float *slopes = params + 2 * (size_t)BINS;
    double w = xs[i + 1] - xs[i], h = ys[i + 1] - ys[i], delta = h / w;
    double d0 = derivative(slopes, i), d1 = derivative(slopes, i + 1), at = (double)y - ys[i];
    double bend = d0 + d1 - 2.0 * delta;
    double a = at * bend + h * (delta - d0), b = h * d0 - at * bend, c = -delta * at;
    double root = 2.0 * c / (-b - sqrt(fmax(b * b - 4.0 * a * c, 0.0)));
    return (float)(root * w + xs[i]);
}
