/* Pairing the words of two texts. */
#include "speech/align_pair.h"

#include "base/alloc.h"
#include "base/error.h"
#include <stdbool.h>
#include <string.h>

#define CELLS_MOST ((size_t)1 << 24) /* of an exact comparison: a byte each */
enum { LOOK = 16384, CLEARED = 65536, RUN = 3 };

typedef struct range {
    size_t g0, g1, h0, h1;
    bool starts, ends; /* the texts' own: what was heard before or after costs nothing */
} range;

typedef struct pairing {
    const modellab_allocator *alloc;
    const uint64_t *given, *heard;
    const mli_cancel_word *cancel;
    int32_t *partner;
    uint32_t *before, *now;
    unsigned char *trace;
    size_t row_room, trace_room;
} pairing;

MODELLAB_MUST_CHECK static modellab_status cancelled(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while texts were compared");
}

MODELLAB_MUST_CHECK static modellab_status make_room(pairing *p, size_t columns, size_t cells,
                                                     modellab_error *err)
{
    if (p->row_room < columns) {
        mli_free(p->alloc, p->before);
        mli_free(p->alloc, p->now);
        p->before = mli_alloc_array(p->alloc, columns, sizeof *p->before);
        p->now = mli_alloc_array(p->alloc, columns, sizeof *p->now);
        p->row_room = p->before != NULL && p->now != NULL ? columns : 0;
    }
    if (p->trace_room < cells) {
        mli_free(p->alloc, p->trace);
        p->trace = mli_alloc(p->alloc, cells);
        p->trace_room = p->trace != NULL ? cells : 0;
    }
    return p->row_room < columns || p->trace_room < cells ? mli_no_memory(err) : MODELLAB_OK;
}

/* What it costs: another word was heard, none was, or words were heard that are not given: a few
 * (each), or a passage (of any length: the text leaves it out). A word that stands alone is not
 * worth a passage. */
enum { OTHER = 5, GIVEN_ONLY = 6, SOME = 3, EACH = 1, PASSAGE = 12, NEVER = 1 << 30 };
enum { BY_BOTH, BY_GIVEN, BY_SOME, BY_PASSAGE, BY = 3, MORE_SOME = 4, MORE_PASSAGE = 8 };

/* A row: cost of the first i given words against the first j heard ones. */
MODELLAB_MUST_CHECK static modellab_status fill_row(pairing *p, range r, size_t i,
                                                    modellab_error *err)
{
    size_t m = r.h1 - r.h0;
    unsigned char *trace = p->trace + i * (m + 1);
    uint32_t some = NEVER, passage = NEVER;
    for (size_t j = 0; j <= m; j++) {
        unsigned char how = BY_BOTH;
        uint32_t least = i == 0 && (j == 0 || r.starts) ? 0 : NEVER;
        if (j > 0) {
            uint32_t opened = p->now[j - 1] + SOME + EACH, passed = p->now[j - 1] + PASSAGE;
            how |= some + EACH < opened ? MORE_SOME : 0;
            some = some + EACH < opened ? some + EACH : opened;
            how |= passage < passed ? MORE_PASSAGE : 0;
            passage = passage < passed ? passage : passed;
        }
        if (i > 0 && j > 0)
            least =
                p->before[j - 1] + (p->given[r.g0 + i - 1] == p->heard[r.h0 + j - 1] ? 0 : OTHER);
        if (i > 0 && p->before[j] + GIVEN_ONLY < least) {
            least = p->before[j] + GIVEN_ONLY;
            how = (unsigned char)((how & ~BY) | BY_GIVEN);
        }
        if (some < least) {
            least = some;
            how = (unsigned char)((how & ~BY) | BY_SOME);
        }
        if (passage < least) {
            least = passage;
            how = (unsigned char)((how & ~BY) | BY_PASSAGE);
        }
        p->now[j] = least;
        trace[j] = how;
        if (j % LOOK == LOOK - 1 && mli_cancelled(p->cancel))
            return cancelled(err);
    }
    return mli_cancelled(p->cancel) ? cancelled(err) : MODELLAB_OK;
}

static void walk_back(pairing *p, range r, size_t j)
{
    size_t i = r.g1 - r.g0, m = r.h1 - r.h0;
    while (i > 0) {
        int how = p->trace[i * (m + 1) + j];
        if ((how & BY) == BY_BOTH) {
            p->partner[r.g0 + --i] = (int32_t)(r.h0 + --j);
        } else if ((how & BY) == BY_GIVEN) {
            i--;
        } else {
            int more = (how & BY) == BY_SOME ? MORE_SOME : MORE_PASSAGE;
            while (j-- > 1 && (p->trace[i * (m + 1) + j + 1] & more) != 0)
                ;
        }
    }
}

