/* Fourier transform of a power of two, in single precision with twiddle factors made in double. */
#ifndef MLI_AUDIO_FFT_H
#define MLI_AUDIO_FFT_H

#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_fft {
    size_t size;
    float *re, *im;     /* twiddles exp(-2 pi i k / n) of the stage of length n, at n / 2 */
    uint32_t *reversed; /* where each input goes */
} mli_fft;

/* size 4 to 65536, a power of two. Nothing is held after a failure. */
MODELLAB_MUST_CHECK modellab_status mli_fft_init(mli_fft *fft, size_t size,
                                                 const modellab_allocator *alloc,
                                                 modellab_error *err);
void mli_fft_dispose(mli_fft *fft, const modellab_allocator *alloc);
/* In place, not scaled. The inverse is the same with re and im swapped. */
void mli_fft_run(const mli_fft *fft, float *re, float *im);

#endif
