/* A stretch of a signal over time, for networks that run over it piece by piece: frames have
 * numbers that count from the beginning, those before it are zeros, and those that nobody needs any
 * more are dropped. */
#ifndef MLI_NN_SIGNAL_H
#define MLI_NN_SIGNAL_H

#include <stddef.h>
#include <stdint.h>

typedef struct mli_nn_signal {
    float *data; /* caller's: room for `room` frames of `width` */
    size_t width, room;
    int64_t first; /* frame that stands at data */
    int64_t end;   /* frames before this one are there */
} mli_nn_signal;

static inline float *mli_nn_signal_at(const mli_nn_signal *s, int64_t frame)
{
    return s->data + (size_t)(frame - s->first) * s->width;
}

/* Nothing yet, and `before` frames of zeros. */
void mli_nn_signal_begin(mli_nn_signal *s, size_t before);
/* Drops what comes before `from`. */
void mli_nn_signal_keep(mli_nn_signal *s, int64_t from);
/* Frames [from, end) become zeros. */
void mli_nn_signal_zero(mli_nn_signal *s, int64_t from);

#endif
