/* Four rows go through the words together, each one word behind the row above it: their carries do
 * not wait for one another, which is what a single row does all the time. */
#include "score/bits.h"

#include "base/alloc.h"
#include "base/error.h"
#include <string.h>

enum { WORD = 64, DENSE_SHARE = 256 }; /* items that are more than 1 in 256 get bit rows */

static size_t words_of(size_t columns)
{
    return (columns + WORD - 1) / WORD;
}

/* Counts, then places: a counting sort of the positions by item. */
static void place(const uint32_t *sequence, bool reversed, mli_bits_index *x)
{
    for (size_t i = 0; i < x->count; i++)
        x->first[sequence[i] + 1]++;
    for (size_t k = 0; k < x->items; k++)
        x->first[k + 1] += x->first[k];
    for (size_t i = 0; i < x->count; i++) { /* `dense` holds the number placed so far */
        const uint32_t item = sequence[reversed ? x->count - 1 - i : i];
        x->positions[x->first[item] + x->dense[item]++] = (uint32_t)i;
    }
}

MODELLAB_MUST_CHECK static modellab_status make_rows(mli_bits_index *x, modellab_error *err)
{
    uint32_t rows = 0;
    for (size_t k = 0; k < x->items; k++)
        x->dense[k] = x->dense[k] > x->count / DENSE_SHARE ? ++rows : 0;
    x->rows = mli_alloc_array(x->alloc, (size_t)rows * x->words + 1, sizeof *x->rows);
    if (x->rows == NULL)
        return mli_no_memory(err);
    for (size_t k = 0; k < x->items; k++) {
        if (x->dense[k] == 0)
            continue;
        uint64_t *row = x->rows + (size_t)(x->dense[k] - 1) * x->words;
        for (uint32_t i = x->first[k]; i < x->first[k + 1]; i++)
            row[x->positions[i] / WORD] |= UINT64_C(1) << x->positions[i] % WORD;
    }
    return MODELLAB_OK;
}

modellab_status mli_bits_index_make(const uint32_t *sequence, size_t count, size_t items,
                                    bool reversed, const modellab_allocator *alloc,
                                    mli_bits_index *out, modellab_error *err)
{
    *out = (mli_bits_index){.alloc = alloc, .count = count, .items = items};
    out->words = words_of(count) + 2;
    out->first = mli_alloc_array(alloc, items + 2, sizeof *out->first);
    out->positions = mli_alloc_array(alloc, count + 1, sizeof *out->positions);
    out->dense = mli_alloc_array(alloc, items + 1, sizeof *out->dense);
    modellab_status status = MODELLAB_OK;
    if (out->first == NULL || out->positions == NULL || out->dense == NULL)
        status = mli_no_memory(err);
    if (status == MODELLAB_OK) {
        place(sequence, reversed, out);
        status = make_rows(out, err);
    }
    if (status != MODELLAB_OK)
        mli_bits_index_dispose(out);
    return status;
}

void mli_bits_index_dispose(mli_bits_index *x)
{
    mli_free(x->alloc, x->first);
    mli_free(x->alloc, x->positions);
    mli_free(x->alloc, x->dense);
    mli_free(x->alloc, x->rows);
    *x = (mli_bits_index){.alloc = x->alloc};
}

mli_bits_band mli_bits_band_of(size_t columns, size_t rows, int64_t most)
{
    const int64_t shift = (int64_t)columns - (int64_t)rows; /* an edit goes at least this far */
    return (mli_bits_band){-((most - shift) / 2), (most + shift) / 2};
}

modellab_status mli_bits_row_make(size_t columns, const modellab_allocator *alloc,
                                  mli_bits_row *out, modellab_error *err)
{
    const size_t words = words_of(columns) + 1;
    *out = (mli_bits_row){0};
    out->more = mli_alloc_array(alloc, words * (2 + MLI_BITS_AT_ONCE), sizeof *out->more);
    if (out->more == NULL)
        return mli_no_memory(err);
    out->less = out->more + words;
    for (size_t r = 0; r < MLI_BITS_AT_ONCE; r++)
        out->equal[r] = out->less + words * (r + 1);
    return MODELLAB_OK;
}

void mli_bits_row_dispose(const modellab_allocator *alloc, mli_bits_row *row)
{
    mli_free(alloc, row->more);
    *row = (mli_bits_row){0};
}

void mli_bits_begin(mli_bits_row *row)
{
    row->first = 0;
    row->last = SIZE_MAX; /* no word yet */
    row->left = 0;
}

