/* The neutral list of tensors: types, checked adding, lookup by name, slices. */
#include "models/tensors.h"
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct dtype_info {
    const char *name;
    size_t block, bytes; /* values and bytes of one block */
} dtype_info;

static const dtype_info dtypes[] = {
    [MLI_WEIGHT_NONE] = {"?", 0, 0},      [MLI_WEIGHT_F32] = {"f32", 1, 4},
    [MLI_WEIGHT_F16] = {"f16", 1, 2},     [MLI_WEIGHT_BF16] = {"bf16", 1, 2},
    [MLI_WEIGHT_I8] = {"i8", 1, 1},       [MLI_WEIGHT_I16] = {"i16", 1, 2},
    [MLI_WEIGHT_I32] = {"i32", 1, 4},     [MLI_WEIGHT_I64] = {"i64", 1, 8},
    [MLI_WEIGHT_U8] = {"u8", 1, 1},       [MLI_WEIGHT_Q4_0] = {"q4_0", 32, 18},
    [MLI_WEIGHT_Q4_1] = {"q4_1", 32, 20}, [MLI_WEIGHT_Q5_0] = {"q5_0", 32, 22},
    [MLI_WEIGHT_Q5_1] = {"q5_1", 32, 24}, [MLI_WEIGHT_Q8_0] = {"q8_0", 32, 34},
};

static const dtype_info *info_of(mli_weight_dtype type)
{
    if ((size_t)type >= sizeof dtypes / sizeof dtypes[0]) {
        return &dtypes[MLI_WEIGHT_NONE];
    }
    return &dtypes[type];
}

const char *mli_weight_dtype_name(mli_weight_dtype type)
{
    return info_of(type)->name;
}

bool mli_weight_dtype_bytes(mli_weight_dtype type, size_t elements, size_t *bytes)
{
    const dtype_info *info = info_of(type);
    if (info->block == 0 || elements % info->block != 0) {
        return false;
    }
    return !mli_mul_overflow(elements / info->block, info->bytes, bytes);
}

void mli_tensors_init(mli_tensors *list, const modellab_allocator *alloc)
{
    memset(list, 0, sizeof *list);
    list->alloc = alloc;
}

void mli_tensors_dispose(mli_tensors *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mli_free(list->alloc, (void *)(uintptr_t)list->items[i].name);
    }
    mli_free(list->alloc, list->items);
    mli_tensors_init(list, list->alloc);
}

/* Elements of a shape; false when a dimension is 0 or the product is beyond the cap. */
static bool count_elements(const mli_weight *tensor, size_t *out)
{
    size_t elements = 1;
    if (tensor->rank < 0 || tensor->rank > MLI_TENSOR_MAX_RANK) {
        return false;
    }
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] == 0 || mli_mul_overflow(elements, tensor->dims[i], &elements) ||
            elements > MLI_TENSOR_MAX_ELEMENTS) {
            return false;
        }
    }
    *out = elements;
    return true;
}

MODELLAB_MUST_CHECK static modellab_status check_shape(const mli_weight *tensor, const char *name,
                                                       size_t offset, modellab_error *err)
{
    size_t elements, bytes;
    if (!count_elements(tensor, &elements)) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset,
                           "tensor %s at byte %zu: rank or dimensions are not allowed", name,
                           offset);
    }
    const dtype_info *info = info_of(tensor->dtype);
    size_t last = tensor->rank > 0 ? tensor->dims[tensor->rank - 1] : 1;
    if (info->block == 0 || last % info->block != 0 ||
        !mli_weight_dtype_bytes(tensor->dtype, elements, &bytes)) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset,
                           "tensor %s at byte %zu: type %s does not fit its dimensions", name,
                           offset, info->name);
    }
    if (bytes != tensor->bytes) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset,
                           "tensor %s at byte %zu has %zu bytes, its dimensions need %zu", name,
                           offset, tensor->bytes, bytes);
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status grow(mli_tensors *list, modellab_error *err)
{
    if (list->count < list->capacity) {
        return MODELLAB_OK;
    }
    if (list->count >= MLI_TENSOR_MAX_COUNT) {
        return mli_fail(err, MODELLAB_E_LIMIT, "more than %u tensors", MLI_TENSOR_MAX_COUNT);
    }
    size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
    mli_weight *items = mli_realloc_array(list->alloc, list->items, capacity, sizeof *list->items);
    if (items == NULL) {
        return mli_no_memory(err);
    }
    list->items = items;
    list->capacity = capacity;
    return MODELLAB_OK;
}

