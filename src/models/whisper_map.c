/* From a file's own tensor names to the reference's, by tables of rules. */
#include "base/error.h"
#include "models/whisper_formats.h"

#include <stdio.h>
#include <string.h>

#define MAX_LAYERS 256u

static const char *const sides[2] = {"encoder", "decoder"};

/* Plus or minus zero everywhere. */
static bool all_zero(const mli_weight *t)
{
    size_t unit = t->bytes / mli_weight_elements(t);
    for (size_t i = 0; i < t->bytes; i++) {
        bool sign_byte = i % unit == unit - 1 && t->dtype != MLI_WEIGHT_I8;
        if ((t->data[i] & (sign_byte ? 0x7f : 0xff)) != 0) {
            return false;
        }
    }
    return true;
}

MODELLAB_MUST_CHECK static modellab_status apply(const mli_weight *raw, const mli_name_rule *rule,
                                                 const char *canonical, mli_tensors *out,
                                                 modellab_error *err)
{
    mli_weight part = *raw;
    if (rule->parts > 1) {
        if (raw->rank < 1 || raw->dims[0] % rule->parts != 0) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                            "tensor %s cannot be divided into %d parts", raw->name, rule->parts);
        }
        size_t rows = raw->dims[0] / rule->parts;
        modellab_status status = mli_weight_slice(raw, rows * rule->part, rows, &part, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    if (rule->canonical == NULL) {
        if (!all_zero(&part)) {
            return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                            "tensor %s gives the key projection a bias", raw->name);
        }
        return MODELLAB_OK;
    }
    return mli_tensors_add(out, &part, canonical, strlen(canonical), 0, err);
}

MODELLAB_MUST_CHECK static modellab_status map_layer(const mli_tensors *raw,
                                                     const mli_name_map *map, int side,
                                                     size_t layer, const char *prefix,
                                                     mli_tensors *out, modellab_error *err)
{
    char name[MLI_TENSOR_MAX_NAME + 1], canonical[MLI_TENSOR_MAX_NAME + 1];
    for (size_t i = 0; i < map->layer_rules; i++) {
        const mli_name_rule *rule = &map->layers[i];
        if (rule->cross && side == 0) {
            continue;
        }
        (void)snprintf(name, sizeof name, "%s%s", prefix, rule->raw);
        const mli_weight *t = mli_tensors_find(raw, name);
        if (t == NULL) {
            continue; /* what is really needed is checked by canonical name */
        }
        (void)snprintf(canonical, sizeof canonical, "%s.blocks.%zu.%s", sides[side], layer,
                       rule->canonical != NULL ? rule->canonical : "");
        modellab_status status = apply(t, rule, canonical, out, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status map_side(const mli_tensors *raw, const mli_name_map *map,
                                                    int side, mli_tensors *out, modellab_error *err)
{
    char prefix[64], name[MLI_TENSOR_MAX_NAME + 1];
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < map->single_rules[side]; i++) {
        const mli_name_rule *rule = &map->singles[side][i];
        const mli_weight *t = mli_tensors_find(raw, rule->raw);
        if (t != NULL) {
            status = apply(t, rule, rule->canonical, out, err);
        }
    }
    for (size_t layer = 0; status == MODELLAB_OK && layer < MAX_LAYERS; layer++) {
        (void)snprintf(prefix, sizeof prefix, "%s%s%s%zu%s", map->before, sides[side], map->middle,
                       layer, map->after);
        (void)snprintf(name, sizeof name, "%s%s", prefix, map->probe);
        if (mli_tensors_find(raw, name) == NULL) {
            break;
        }
        status = map_layer(raw, map, side, layer, prefix, out, err);
    }
    return status;
}

modellab_status mli_whisper_map(const mli_tensors *raw, const mli_name_map *map, mli_tensors *out,
                                modellab_error *err)
{
    modellab_status status = map_side(raw, map, 0, out, err);
    if (status == MODELLAB_OK) {
        status = map_side(raw, map, 1, out, err);
    }
    return status;
}
