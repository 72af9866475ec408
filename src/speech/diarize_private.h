/* The parts of clustering. Internal to diarize_*.c. */
#ifndef MLI_SPEECH_DIARIZE_PRIVATE_H
#define MLI_SPEECH_DIARIZE_PRIVATE_H

#include "speech/diarize_cluster.h"

/* Groups of things, each the sum of its cells' directions; sums[count][MLI_VOICE_WIDTH]. */
typedef struct mli_groups {
    float *sums;
    float *cells; /* [count]: how many cells */
    size_t count;
} mli_groups;

/* Joins groups pair by pair until `left` are left: by the loss of resultant length (Ward's
 * criterion for directions), or (average) by the mean cosine while it is at least `similarity`.
 * target[old count] becomes each one's new number. At most MLI_WARD_BLOCK groups. */
typedef struct mli_join_rule {
    size_t left;
    bool average;
    float similarity;
} mli_join_rule;
MODELLAB_MUST_CHECK modellab_status mli_groups_join(mli_groups *groups, const mli_join_rule *rule,
                                                    const modellab_allocator *alloc,
                                                    uint32_t *target, const mli_cancel_word *cancel,
                                                    modellab_error *err);

/* First labels: cells are gathered into pieces, pieces joined block by block until one block is
 * left, which the rule decides. *count groups, at most MLI_SPEAKERS_MOST. */
MODELLAB_MUST_CHECK modellab_status mli_cluster_start(
    const mli_cells *cells, const mli_join_rule *rule, const modellab_allocator *alloc,
    uint8_t *labels, int32_t *count, const mli_cancel_word *cancel, modellab_error *err);

/* The memory of fits. */
typedef struct mli_fit {
    const mli_cells *cells;
    const modellab_allocator *alloc;
    float *scores;   /* [window_count][groups] */
    float *weights;  /* [window_count]: of one group's cells */
    uint8_t *back;   /* [cells][groups] */
    float *sums;     /* [MLI_SPEAKERS_MOST][MLI_VOICE_WIDTH], of cells' directions */
    float *voices;   /* the same, of length 1 */
    float *cells_of; /* [MLI_SPEAKERS_MOST] */
    int32_t groups;
} mli_fit;

MODELLAB_MUST_CHECK modellab_status mli_fit_create(mli_fit *fit, const mli_cells *cells,
                                                   int32_t groups, const modellab_allocator *alloc,
                                                   modellab_error *err);
void mli_fit_dispose(mli_fit *fit);
/* Sums and voices of labels; groups without cells are dropped and the labels renumbered. */
MODELLAB_MUST_CHECK modellab_status mli_fit_sums(mli_fit *fit, uint8_t *labels,
                                                 const mli_cancel_word *cancel,
                                                 modellab_error *err);
/* Best labels for the voices (Viterbi), then sums again; `rounds` times or until nothing moves. */
MODELLAB_MUST_CHECK modellab_status mli_fit_run(mli_fit *fit, const mli_cluster_rules *rules,
                                                uint8_t *labels, const mli_cancel_word *cancel,
                                                modellab_error *err);

/* y += factor x, of a voice. */
void mli_voice_add(float *y, float factor, const float *x);
/* Length of a voice; and to length 1 (zeros stay). */
float mli_voice_length(const float *x);
void mli_voice_normalise(float *x);

#endif
