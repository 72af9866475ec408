/* Rows of the edit matrix as bits (Myers 1999, Hyyrö 2003): 64 columns a word, a bit for "one more
 * than its left neighbour" and one for "one less". */
#ifndef MLI_SCORE_BITS_H
#define MLI_SCORE_BITS_H

#include "base/cancel.h"
#include <modellab/alloc.h>
#include <modellab/status.h>

/* Where each item occurs in a sequence: positions in order, and for frequent items a bit a
 * position. */
typedef struct mli_bits_index {
    const modellab_allocator *alloc; /* borrowed */
    size_t count, items;             /* length of the sequence; item numbers are below `items` */
    size_t words;                    /* of a bit row: count / 64, rounded up, and two spare */
    uint32_t *first;                 /* items + 1: where an item's positions begin */
    uint32_t *positions;
    uint32_t *dense; /* per item: 1 + number of its bit row, or 0 */
    uint64_t *rows;
} mli_bits_index;

/* `reversed` turns the sequence round. E_NO_MEMORY; the index is then empty. */
MODELLAB_MUST_CHECK modellab_status mli_bits_index_make(const uint32_t *sequence, size_t count,
                                                        size_t items, bool reversed,
                                                        const modellab_allocator *alloc,
                                                        mli_bits_index *out, modellab_error *err);
void mli_bits_index_dispose(mli_bits_index *index);

/* A part of the indexed sequence, [from, from + count), as the columns of a matrix. Items to match
 * that occur nowhere have number `items` or above. */
typedef struct mli_bits_part {
    const mli_bits_index *index;
    size_t from, count;
} mli_bits_part;

/* Columns that a row needs: those through which an edit of at most `most` can pass. */
typedef struct mli_bits_band {
    int64_t low, high; /* row i has columns i + low ... i + high, counted from 1 */
} mli_bits_band;

/* For a matrix of `columns` columns and `rows` rows. */
mli_bits_band mli_bits_band_of(size_t columns, size_t rows, int64_t most);

enum { MLI_BITS_AT_ONCE = 4 }; /* rows that are worked on together */

/* State of the last row. */
typedef struct mli_bits_row {
    uint64_t *more, *less;             /* a bit a column */
    uint64_t *equal[MLI_BITS_AT_ONCE]; /* scratch; all zero between the calls */
    size_t first, last;                /* words in the band, inclusive */
    int64_t left;                      /* value left of word `first` */
} mli_bits_row;

/* A row for `columns` columns at most; its memory is one block. */
MODELLAB_MUST_CHECK modellab_status mli_bits_row_make(size_t columns,
                                                      const modellab_allocator *alloc,
                                                      mli_bits_row *out, modellab_error *err);
void mli_bits_row_dispose(const modellab_allocator *alloc, mli_bits_row *row);

/* Back to row 0: the column's number in each column. */
void mli_bits_begin(mli_bits_row *row);
/* Goes from row `done` on by 1 or MLI_BITS_AT_ONCE rows, for the next items of the other sequence.
 * Values that are larger than the band allows may come out too large. */
void mli_bits_advance(mli_bits_row *row, const mli_bits_part *part, mli_bits_band band, size_t done,
                      const uint32_t *items, size_t rows);

#endif
