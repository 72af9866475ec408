/* Joining groups of directions pair by pair, and the first labels of all cells that come of it. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "speech/diarize_private.h"
#include <math.h>
#include <string.h>

enum { WIDTH = MLI_VOICE_WIDTH, BLOCK = MLI_WARD_BLOCK, LOOK_DOTS = 1 << 14 };

void mli_voice_add(float *y, float factor, const float *x)
{
    for (size_t i = 0; i < WIDTH; i++)
        y[i] += factor * x[i];
}

float mli_voice_length(const float *x)
{
    return sqrtf(mli_dot(x, x, WIDTH));
}

void mli_voice_normalise(float *x)
{
    float length = mli_voice_length(x);
    if (length > 0.0f)
        mli_scale(x, 1.0f / length, WIDTH);
}

/* One joining: which groups are left, their distances, each one's nearest later neighbour. */
typedef struct join {
    mli_groups *g;
    const mli_join_rule *rule;
    float *distance; /* [count][count], row i: j > i */
    float *length;   /* of sums */
    uint32_t *next;  /* nearest neighbour j > i */
    uint8_t *gone;
} join;

static float distance_of(const join *j, size_t a, size_t b)
{
    const float *x = j->g->sums + a * WIDTH, *y = j->g->sums + b * WIDTH;
    float dot = mli_dot(x, y, WIDTH);
    if (j->rule->average)
        return 1.0f - dot / (j->g->cells[a] * j->g->cells[b]);
    float joint = j->length[a] * j->length[a] + j->length[b] * j->length[b] + 2.0f * dot;
    return j->length[a] + j->length[b] - sqrtf(joint > 0.0f ? joint : 0.0f);
}

static void find_next(join *j, size_t a)
{
    size_t n = j->g->count;
    j->next[a] = UINT32_MAX;
    for (size_t b = a + 1; b < n; b++) {
        if (!j->gone[b] &&
            (j->next[a] == UINT32_MAX || j->distance[a * n + b] < j->distance[a * n + j->next[a]]))
            j->next[a] = (uint32_t)b;
    }
}

/* b into a; what was near either looks again. */
static void merge(join *j, size_t a, size_t b)
{
    size_t n = j->g->count;
    mli_voice_add(j->g->sums + a * WIDTH, 1.0f, j->g->sums + b * WIDTH);
    j->g->cells[a] += j->g->cells[b];
    j->length[a] = mli_voice_length(j->g->sums + a * WIDTH);
    j->gone[b] = 1;
    for (size_t i = 0; i < n; i++) {
        if (j->gone[i] || i == a)
            continue;
        size_t low = i < a ? i : a, high = i < a ? a : i;
        j->distance[low * n + high] = distance_of(j, low, high);
    }
    find_next(j, a);
    for (size_t i = 0; i < n; i++) {
        if (j->gone[i] || i == a)
            continue;
        if (j->next[i] == a || j->next[i] == b)
            find_next(j, i);
        else if (i < a && j->distance[i * n + a] < j->distance[i * n + j->next[i]])
            j->next[i] = (uint32_t)a;
    }
}

/* The nearest pair; false when there is none. */
static bool nearest(const join *j, size_t *a, size_t *b)
{
    size_t n = j->g->count;
    bool found = false;
    for (size_t i = 0; i < n; i++) {
        if (j->gone[i] || j->next[i] == UINT32_MAX)
            continue;
        if (!found || j->distance[i * n + j->next[i]] < j->distance[*a * n + *b]) {
            *a = i;
            *b = j->next[i];
            found = true;
        }
    }
    return found;
}

MODELLAB_MUST_CHECK static modellab_status measure(join *j, const mli_cancel_word *cancel,
                                                   modellab_error *err)
{
    size_t n = j->g->count, done = 0;
    for (size_t i = 0; i < n; i++)
        j->length[i] = mli_voice_length(j->g->sums + i * WIDTH);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = i + 1; k < n; k++)
            j->distance[i * n + k] = distance_of(j, i, k);
        done += n - i;
        if (done > LOOK_DOTS) {
            done = 0;
            if (mli_cancelled(cancel))
                return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
        find_next(j, i);
    }
    return MODELLAB_OK;
}