/* First position of the item that is not before `from`. */
static uint32_t seek(const mli_bits_index *x, uint32_t item, size_t from)
{
    uint32_t low = x->first[item], high = x->first[item + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (x->positions[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Sets the bits of the columns that equal the item, in words first ... last. */
static void match(const mli_bits_part *part, uint32_t item, size_t first, size_t last,
                  uint64_t *equal)
{
    const mli_bits_index *x = part->index;
    if (item >= x->items)
        return;
    if (x->dense[item] != 0) {
        const uint64_t *row = x->rows + (size_t)(x->dense[item] - 1) * x->words;
        const size_t shift = part->from % WORD;
        row += part->from / WORD;
        for (size_t w = first; w <= last; w++)
            equal[w] = shift == 0 ? row[w] : row[w] >> shift | row[w + 1] << (WORD - shift);
        return;
    }
    size_t end = part->from + (last + 1) * WORD;
    if (end > part->from + part->count)
        end = part->from + part->count;
    for (uint32_t i = seek(x, item, part->from + first * WORD);
         i < x->first[item + 1] && x->positions[i] < end; i++) {
        const size_t column = x->positions[i] - part->from;
        equal[column / WORD] |= UINT64_C(1) << column % WORD;
    }
}

static void unmatch(const mli_bits_part *part, uint32_t item, size_t first, size_t last,
                    uint64_t *equal)
{
    const mli_bits_index *x = part->index;
    if (item >= x->items)
        return;
    if (x->dense[item] != 0) {
        memset(equal + first, 0, (last - first + 1) * sizeof *equal);
        return;
    }
    const size_t end = part->from + (last + 1) * WORD;
    for (uint32_t i = seek(x, item, part->from + first * WORD);
         i < x->first[item + 1] && x->positions[i] < end; i++)
        equal[(x->positions[i] - part->from) / WORD] = 0;
}

/* What one row hands from word to word: does the value below the word's last column rise or fall?
 */
typedef struct carry {
    uint64_t rises, falls;
} carry;

static inline void step(uint64_t *more, uint64_t *less, uint64_t equal, carry *c)
{
    const uint64_t p = *more, n = *less;
    const uint64_t hit = equal | c->falls;
    const uint64_t same = (((hit & p) + p) ^ p) | hit | n; /* equal to its upper left neighbour */
    const uint64_t up = n | ~(same | p), down = same & p;
    const uint64_t rises = up << 1 | c->rises, falls = down << 1 | c->falls;
    c->rises = up >> (WORD - 1);
    c->falls = down >> (WORD - 1);
    *more = falls | ~(same | rises);
    *less = rises & same;
}

/* Moves the band on: words that enter have values that rise by one a column, as above the matrix;
 * the value at the left border takes over those that leave. */
static void move_band(mli_bits_row *row, size_t first, size_t last)
{
    for (size_t w = row->last + 1; w <= last; w++) { /* SIZE_MAX + 1 = 0 */
        row->more[w] = UINT64_MAX;
        row->less[w] = 0;
    }
    row->last = last;
    for (; row->first < first; row->first++)
        row->left += __builtin_popcountll(row->more[row->first]) -
                     __builtin_popcountll(row->less[row->first]);
}

static void one_row(mli_bits_row *row)
{
    carry c = {1, 0};
    for (size_t w = row->first; w <= row->last; w++)
        step(&row->more[w], &row->less[w], row->equal[0][w], &c);
}

/* Row r is at word w - r. */
static void four_rows(mli_bits_row *row)
{
    const size_t first = row->first, last = row->last;
    carry c[MLI_BITS_AT_ONCE] = {{1, 0}, {1, 0}, {1, 0}, {1, 0}};
    size_t w = first;
    for (; w < first + MLI_BITS_AT_ONCE - 1 && w <= last; w++) {
        for (size_t r = 0; r <= w - first; r++)
            step(&row->more[w - r], &row->less[w - r], row->equal[r][w - r], &c[r]);
    }
    for (; w <= last; w++) {
        step(&row->more[w], &row->less[w], row->equal[0][w], &c[0]);
        step(&row->more[w - 1], &row->less[w - 1], row->equal[1][w - 1], &c[1]);
        step(&row->more[w - 2], &row->less[w - 2], row->equal[2][w - 2], &c[2]);
        step(&row->more[w - 3], &row->less[w - 3], row->equal[3][w - 3], &c[3]);
    }
    for (; w < last + MLI_BITS_AT_ONCE; w++) { /* the lower rows still have words before them */
        for (size_t r = w - last; r < MLI_BITS_AT_ONCE && r <= w - first; r++)
            step(&row->more[w - r], &row->less[w - r], row->equal[r][w - r], &c[r]);
    }
}

void mli_bits_advance(mli_bits_row *row, const mli_bits_part *part, mli_bits_band band, size_t done,
                      const uint32_t *items, size_t rows)
{
    const int64_t i = (int64_t)done + 1, most = (int64_t)words_of(part->count) - 1;
    int64_t first = (i + band.low - 1) / WORD,
            last = (i + (int64_t)rows - 1 + band.high - 1) / WORD;
    first = i + band.low - 1 < 0 ? 0 : first;
    last = last < 0 ? 0 : last > most ? most : last;
    first = first > last ? last : first;
    move_band(row, (size_t)first, (size_t)last);
    for (size_t r = 0; r < rows; r++)
        match(part, items[r], row->first, row->last, row->equal[r]);
    if (rows == 1)
        one_row(row);
    else
        four_rows(row);
    row->left += (int64_t)rows;
    for (size_t r = 0; r < rows; r++)
        unmatch(part, items[r], row->first, row->last, row->equal[r]);
}
