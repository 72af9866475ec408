/* The shortest edit, from the bits of the edit matrix: common ends off, then the whole matrix where
 * it is small, else two halves (Hirschberg). */
#include "score/edit.h"

#include "base/alloc.h"
#include "base/error.h"
#include "score/bits.h"

enum {
    WORD = 64,
    LEAF_BYTES = 1 << 20, /* a matrix of fewer bytes is not halved */
    LEAF_COLUMNS = 65,    /* nor one with fewer columns */
    LEAF_ROWS = 10,       /* or rows */
    FIRST_MOST = 31,      /* first guess of the distance */
    LOOK_WORDS = 1000000, /* steps between two looks at the cancel word: some 2 ms */
    LOOK_ITEMS = 1000000,
    ITEMS_MAX = 1 << 24
};

typedef struct aligner {
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
    const uint32_t *reference,
        *hypothesis;  /* numbers of the index; `items` = not in the reference */
    uint32_t *turned; /* the hypothesis from its end */
    size_t reference_count, hypothesis_count;
    mli_bits_index forward, backward;
    mli_bits_row row;
    mli_edit_path *out;
    size_t work; /* steps since the last look */
    modellab_error *err;
} aligner;

/* Part of the matrix: columns = reference, rows = hypothesis. */
typedef struct part {
    size_t reference, reference_count, hypothesis, hypothesis_count;
} part;

MODELLAB_MUST_CHECK static modellab_status look(aligner *a, size_t work, size_t limit)
{
    a->work += work;
    if (a->work < limit)
        return MODELLAB_OK;
    a->work = 0;
    return mli_cancelled(a->cancel)
               ? mli_fail(a->err, MODELLAB_E_CANCELLED, "scoring was cancelled")
               : MODELLAB_OK;
}

static void put(aligner *a, mli_edit_kind kind, size_t count)
{
    mli_edit_counts *c = &a->out->counts;
    int64_t *const sums[] = {&c->hits, &c->substitutions, &c->deletions, &c->insertions};
    *sums[kind] += (int64_t)count;
    for (size_t i = 0; i < count; i++)
        a->out->kinds[a->out->count++] = (uint8_t)kind;
}

/* All rows of a matrix within a band, the last state stays in a->row. */
MODELLAB_MUST_CHECK static modellab_status run(aligner *a, const mli_bits_part *columns,
                                               const uint32_t *items, size_t rows,
                                               mli_bits_band band)
{
    modellab_status status = MODELLAB_OK;
    mli_bits_begin(&a->row);
    for (size_t i = 0; status == MODELLAB_OK && i < rows;) {
        const size_t n = rows - i >= MLI_BITS_AT_ONCE ? MLI_BITS_AT_ONCE : 1;
        mli_bits_advance(&a->row, columns, band, i, items + i, n);
        i += n;
        status = look(a, n * (a->row.last - a->row.first + 2), LOOK_WORDS);
    }
    return status;
}

static bool bit(const uint64_t *words, size_t column)
{
    return (words[column / WORD] >> column % WORD & 1) != 0;
}

/* Value at the end of column `column` (1 ...) given that left of it. */
static int64_t next_value(const mli_bits_row *row, size_t column, int64_t value)
{
    return value + bit(row->more, column - 1) - bit(row->less, column - 1);
}

/* Distance if it is at most `most`, else something larger. */
MODELLAB_MUST_CHECK static modellab_status distance(aligner *a, const part *p, int64_t most,
                                                    int64_t *out)
{
    const mli_bits_part columns = {&a->forward, p->reference, p->reference_count};
    const mli_bits_band band = mli_bits_band_of(p->reference_count, p->hypothesis_count, most);
    modellab_status status =
        run(a, &columns, a->hypothesis + p->hypothesis, p->hypothesis_count, band);
    *out = a->row.left;
    for (size_t c = a->row.first * WORD + 1; c <= p->reference_count; c++)
        *out = next_value(&a->row, c, *out);
    return status;
}

static int64_t larger(size_t a, size_t b)
{
    return (int64_t)(a > b ? a : b);
}

static double matrix_bytes(const part *p, int64_t most)
{
    double band = 2.0 * (double)most + 1.0;
    if (band > (double)p->reference_count)
        band = (double)p->reference_count;
    return 2.0 * band * (double)p->hypothesis_count / 8.0;
}

/* The distance where it is small enough to be worth a search: the band follows from it. Else the
 * largest that it can be. */
