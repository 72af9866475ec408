/* Grouping cells by voice. Pure functions of the cells, single-threaded and with bounded memory:
 * whatever the length, at most MLI_WARD_BLOCK things are compared with each other at a time. */
#ifndef MLI_SPEECH_DIARIZE_CLUSTER_H
#define MLI_SPEECH_DIARIZE_CLUSTER_H

#include "base/cancel.h"
#include "speech/diarize_cells.h"
#include <modellab/status.h>
#include <stdbool.h>

enum { MLI_SPEAKERS_MOST = 64, MLI_WARD_BLOCK = 1024, MLI_WARD_LEFT = 64 };

typedef enum mli_cluster_method {
    MLI_CLUSTER_MERGE_PATH = 0,   /* many groups, merged one by one with a new fit after each */
    MLI_CLUSTER_AGGLOMERATIVE = 1 /* average linkage down to a similarity, then one fit */
} mli_cluster_method;

typedef struct mli_cluster_rules {
    mli_cluster_method method;
    int32_t least, most;                      /* speakers; most 0 = as the rule says */
    int32_t start;                            /* groups that the merge path begins with */
    int32_t rounds;                           /* of a fit */
    float switch_cost;                        /* of another voice in the next cell, in cosine */
    float cost_scale, cost_power, cost_share; /* a merge may cost max(scale n^power, share n_min) */
    float jump,
        jump_share;   /* nor jump times the one before, when it costs that share of the most */
    float similarity; /* agglomerative: below it nothing is joined */
} mli_cluster_rules;

void mli_cluster_rules_init(mli_cluster_rules *rules);

/* labels[cells->count] in 0 .. *speakers - 1, numbered as they first speak; voices[*speakers]
 * [MLI_VOICE_WIDTH] are their directions (room for MLI_SPEAKERS_MOST). No cells: no speakers. */
MODELLAB_MUST_CHECK modellab_status mli_cluster(const mli_cells *cells,
                                                const mli_cluster_rules *rules,
                                                const modellab_allocator *alloc, uint8_t *labels,
                                                float *voices, int32_t *speakers,
                                                const mli_cancel_word *cancel, modellab_error *err);

#endif
