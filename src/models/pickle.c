/* The walker of pickles: a stack of values, marks and a memo, all of bounded size. A value may hold
 * itself (through the memo), so nothing here goes down the tree. */
#include "models/pickle.h"
#include "base/alloc.h"
#include "base/error.h"
#include "models/cursor.h"
#include "models/pickle_names.h"
#include <string.h>

enum { MOST_STACK = 1 << 16, MOST_MARKS = 1 << 10, LOOK_OPS = 1 << 12 };

typedef struct walker {
    mli_pickle *p;
    mli_cursor in;
    size_t base; /* of the pickle in the file */
    uint32_t *stack, *marks, *memo;
    size_t depth, stack_room, mark_count, mark_room, memo_room;
} walker;

MODELLAB_MUST_CHECK static modellab_status damaged(const walker *w, const char *what,
                                                   modellab_error *err)
{
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)(w->base + w->in.offset),
                       "pickle: %s at byte %zu", what, w->base + w->in.offset);
}

/* Room for one more of `size` bytes each. */
MODELLAB_MUST_CHECK static modellab_status grow(const modellab_allocator *alloc, void **block,
                                                size_t count, size_t *room, size_t size,
                                                size_t most, modellab_error *err)
{
    if (count < *room)
        return MODELLAB_OK;
    if (count >= most)
        return mli_fail(err, MODELLAB_E_LIMIT, "pickle: more than %zu values", most);
    size_t wanted = *room == 0 ? 64 : *room * 2;
    void *more = mli_realloc_array(alloc, *block, wanted, size);
    if (more == NULL)
        return mli_no_memory(err);
    *block = more;
    *room = wanted;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status push(walker *w, uint32_t value, modellab_error *err)
{
    void *block = w->stack;
    modellab_status status =
        grow(w->p->alloc, &block, w->depth, &w->stack_room, sizeof *w->stack, MOST_STACK, err);
    w->stack = block;
    if (status == MODELLAB_OK)
        w->stack[w->depth++] = value;
    return status;
}

/* A new value on the stack. */
MODELLAB_MUST_CHECK static modellab_status make(walker *w, mli_pickle_value value,
                                                modellab_error *err)
{
    void *block = w->p->values;
    modellab_status status = grow(w->p->alloc, &block, w->p->value_count, &w->p->value_room,
                                  sizeof *w->p->values, MLI_PICKLE_MOST_OPS, err);
    w->p->values = block;
    if (status != MODELLAB_OK)
        return status;
    w->p->values[w->p->value_count] = value;
    return push(w, (uint32_t)w->p->value_count++, err);
}

static mli_pickle_value empty(mli_pickle_kind kind)
{
    return (mli_pickle_value){.kind = kind, .first = MLI_PICKLE_NONE, .last = MLI_PICKLE_NONE};
}

MODELLAB_MUST_CHECK static modellab_status add_item(walker *w, uint32_t owner, uint32_t value,
                                                    modellab_error *err)
{
    mli_pickle *p = w->p;
    void *block = p->items;
    modellab_status status = grow(p->alloc, &block, p->item_count, &p->item_room, sizeof *p->items,
                                  MLI_PICKLE_MOST_OPS, err);
    p->items = block;
    if (status != MODELLAB_OK)
        return status;
    mli_pickle_value *v = &p->values[owner];
    uint32_t index = (uint32_t)p->item_count++;
    p->items[index] = (mli_pickle_item){value, MLI_PICKLE_NONE};
    if (v->first == MLI_PICKLE_NONE)
        v->first = index;
    else
        p->items[v->last].next = index;
    v->last = index;
    v->count++;
    return MODELLAB_OK;
}

/* Whether `count` values lie above the last mark. */
static bool has(const walker *w, size_t count)
{
    size_t floor = w->mark_count > 0 ? w->marks[w->mark_count - 1] : 0;
    return w->depth - floor >= count;
}

/* The last `count` values become a tuple. */
MODELLAB_MUST_CHECK static modellab_status make_tuple(walker *w, size_t count, modellab_error *err)
{
    if (!has(w, count))
        return damaged(w, "a tuple of missing values", err);
    size_t from = w->depth - count;
    modellab_status status = make(w, empty(MLI_PICKLE_TUPLE), err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = add_item(w, w->stack[from + count], w->stack[from + i], err);
    if (status == MODELLAB_OK) {
        w->stack[from] = w->stack[from + count];
        w->depth = from + 1;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pop_mark(walker *w, size_t *from, modellab_error *err)
{
    if (w->mark_count == 0)
        return damaged(w, "no mark", err);
    *from = w->marks[--w->mark_count];
    return MODELLAB_OK;
}

/* What stands above `from` goes into the container below it. */
MODELLAB_MUST_CHECK static modellab_status extend(walker *w, size_t from, mli_pickle_kind kind,
                                                  modellab_error *err)
{
    size_t floor = w->mark_count > 0 ? w->marks[w->mark_count - 1] : 0;
    modellab_status status = MODELLAB_OK;
    if (from <= floor || w->p->values[w->stack[from - 1]].kind != kind ||
        (kind == MLI_PICKLE_DICT && (w->depth - from) % 2 != 0))
        return damaged(w, "items without their container", err);
    for (size_t i = from; status == MODELLAB_OK && i < w->depth; i++)
        status = add_item(w, w->stack[from - 1], w->stack[i], err);
    w->depth = from;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status extend_marked(walker *w, mli_pickle_kind kind,
                                                         modellab_error *err)
{
    size_t from = 0;
    modellab_status status = pop_mark(w, &from, err);
    return status == MODELLAB_OK ? extend(w, from, kind, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status remember(walker *w, uint32_t index, modellab_error *err)
{
    if (!has(w, 1) || index >= MLI_PICKLE_MOST_OPS)
        return damaged(w, "a memo that cannot be", err);
    if (index >= w->memo_room) {
        size_t wanted = w->memo_room == 0 ? 256 : w->memo_room;
        while (wanted <= index)
            wanted *= 2;
        /* numbers are given in order: a gap as wide as the file is none of a writer */
        if (wanted > 2 * (size_t)w->in.size + 512)
            return damaged(w, "a memo that cannot be", err);
        uint32_t *more = mli_realloc_array(w->p->alloc, w->memo, wanted, sizeof *more);
        if (more == NULL)
            return mli_no_memory(err);
        memset(more + w->memo_room, 0xff, (wanted - w->memo_room) * sizeof *more);
        w->memo = more;
        w->memo_room = wanted;
    }
    w->memo[index] = w->stack[w->depth - 1];
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status recall(walker *w, uint32_t index, modellab_error *err)
{
    if (index >= w->memo_room || w->memo[index] == MLI_PICKLE_NONE)
        return damaged(w, "a memo that was not made", err);
    return push(w, w->memo[index], err);
}

/* "module\nname\n" */
MODELLAB_MUST_CHECK static modellab_status global(walker *w, modellab_error *err)
{
    mli_span part[2];
    mli_pickle_value v = empty(MLI_PICKLE_NULL);
    for (size_t i = 0; i < 2; i++) {
        const unsigned char *from = w->in.bytes + w->in.offset;
        const unsigned char *end = memchr(from, '\n', w->in.size - w->in.offset);
        if (end == NULL || end - from > MLI_PICKLE_MOST_NAME)
            return damaged(w, "a global without an end", err);
        part[i] = (mli_span){from, (size_t)(end - from)};
        w->in.offset += part[i].bytes + 1;
    }
    modellab_status status = mli_pickle_global(part[0], part[1], &v.kind, &v.dtype, err);
    return status == MODELLAB_OK ? make(w, v, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status text(walker *w, modellab_error *err)
{
    uint32_t bytes = 0;
    mli_pickle_value v = empty(MLI_PICKLE_TEXT);
    modellab_status status = mli_cursor_u32(&w->in, "length of a text", &bytes, err);
    if (status == MODELLAB_OK)
        status = mli_cursor_take(&w->in, bytes, "text", &v.text.at, err);
    v.text.bytes = bytes;
    return status == MODELLAB_OK ? make(w, v, err) : status;
}

/* A little-endian integer of `bytes`; signed when it is of 4 bytes or a LONG1. */
MODELLAB_MUST_CHECK static modellab_status integer(walker *w, size_t bytes, bool is_signed,
                                                   modellab_error *err)
{
    mli_pickle_value v = empty(MLI_PICKLE_INT);
    uint64_t number = 0;
    modellab_status status = mli_cursor_take(&w->in, bytes, "integer", &v.text.at, err);
    if (status != MODELLAB_OK)
        return status;
    v.text.bytes = bytes;
    if (bytes > 8) {
        v.kind = MLI_PICKLE_BIG;
        return make(w, v, err);
    }
    for (size_t i = 0; i < bytes; i++)
        number |= (uint64_t)v.text.at[i] << 8 * i;
    if (is_signed && bytes > 0 && bytes < 8 && (v.text.at[bytes - 1] & 0x80) != 0)
        number |= UINT64_MAX << 8 * bytes;
    memcpy(&v.number, &number, sizeof v.number);
    return make(w, v, err);
}

MODELLAB_MUST_CHECK static modellab_status long_integer(walker *w, modellab_error *err)
{
    uint8_t bytes = 0;
    modellab_status status = mli_cursor_u8(&w->in, "length of an integer", &bytes, err);
    return status == MODELLAB_OK ? integer(w, bytes, true, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status real(walker *w, modellab_error *err)
{
    mli_pickle_value v = empty(MLI_PICKLE_FLOAT);
    const unsigned char *at = NULL;
    uint64_t bits = 0;
    modellab_status status = mli_cursor_take(&w->in, 8, "number", &at, err);
    if (status != MODELLAB_OK)
        return status;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | at[i];
    memcpy(&v.real, &bits, sizeof v.real);
    return make(w, v, err);
}

/* Items of a tuple as values; false when it is none or has another size. */
static bool take_tuple(const mli_pickle *p, uint32_t tuple, uint32_t least, uint32_t most,
                       uint32_t *out)
{
    const mli_pickle_value *v = &p->values[tuple];
    uint32_t n = 0;
    if (v->kind != MLI_PICKLE_TUPLE || v->count < least || v->count > most)
        return false;
    for (uint32_t i = v->first; i != MLI_PICKLE_NONE; i = p->items[i].next)
        out[n++] = p->items[i].value;
    return true;
}

/* ('storage', type, key, location, elements) */
MODELLAB_MUST_CHECK static modellab_status persistent(walker *w, modellab_error *err)
{
    uint32_t part[6] = {0};
    mli_pickle *p = w->p;
    if (!has(w, 1) || !take_tuple(p, w->stack[w->depth - 1], 5, 6, part) ||
        p->values[part[0]].kind != MLI_PICKLE_TEXT ||
        !mli_span_is(p->values[part[0]].text, "storage") ||
        p->values[part[1]].kind != MLI_PICKLE_STORAGE_TYPE ||
        p->values[part[2]].kind != MLI_PICKLE_TEXT || p->values[part[3]].kind != MLI_PICKLE_TEXT ||
        p->values[part[4]].kind != MLI_PICKLE_INT || p->values[part[4]].number < 0)
        return damaged(w, "a persistent id that is no storage", err);
    mli_pickle_value v = empty(MLI_PICKLE_STORAGE);
    v.dtype = p->values[part[1]].dtype;
    v.text = p->values[part[2]].text;
    v.number = p->values[part[4]].number;
    w->depth--;
    return make(w, v, err);
}

/* OrderedDict() and _rebuild_tensor_v2(storage, offset, sizes, strides, requires_grad, hooks). */
MODELLAB_MUST_CHECK static modellab_status reduce(walker *w, modellab_error *err)
{
    uint32_t part[7] = {0};
    mli_pickle *p = w->p;
    if (!has(w, 2))
        return damaged(w, "a call of missing values", err);
    uint32_t arguments = w->stack[w->depth - 1];
    mli_pickle_kind callee = p->values[w->stack[w->depth - 2]].kind;
    w->depth -= 2;
    if (callee == MLI_PICKLE_ORDERED_DICT && take_tuple(p, arguments, 0, 0, part))
        return make(w, empty(MLI_PICKLE_DICT), err);
    if (callee != MLI_PICKLE_REBUILD_TENSOR || !take_tuple(p, arguments, 6, 7, part) ||
        p->values[part[0]].kind != MLI_PICKLE_STORAGE ||
        p->values[part[1]].kind != MLI_PICKLE_INT || p->values[part[2]].kind != MLI_PICKLE_TUPLE ||
        p->values[part[3]].kind != MLI_PICKLE_TUPLE)
        return damaged(w, "a call that is not known", err);
    modellab_status status = make(w, empty(MLI_PICKLE_TENSOR), err);
    for (size_t i = 0; status == MODELLAB_OK && i < 4; i++)
        status = add_item(w, w->stack[w->depth - 1], part[i], err);
    return status;
}

/* Attributes of a dictionary (_metadata): not needed. */
MODELLAB_MUST_CHECK static modellab_status build(walker *w, modellab_error *err)
{
    if (!has(w, 2) || w->p->values[w->stack[w->depth - 1]].kind != MLI_PICKLE_DICT ||
        w->p->values[w->stack[w->depth - 2]].kind != MLI_PICKLE_DICT)
        return damaged(w, "attributes of what is no dictionary", err);
    w->depth--;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status mark(walker *w, modellab_error *err)
{
    void *block = w->marks;
    modellab_status status =
        grow(w->p->alloc, &block, w->mark_count, &w->mark_room, sizeof *w->marks, MOST_MARKS, err);
    w->marks = block;
    if (status == MODELLAB_OK)
        w->marks[w->mark_count++] = (uint32_t)w->depth;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status truth(walker *w, int64_t value, modellab_error *err)
{
    mli_pickle_value v = empty(MLI_PICKLE_BOOL);
    v.number = value;
    return make(w, v, err);
}

MODELLAB_MUST_CHECK static modellab_status memo_op(walker *w, bool wide, bool put,
                                                   modellab_error *err)
{
    uint32_t index = 0;
    uint8_t narrow = 0;
    modellab_status status = wide ? mli_cursor_u32(&w->in, "memo", &index, err)
                                  : mli_cursor_u8(&w->in, "memo", &narrow, err);
    if (status != MODELLAB_OK)
        return status;
    index = wide ? index : narrow;
    return put ? remember(w, index, err) : recall(w, index, err);
}

MODELLAB_MUST_CHECK static modellab_status tuple_to_mark(walker *w, modellab_error *err)
{
    size_t from = 0;
    modellab_status status = pop_mark(w, &from, err);
    return status == MODELLAB_OK ? make_tuple(w, w->depth - from, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status step(walker *w, uint8_t op, modellab_error *err)
{
    switch (op) {
    case '(':
        return mark(w, err);
    case ')':
        return make(w, empty(MLI_PICKLE_TUPLE), err);
    case ']':
        return make(w, empty(MLI_PICKLE_LIST), err);
    case '}':
        return make(w, empty(MLI_PICKLE_DICT), err);
    case 'N':
        return make(w, empty(MLI_PICKLE_NULL), err);
    case 0x88:
        return truth(w, 1, err);
    case 0x89:
        return truth(w, 0, err);
    case 'J':
        return integer(w, 4, true, err);
    case 'K':
        return integer(w, 1, false, err);
    case 'M':
        return integer(w, 2, false, err);
    case 0x8a:
        return long_integer(w, err);
    case 'G':
        return real(w, err);
    case 'X':
        return text(w, err);
    case 'c':
        return global(w, err);
    case 'Q':
        return persistent(w, err);
    case 'R':
        return reduce(w, err);
    case 'b':
        return build(w, err);
    case 't':
        return tuple_to_mark(w, err);
    case 0x85:
    case 0x86:
    case 0x87:
        return make_tuple(w, (size_t)op - 0x84, err);
    case 'a':
        return has(w, 2) ? extend(w, w->depth - 1, MLI_PICKLE_LIST, err)
                         : damaged(w, "an item without a list", err);
    case 's':
        return has(w, 3) ? extend(w, w->depth - 2, MLI_PICKLE_DICT, err)
                         : damaged(w, "an item without a dictionary", err);
    case 'e':
        return extend_marked(w, MLI_PICKLE_LIST, err);
    case 'u':
        return extend_marked(w, MLI_PICKLE_DICT, err);
    case 'q':
        return memo_op(w, false, true, err);
    case 'r':
        return memo_op(w, true, true, err);
    case 'h':
        return memo_op(w, false, false, err);
    case 'j':
        return memo_op(w, true, false, err);
    default:
        return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)(w->base + w->in.offset - 1),
                           "pickle: the opcode %s at byte %zu is not allowed",
                           mli_pickle_op_name(op), w->base + w->in.offset - 1);
    }
}

MODELLAB_MUST_CHECK static modellab_status walk(walker *w, const mli_cancel_word *cancel,
                                                modellab_error *err)
{
    uint8_t op = 0, protocol = 0;
    modellab_status status = mli_cursor_u8(&w->in, "PROTO", &op, err);
    if (status == MODELLAB_OK)
        status = mli_cursor_u8(&w->in, "protocol", &protocol, err);
    if (status == MODELLAB_OK && (op != 0x80 || protocol != 2))
        return mli_fail_at(err, MODELLAB_E_UNSUPPORTED_MODEL, (int64_t)w->base,
                           "pickle: no pickle of protocol 2 at byte %zu", w->base);
    for (size_t ops = 0; status == MODELLAB_OK; ops++) {
        if (ops >= MLI_PICKLE_MOST_OPS)
            return mli_fail(err, MODELLAB_E_LIMIT, "pickle: more than %d opcodes",
                            (int)MLI_PICKLE_MOST_OPS);
        if (ops % LOOK_OPS == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        status = mli_cursor_u8(&w->in, "opcode", &op, err);
        if (status == MODELLAB_OK && op == '.')
            break;
        if (status == MODELLAB_OK)
            status = step(w, op, err);
    }
    if (status == MODELLAB_OK && (w->depth != 1 || w->mark_count != 0))
        return damaged(w, "not one value at the end", err);
    return status;
}

modellab_status mli_pickle_read(mli_pickle *out, const modellab_allocator *alloc, const void *data,
                                size_t bytes, size_t at, const mli_cancel_word *cancel,
                                modellab_error *err)
{
    *out = (mli_pickle){.alloc = alloc};
    walker w = {.p = out, .base = at};
    w.in = (mli_cursor){.bytes = data,
                        .size = bytes < MLI_PICKLE_MOST_BYTES ? bytes : MLI_PICKLE_MOST_BYTES,
                        .format = "pickle"};
    modellab_status status = walk(&w, cancel, err);
    if (status == MODELLAB_OK) {
        out->root = w.stack[0];
        out->bytes = w.in.offset;
    }
    mli_free(alloc, w.stack);
    mli_free(alloc, w.marks);
    mli_free(alloc, w.memo);
    if (status != MODELLAB_OK)
        mli_pickle_dispose(out);
    return status;
}

void mli_pickle_dispose(mli_pickle *pickle)
{
    mli_free(pickle->alloc, pickle->values);
    mli_free(pickle->alloc, pickle->items);
    *pickle = (mli_pickle){.alloc = pickle->alloc};
}

const mli_pickle_value *mli_pickle_get(const mli_pickle *p, const mli_pickle_value *dict,
                                       const char *key)
{
    const mli_pickle_value *found = NULL;
    if (dict->kind != MLI_PICKLE_DICT)
        return NULL;
    for (uint32_t i = dict->first; i != MLI_PICKLE_NONE; i = p->items[p->items[i].next].next) {
        const mli_pickle_value *k = mli_pickle_at(p, i);
        if (k->kind == MLI_PICKLE_TEXT && mli_span_is(k->text, key))
            found = mli_pickle_at(p, p->items[i].next);
    }
    return found;
}
