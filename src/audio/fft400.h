/* Power spectra of 16 real frames of 400 samples at a time. The frames lie side by side (one lane
 * each), so that plain loops fill the vector units and every lane computes the same in the same
 * order. */
#ifndef MLI_AUDIO_FFT400_H
#define MLI_AUDIO_FFT400_H

enum { MLI_FFT_LANES = 16, MLI_FFT_HALF = 200, MLI_FFT_BINS = 201 };

/* Twiddle factors, computed once per bank in double precision. */
typedef struct mli_fft_tables {
    float root_re[MLI_FFT_HALF], root_im[MLI_FFT_HALF]; /* exp(-2 pi i k / 200) */
    float half_re[MLI_FFT_BINS], half_im[MLI_FFT_BINS]; /* exp(-2 pi i k / 400) */
} mli_fft_tables;

/* Working memory of one thread. In: re = even samples, im = odd samples, [sample pair][lane]. */
typedef struct mli_fft_work {
    float re[MLI_FFT_HALF][MLI_FFT_LANES], im[MLI_FFT_HALF][MLI_FFT_LANES];
    float re2[MLI_FFT_HALF][MLI_FFT_LANES], im2[MLI_FFT_HALF][MLI_FFT_LANES];
    float power[MLI_FFT_BINS][MLI_FFT_LANES]; /* out: |X[k]|^2, k = 0..200 */
} mli_fft_work;

void mli_fft_tables_init(mli_fft_tables *tables);
/* Overwrites the inputs. */
void mli_fft400_power(const mli_fft_tables *tables, mli_fft_work *work);

#endif