/* Groups that are left move together; `target` names them by their new numbers. */
static void settle(join *j, uint32_t *target)
{
    size_t kept = 0, n = j->g->count;
    for (size_t i = 0; i < n; i++) {
        if (j->gone[i])
            continue;
        j->next[i] = (uint32_t)kept; /* not needed any more */
        if (kept != i) {
            memcpy(j->g->sums + kept * WIDTH, j->g->sums + i * WIDTH, WIDTH * sizeof(float));
            j->g->cells[kept] = j->g->cells[i];
        }
        kept++;
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t at = target[i];
        while (j->gone[at])
            at = target[at];
        target[i] = at;
    }
    for (size_t i = 0; i < n; i++)
        target[i] = j->next[target[i]];
    j->g->count = kept;
}

modellab_status mli_groups_join(mli_groups *groups, const mli_join_rule *rule,
                                const modellab_allocator *alloc, uint32_t *target,
                                const mli_cancel_word *cancel, modellab_error *err)
{
    size_t n = groups->count, left = n, a = 0, b = 0;
    join j = {.g = groups, .rule = rule};
    j.distance = mli_alloc_array(alloc, n * n, sizeof *j.distance);
    j.length = mli_alloc_array(alloc, n, sizeof *j.length);
    j.next = mli_alloc_array(alloc, n, sizeof *j.next);
    j.gone = mli_alloc_array(alloc, n, sizeof *j.gone);
    modellab_status status =
        j.distance != NULL && j.length != NULL && j.next != NULL && j.gone != NULL
            ? MODELLAB_OK
            : mli_no_memory(err);
    for (size_t i = 0; i < n; i++)
        target[i] = (uint32_t)i;
    if (status == MODELLAB_OK)
        status = measure(&j, cancel, err);
    while (status == MODELLAB_OK && left > rule->left && nearest(&j, &a, &b)) {
        if (rule->average && j.distance[a * n + b] > 1.0f - rule->similarity)
            break;
        merge(&j, a, b);
        target[b] = (uint32_t)a;
        left--;
        if (mli_cancelled(cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    }
    if (status == MODELLAB_OK)
        settle(&j, target);
    mli_free(alloc, j.distance);
    mli_free(alloc, j.length);
    mli_free(alloc, j.next);
    mli_free(alloc, j.gone);
    return status;
}

/* ---- all cells ---- */

/* Cells of a piece: single ones while they fit a block, else up to half a second without a gap. */
static size_t piece_end(const mli_cells *c, size_t from, size_t longest)
{
    size_t to = from + 1;
    while (to < c->count && to - from < longest && c->items[to].at == c->items[to - 1].at + 1)
        to++;
    return to;
}

static void add_cell(const mli_cells *c, size_t cell, float *sum)
{
    const mli_cell *x = &c->items[cell];
    mli_voice_add(sum, x->left, c->windows + (size_t)x->window * WIDTH);
    if (x->right != 0.0f)
        mli_voice_add(sum, x->right, c->windows + ((size_t)x->window + 1) * WIDTH);
}

/* Pieces of a whole recording, joined block by block as they come. */
typedef struct gatherer {
    mli_groups groups; /* room for `room` */
    size_t room;
    uint32_t *member; /* [cells]: which group; first the block's own number */
    uint32_t target[BLOCK];
} gatherer;

/* Joins groups [from, from + count) to at most MLI_WARD_LEFT; later ones move down. `target` of all
 * groups. */
MODELLAB_MUST_CHECK static modellab_status
join_block(gatherer *g, size_t from, size_t count, const modellab_allocator *alloc,
           uint32_t *target, const mli_cancel_word *cancel, modellab_error *err)
{
    static const mli_join_rule rule = {.left = MLI_WARD_LEFT};
    mli_groups block = {g->groups.sums + from * WIDTH, g->groups.cells + from, count};
    modellab_status status = mli_groups_join(&block, &rule, alloc, target, cancel, err);
    if (status == MODELLAB_OK) {
        size_t behind = from + count, rest = g->groups.count - behind, to = from + block.count;
        memmove(g->groups.sums + to * WIDTH, g->groups.sums + behind * WIDTH,
                rest * WIDTH * sizeof(float));
        memmove(g->groups.cells + to, g->groups.cells + behind, rest * sizeof(float));
        g->groups.count = to + rest;
    }
    return status;
}

/* When the room is full: its last block shrinks, or (when all are small) all of them together. */
MODELLAB_MUST_CHECK static modellab_status make_room(gatherer *g, size_t *block, size_t cells,
                                                     const modellab_allocator *alloc,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err)
{
    size_t from = *block, count = g->groups.count - from;
    if (count <= MLI_WARD_LEFT) { /* only what is left of blocks */
        from = 0;
        count = g->groups.count;
    }
    modellab_status status = join_block(g, from, count, alloc, g->target, cancel, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells; i++) {
        if (g->member[i] >= from)
            g->member[i] = (uint32_t)from + g->target[g->member[i] - from];
    }
    *block = g->groups.count;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status gather(gatherer *g, const mli_cells *cells,
                                                  const modellab_allocator *alloc,
                                                  const mli_cancel_word *cancel,
                                                  modellab_error *err)
{
    size_t longest = cells->count > BLOCK ? 5 : 1, block = 0;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0, end; status == MODELLAB_OK && i < cells->count; i = end) {
        end = piece_end(cells, i, longest);
        while (status == MODELLAB_OK && g->groups.count == g->room)
            status = make_room(g, &block, i, alloc, cancel, err);
        if (status != MODELLAB_OK)
            break;
        float *sum = g->groups.sums + g->groups.count * WIDTH;
        memset(sum, 0, WIDTH * sizeof *sum);
        for (size_t k = i; k < end; k++) {
            add_cell(cells, k, sum);
            g->member[k] = (uint32_t)g->groups.count;
        }
        g->groups.cells[g->groups.count++] = (float)(end - i);
    }
    return status;
}

modellab_status mli_cluster_start(const mli_cells *cells, const mli_join_rule *rule,
                                  const modellab_allocator *alloc, uint8_t *labels, int32_t *count,
                                  const mli_cancel_word *cancel, modellab_error *err)
{
    gatherer *g = mli_alloc_zero(alloc, sizeof *g);
    modellab_status status = g != NULL ? MODELLAB_OK : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        g->room = cells->count < BLOCK ? cells->count : BLOCK;
        g->groups.sums = mli_alloc_array(alloc, g->room * WIDTH, sizeof *g->groups.sums);
        g->groups.cells = mli_alloc_array(alloc, g->room, sizeof *g->groups.cells);
        g->member = mli_alloc_array(alloc, cells->count, sizeof *g->member);
        if (g->groups.sums == NULL || g->groups.cells == NULL || g->member == NULL)
            status = mli_no_memory(err);
    }
    if (status == MODELLAB_OK)
        status = gather(g, cells, alloc, cancel, err);
    if (status == MODELLAB_OK)
        status = mli_groups_join(&g->groups, rule, alloc, g->target, cancel, err);
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++)
        g->member[i] = g->target[g->member[i]];
    if (status == MODELLAB_OK && g->groups.count > MLI_SPEAKERS_MOST) {
        const mli_join_rule fewer = {.left = MLI_SPEAKERS_MOST};
        status = mli_groups_join(&g->groups, &fewer, alloc, g->target, cancel, err);
        for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++)
            g->member[i] = g->target[g->member[i]];
    }
    for (size_t i = 0; status == MODELLAB_OK && i < cells->count; i++)
        labels[i] = (uint8_t)g->member[i];
    if (status == MODELLAB_OK)
        *count = (int32_t)g->groups.count;
    if (g != NULL) {
        mli_free(alloc, g->groups.sums);
        mli_free(alloc, g->groups.cells);
        mli_free(alloc, g->member);
    }
    mli_free(alloc, g);
    return status;
}