MODELLAB_MUST_CHECK static modellab_status exact(pairing *p, range r, modellab_error *err)
{
    size_t n = r.g1 - r.g0, m = r.h1 - r.h0, end = m;
    modellab_status status = make_room(p, m + 1, (n + 1) * (m + 1), err);
    for (size_t i = 0; status == MODELLAB_OK && i <= n; i++) {
        status = fill_row(p, r, i, err);
        uint32_t *old = p->before;
        p->before = p->now;
        p->now = old;
    }
    if (status != MODELLAB_OK)
        return status;
    for (size_t j = m; r.ends && j-- > 0;)
        end = p->before[j] <= p->before[end] ? j : end; /* the first of equal places */
    walk_back(p, r, end);
    return MODELLAB_OK;
}

/* What cannot be compared exactly: block after block, in proportion. */
MODELLAB_MUST_CHECK static modellab_status in_proportion(pairing *p, range r, modellab_error *err)
{
    size_t n = r.g1 - r.g0, m = r.h1 - r.h0, blocks = 2;
    modellab_status status = MODELLAB_OK;
    while ((n / blocks + 2) > CELLS_MOST / (m / blocks + 2))
        blocks *= 2;
    for (size_t b = 0; status == MODELLAB_OK && b < blocks; b++) {
        range part = {r.g0 + n * b / blocks, r.g0 + n * (b + 1) / blocks,
                      r.h0 + m * b / blocks, r.h0 + m * (b + 1) / blocks,
                      r.starts && b == 0,    r.ends && b + 1 == blocks};
        if (part.g0 < part.g1 && part.h0 < part.h1)
            status = exact(p, part, err);
    }
    return status;
}

/* Runs of words, by their hash: how often, and where in `heard`. */
typedef struct place {
    uint64_t hash;
    size_t at; /* in `heard` */
    uint8_t given, heard;
} place;

typedef struct anchors {
    place *table;
    size_t mask;
    size_t *g, *h; /* pairs, rising in g */
    size_t count;
    size_t *tails, *previous; /* of the longest rising sequence */
    size_t probes;
} anchors;

static uint64_t run_hash(const uint64_t *keys)
{
    uint64_t hash = 1469598103934665603u;
    for (size_t i = 0; i < RUN; i++) {
        hash = (hash ^ keys[i]) * 1099511628211u;
        hash ^= hash >> 29;
    }
    return hash | 1; /* 0 = an empty place */
}

/* NULL when the work is cancelled: that is looked at by probes, which a text may make many. */
static place *find(const pairing *p, anchors *a, uint64_t hash)
{
    size_t at = (size_t)(hash ^ hash >> 32) & a->mask;
    for (;; at = (at + 1) & a->mask) {
        if (++a->probes % LOOK == 0 && mli_cancelled(p->cancel))
            return NULL;
        if (a->table[at].hash == 0 || a->table[at].hash == hash)
            break;
    }
    a->table[at].hash = hash;
    return &a->table[at];
}

MODELLAB_MUST_CHECK static modellab_status collect(const pairing *p, anchors *a, range r,
                                                   modellab_error *err)
{
    for (size_t i = r.g0; i + RUN <= r.g1; i++) {
        place *at = find(p, a, run_hash(p->given + i));
        if (at == NULL)
            return cancelled(err);
        at->given = at->given < 2 ? at->given + 1 : 2;
    }
    for (size_t i = r.h0; i + RUN <= r.h1; i++) {
        place *at = find(p, a, run_hash(p->heard + i));
        if (at == NULL)
            return cancelled(err);
        at->heard = at->heard < 2 ? at->heard + 1 : 2;
        at->at = i;
    }
    for (size_t i = r.g0; i + RUN <= r.g1; i++) {
        const place *at = find(p, a, run_hash(p->given + i));
        if (at == NULL)
            return cancelled(err);
        if (at->given == 1 && at->heard == 1) {
            a->g[a->count] = i;
            a->h[a->count++] = at->at;
        }
    }
    return MODELLAB_OK;
}

