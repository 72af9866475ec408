/* What the writing and the reading of checkpoints share. */
#ifndef MLI_LAB_CHECKPOINT_PRIVATE_H
#define MLI_LAB_CHECKPOINT_PRIVATE_H

#include "lab/checkpoint.h"

/* The numbers of a segment, by the names of their members. */
#define MLI_CHECKPOINT_NUMBERS(X)                                                                  \
    X(start)                                                                                       \
    X(end)                                                                                         \
    X(temperature)                                                                                 \
    X(avg_logprob)                                                                                 \
    X(compression_ratio)                                                                           \
    X(no_speech_prob)

#endif