MODELLAB_MUST_CHECK static modellab_status bound(aligner *a, const part *p, int64_t *most)
{
    const int64_t all = larger(p->reference_count, p->hypothesis_count);
    const int64_t shift = (int64_t)p->reference_count - (int64_t)p->hypothesis_count;
    int64_t guess = FIRST_MOST;
    *most = all;
    while (guess < (shift < 0 ? -shift : shift))
        guess *= 2;
    for (; guess < all / 8; guess *= 4) {
        int64_t found;
        modellab_status status = distance(a, p, guess, &found);
        if (status != MODELLAB_OK)
            return status;
        if (found <= guess) {
            *most = found;
            return MODELLAB_OK;
        }
    }
    return MODELLAB_OK;
}

/* The bits of all rows of a small matrix; a row keeps `width` words from `first[row]` on. */
typedef struct matrix {
    uint64_t *more, *less;
    uint32_t *first;
    size_t width;
} matrix;

MODELLAB_MUST_CHECK static modellab_status fill(aligner *a, const part *p, int64_t most, matrix *m)
{
    const mli_bits_part columns = {&a->forward, p->reference, p->reference_count};
    const mli_bits_band band = mli_bits_band_of(p->reference_count, p->hypothesis_count, most);
    modellab_status status = MODELLAB_OK;
    mli_bits_begin(&a->row);
    for (size_t i = 0; status == MODELLAB_OK && i < p->hypothesis_count; i++) {
        mli_bits_advance(&a->row, &columns, band, i, a->hypothesis + p->hypothesis + i, 1);
        const size_t first = a->row.first, count = a->row.last - first + 1;
        m->first[i] = (uint32_t)first;
        for (size_t w = 0; w < count; w++) {
            m->more[i * m->width + w] = a->row.more[first + w];
            m->less[i * m->width + w] = a->row.less[first + w];
        }
        status = look(a, count + 2, LOOK_WORDS);
    }
    return status;
}

/* `column` counts from 0. Outside the band there is nothing that a shortest edit passes. */
static bool at(const matrix *m, const uint64_t *bits, size_t row, size_t column)
{
    const size_t word = column / WORD;
    if (word < m->first[row] || word >= m->first[row] + m->width)
        return false;
    return (bits[row * m->width + word - m->first[row]] >> column % WORD & 1) != 0;
}

/* The way back from the lower right corner; its kinds come last first. */
static void trace(aligner *a, const part *p, const matrix *m)
{
    const size_t from = a->out->count;
    size_t column = p->reference_count, row = p->hypothesis_count;
    while (row > 0 && column > 0) {
        if (at(m, m->more, row - 1, column - 1)) {
            put(a, MLI_EDIT_DELETE, 1);
            column--;
        } else if (row > 1 && at(m, m->less, row - 2, column - 1)) {
            put(a, MLI_EDIT_INSERT, 1);
            row--;
        } else {
            column--;
            row--;
            put(a,
                a->reference[p->reference + column] == a->hypothesis[p->hypothesis + row]
                    ? MLI_EDIT_EQUAL
                    : MLI_EDIT_SUBSTITUTE,
                1);
        }
    }
    put(a, MLI_EDIT_DELETE, column);
    put(a, MLI_EDIT_INSERT, row);
    for (size_t i = from, j = a->out->count; i + 1 < j; i++) {
        const uint8_t kind = a->out->kinds[i];
        a->out->kinds[i] = a->out->kinds[--j];
        a->out->kinds[j] = kind;
    }
}

MODELLAB_MUST_CHECK static modellab_status leaf(aligner *a, const part *p, int64_t most)
{
    matrix m = {NULL, NULL, NULL, (p->reference_count + WORD - 1) / WORD};
    if (p->reference_count == 0 || p->hypothesis_count == 0) {
        put(a, MLI_EDIT_DELETE, p->reference_count);
        put(a, MLI_EDIT_INSERT, p->hypothesis_count);
        return MODELLAB_OK;
    }
    const size_t band = (size_t)most / WORD + 2; /* `most` + 1 columns, at any place in a word */
    m.width = m.width < band ? m.width : band;
    m.more = mli_alloc_array(a->alloc, m.width * p->hypothesis_count, 2 * sizeof *m.more);
    m.first = mli_alloc_array(a->alloc, p->hypothesis_count, sizeof *m.first);
    modellab_status status = MODELLAB_OK;
    if (m.more == NULL || m.first == NULL)
        status = mli_no_memory(a->err);
    if (status == MODELLAB_OK) {
        m.less = m.more + m.width * p->hypothesis_count;
        status = fill(a, p, most, &m);
    }
    if (status == MODELLAB_OK) {
        trace(a, p, &m);
        status = look(a, p->reference_count + p->hypothesis_count, LOOK_ITEMS);
    }
    mli_free(a->alloc, m.more);
    mli_free(a->alloc, m.first);
    return status;
}

