/* Merging by rank with a heap: n log n in the length of a piece, so that hostile text stays cheap.
 */
#include "text/whisper_bpe.h"
#include "base/alloc.h"
#include "base/error.h"

#include <string.h>

typedef struct node {
    uint32_t length; /* bytes of the part that begins here; 0 = merged into an earlier one */
    uint32_t previous;
} node;

typedef struct candidate {
    int32_t rank;
    uint32_t at, length; /* of the merged part */
} candidate;

typedef struct merger {
    const mli_vocab *vocab;
    const char *text;
    size_t bytes;
    node *nodes;
    candidate *heap;
    size_t heap_count;
} merger;

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(merger *m, candidate c)
{
    size_t i = m->heap_count++;
    while (i > 0 && before(&c, &m->heap[(i - 1) / 2])) {
        m->heap[i] = m->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    m->heap[i] = c;
}

static candidate pop(merger *m)
{
    candidate top = m->heap[0], c = m->heap[--m->heap_count];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= m->heap_count) {
            break;
        }
        if (child + 1 < m->heap_count && before(&m->heap[child + 1], &m->heap[child])) {
            child++;
        }
        if (!before(&m->heap[child], &c)) {
            break;
        }
        m->heap[i] = m->heap[child];
        i = child;
    }
    m->heap[i] = c;
    return top;
}

/* Offers the pair that begins at `at` when its word exists. */
static void offer(merger *m, uint32_t at)
{
    size_t next = at + m->nodes[at].length;
    if (next >= m->bytes) {
        return;
    }
    uint32_t length = m->nodes[at].length + m->nodes[next].length;
    int32_t rank = mli_vocab_find(m->vocab, m->text + at, length);
    if (rank >= 0) {
        push(m, (candidate){rank, at, length});
    }
}

static void merge(merger *m, candidate c)
{
    size_t next = c.at + m->nodes[c.at].length;
    size_t after = c.at + c.length;
    m->nodes[next].length = 0;
    m->nodes[c.at].length = c.length;
    if (after < m->bytes) {
        m->nodes[after].previous = c.at;
    }
    offer(m, c.at);
    if (c.at > 0) {
        offer(m, m->nodes[c.at].previous);
    }
}

static bool still_valid(const merger *m, candidate c)
{
    size_t next = c.at + m->nodes[c.at].length;
    return m->nodes[c.at].length > 0 && next < m->bytes &&
           m->nodes[c.at].length + m->nodes[next].length == c.length;
}

MODELLAB_MUST_CHECK static modellab_status emit(merger *m, int32_t *ids, size_t capacity,
                                                size_t *count, modellab_error *err)
{
    for (size_t at = 0; at < m->bytes; at += m->nodes[at].length) {
        int32_t id = mli_vocab_find(m->vocab, m->text + at, m->nodes[at].length);
        if (*count == capacity) {
            return mli_fail(err, MODELLAB_E_BUFFER_TOO_SMALL, "more than %zu tokens", capacity);
        }
        ids[(*count)++] = id;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status merge_piece(merger *m, int32_t *ids, size_t capacity,
                                                       size_t *count, modellab_error *err)
{
    m->heap_count = 0;
    if (mli_vocab_find(m->vocab, m->text, m->bytes) >= 0) {
        m->nodes[0].length = (uint32_t)m->bytes;
        return emit(m, ids, capacity, count, err);
    }
    for (uint32_t i = 0; i < m->bytes; i++) {
        m->nodes[i] = (node){1, i > 0 ? i - 1 : 0};
    }
    for (uint32_t i = 0; i + 1 < m->bytes; i++) {
        offer(m, i);
    }
    while (m->heap_count > 0) {
        candidate c = pop(m);
        if (still_valid(m, c)) {
            merge(m, c);
        }
    }
    return emit(m, ids, capacity, count, err);
}

static size_t longest_piece(const char *text, size_t bytes)
{
    size_t longest = 0;
    for (size_t at = 0; at < bytes;) {
        size_t piece = mli_bpe_piece(text + at, bytes - at);
        longest = piece > longest ? piece : longest;
        at += piece;
    }
    return longest;
}

modellab_status mli_bpe_encode(const mli_vocab *v, const char *text, size_t bytes, int32_t *ids,
                               size_t capacity, size_t *count, modellab_error *err)
{
    merger m = {.vocab = v};
    modellab_status status = MODELLAB_OK;
    size_t longest = longest_piece(text, bytes);
    *count = 0;
    if (longest == 0) {
        return MODELLAB_OK;
    }
    m.nodes = mli_alloc_array(v->alloc, longest, sizeof *m.nodes);
    /* a candidate for each neighbour at first, at most two more for each merge */
    m.heap = mli_alloc_array(v->alloc, longest, 3 * sizeof *m.heap);
    if (m.nodes == NULL || m.heap == NULL) {
        status = mli_no_memory(err);
    }
    for (size_t at = 0; status == MODELLAB_OK && at < bytes;) {
        m.text = text + at;
        m.bytes = mli_bpe_piece(text + at, bytes - at);
        at += m.bytes;
        status = merge_piece(&m, ids, capacity, count, err);
    }
    mli_free(v->alloc, m.nodes);
    mli_free(v->alloc, m.heap);
    return status;
}
