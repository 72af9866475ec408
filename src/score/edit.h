/* Shortest edit of two sequences: which items are equal, substituted, deleted and inserted, and the
 * counts that error rates are made of. */
#ifndef MLI_SCORE_EDIT_H
#define MLI_SCORE_EDIT_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

typedef struct mli_edit_counts {
    int64_t hits, substitutions, deletions, insertions;
} mli_edit_counts;

enum { MLI_EDIT_MAX = 4000000 }; /* items of one sequence */

typedef enum mli_edit_kind {
    MLI_EDIT_EQUAL = 0,
    MLI_EDIT_SUBSTITUTE = 1,
    MLI_EDIT_DELETE = 2, /* an item of the reference that the hypothesis lacks */
    MLI_EDIT_INSERT = 3
} mli_edit_kind;

/* The edit in order. The indices follow: all but INSERT take the next item of the reference, all
 * but DELETE the next of the hypothesis. */
typedef struct mli_edit_path {
    uint8_t *kinds; /* mli_edit_kind; freed with mli_free(alloc, kinds) */
    size_t count;
    mli_edit_counts counts;
} mli_edit_path;

/* Levenshtein alignment with unit costs. Where several edits are equally short the choice is that
 * of rapidfuzz (with which jiwer counts), so that alignments and counts are the same as there:
 * common ends are equal; then, from the end, a deletion comes first, then an insertion where it
 * leads to less than the diagonal, then a match or substitution; sequences whose matrix of bits has
 * 1 MiB or more are halved (Hirschberg) at the first best place of the reference. Items are numbers
 * below 2^24. Time is n * m / 64 steps, twice (100,000 words: some 0.5 s), or in proportion to the
 * distance where that is small; memory some 100 bytes an item. E_LIMIT, E_CANCELLED, E_NO_MEMORY;
 * then `out` is empty. */
MODELLAB_MUST_CHECK modellab_status
mli_edit_align(const uint32_t *reference, size_t reference_count, const uint32_t *hypothesis,
               size_t hypothesis_count, const modellab_allocator *alloc,
               const mli_cancel_word *cancel, mli_edit_path *out, modellab_error *err);
/* The counts alone. */
MODELLAB_MUST_CHECK modellab_status
mli_edit_count(const uint32_t *reference, size_t reference_count, const uint32_t *hypothesis,
               size_t hypothesis_count, const modellab_allocator *alloc,
               const mli_cancel_word *cancel, mli_edit_counts *out, modellab_error *err);

#endif
