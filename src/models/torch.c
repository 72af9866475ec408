/* Reading checkpoints of torch.save: which tensors there are, and where their numbers lie. */
#include "models/torch.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "models/cursor.h"
#include "models/torch_private.h"
#include <stdlib.h>
#include <string.h>

/* PROTO 2, LONG1 of 10 bytes: 0x1950a86a20f9469cfc6c */
static const unsigned char magic[] = {0x80, 2,    0x8a, 10,   0x6c, 0xfc, 0x9c, 0x46,
                                      0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, '.'};

enum { LEGACY_PROTOCOL = 1001, LOOK_TENSORS = 256 };

static bool is_zip(const void *head, size_t bytes)
{
    return bytes >= 4 && memcmp(head, "PK\3\4", 4) == 0;
}

bool mli_torch_is(const void *head, size_t bytes)
{
    return (bytes >= sizeof magic && memcmp(head, magic, sizeof magic) == 0) || is_zip(head, bytes);
}

modellab_status mli_torch_add_storage(mli_torch_storages *list, mli_span key, mli_span data,
                                      modellab_error *err)
{
    if (list->count >= MLI_TORCH_MOST_STORAGES)
        return mli_fail(err, MODELLAB_E_LIMIT, "torch: more than %d storages",
                        (int)MLI_TORCH_MOST_STORAGES);
    if (list->count == list->room) {
        size_t room = list->room == 0 ? 64 : list->room * 2;
        mli_torch_storage *more =
            mli_realloc_array(list->alloc, list->items, room, sizeof *list->items);
        if (more == NULL)
            return mli_no_memory(err);
        list->items = more;
        list->room = room;
    }
    list->items[list->count++] = (mli_torch_storage){key, data};
    return MODELLAB_OK;
}

static int by_key(const void *a, const void *b)
{
    return mli_span_compare(((const mli_torch_storage *)a)->key,
                            ((const mli_torch_storage *)b)->key);
}

MODELLAB_MUST_CHECK static modellab_status sort(mli_torch_storages *list, modellab_error *err)
{
    char text[81];
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, by_key);
    for (size_t i = 1; i < list->count; i++) {
        if (by_key(&list->items[i - 1], &list->items[i]) == 0) {
            mli_span_text(list->items[i].key, text);
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: storage %s stands twice", text);
        }
    }
    return MODELLAB_OK;
}

static const mli_torch_storage *find(const mli_torch_storages *list, mli_span key)
{
    mli_torch_storage wanted = {key, {NULL, 0}};
    return list->count == 0
               ? NULL
               : bsearch(&wanted, list->items, list->count, sizeof *list->items, by_key);
}

/* ---- the older stream ---- */

/* A pickle at the cursor, which goes behind it. */
MODELLAB_MUST_CHECK static modellab_status next_pickle(mli_cursor *in,
                                                       const modellab_allocator *alloc,
                                                       const mli_cancel_word *cancel,
                                                       mli_pickle *out, modellab_error *err)
{
    modellab_status status = mli_pickle_read(out, alloc, in->bytes + in->offset,
                                             in->size - in->offset, in->offset, cancel, err);
    if (status == MODELLAB_OK)
        in->offset += out->bytes;
    return status;
}

/* Version 1001 and little-endian numbers, or it is refused. */
MODELLAB_MUST_CHECK static modellab_status read_head(mli_cursor *in,
                                                     const modellab_allocator *alloc,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err)
{
    mli_pickle p;
    in->offset = sizeof magic;
    modellab_status status = next_pickle(in, alloc, cancel, &p, err);
    if (status != MODELLAB_OK)
        return status;
    if (mli_pickle_root(&p)->kind != MLI_PICKLE_INT ||
        mli_pickle_root(&p)->number != LEGACY_PROTOCOL)
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "torch: the stream is not version %d",
                          (int)LEGACY_PROTOCOL);
    mli_pickle_dispose(&p);
    if (status == MODELLAB_OK)
        status = next_pickle(in, alloc, cancel, &p, err);
    if (status != MODELLAB_OK)
        return status;
    const mli_pickle_value *order = mli_pickle_get(&p, mli_pickle_root(&p), "little_endian");
    if (order == NULL || order->kind != MLI_PICKLE_BOOL || order->number != 1)
        status = mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                          "torch: the stream does not say that its numbers are little-endian");
    mli_pickle_dispose(&p);
    return status;
}

