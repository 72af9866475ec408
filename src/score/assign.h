/* Optimal assignment (Hungarian method): rows to columns, each at most once. */
#ifndef MLI_SCORE_ASSIGN_H
#define MLI_SCORE_ASSIGN_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

enum { MLI_ASSIGN_MAX = 1000, MLI_ASSIGN_NONE = -1 };

/* Finds the assignment with the greatest sum of gains (gains[row * columns + column], each from 0
 * to 2^52). As many pairs are made as the smaller side has members; pairs without gain are
 * MLI_ASSIGN_NONE. `column_of` has one entry a row. Exact: integers. E_LIMIT (more than
 * MLI_ASSIGN_MAX on a side), E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_assign(const int64_t *gains, size_t rows, size_t columns,
                                               const modellab_allocator *alloc,
                                               const mli_cancel_word *cancel, int32_t *column_of,
                                               modellab_error *err);

#endif