/* Keeps the longest part of the pairs that rises in `heard`, too. */
MODELLAB_MUST_CHECK static modellab_status keep_rising(const pairing *p, anchors *a,
                                                       modellab_error *err)
{
    size_t length = 0;
    for (size_t i = 0; i < a->count; i++) {
        size_t low = 0, high = length;
        if (i % LOOK == 0 && mli_cancelled(p->cancel))
            return cancelled(err);
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (a->h[a->tails[middle]] < a->h[i])
                low = middle + 1;
            else
                high = middle;
        }
        a->previous[i] = low > 0 ? a->tails[low - 1] : SIZE_MAX;
        a->tails[low] = i;
        if (low == length)
            length++;
    }
    size_t at = length > 0 ? a->tails[length - 1] : SIZE_MAX;
    for (size_t k = length; k-- > 0; at = a->previous[at])
        a->tails[k] = at;
    for (size_t k = 0; k < length; k++) {
        a->g[k] = a->g[a->tails[k]];
        a->h[k] = a->h[a->tails[k]];
    }
    a->count = length;
    return mli_cancelled(p->cancel) ? cancelled(err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status find_anchors(const pairing *p, anchors *a, range r,
                                                        modellab_error *err)
{
    size_t n = r.g1 - r.g0, m = r.h1 - r.h0, places = 64;
    while (places < 2 * (n + m))
        places *= 2;
    a->mask = places - 1;
    a->table = mli_alloc_array(p->alloc, places, sizeof *a->table);
    a->g = mli_alloc_array(p->alloc, n, sizeof *a->g);
    a->h = mli_alloc_array(p->alloc, n, sizeof *a->h);
    a->tails = mli_alloc_array(p->alloc, n, sizeof *a->tails);
    a->previous = mli_alloc_array(p->alloc, n, sizeof *a->previous);
    if (a->table == NULL || a->g == NULL || a->h == NULL || a->tails == NULL || a->previous == NULL)
        return mli_no_memory(err);
    for (size_t at = 0; at < places; at += CLEARED) { /* both are powers of two */
        if (mli_cancelled(p->cancel))
            return cancelled(err);
        memset(a->table + at, 0, (places < CLEARED ? places : CLEARED) * sizeof *a->table);
    }
    modellab_status status = collect(p, a, r, err);
    return status == MODELLAB_OK ? keep_rising(p, a, err) : status;
}

static void dispose(const pairing *p, anchors *a)
{
    mli_free(p->alloc, a->table);
    mli_free(p->alloc, a->g);
    mli_free(p->alloc, a->h);
    mli_free(p->alloc, a->tails);
    mli_free(p->alloc, a->previous);
}

/* Between two anchors; what is still too long has none. */
MODELLAB_MUST_CHECK static modellab_status compare(pairing *p, range r, modellab_error *err)
{
    if (r.g0 >= r.g1 || r.h0 >= r.h1)
        return MODELLAB_OK;
    bool small = r.g1 - r.g0 + 1 <= CELLS_MOST / (r.h1 - r.h0 + 1);
    if (!small && r.starts != r.ends) {
        /* Before the first anchor or behind the last: near it, not in proportion to the rest. */
        size_t n = r.g1 - r.g0, exactly = CELLS_MOST / (n + 1);
        size_t near = exactly > 2 * n ? exactly - 1 : 2 * n;
        if (r.ends && r.h1 - r.h0 > near)
            r.h1 = r.h0 + near;
        else if (r.starts && r.h1 - r.h0 > near)
            r.h0 = r.h1 - near;
        small = r.g1 - r.g0 + 1 <= CELLS_MOST / (r.h1 - r.h0 + 1);
    }
    return small ? exact(p, r, err) : in_proportion(p, r, err);
}

MODELLAB_MUST_CHECK static modellab_status pair(pairing *p, range all, modellab_error *err)
{
    anchors a = {.count = 0};
    if (all.g1 + 1 <= CELLS_MOST / (all.h1 + 1))
        return compare(p, all, err);
    modellab_status status = find_anchors(p, &a, all, err);
    size_t g = 0, h = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < a.count; i++) {
        if (a.g[i] < g || a.h[i] < h)
            continue; /* within the run of the one before */
        status = compare(p, (range){g, a.g[i], h, a.h[i], g == 0, false}, err);
        for (size_t k = 0; k < RUN; k++)
            p->partner[a.g[i] + k] = (int32_t)(a.h[i] + k);
        g = a.g[i] + RUN;
        h = a.h[i] + RUN;
    }
    if (status == MODELLAB_OK)
        status = compare(p, (range){g, all.g1, h, all.h1, g == 0, true}, err);
    dispose(p, &a);
    return status;
}

modellab_status mli_align_pair(const modellab_allocator *alloc, const uint64_t *given,
                               size_t given_count, const uint64_t *heard, size_t heard_count,
                               const mli_cancel_word *cancel, int32_t *partner, modellab_error *err)
{
    pairing p = {
        .alloc = alloc, .given = given, .heard = heard, .cancel = cancel, .partner = partner};
    if (given_count > INT32_MAX || heard_count > INT32_MAX)
        return mli_fail(err, MODELLAB_E_LIMIT, "the texts are too long");
    for (size_t i = 0; i < given_count; i++)
        partner[i] = -1;
    modellab_status status = pair(&p, (range){0, given_count, 0, heard_count, true, true}, err);
    mli_free(alloc, p.before);
    mli_free(alloc, p.now);
    mli_free(alloc, p.trace);
    return status;
}
