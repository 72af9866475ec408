/* Fitting groups to cells: every cell takes the voice that it is nearest to, and changes cost
 * something (Viterbi); then voices are the mean directions of their cells, and again. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "speech/diarize_private.h"
#include <string.h>

enum { WIDTH = MLI_VOICE_WIDTH, MOST = MLI_SPEAKERS_MOST, LOOK = 1 << 12 };

modellab_status mli_fit_create(mli_fit *fit, const mli_cells *cells, int32_t groups,
                               const modellab_allocator *alloc, modellab_error *err)
{
    size_t n = (size_t)groups;
    *fit = (mli_fit){.cells = cells, .alloc = alloc, .groups = groups};
    fit->scores = mli_alloc_array(alloc, cells->window_count * n, sizeof *fit->scores);
    fit->weights = mli_alloc_array(alloc, cells->window_count * n, sizeof *fit->weights);
    fit->back = mli_alloc_array(alloc, cells->count * n, sizeof *fit->back);
    fit->sums = mli_alloc_array(alloc, (size_t)MOST * WIDTH, sizeof *fit->sums);
    fit->voices = mli_alloc_array(alloc, (size_t)MOST * WIDTH, sizeof *fit->voices);
    fit->cells_of = mli_alloc_array(alloc, MOST, sizeof *fit->cells_of);
    if (fit->scores == NULL || fit->weights == NULL || fit->back == NULL || fit->sums == NULL ||
        fit->voices == NULL || fit->cells_of == NULL) {
        mli_fit_dispose(fit);
        return mli_no_memory(err);
    }
    return MODELLAB_OK;
}

void mli_fit_dispose(mli_fit *fit)
{
    mli_free(fit->alloc, fit->scores);
    mli_free(fit->alloc, fit->weights);
    mli_free(fit->alloc, fit->back);
    mli_free(fit->alloc, fit->sums);
    mli_free(fit->alloc, fit->voices);
    mli_free(fit->alloc, fit->cells_of);
    *fit = (mli_fit){.alloc = fit->alloc};
}

/* Groups that have no cell any more give their number away. */
static void renumber(mli_fit *fit, uint8_t *labels)
{
    uint8_t to[MOST];
    int32_t kept = 0;
    for (int32_t g = 0; g < fit->groups; g++) {
        to[g] = (uint8_t)kept;
        if (fit->cells_of[g] > 0.0f)
            fit->cells_of[kept++] = fit->cells_of[g];
    }
    if (kept == fit->groups)
        return;
    for (size_t i = 0; i < fit->cells->count; i++)
        labels[i] = to[labels[i]];
    fit->groups = kept;
}

modellab_status mli_fit_sums(mli_fit *fit, uint8_t *labels, const mli_cancel_word *cancel,
                             modellab_error *err)
{
    const mli_cells *c = fit->cells;
    memset(fit->cells_of, 0, MOST * sizeof *fit->cells_of);
    for (size_t i = 0; i < c->count; i++)
        fit->cells_of[labels[i]] += 1.0f;
    renumber(fit, labels);
    size_t n = (size_t)fit->groups;
    memset(fit->weights, 0, c->window_count * n * sizeof *fit->weights);
    memset(fit->sums, 0, n * WIDTH * sizeof *fit->sums);
    for (size_t i = 0; i < c->count; i++) {
        const mli_cell *x = &c->items[i];
        fit->weights[x->window * n + labels[i]] += x->left;
        if (x->right != 0.0f)
            fit->weights[(x->window + 1) * n + labels[i]] += x->right;
    }
    for (size_t w = 0; w < c->window_count; w++) {
        if (w % LOOK == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        for (size_t g = 0; g < n; g++) {
            if (fit->weights[w * n + g] != 0.0f)
                mli_voice_add(fit->sums + g * WIDTH, fit->weights[w * n + g],
                              c->windows + w * WIDTH);
        }
    }
    memcpy(fit->voices, fit->sums, n * WIDTH * sizeof *fit->voices);
    for (size_t g = 0; g < n; g++)
        mli_voice_normalise(fit->voices + g * WIDTH);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status score(mli_fit *fit, const mli_cancel_word *cancel,
                                                 modellab_error *err)
{
    size_t n = (size_t)fit->groups;
    for (size_t w = 0; w < fit->cells->window_count; w++) {
        if (w % (LOOK / 8) == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        for (size_t g = 0; g < n; g++)
            fit->scores[w * n + g] =
                mli_dot(fit->cells->windows + w * WIDTH, fit->voices + g * WIDTH, WIDTH);
    }
    return MODELLAB_OK;
}

static float cell_score(const mli_fit *fit, const mli_cell *x, size_t g)
{
    size_t n = (size_t)fit->groups;
    float value = x->left * fit->scores[x->window * n + g];
    return x->right != 0.0f ? value + x->right * fit->scores[(x->window + 1) * n + g] : value;
}

/* The best path; true when a label moved. */
static bool relabel(mli_fit *fit, float switch_cost, uint8_t *labels)
{
    const mli_cells *c = fit->cells;
    size_t n = (size_t)fit->groups;
    float total[MOST] = {0};
    bool moved = false;
    for (size_t i = 0; i < c->count; i++) {
        size_t best = 0;
        for (size_t g = 1; g < n; g++)
            best = total[g] > total[best] ? g : best;
        float from_best = total[best] - switch_cost;
        for (size_t g = 0; g < n; g++) {
            bool stays = total[g] >= from_best;
            fit->back[i * n + g] = (uint8_t)(stays ? g : best);
            total[g] = (stays ? total[g] : from_best) + cell_score(fit, &c->items[i], g);
        }
        /* sums of hours would lose their last digits: only differences count */
        for (size_t g = 0; g < n && i % 64 == 63; g++)
            total[g] -= from_best;
    }
    size_t at = 0;
    for (size_t g = 1; g < n; g++)
        at = total[g] > total[at] ? g : at;
    for (size_t i = c->count; i-- > 0;) {
        moved = moved || labels[i] != at;
        labels[i] = (uint8_t)at;
        at = fit->back[i * n + at];
    }
    return moved;
}

modellab_status mli_fit_run(mli_fit *fit, const mli_cluster_rules *rules, uint8_t *labels,
                            const mli_cancel_word *cancel, modellab_error *err)
{
    modellab_status status = mli_fit_sums(fit, labels, cancel, err);
    bool moved = true;
    for (int32_t i = 0; status == MODELLAB_OK && moved && i < rules->rounds; i++) {
        status = score(fit, cancel, err);
        if (status != MODELLAB_OK)
            break;
        moved = relabel(fit, rules->switch_cost, labels);
        if (moved)
            status = mli_fit_sums(fit, labels, cancel, err);
    }
    return status;
}
