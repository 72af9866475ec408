/* Pickles of protocol 2 as torch.save writes them, walked opcode by opcode into a tree of values.
 * Nothing is ever called or imported: the only callables are the three names below, which are marks
 * here. Any other opcode or global is refused by its name. */
#ifndef MLI_MODELS_PICKLE_H
#define MLI_MODELS_PICKLE_H

#include "base/cancel.h"
#include "models/protobuf.h"
#include "models/tensors.h"

enum {
    MLI_PICKLE_MOST_BYTES = 16 << 20, /* of one pickle, without tensors' numbers */
    MLI_PICKLE_MOST_OPS = 1 << 20
};
#define MLI_PICKLE_NONE UINT32_MAX

typedef enum mli_pickle_kind {
    MLI_PICKLE_NULL = 0, /* None */
    MLI_PICKLE_BOOL,
    MLI_PICKLE_INT,
    MLI_PICKLE_BIG, /* an integer of more than 8 bytes: `text` holds them, little-endian */
    MLI_PICKLE_FLOAT,
    MLI_PICKLE_TEXT,
    MLI_PICKLE_TUPLE,
    MLI_PICKLE_LIST,
    MLI_PICKLE_DICT,         /* items: key, value, key, value; OrderedDict too */
    MLI_PICKLE_ORDERED_DICT, /* globals */
    MLI_PICKLE_REBUILD_TENSOR,
    MLI_PICKLE_STORAGE_TYPE, /* `dtype` */
    MLI_PICKLE_STORAGE,      /* `dtype`, `text` (its key), `number` (elements) */
    MLI_PICKLE_TENSOR        /* items: storage, offset, tuple of sizes, tuple of strides */
} mli_pickle_kind;

typedef struct mli_pickle_value {
    mli_pickle_kind kind;
    mli_weight_dtype dtype;
    int64_t number;
    double real;
    mli_span text;        /* into the pickle */
    uint32_t first, last; /* of its items; MLI_PICKLE_NONE = none */
    uint32_t count;
} mli_pickle_value;

typedef struct mli_pickle_item {
    uint32_t value, next;
} mli_pickle_item;

typedef struct mli_pickle {
    const modellab_allocator *alloc;
    mli_pickle_value *values;
    size_t value_count, value_room;
    mli_pickle_item *items;
    size_t item_count, item_room;
    uint32_t root;
    size_t bytes; /* that the pickle takes */
} mli_pickle;

/* Reads the pickle at the start of `data`, which must stay; `at` is its offset in the file, for
 * messages. Empty on failure. E_INVALID_MODEL: damaged; E_UNSUPPORTED_MODEL: asks for what is not
 * on the list; E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_pickle_read(mli_pickle *out,
                                                    const modellab_allocator *alloc,
                                                    const void *data, size_t bytes, size_t at,
                                                    const mli_cancel_word *cancel,
                                                    modellab_error *err);
void mli_pickle_dispose(mli_pickle *pickle);

static inline const mli_pickle_value *mli_pickle_root(const mli_pickle *p)
{
    return &p->values[p->root];
}
/* The value that an item stands for; `item` is a valid index (first, next). */
static inline const mli_pickle_value *mli_pickle_at(const mli_pickle *p, uint32_t item)
{
    return &p->values[p->items[item].value];
}
/* Value of a text key of a dictionary (the last one when it stands twice, as in Python); NULL. */
const mli_pickle_value *mli_pickle_get(const mli_pickle *p, const mli_pickle_value *dict,
                                       const char *key);

#endif
