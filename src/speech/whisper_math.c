/* Rows of logits on the vector kernels, and the selection of the best few. */
#include "speech/whisper_math.h"

#include "kernels/vector.h"
#include <math.h>
#include <stdbool.h>

enum { BLOCK = 16, MOST = 32 };

float mli_whisper_logsumexp(const float *x, size_t n)
{
    return mli_log_sum_exp(x, n);
}

size_t mli_whisper_argmax(const float *x, size_t n)
{
    float value = 0;
    return mli_argmax(x, n, &value);
}

/* Puts `id` behind everything that is at least as great; the last falls out of a full list. */
static size_t insert(const float *x, int32_t *ids, size_t have, size_t k, size_t id)
{
    size_t at = have < k ? have++ : k - 1;
    while (at > 0 && x[ids[at - 1]] < x[id]) {
        ids[at] = ids[at - 1];
        at--;
    }
    ids[at] = (int32_t)id;
    return have;
}

/* Whole blocks are passed over when none of their values can enter the list: nearly all. */
static bool any_above(const float *x, float least)
{
    int hit = 0;
    for (int i = 0; i < BLOCK; i++)
        hit |= x[i] > least;
    return hit != 0;
}

size_t mli_whisper_top(const float *x, size_t n, size_t k, int32_t *ids)
{
    size_t have = 0;
    if (k > MOST)
        k = MOST;
    if (k == 0)
        return 0;
    for (size_t i = 0; i < n;) {
        bool full = have == k;
        if (full && i % BLOCK == 0 && i + BLOCK <= n && !any_above(x + i, x[ids[k - 1]])) {
            i += BLOCK;
            continue;
        }
        if (!full || x[i] > x[ids[k - 1]])
            have = insert(x, ids, have, k, i);
        i++;
    }
    return have;
}

void mli_whisper_exp_scaled(float *x, size_t n, float temperature)
{
    float greatest = mli_max(x, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - greatest) / temperature;
    mli_exp(x, x, n);
}

void mli_whisper_softmax(float *x, size_t n)
{
    mli_softmax(x, n);
}
