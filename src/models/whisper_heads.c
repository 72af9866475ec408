/* The decoder heads whose cross-attention follows time, for models whose files do not name them. */
#include "base/alloc.h"
#include "base/error.h"
#include "models/whisper_formats.h"

#include <string.h>

/* Published with the reference; models are told apart by vocabulary, state and decoder layers. The
 * two older large models have one shape: the later one's heads are taken. */
static const mli_head heads[] = {
    {1, 0},   {2, 0},   {2, 5},   {3, 0},   {3, 1},   {3, 2},   {3, 3},   {3, 4},   {2, 2},
    {3, 0},   {3, 2},   {3, 3},   {3, 4},   {3, 5},   {3, 3},   {4, 7},   {5, 1},   {5, 5},
    {5, 7},   {3, 1},   {4, 2},   {4, 3},   {4, 7},   {5, 1},   {5, 2},   {5, 4},   {5, 6},
    {6, 6},   {7, 0},   {7, 3},   {7, 8},   {8, 2},   {8, 5},   {8, 7},   {9, 0},   {9, 4},
    {9, 8},   {9, 10},  {10, 0},  {10, 1},  {10, 2},  {10, 3},  {10, 6},  {10, 11}, {11, 2},
    {11, 4},  {5, 3},   {5, 9},   {8, 0},   {8, 4},   {8, 7},   {8, 8},   {9, 0},   {9, 7},
    {9, 9},   {10, 5},  {11, 4},  {14, 1},  {14, 12}, {14, 14}, {15, 4},  {16, 0},  {16, 4},
    {16, 9},  {17, 12}, {17, 14}, {18, 7},  {18, 10}, {18, 15}, {20, 0},  {20, 3},  {20, 9},
    {20, 14}, {21, 12}, {13, 15}, {15, 4},  {15, 15}, {16, 1},  {20, 0},  {23, 4},  {10, 12},
    {13, 17}, {16, 11}, {16, 12}, {16, 13}, {17, 15}, {17, 16}, {18, 4},  {18, 11}, {18, 19},
    {19, 11}, {21, 2},  {21, 3},  {22, 3},  {22, 9},  {22, 12}, {23, 5},  {23, 7},  {23, 13},
    {25, 5},  {26, 1},  {26, 12}, {27, 15}, {7, 0},   {10, 17}, {12, 18}, {13, 12}, {16, 1},
    {17, 14}, {19, 11}, {21, 4},  {24, 1},  {25, 6},  {2, 4},   {2, 11},  {3, 3},   {3, 6},
    {3, 11},  {3, 14}};

static const struct {
    int32_t n_vocab, n_text_state, n_text_layer;
    uint32_t first, count;
} known[] = {
    {51864, 384, 4, 0, 8},      /* tiny.en */
    {51865, 384, 4, 8, 6},      /* tiny */
    {51864, 512, 6, 14, 5},     /* base.en */
    {51865, 512, 6, 19, 8},     /* base */
    {51864, 768, 12, 27, 19},   /* small.en */
    {51865, 768, 12, 46, 10},   /* small */
    {51864, 1024, 24, 56, 18},  /* medium.en */
    {51865, 1024, 24, 74, 6},   /* medium */
    {51865, 1280, 32, 80, 23},  /* large-v2 */
    {51866, 1280, 32, 103, 10}, /* large-v3 */
    {51866, 1280, 4, 113, 6},   /* large-v3-turbo */
};

MODELLAB_MUST_CHECK static modellab_status upper_half(mli_whisper_weights *w, modellab_error *err)
{
    const mli_whisper_hparams *h = &w->hparams;
    int32_t first = h->n_text_layer / 2;
    size_t count = (size_t)(h->n_text_layer - first) * (size_t)h->n_text_head;
    w->heads = mli_alloc_array(w->alloc, count, sizeof *w->heads);
    if (w->heads == NULL) {
        return mli_no_memory(err);
    }
    for (int32_t layer = first; layer < h->n_text_layer; layer++) {
        for (int32_t head = 0; head < h->n_text_head; head++) {
            w->heads[w->head_count++] = (mli_head){layer, head};
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_whisper_default_heads(mli_whisper_weights *weights, modellab_error *err)
{
    const mli_whisper_hparams *h = &weights->hparams;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].n_vocab != h->n_vocab || known[i].n_text_state != h->n_text_state ||
            known[i].n_text_layer != h->n_text_layer || h->n_text_state != 64 * h->n_text_head) {
            continue;
        }
        weights->heads = mli_alloc_array(weights->alloc, known[i].count, sizeof *weights->heads);
        if (weights->heads == NULL) {
            return mli_no_memory(err);
        }
        memcpy(weights->heads, heads + known[i].first, known[i].count * sizeof *weights->heads);
        weights->head_count = known[i].count;
        return MODELLAB_OK;
    }
    return upper_half(weights, err);
}
