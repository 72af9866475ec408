/* One row after another finds its column by a shortest augmenting path over reduced costs (Jonker
 * and Volgenant, Crouse 2016): rows * rows * columns steps. */
#include "score/assign.h"

#include "base/alloc.h"
#include "base/error.h"

#define FAR (INT64_MAX / 4)

typedef struct assigner {
    const int64_t *gains;
    size_t rows, columns;         /* rows <= columns */
    size_t step_row, step_column; /* of the matrix of gains: it may be turned */
    int64_t *row_price, *column_price, *distance;
    int32_t *row_of, *before, *open; /* per column: its row; the column before it on the path; the
                                        columns that the path has not reached yet */
    uint8_t *done;
} assigner;

/* What a pair costs beyond the prices of its row and column. */
static int64_t excess(const assigner *a, size_t row, size_t column)
{
    return -a->gains[row * a->step_row + column * a->step_column] - a->row_price[row] -
           a->column_price[column];
}

/* Looks from `row` (reached at `so_far`) at the open columns; returns the place of the nearest in
 * the list of them. Of equally near ones a free one is taken, else the first: as scipy does. */
static size_t relax(assigner *a, size_t row, int64_t so_far, int32_t from, size_t open)
{
    size_t nearest = 0;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < open; i++) {
        const int32_t c = a->open[i];
        const int64_t d = so_far + excess(a, row, (size_t)c);
        if (d < a->distance[c]) {
            a->distance[c] = d;
            a->before[c] = from;
        }
        if (a->distance[c] < least || (a->distance[c] == least && a->row_of[c] < 0)) {
            least = a->distance[c];
            nearest = i;
        }
    }
    return nearest;
}

static void place_row(assigner *a, size_t row)
{
    size_t open = a->columns;
    for (size_t c = 0; c < a->columns; c++) {
        a->distance[c] = FAR;
        a->done[c] = 0;
        a->open[c] = (int32_t)(a->columns - 1 - c);
    }
    size_t place = relax(a, row, 0, -1, open);
    int32_t at = a->open[place];
    while (a->row_of[at] >= 0) { /* taken: its row may move on */
        a->done[at] = 1;
        a->open[place] = a->open[--open];
        place = relax(a, (size_t)a->row_of[at], a->distance[at], at, open);
        at = a->open[place];
    }
    const int64_t length = a->distance[at];
    a->row_price[row] += length;
    for (size_t c = 0; c < a->columns; c++) {
        if (a->done[c]) {
            a->row_price[a->row_of[c]] += length - a->distance[c];
            a->column_price[c] -= length - a->distance[c];
        }
    }
    for (; a->before[at] >= 0; at = a->before[at]) /* each on the path takes the next column */
        a->row_of[at] = a->row_of[a->before[at]];
    a->row_of[at] = (int32_t)row;
}

static void tell(const assigner *a, bool turned, int32_t *column_of)
{
    for (size_t c = 0; c < a->columns; c++) {
        const int32_t row = a->row_of[c];
        if (row < 0 || a->gains[(size_t)row * a->step_row + c * a->step_column] == 0)
            continue;
        column_of[turned ? c : (size_t)row] = turned ? row : (int32_t)c;
    }
}

modellab_status mli_assign(const int64_t *gains, size_t rows, size_t columns,
                           const modellab_allocator *alloc, const mli_cancel_word *cancel,
                           int32_t *column_of, modellab_error *err)
{
    const bool turned = rows > columns;
    const size_t n = turned ? columns : rows, m = turned ? rows : columns;
    assigner a = {.gains = gains,
                  .rows = n,
                  .columns = m,
                  .step_row = turned ? 1 : columns,
                  .step_column = turned ? columns : 1};
    modellab_status status = MODELLAB_OK;
    for (size_t r = 0; r < rows; r++)
        column_of[r] = MLI_ASSIGN_NONE;
    if (n == 0)
        return MODELLAB_OK;
    if (m > MLI_ASSIGN_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d speakers", (int)MLI_ASSIGN_MAX);
    int64_t *numbers = mli_alloc_array(alloc, n + 2 * m, sizeof *numbers);
    int32_t *links = mli_alloc_array(alloc, 3 * m, sizeof *links);
    a.done = mli_alloc_array(alloc, m, sizeof *a.done);
    if (numbers == NULL || links == NULL || a.done == NULL)
        status = mli_no_memory(err);
    if (status == MODELLAB_OK) {
        a.row_price = numbers;
        a.column_price = numbers + n;
        a.distance = numbers + n + m;
        a.row_of = links;
        a.before = links + m;
        a.open = links + 2 * m;
        for (size_t c = 0; c < m; c++)
            a.row_of[c] = -1;
        for (size_t r = 0; status == MODELLAB_OK && r < n; r++) { /* a million steps at most */
            place_row(&a, r);
            if (mli_cancelled(cancel))
                status = mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
        }
    }
    if (status == MODELLAB_OK)
        tell(&a, turned, column_of);
    mli_free(alloc, numbers);
    mli_free(alloc, links);
    mli_free(alloc, a.done);
    return status;
}
