/* Operators as JSON: reading objects, writing them, and the schema that says what they may hold. */
#include "speech/enhance_parse.h"

#include "base/error.h"
#include <string.h>

MODELLAB_MUST_CHECK static modellab_status set(mli_enhance_op *op, const char *key,
                                               const mli_json *value, modellab_error *err)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);
    mli_json_type type = mli_json_typeof(value);
    size_t index = 0;

    modellab_status status = mli_enhance_find_param(op, key, 0, &index, err);
    if (status != MODELLAB_OK)
        return status;
    bool word = info->params[index].choices[0] != NULL;
    if (word && type == MLI_JSON_STRING)
        return mli_enhance_set_word(op, index, mli_json_string(value, ""), 0, err);
    if (!word && (type == MLI_JSON_INTEGER || type == MLI_JSON_REAL))
        return mli_enhance_set_number(op, index, mli_json_number(value, 0.0), 0, err);
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s of %s is a %s", info->params[index].name,
                    info->name, word ? "word" : "number");
}

modellab_status mli_enhance_parse_json(const mli_json *value, mli_enhance_chain *chain,
                                       modellab_error *err)
{
    mli_enhance_op op = {0};
    const char *name, *key;
    const mli_json *member;

    if (mli_json_typeof(value) == MLI_JSON_STRING)
        return mli_enhance_parse(mli_json_string(value, ""), mli_json_string_bytes(value), chain,
                                 err);
    name = mli_json_string(mli_json_get(value, "op"), NULL);
    if (name == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "an operator is a text, or an object with its name under \"op\"");
    modellab_status status = mli_enhance_find(name, 0, &op, err);
    for (mli_json_cursor c = mli_json_first(value);
         status == MODELLAB_OK && mli_json_next(&c, &key, &member);)
        if (strcmp(key, "op") != 0)
            status = set(&op, key, member, err);
    return status == MODELLAB_OK ? mli_enhance_add(chain, &op, err) : status;
}

static void write_params(const mli_enhance_op *op, mli_jw *w)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);

    mli_jw_kstring(w, "op", info->name);
    for (size_t p = 0; info->params[p].name != NULL; p++) {
        const mli_enhance_param *param = &info->params[p];
        if (param->choices[0] != NULL)
            mli_jw_kstring(w, param->name, param->choices[(size_t)op->values[p]]);
        else if (param->whole)
            mli_jw_kint(w, param->name, (int64_t)op->values[p]);
        else
            mli_jw_kreal(w, param->name, op->values[p]);
    }
}

void mli_enhance_write_json(const mli_enhance_op *op, mli_jw *w)
{
    mli_jw_object(w);
    write_params(op, w);
    mli_jw_end_object(w);
}

void mli_enhance_write_record(const mli_enhance_op *op, const mli_enhance_note *notes, mli_jw *w)
{
    mli_jw_object(w);
    write_params(op, w);
    mli_jw_key(w, "found");
    mli_jw_object(w);
    for (; notes->name != NULL; notes++)
        mli_jw_kreal(w, notes->name, notes->value);
    mli_jw_end_object(w);
    mli_jw_end_object(w);
}
