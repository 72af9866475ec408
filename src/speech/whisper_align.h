/* Word times, first half: from cross-attention to the frame at which each token begins, by dynamic
 * time warping over the mean of the alignment heads. */
#ifndef MLI_SPEECH_WHISPER_ALIGN_H
#define MLI_SPEECH_WHISPER_ALIGN_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

enum { MLI_WHISPER_MEDIAN_WIDTH = 7 };

/* Adds one head to matrix[tokens][frames]: attention[tokens][stride] (softmax over all frames) is
 * renormalised to the first `frames`, normalised over the tokens (mean 0, deviation 1 for every
 * frame) and smoothed by a median of 7 along the frames. `attention` is changed. The cancel word is
 * looked at for each token (some 0.1 ms); once it is set, what is left of the head is not done. */
void mli_whisper_align_head(float *attention, size_t tokens, size_t stride, size_t frames,
                            const mli_cancel_word *cancel, float *matrix);
/* The cheapest monotone path through -weights[rows][columns] (row stride `stride`); start[r] is the
 * first column of row r. Ties go as in the reference. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_dtw(const modellab_allocator *alloc,
                                                    const float *weights, size_t rows,
                                                    size_t columns, size_t stride,
                                                    const mli_cancel_word *cancel, int32_t *start,
                                                    modellab_error *err);

#endif
