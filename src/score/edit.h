/* Edit distance of two sequences, with the counts that error rates are made of. */
#ifndef MLI_SCORE_EDIT_H
#define MLI_SCORE_EDIT_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_edit_counts {
    int64_t hits, substitutions, deletions, insertions;
} mli_edit_counts;

enum { MLI_EDIT_MAX = 4000000 }; /* items of one sequence */

/* Levenshtein distance with unit costs. Of all shortest edits the one with the most hits is
 * counted, so that the counts are unique. Time n * m (about 1 ns a pair), memory 8 bytes an item of
 * the shorter. E_LIMIT, E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status
mli_edit_count(const uint32_t *reference, size_t reference_count, const uint32_t *hypothesis,
               size_t hypothesis_count, const modellab_allocator *alloc,
               const mli_cancel_word *cancel, mli_edit_counts *out, modellab_error *err);

#endif