/* Element type of each storage that the object names, by key: data NULL, bytes = size of one. */
MODELLAB_MUST_CHECK static modellab_status
name_storages(const mli_pickle *object, mli_torch_storages *named, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < object->value_count; i++) {
        const mli_pickle_value *v = &object->values[i];
        size_t size = 0;
        if (v->kind == MLI_PICKLE_STORAGE && mli_weight_dtype_bytes(v->dtype, 1, &size))
            status = mli_torch_add_storage(named, v->text, (mli_span){NULL, size}, err);
    }
    if (status != MODELLAB_OK || named->count < 2)
        return status;
    qsort(named->items, named->count, sizeof *named->items, by_key);
    size_t kept = 1;
    for (size_t i = 1; i < named->count; i++) {
        mli_torch_storage *last = &named->items[kept - 1], *x = &named->items[i];
        if (by_key(last, x) != 0)
            named->items[kept++] = *x;
        else if (last->data.bytes != x->data.bytes)
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: a storage of two types");
    }
    named->count = kept;
    return MODELLAB_OK;
}

/* Count and numbers of one storage. */
MODELLAB_MUST_CHECK static modellab_status take_storage(mli_cursor *in, mli_span key,
                                                        const mli_torch_storages *named,
                                                        mli_torch_storages *out,
                                                        modellab_error *err)
{
    char text[81];
    const unsigned char *at = NULL;
    size_t bytes = 0;
    const mli_torch_storage *known = find(named, key);
    mli_span_text(key, text);
    if (known == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: nothing names storage %s", text);
    modellab_status status = mli_cursor_take(in, 8, "elements of a storage", &at, err);
    if (status != MODELLAB_OK)
        return status;
    if (mli_mul_overflow(mli_le64(at), known->data.bytes, &bytes))
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: storage %s is too long", text);
    status = mli_cursor_take(in, bytes, "storage", &at, err);
    return status == MODELLAB_OK ? mli_torch_add_storage(out, key, (mli_span){at, bytes}, err)
                                 : status;
}

/* The list of keys, then the storages in its order; they end the file. */
MODELLAB_MUST_CHECK static modellab_status
read_storages(mli_cursor *in, const modellab_allocator *alloc, const mli_pickle *object,
              const mli_cancel_word *cancel, mli_torch_storages *out, modellab_error *err)
{
    mli_torch_storages named = {.alloc = alloc};
    mli_pickle keys = {.alloc = alloc};
    modellab_status status = next_pickle(in, alloc, cancel, &keys, err);
    if (status == MODELLAB_OK && mli_pickle_root(&keys)->kind != MLI_PICKLE_LIST)
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: no list of storages");
    if (status == MODELLAB_OK)
        status = name_storages(object, &named, err);
    uint32_t i = status == MODELLAB_OK ? mli_pickle_root(&keys)->first : MLI_PICKLE_NONE;
    for (; status == MODELLAB_OK && i != MLI_PICKLE_NONE; i = keys.items[i].next) {
        const mli_pickle_value *key = mli_pickle_at(&keys, i);
        if (key->kind != MLI_PICKLE_TEXT)
            status =
                mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: the key of a storage is no text");
        else
            status = take_storage(in, key->text, &named, out, err);
    }
    if (status == MODELLAB_OK && in->offset != in->size)
        status = mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)in->offset,
                             "torch: %zu bytes behind the last storage", in->size - in->offset);
    mli_free(alloc, named.items);
    mli_pickle_dispose(&keys);
    return status;
}

/* ---- tensors ---- */

/* Sizes of a tuple of integers. */
static bool take_sizes(const mli_pickle *p, const mli_pickle_value *tuple, int64_t *out)
{
    uint32_t n = 0;
    if (tuple->count > MLI_TENSOR_MAX_RANK)
        return false;
    for (uint32_t i = tuple->first; i != MLI_PICKLE_NONE; i = p->items[i].next) {
        const mli_pickle_value *v = mli_pickle_at(p, i);
        if (v->kind != MLI_PICKLE_INT || v->number < 0 || v->number > INT32_MAX)
            return false;
        out[n++] = v->number;
    }
    return true;
}

/* Whether strides are those of dense rows; strides of a dimension of 1 mean nothing. */
static bool dense(const mli_weight *w, const int64_t *strides)
{
    int64_t expected = 1;
    for (int32_t i = w->rank; i-- > 0;) {
        if (w->dims[i] != 1 && strides[i] != expected)
            return false;
        if (mli_mul_overflow(expected, (int64_t)w->dims[i], &expected))
            return false;
    }
    return true;
}

