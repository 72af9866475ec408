/* Finding the speaker encoder's weights in a checkpoint, by name and shape. */
#include "models/ge2e.h"
#include "base/error.h"
#include <stdio.h>

MODELLAB_MUST_CHECK static modellab_status take(const mli_tensors *list, const char *name,
                                                size_t d0, size_t d1, mli_weight *out,
                                                modellab_error *err)
{
    const size_t dims[] = {d0, d1};
    const int rank = d1 == 0 ? 1 : 2;
    const mli_weight *w = mli_tensors_find(list, name);
    bool fits = w != NULL && w->rank == rank && w->dtype == MLI_WEIGHT_F32;
    for (int i = 0; fits && i < rank; i++)
        fits = w->dims[i] == dims[i];
    if (!fits)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        w == NULL ? "ge2e: tensor %s is missing"
                                  : "ge2e: tensor %s has another type or shape than the encoder's",
                        name);
    *out = *w;
    return MODELLAB_OK;
}

modellab_status mli_ge2e_take(mli_ge2e_weights *out, const mli_tensors *list, modellab_error *err)
{
    enum { GATES = 4 * MLI_GE2E_WIDTH };
    modellab_status status = MODELLAB_OK;
    for (int i = 0; status == MODELLAB_OK && i < MLI_GE2E_LAYERS; i++) {
        const struct {
            const char *name;
            size_t columns;
            mli_weight *to;
        } parts[] = {{"weight_ih", i == 0 ? MLI_GE2E_MELS : MLI_GE2E_WIDTH, &out->layer[i].w_ih},
                     {"weight_hh", MLI_GE2E_WIDTH, &out->layer[i].w_hh},
                     {"bias_ih", 0, &out->layer[i].b_ih},
                     {"bias_hh", 0, &out->layer[i].b_hh}};
        for (size_t k = 0; status == MODELLAB_OK && k < sizeof parts / sizeof parts[0]; k++) {
            char name[32];
            snprintf(name, sizeof name, "lstm.%s_l%d", parts[k].name, i);
            status = take(list, name, GATES, parts[k].columns, parts[k].to, err);
        }
    }
    if (status == MODELLAB_OK)
        status = take(list, "linear.weight", MLI_GE2E_WIDTH, MLI_GE2E_WIDTH, &out->linear, err);
    return status == MODELLAB_OK
               ? take(list, "linear.bias", MLI_GE2E_WIDTH, 0, &out->linear_bias, err)
               : status;
}

bool mli_ge2e_is(const mli_tensors *list)
{
    mli_ge2e_weights weights;
    return mli_ge2e_take(&weights, list, NULL) == MODELLAB_OK;
}
