/* Reading operators as people write them, `name(param=value, ...)`, and writing them back in one
 * canonical way. Every refusal says where, what was meant perhaps, and what is allowed. */
#include "speech/enhance_parse.h"

#include "base/error.h"
#include "base/str.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WORD = 48 }; /* bytes of a name or value, with its NUL */

typedef struct cursor {
    const char *text;
    size_t at, bytes;
} cursor;

static void skip_spaces(cursor *c)
{
    while (c->at < c->bytes && (c->text[c->at] == ' ' || c->text[c->at] == '\t'))
        c->at++;
}

static bool in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '+' || c == '.';
}

/* The word at the cursor, "" when there is none. */
MODELLAB_MUST_CHECK static modellab_status read_word(cursor *c, char out[WORD], modellab_error *err)
{
    size_t length = 0;

    skip_spaces(c);
    while (c->at + length < c->bytes && in_word(c->text[c->at + length]))
        length++;
    if (length >= WORD)
        return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)c->at,
                           "at byte %zu: a word of %zu bytes; the longest has %d", c->at, length,
                           WORD - 1);
    memcpy(out, c->text + c->at, length);
    out[length] = 0;
    c->at += length;
    return MODELLAB_OK;
}

/* What stands at the cursor, as a message shows it. */
static const char *shown(const cursor *c, char out[16])
{
    if (c->at >= c->bytes)
        return "the end";
    unsigned char byte = (unsigned char)c->text[c->at];
    if (byte < 0x20 || byte >= 0x7f)
        return "a byte that belongs to no name";
    out[0] = out[2] = '\'';
    out[1] = (char)byte;
    out[3] = 0;
    return out;
}

MODELLAB_MUST_CHECK static modellab_status fail_expected(const cursor *c, const char *what,
                                                         modellab_error *err)
{
    char found[16];
    return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)c->at,
                       "at byte %zu: %s is expected, not %s; operators are written "
                       "name(param=value, ...)",
                       c->at, what, shown(c, found));
}

/* The nearest name that may have been meant, NULL = none is near. */
static const char *nearest(const char *word, const char *(*name_at)(const void *, size_t),
                           const void *names)
{
    const char *best = NULL, *name;
    size_t best_distance = strlen(word) < 5 ? 2 : 4;

    for (size_t i = 0; (name = name_at(names, i)) != NULL; i++) {
        size_t distance = mli_edit_distance(word, name, best_distance);
        bool begins = strlen(word) >= 4 && strncmp(word, name, strlen(word)) == 0;
        if (distance < best_distance || (begins && best == NULL)) {
            best = name;
            best_distance = distance < best_distance ? distance : best_distance;
        }
    }
    return best;
}

static const char *op_name(const void *unused, size_t i)
{
    (void)unused;
    return i < MLI_ENHANCE_KINDS ? mli_enhance_info_of((mli_enhance_kind)i)->name : NULL;
}

static const char *param_name(const void *info, size_t i)
{
    return ((const mli_enhance_info *)info)->params[i].name;
}

static const char *choice_name(const void *param, size_t i)
{
    return ((const mli_enhance_param *)param)->choices[i];
}

modellab_status mli_enhance_find(const char *word, size_t at, mli_enhance_op *op,
                                 modellab_error *err)
{
    for (size_t i = 0; i < MLI_ENHANCE_KINDS; i++) {
        const mli_enhance_info *info = mli_enhance_info_of((mli_enhance_kind)i);
        if (strcmp(info->name, word) != 0)
            continue;
        op->kind = (mli_enhance_kind)i;
        for (size_t p = 0; p < MLI_ENHANCE_PARAMS; p++)
            op->values[p] = info->params[p].standard;
        return MODELLAB_OK;
    }
    const char *meant = nearest(word, op_name, NULL);
    return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                       "at byte %zu: there is no operator '%s'%s%s%s", at, word,
                       meant != NULL ? "; is '" : "", meant != NULL ? meant : "",
                       meant != NULL ? "' meant?" : "");
}

modellab_status mli_enhance_find_param(const mli_enhance_op *op, const char *word, size_t at,
                                       size_t *index, modellab_error *err)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);

    for (size_t p = 0; info->params[p].name != NULL; p++) {
        if (strcmp(info->params[p].name, word) == 0) {
            *index = p;
            return MODELLAB_OK;
        }
    }
    const char *meant = nearest(word, param_name, info);
    return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                       "at byte %zu: %s has no parameter '%s'; %s '%s'%s", at, info->name, word,
                       meant != NULL ? "is" : "its first is",
                       meant != NULL ? meant : info->params[0].name,
                       meant != NULL ? " meant?" : "");
}

modellab_status mli_enhance_set_word(mli_enhance_op *op, size_t index, const char *word, size_t at,
                                     modellab_error *err)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);
    const mli_enhance_param *param = &info->params[index];

    for (size_t i = 0; param->choices[i] != NULL; i++) {
        if (strcmp(param->choices[i], word) == 0) {
            op->values[index] = (double)i;
            return MODELLAB_OK;
        }
    }
    const char *meant = nearest(word, choice_name, param);
    return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                       "at byte %zu: %s of %s is '%s' or '%s', not '%s'%s%s%s", at, param->name,
                       info->name, param->choices[0], param->choices[1], word,
                       meant != NULL ? "; is '" : "", meant != NULL ? meant : "",
                       meant != NULL ? "' meant?" : "");
}

