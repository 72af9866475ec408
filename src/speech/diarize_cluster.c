/* From cells to speakers: the merge path with its stopping rule, or plain agglomerative clustering.
 */
#include "speech/diarize_cluster.h"
#include "base/error.h"
#include "speech/diarize_private.h"
#include <math.h>
#include <string.h>

enum { WIDTH = MLI_VOICE_WIDTH };

void mli_cluster_rules_init(mli_cluster_rules *rules)
{
    *rules = (mli_cluster_rules){.method = MLI_CLUSTER_MERGE_PATH,
                                 .least = 1,
                                 .start = 10,
                                 .rounds = 5,
                                 .switch_cost = 0.2f,
                                 .cost_scale = 1.2f,
                                 .cost_power = 0.3f,
                                 .cost_share = 0.07f,
                                 .jump = 1.55f,
                                 .jump_share = 0.75f,
                                 .similarity = 0.65f};
}

/* The cheapest merge: what of resultant length it loses. */
static float cheapest(const mli_fit *fit, int32_t *a, int32_t *b)
{
    float least = INFINITY;
    for (int32_t i = 0; i < fit->groups; i++) {
        const float *x = fit->sums + (size_t)i * WIDTH;
        for (int32_t k = i + 1; k < fit->groups; k++) {
            float both[WIDTH];
            memcpy(both, fit->sums + (size_t)k * WIDTH, sizeof both);
            float loss = mli_voice_length(x) + mli_voice_length(both);
            mli_voice_add(both, 1.0f, x);
            loss -= mli_voice_length(both);
            if (loss < least) {
                least = loss;
                *a = i;
                *b = k;
            }
        }
    }
    return least;
}

/* Whether groups a and b may become one at this loss; `before`: of the merge before, 0 = none. */
static bool may_merge(const mli_fit *fit, const mli_cluster_rules *r, int32_t a, int32_t b,
                      float loss, float before)
{
    float smaller = fminf(fit->cells_of[a], fit->cells_of[b]);
    float most = fmaxf(r->cost_scale * powf((float)fit->cells->count, r->cost_power),
                       r->cost_share * smaller);
    if (fit->groups <= r->least)
        return false;
    if (r->most > 0 && fit->groups > r->most)
        return true;
    /* much more than the merge before, and nearly too much: these are two people */
    bool jumps = before > 0.0f && loss > r->jump * before && loss > r->jump_share * most;
    return loss <= most && !jumps;
}

static void join_labels(const mli_fit *fit, int32_t a, int32_t b, uint8_t *labels)
{
    for (size_t i = 0; i < fit->cells->count; i++) {
        if (labels[i] == b)
            labels[i] = (uint8_t)a;
    }
}

/* Merges as long as the rule lets it. */
MODELLAB_MUST_CHECK static modellab_status walk(mli_fit *fit, const mli_cluster_rules *rules,
                                                uint8_t *labels, const mli_cancel_word *cancel,
                                                modellab_error *err)
{
    modellab_status status = mli_fit_run(fit, rules, labels, cancel, err);
    float before = 0.0f;
    while (status == MODELLAB_OK && fit->groups > 1) {
        int32_t a = 0, b = 1;
        float loss = cheapest(fit, &a, &b);
        if (!may_merge(fit, rules, a, b, loss, before))
            break;
        before = loss;
        join_labels(fit, a, b, labels);
        status = mli_fit_run(fit, rules, labels, cancel, err);
    }
    return status;
}

/* Groups of less than half a second lie between two voices: their cells go with the cell before. */
static void dissolve(const mli_fit *fit, uint8_t *labels)
{
    enum { LEAST_CELLS = 5 };
    int32_t near = -1;
    for (size_t i = 0; i < fit->cells->count; i++) {
        if (fit->cells_of[labels[i]] >= (float)LEAST_CELLS) {
            for (size_t k = 0; near < 0 && k < i; k++)
                labels[k] = labels[i];
            near = labels[i];
        } else if (near >= 0) {
            labels[i] = (uint8_t)near;
        }
    }
}

/* Speakers get their numbers as they first speak. */
static void number(const mli_fit *fit, uint8_t *labels, float *voices)
{
    uint8_t to[MLI_SPEAKERS_MOST];
    uint8_t next = 0;
    memset(to, 0xff, sizeof to);
    for (size_t i = 0; i < fit->cells->count; i++) {
        if (to[labels[i]] == 0xff) {
            memcpy(voices + (size_t)next * WIDTH, fit->voices + (size_t)labels[i] * WIDTH,
                   WIDTH * sizeof *voices);
            to[labels[i]] = next++;
        }
        labels[i] = to[labels[i]];
    }
}

modellab_status mli_cluster(const mli_cells *cells, const mli_cluster_rules *rules,
                            const modellab_allocator *alloc, uint8_t *labels, float *voices,
                            int32_t *speakers, const mli_cancel_word *cancel, modellab_error *err)
{
    bool path = rules->method == MLI_CLUSTER_MERGE_PATH;
    int32_t start = rules->start > rules->most ? rules->start : rules->most, groups = 0;
    mli_join_rule rule = {.left = 1, .average = true, .similarity = rules->similarity};
    mli_fit fit;
    *speakers = 0;
    if (cells->count == 0)
        return MODELLAB_OK;
    start = start < rules->least ? rules->least : start;
    start = start < MLI_SPEAKERS_MOST ? start : MLI_SPEAKERS_MOST;
    if (path)
        rule = (mli_join_rule){.left = (size_t)start};
    else if (rules->least > 1)
        rule.left = (size_t)rules->least;
    modellab_status status = mli_cluster_start(cells, &rule, alloc, labels, &groups, cancel, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_fit_create(&fit, cells, groups, alloc, err);
    if (status != MODELLAB_OK)
        return status;
    if (path) {
        status = walk(&fit, rules, labels, cancel, err);
    } else { /* the number of groups is decided; only a greatest number makes further merges */
        mli_cluster_rules fixed = *rules;
        fixed.cost_scale = fixed.cost_share = 0.0f;
        status = mli_fit_sums(&fit, labels, cancel, err);
        if (status == MODELLAB_OK && fit.groups > rules->least)
            dissolve(&fit, labels);
        if (status == MODELLAB_OK)
            status = walk(&fit, &fixed, labels, cancel, err);
    }
    if (status == MODELLAB_OK) {
        number(&fit, labels, voices);
        *speakers = fit.groups;
    }
    mli_fit_dispose(&fit);
    return status;
}