/* Names are shown in messages: printable ASCII only. */
static bool name_valid(const char *name, size_t bytes)
{
    if (bytes == 0 || bytes > MLI_TENSOR_MAX_NAME) {
        return false;
    }
    for (size_t i = 0; i < bytes; i++) {
        if (name[i] <= ' ' || name[i] >= 127) {
            return false;
        }
    }
    return true;
}

modellab_status mli_tensors_add(mli_tensors *list, const mli_weight *tensor, const char *name,
                                size_t name_bytes, size_t offset, modellab_error *err)
{
    if (!name_valid(name, name_bytes)) {
        return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)offset,
                           "tensor name of %zu bytes for byte %zu is not allowed", name_bytes,
                           offset);
    }
    modellab_status status = grow(list, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    char *copy = mli_strndup(list->alloc, name, name_bytes);
    if (copy == NULL) {
        return mli_no_memory(err);
    }
    status = check_shape(tensor, copy, offset, err);
    if (status != MODELLAB_OK) {
        mli_free(list->alloc, copy);
        return status;
    }
    list->items[list->count] = *tensor;
    list->items[list->count++].name = copy;
    return MODELLAB_OK;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const mli_weight *)a)->name, ((const mli_weight *)b)->name);
}

modellab_status mli_tensors_sort(mli_tensors *list, modellab_error *err)
{
    if (list->count > 1) {
        qsort(list->items, list->count, sizeof *list->items, compare);
    }
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(list->items[i - 1].name, list->items[i].name) == 0) {
            return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s stands twice",
                            list->items[i].name);
        }
    }
    return MODELLAB_OK;
}

const mli_weight *mli_tensors_find(const mli_tensors *list, const char *name)
{
    mli_weight key = {.name = name};
    if (list->count == 0) {
        return NULL;
    }
    return bsearch(&key, list->items, list->count, sizeof *list->items, compare);
}

modellab_status mli_tensors_need(const mli_tensors *list, const char *name, int rank,
                                 const size_t *dims, const mli_weight **out, modellab_error *err)
{
    const mli_weight *tensor = mli_tensors_find(list, name);
    if (tensor == NULL) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "tensor %s is missing", name);
    }
    bool same = rank < 0 || tensor->rank == rank;
    for (int i = 0; same && i < rank; i++) {
        same = tensor->dims[i] == dims[i];
    }
    if (!same) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "tensor %s has other dimensions than the model needs", name);
    }
    *out = tensor;
    return MODELLAB_OK;
}

size_t mli_weight_elements(const mli_weight *tensor)
{
    size_t elements;
    return count_elements(tensor, &elements) ? elements : 0;
}

size_t mli_weight_rows(const mli_weight *tensor)
{
    return tensor->rank >= 2 ? tensor->dims[0] : 1;
}

size_t mli_weight_row_size(const mli_weight *tensor)
{
    return mli_weight_elements(tensor) / mli_weight_rows(tensor);
}

modellab_status mli_weight_slice(const mli_weight *tensor, size_t first, size_t rows,
                                 mli_weight *out, modellab_error *err)
{
    if (tensor->rank < 1 || rows == 0 || first > tensor->dims[0] ||
        rows > tensor->dims[0] - first) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "rows outside of tensor %s",
                        tensor->name);
    }
    size_t row_bytes;
    if (!mli_weight_dtype_bytes(tensor->dtype, mli_weight_elements(tensor) / tensor->dims[0],
                                &row_bytes)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "rows of tensor %s cut its blocks",
                        tensor->name);
    }
    *out = *tensor;
    out->dims[0] = rows;
    out->data = tensor->data + first * row_bytes;
    out->bytes = rows * row_bytes;
    if (tensor->scale != NULL && tensor->rank >= 2) {
        out->scale = tensor->scale + first * 4;
    }
    return MODELLAB_OK;
}