/* Where the lower half of the rows begins in the columns, and the distances of both halves. */
typedef struct middle {
    size_t column;
    int64_t upper, lower;
} middle;

/* The values of the last row after `run`, by column 0 ... count; -1 = outside the band. */
static void values(const mli_bits_row *row, size_t columns, int64_t *out)
{
    const size_t first = row->first * WORD;
    const size_t end = (row->last + 1) * WORD < columns ? (row->last + 1) * WORD : columns;
    for (size_t c = 0; c <= columns; c++)
        out[c] = -1;
    out[first] = row->left;
    for (size_t c = first + 1; c <= end; c++)
        out[c] = next_value(row, c, out[c - 1]);
}

MODELLAB_MUST_CHECK static modellab_status halve(aligner *a, const part *p, int64_t most,
                                                 middle *out)
{
    const size_t columns = p->reference_count, upper = p->hypothesis_count / 2;
    const size_t lower = p->hypothesis_count - upper;
    const mli_bits_band band = mli_bits_band_of(columns, p->hypothesis_count, most);
    const mli_bits_part left = {&a->forward, p->reference, columns};
    const mli_bits_part right = {&a->backward, a->reference_count - p->reference - columns,
                                 columns};
    const size_t end = p->hypothesis + p->hypothesis_count;
    int64_t *above = mli_alloc_array(a->alloc, 2 * (columns + 1), sizeof *above);
    if (above == NULL)
        return mli_no_memory(a->err);
    int64_t *below = above + columns + 1;
    modellab_status status = run(a, &right, a->turned + (a->hypothesis_count - end), lower, band);
    if (status == MODELLAB_OK) {
        values(&a->row, columns, below);
        status = run(a, &left, a->hypothesis + p->hypothesis, upper, band);
    }
    if (status == MODELLAB_OK) {
        values(&a->row, columns, above);
        int64_t best = INT64_MAX;
        for (size_t c = 0; c <= columns; c++) {
            if (above[c] < 0 || below[columns - c] < 0 || above[c] + below[columns - c] >= best)
                continue;
            best = above[c] + below[columns - c];
            *out = (middle){c, above[c], below[columns - c]};
        }
    }
    mli_free(a->alloc, above);
    return status;
}

/* Takes equal items off both ends; returns how many at the end. */
static size_t trim(aligner *a, part *p)
{
    size_t tail = 0;
    while (p->reference_count > 0 && p->hypothesis_count > 0 &&
           a->reference[p->reference] == a->hypothesis[p->hypothesis]) {
        put(a, MLI_EDIT_EQUAL, 1);
        p->reference++;
        p->hypothesis++;
        p->reference_count--;
        p->hypothesis_count--;
    }
    while (p->reference_count > 0 && p->hypothesis_count > 0 &&
           a->reference[p->reference + p->reference_count - 1] ==
               a->hypothesis[p->hypothesis + p->hypothesis_count - 1]) {
        tail++;
        p->reference_count--;
        p->hypothesis_count--;
    }
    return tail;
}

/* Two halves of the rows, each aligned by itself. */
MODELLAB_MUST_CHECK static modellab_status align(aligner *a, part p, int64_t most);
MODELLAB_MUST_CHECK static modellab_status align_halves(aligner *a, const part *p, int64_t most)
{
    const size_t rows = p->hypothesis_count / 2;
    middle m = {0, 0, 0};
    modellab_status status = halve(a, p, most, &m);
    if (status == MODELLAB_OK)
        status = align(a, (part){p->reference, m.column, p->hypothesis, rows}, m.upper);
    if (status == MODELLAB_OK)
        status = align(a,
                       (part){p->reference + m.column, p->reference_count - m.column,
                              p->hypothesis + rows, p->hypothesis_count - rows},
                       m.lower);
    return status;
}

/* `most` = the distance, or -1 while nobody knows. Goes down 22 times at most: the rows get half.
 */
MODELLAB_MUST_CHECK static modellab_status align(aligner *a, part p, int64_t most)
{
    const size_t tail = trim(a, &p);
    const int64_t all = larger(p.reference_count, p.hypothesis_count);
    const int64_t known = most >= 0 && most < all ? most : all;
    modellab_status status = look(a, tail, LOOK_ITEMS);
    if (status == MODELLAB_OK &&
        (matrix_bytes(&p, known) < LEAF_BYTES || p.reference_count < LEAF_COLUMNS ||
         p.hypothesis_count < LEAF_ROWS)) {
        status = leaf(a, &p, known);
    } else if (status == MODELLAB_OK) {
        if (most < 0)
            status = bound(a, &p, &most);
        if (status == MODELLAB_OK)
            status = align_halves(a, &p, most < known ? most : known);
    }
    put(a, MLI_EDIT_EQUAL, tail);
    return status;
}