MODELLAB_MUST_CHECK static modellab_status add_tensor(const mli_pickle *p, mli_span name,
                                                      const mli_pickle_value *tensor,
                                                      const mli_torch_storages *storages,
                                                      mli_tensors *out, modellab_error *err)
{
    char text[81];
    int64_t dims[MLI_TENSOR_MAX_RANK] = {0}, strides[MLI_TENSOR_MAX_RANK] = {0};
    uint32_t item = tensor->first;
    const mli_pickle_value *storage = mli_pickle_at(p, item);
    const mli_pickle_value *offset = mli_pickle_at(p, item = p->items[item].next);
    const mli_pickle_value *sizes = mli_pickle_at(p, item = p->items[item].next);
    const mli_pickle_value *steps = mli_pickle_at(p, p->items[item].next);
    mli_span_text(name, text);
    if (!take_sizes(p, sizes, dims) || !take_sizes(p, steps, strides) ||
        sizes->count != steps->count || offset->number < 0)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: tensor %s has an impossible shape",
                        text);
    mli_weight w = {.dtype = storage->dtype, .rank = (int32_t)sizes->count};
    size_t elements = 1, size = 0, from = 0;
    for (int32_t i = 0; i < w.rank; i++) {
        w.dims[i] = (size_t)dims[i];
        if (mli_mul_overflow(elements, w.dims[i], &elements))
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: tensor %s is too big", text);
    }
    if (!dense(&w, strides))
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "torch: tensor %s does not lie row by row", text);
    const mli_torch_storage *data = find(storages, storage->text);
    if (data == NULL || !mli_weight_dtype_bytes(w.dtype, 1, &size) ||
        !mli_weight_dtype_bytes(w.dtype, elements, &w.bytes) ||
        mli_mul_overflow((size_t)offset->number, size, &from) || from > data->data.bytes ||
        w.bytes > data->data.bytes - from)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "torch: tensor %s lies outside of its storage", text);
    w.data = data->data.at + from;
    return mli_tensors_add(out, &w, (const char *)name.at, name.bytes, 0, err);
}

static bool holds_tensors(const mli_pickle *p, const mli_pickle_value *v)
{
    return v != NULL && v->kind == MLI_PICKLE_DICT && v->count > 0 &&
           mli_pickle_at(p, p->items[v->first].next)->kind == MLI_PICKLE_TENSOR;
}

static const mli_pickle_value *state_of(const mli_pickle *p)
{
    static const char *const keys[] = {"model_state", "model_state_dict", "state_dict", "model"};
    const mli_pickle_value *root = mli_pickle_root(p);
    if (holds_tensors(p, root))
        return root;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const mli_pickle_value *v = mli_pickle_get(p, root, keys[i]);
        if (holds_tensors(p, v))
            return v;
    }
    return NULL;
}

MODELLAB_MUST_CHECK static modellab_status collect(const mli_pickle *p,
                                                   const mli_torch_storages *storages,
                                                   const mli_cancel_word *cancel, mli_tensors *out,
                                                   modellab_error *err)
{
    const mli_pickle_value *state = state_of(p);
    modellab_status status = MODELLAB_OK;
    size_t done = 0;
    if (state == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "torch: no dictionary of tensors (at the root, or as model_state, "
                        "state_dict or model)");
    for (uint32_t i = state->first; status == MODELLAB_OK && i != MLI_PICKLE_NONE;) {
        const mli_pickle_value *key = mli_pickle_at(p, i), *value;
        i = p->items[i].next;
        value = mli_pickle_at(p, i);
        i = p->items[i].next;
        if (done++ % LOOK_TENSORS == 0 && mli_cancelled(cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        else if (key->kind == MLI_PICKLE_TEXT && value->kind == MLI_PICKLE_TENSOR)
            status = add_tensor(p, key->text, value, storages, out, err);
    }
    return status;
}

modellab_status mli_torch_read(mli_tensors *out, const void *file, size_t bytes,
                               const mli_cancel_word *cancel, modellab_error *err)
{
    mli_torch_storages storages = {.alloc = out->alloc};
    mli_pickle object = {.alloc = out->alloc};
    modellab_status status;
    if (is_zip(file, bytes)) {
        mli_span pickle = {NULL, 0};
        status = mli_torch_zip(file, bytes, cancel, &pickle, &storages, err);
        if (status == MODELLAB_OK)
            status =
                mli_pickle_read(&object, out->alloc, pickle.at, pickle.bytes,
                                (size_t)(pickle.at - (const unsigned char *)file), cancel, err);
    } else if (mli_torch_is(file, bytes)) {
        mli_cursor in = {.bytes = file, .size = bytes, .format = "torch"};
        status = read_head(&in, out->alloc, cancel, err);
        if (status == MODELLAB_OK)
            status = next_pickle(&in, out->alloc, cancel, &object, err);
        if (status == MODELLAB_OK)
            status = read_storages(&in, out->alloc, &object, cancel, &storages, err);
    } else {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "torch: not a checkpoint of torch.save");
    }
    if (status == MODELLAB_OK)
        status = sort(&storages, err);
    if (status == MODELLAB_OK)
        status = collect(&object, &storages, cancel, out, err);
    mli_pickle_dispose(&object);
    mli_free(out->alloc, storages.items);
    return status;
}
