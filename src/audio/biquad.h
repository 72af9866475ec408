/* Second-order filter sections in double precision, and the designs that are made of them. */
#ifndef MLI_AUDIO_BIQUAD_H
#define MLI_AUDIO_BIQUAD_H

#include <stddef.h>

enum { MLI_BUTTERWORTH_MAX = 4 }; /* sections of an order of 8 */

/* y = b0 x + b1 x' + b2 x'' - a1 y' - a2 y'' */
typedef struct mli_biquad {
    double b0, b1, b2, a1, a2;
} mli_biquad;

typedef struct mli_biquad_state {
    double s1, s2;
} mli_biquad_state;

double mli_biquad_step(const mli_biquad *filter, mli_biquad_state *state, double x);
/* Sections of a Butterworth high pass of order 1-8; 0 < cutoff < rate / 2. Returns their number. */
size_t mli_butterworth_high_pass(double cutoff_hz, double rate_hz, int order,
                                 mli_biquad out[MLI_BUTTERWORTH_MAX]);
/* The two sections of the K weighting of ITU-R BS.1770 at any rate above 3.4 kHz: the analog
 * prototype whose form at 48 kHz is the standard's. */
void mli_k_weighting(double rate_hz, mli_biquad out[2]);

#endif