/* Numbers the items in the order in which the reference brings them; `items` for all others. */
MODELLAB_MUST_CHECK static modellab_status renumber(aligner *a, const uint32_t *reference,
                                                    const uint32_t *hypothesis, uint32_t *numbers,
                                                    size_t *items)
{
    const size_t n = a->reference_count, m = a->hypothesis_count;
    uint32_t top = 0;
    for (size_t i = 0; i < n + m; i++) {
        const uint32_t item = i < n ? reference[i] : hypothesis[i - n];
        top = item > top ? item : top;
    }
    if (top >= ITEMS_MAX)
        return mli_fail(a->err, MODELLAB_E_LIMIT, "item numbers must be below %d", (int)ITEMS_MAX);
    uint32_t *number_of = mli_alloc_array(a->alloc, (size_t)top + 1, sizeof *number_of);
    if (number_of == NULL)
        return mli_no_memory(a->err);
    uint32_t used = 0;
    for (size_t i = 0; i < n; i++) {
        if (number_of[reference[i]] == 0)
            number_of[reference[i]] = ++used;
        numbers[i] = number_of[reference[i]] - 1;
    }
    for (size_t i = 0; i < m; i++)
        numbers[n + i] = number_of[hypothesis[i]] == 0 ? used : number_of[hypothesis[i]] - 1;
    for (size_t i = 0; i < m; i++)
        numbers[n + m + i] = numbers[n + m - 1 - i];
    *items = used;
    mli_free(a->alloc, number_of);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status prepare_and_align(aligner *a, const uint32_t *numbers,
                                                             size_t items)
{
    const size_t n = a->reference_count, m = a->hypothesis_count;
    const part all = {0, n, 0, m};
    modellab_status status =
        mli_bits_index_make(numbers, n, items, false, a->alloc, &a->forward, a->err);
    if (status == MODELLAB_OK)
        status = mli_bits_index_make(numbers, n, items, true, a->alloc, &a->backward, a->err);
    if (status == MODELLAB_OK)
        status = mli_bits_row_make(n, a->alloc, &a->row, a->err);
    if (status == MODELLAB_OK)
        status = align(a, all, -1);
    mli_bits_row_dispose(a->alloc, &a->row);
    mli_bits_index_dispose(&a->forward);
    mli_bits_index_dispose(&a->backward);
    return status;
}

modellab_status mli_edit_align(const uint32_t *reference, size_t reference_count,
                               const uint32_t *hypothesis, size_t hypothesis_count,
                               const modellab_allocator *alloc, const mli_cancel_word *cancel,
                               mli_edit_path *out, modellab_error *err)
{
    const size_t n = reference_count, m = hypothesis_count;
    *out = (mli_edit_path){0};
    if (n > MLI_EDIT_MAX || m > MLI_EDIT_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "a text to score has more than %d items",
                        (int)MLI_EDIT_MAX);
    if (mli_cancelled(cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "scoring was cancelled");
    aligner a = {.alloc = alloc, .cancel = cancel, .out = out, .err = err};
    size_t items = 0;
    uint32_t *numbers = mli_alloc_array(alloc, n + 2 * m + 1, sizeof *numbers);
    out->kinds = mli_alloc_array(alloc, n + m + 1, sizeof *out->kinds);
    modellab_status status = MODELLAB_OK;
    if (numbers == NULL || out->kinds == NULL)
        status = mli_no_memory(err);
    a.reference_count = n;
    a.hypothesis_count = m;
    if (status == MODELLAB_OK)
        status = renumber(&a, reference, hypothesis, numbers, &items);
    if (status == MODELLAB_OK) {
        a.reference = numbers;
        a.hypothesis = numbers + n;
        a.turned = numbers + n + m;
        status = prepare_and_align(&a, numbers, items);
    }
    mli_free(alloc, numbers);
    if (status != MODELLAB_OK) {
        mli_free(alloc, out->kinds);
        *out = (mli_edit_path){0};
    }
    return status;
}

modellab_status mli_edit_count(const uint32_t *reference, size_t reference_count,
                               const uint32_t *hypothesis, size_t hypothesis_count,
                               const modellab_allocator *alloc, const mli_cancel_word *cancel,
                               mli_edit_counts *out, modellab_error *err)
{
    mli_edit_path path;
    modellab_status status = mli_edit_align(reference, reference_count, hypothesis,
                                            hypothesis_count, alloc, cancel, &path, err);
    *out = path.counts;
    mli_free(alloc, path.kinds);
    return status;
}
