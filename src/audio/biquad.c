/* Bilinear designs of Butterworth high passes and of the K weighting. */
#include "audio/biquad.h"

#include <math.h>

#define PI 3.14159265358979323846

/* What is smaller is no sound any more, and slow to compute with. */
#define TINY 1e-40

double mli_biquad_step(const mli_biquad *f, mli_biquad_state *state, double x)
{
    double y = f->b0 * x + state->s1;
    state->s1 = f->b1 * x - f->a1 * y + state->s2;
    state->s2 = f->b2 * x - f->a2 * y;
    if (fabs(state->s1) < TINY)
        state->s1 = 0.0;
    if (fabs(state->s2) < TINY)
        state->s2 = 0.0;
    return y;
}

static mli_biquad high_pass(double k, double q)
{
    double n = 1.0 / (1.0 + k / q + k * k);
    return (mli_biquad){n, -2.0 * n, n, 2.0 * (k * k - 1.0) * n, (1.0 - k / q + k * k) * n};
}

size_t mli_butterworth_high_pass(double cutoff_hz, double rate_hz, int order,
                                 mli_biquad out[MLI_BUTTERWORTH_MAX])
{
    double k = tan(PI * cutoff_hz / rate_hz);
    size_t count = 0;

    for (int i = 0; i < order / 2; i++)
        out[count++] = high_pass(k, 0.5 / sin(PI * (2 * i + 1) / (2.0 * order)));
    if (order % 2 == 1)
        out[count++] =
            (mli_biquad){1.0 / (1.0 + k), -1.0 / (1.0 + k), 0.0, (k - 1.0) / (k + 1.0), 0.0};
    return count;
}

void mli_k_weighting(double rate_hz, mli_biquad out[2])
{
    /* a shelf of +4 dB above 1.7 kHz (the head), then a high pass at 38 Hz */
    const double gain = pow(10.0, 3.999843853973347 / 20.0), q = 0.7071752369554196;
    const double k = tan(PI * 1681.974450955533 / rate_hz), band = pow(gain, 0.4996667741545416);
    const double n = 1.0 / (1.0 + k / q + k * k), k2 = tan(PI * 38.13547087602444 / rate_hz);

    out[0] = (mli_biquad){(gain + band * k / q + k * k) * n, 2.0 * (k * k - gain) * n,
                          (gain - band * k / q + k * k) * n, 2.0 * (k * k - 1.0) * n,
                          (1.0 - k / q + k * k) * n};
    out[1] = high_pass(k2, 0.5003270373238773);
    out[1].b0 = out[1].b2 = 1.0; /* as the standard's table has it: not normalised */
    out[1].b1 = -2.0;
}