modellab_status mli_enhance_set_number(mli_enhance_op *op, size_t index, double value, size_t at,
                                       modellab_error *err)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);
    const mli_enhance_param *param = &info->params[index];
    char least[32], most[32];

    if (value >= param->least && value <= param->most && (!param->whole || value == floor(value))) {
        op->values[index] = value == 0.0 ? 0.0 : value; /* no negative zero */
        return MODELLAB_OK;
    }
    mli_format_f64(least, sizeof least, param->least);
    mli_format_f64(most, sizeof most, param->most);
    return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                       "at byte %zu: %s of %s is %s from %s to %s%s%s", at, param->name, info->name,
                       param->whole ? "a whole number" : "a number", least, most,
                       param->unit[0] != 0 ? " " : "", param->unit);
}

/* `name = value`; `seen` has a bit for each parameter that was given. */
MODELLAB_MUST_CHECK static modellab_status read_param(cursor *c, mli_enhance_op *op, unsigned *seen,
                                                      modellab_error *err)
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);
    char name[WORD], word[WORD];
    size_t at, index = 0;
    double value;

    skip_spaces(c);
    at = c->at;
    modellab_status status = read_word(c, name, err);
    if (status != MODELLAB_OK)
        return status;
    if (name[0] == 0)
        return fail_expected(c, "the name of a parameter", err);
    skip_spaces(c);
    if (c->at >= c->bytes || c->text[c->at] != '=') {
        if (mli_parse_f64(name, &value))
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                               "at byte %zu: a value without its name; write %s(%s=%s)", at,
                               info->name, info->params[0].name, name);
        return fail_expected(c, "'='", err);
    }
    status = mli_enhance_find_param(op, name, at, &index, err);
    if (status != MODELLAB_OK)
        return status;
    if (*seen & 1u << index)
        return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                           "at byte %zu: %s is given twice", at, name);
    *seen |= 1u << index;
    c->at++;
    skip_spaces(c);
    at = c->at;
    status = read_word(c, word, err);
    if (status != MODELLAB_OK)
        return status;
    if (word[0] == 0)
        return fail_expected(c, "a value", err);
    if (info->params[index].choices[0] != NULL)
        return mli_enhance_set_word(op, index, word, at, err);
    if (!mli_parse_f64(word, &value))
        return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)at,
                           "at byte %zu: %s of %s is a number, not '%s'", at, name, info->name,
                           word);
    return mli_enhance_set_number(op, index, value, at, err);
}

/* Behind the opening parenthesis, to the closing one and with it. */
MODELLAB_MUST_CHECK static modellab_status read_params(cursor *c, mli_enhance_op *op,
                                                       modellab_error *err)
{
    unsigned seen = 0;

    skip_spaces(c);
    if (c->at < c->bytes && c->text[c->at] == ')') {
        c->at++;
        return MODELLAB_OK;
    }
    for (;;) {
        modellab_status status = read_param(c, op, &seen, err);
        if (status != MODELLAB_OK)
            return status;
        skip_spaces(c);
        if (c->at < c->bytes && c->text[c->at] == ')') {
            c->at++;
            return MODELLAB_OK;
        }
        if (c->at >= c->bytes || c->text[c->at] != ',')
            return fail_expected(c, "',' or ')'", err);
        c->at++;
    }
}

modellab_status mli_enhance_add(mli_enhance_chain *chain, const mli_enhance_op *op,
                                modellab_error *err)
{
    if (chain->count >= MLI_ENHANCE_MAX_OPS)
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %d operators", (int)MLI_ENHANCE_MAX_OPS);
    chain->ops[chain->count++] = *op;
    return MODELLAB_OK;
}

modellab_status mli_enhance_parse(const char *text, size_t bytes, mli_enhance_chain *chain,
                                  modellab_error *err)
{
    cursor c = {text, 0, bytes};
    mli_enhance_op op = {0};
    char name[WORD];

    if (bytes > MLI_ENHANCE_MAX_TEXT)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text of an operator has more than %d bytes",
                        (int)MLI_ENHANCE_MAX_TEXT);
    skip_spaces(&c);
    size_t at = c.at;
    modellab_status status = read_word(&c, name, err);
    if (status == MODELLAB_OK && name[0] == 0)
        return fail_expected(&c, "the name of an operator", err);
    if (status == MODELLAB_OK)
        status = mli_enhance_find(name, at, &op, err);
    skip_spaces(&c);
    if (status == MODELLAB_OK && c.at < c.bytes) {
        if (c.text[c.at] != '(')
            return fail_expected(&c, "'('", err);
        c.at++;
        status = read_params(&c, &op, err);
        skip_spaces(&c);
        if (status == MODELLAB_OK && c.at < c.bytes)
            return fail_expected(&c, "the end", err);
    }
    return status == MODELLAB_OK ? mli_enhance_add(chain, &op, err) : status;
}

/* The text of a value of the table's parameter. */
static const char *value_text(const mli_enhance_param *param, double value, char number[32])
{
    if (param->choices[0] != NULL)
        return param->choices[(size_t)value];
    mli_format_f64(number, 32, value);
    return number;
}

size_t mli_enhance_canonical(const mli_enhance_op *op, char out[MLI_ENHANCE_CANONICAL])
{
    const mli_enhance_info *info = mli_enhance_info_of(op->kind);
    int at = snprintf(out, MLI_ENHANCE_CANONICAL, "%s(", info->name);

    for (size_t p = 0; info->params[p].name != NULL; p++) {
        char number[32];
        at += snprintf(out + at, (size_t)(MLI_ENHANCE_CANONICAL - at), "%s%s=%s", p > 0 ? "," : "",
                       info->params[p].name, value_text(&info->params[p], op->values[p], number));
    }
    at += snprintf(out + at, (size_t)(MLI_ENHANCE_CANONICAL - at), ")");
    return (size_t)at;
}
