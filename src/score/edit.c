/* One row of the distance matrix is kept. A cell is distance * 2^32 - hits: its minimum is the
 * shortest edit with the most hits, and the other counts follow from the lengths. */
#include "score/edit.h"

#include "base/alloc.h"
#include "base/error.h"

#define STEP ((int64_t)1 << 32) /* a substitution, deletion or insertion; a hit is -1 */

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Next row of the matrix for one item of the outer sequence. */
static void next_row(int64_t *row, uint32_t item, const uint32_t *inner, size_t count)
{
    int64_t diagonal = row[0];
    row[0] += STEP;
    for (size_t i = 0; i < count; i++) {
        int64_t match = diagonal + (inner[i] == item ? -1 : STEP);
        diagonal = row[i + 1];
        row[i + 1] = least(match, least(diagonal, row[i]) + STEP);
    }
}

MODELLAB_MUST_CHECK static modellab_status fill(int64_t *row, const uint32_t *outer,
                                                size_t outer_count, const uint32_t *inner,
                                                size_t inner_count, const mli_cancel_word *cancel,
                                                modellab_error *err)
{
    const size_t look = 1 + 1000000 / (inner_count + 1); /* rows between two looks: some ms */
    for (size_t i = 0; i <= inner_count; i++)
        row[i] = (int64_t)i * STEP;
    for (size_t i = 0; i < outer_count; i++) {
        if (i % look == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
        next_row(row, outer[i], inner, inner_count);
    }
    return MODELLAB_OK;
}

modellab_status mli_edit_count(const uint32_t *reference, size_t reference_count,
                               const uint32_t *hypothesis, size_t hypothesis_count,
                               const modellab_allocator *alloc, const mli_cancel_word *cancel,
                               mli_edit_counts *out, modellab_error *err)
{
    *out = (mli_edit_counts){0, 0, 0, 0};
    if (reference_count > MLI_EDIT_MAX || hypothesis_count > MLI_EDIT_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "a text to score has more than %d items",
                        (int)MLI_EDIT_MAX);
    const bool swap = hypothesis_count > reference_count; /* distance and hits are symmetric */
    const uint32_t *inner = swap ? reference : hypothesis, *outer = swap ? hypothesis : reference;
    const size_t inner_count = swap ? reference_count : hypothesis_count;
    const size_t outer_count = swap ? hypothesis_count : reference_count;
    int64_t *row = mli_alloc_array(alloc, inner_count + 1, sizeof *row);
    if (row == NULL)
        return mli_no_memory(err);
    modellab_status status = fill(row, outer, outer_count, inner, inner_count, cancel, err);
    if (status == MODELLAB_OK) {
        const int64_t cell = row[inner_count];
        const int64_t distance = (cell + STEP - 1) / STEP, hits = distance * STEP - cell;
        const int64_t n = (int64_t)reference_count, m = (int64_t)hypothesis_count;
        const int64_t substitutions = n + m - 2 * hits - distance;
        *out = (mli_edit_counts){hits, substitutions, n - hits - substitutions,
                                 m - hits - substitutions};
    }
    mli_free(alloc, row);
    return status;
}
