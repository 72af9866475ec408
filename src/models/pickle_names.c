/* The allow-list of pickles: every global that a checkpoint may name, and what opcodes are called
 * when they are refused. */
#include "models/pickle_names.h"
#include "base/error.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct allowed {
    const char *module, *name;
    mli_pickle_kind kind;
    mli_weight_dtype dtype;
} allowed[] = {
    {"collections", "OrderedDict", MLI_PICKLE_ORDERED_DICT, MLI_WEIGHT_NONE},
    {"torch._utils", "_rebuild_tensor_v2", MLI_PICKLE_REBUILD_TENSOR, MLI_WEIGHT_NONE},
    {"torch", "FloatStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_F32},
    {"torch", "HalfStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_F16},
    {"torch", "BFloat16Storage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_BF16},
    {"torch", "LongStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_I64},
    {"torch", "IntStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_I32},
    {"torch", "ShortStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_I16},
    {"torch", "CharStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_I8},
    {"torch", "ByteStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_U8},
    {"torch", "BoolStorage", MLI_PICKLE_STORAGE_TYPE, MLI_WEIGHT_U8},
};

/* A name out of a file, fit for a message. */
static void shown(mli_span name, char *out, size_t room)
{
    size_t n = name.bytes < room - 1 ? name.bytes : room - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = name.at[i] > ' ' && name.at[i] < 0x7f ? (char)name.at[i] : '?';
    out[n] = '\0';
}

modellab_status mli_pickle_global(mli_span module, mli_span name, mli_pickle_kind *kind,
                                  mli_weight_dtype *dtype, modellab_error *err)
{
    char m[80], n[80];
    for (size_t i = 0; i < COUNT(allowed); i++) {
        if (mli_span_is(module, allowed[i].module) && mli_span_is(name, allowed[i].name)) {
            *kind = allowed[i].kind;
            *dtype = allowed[i].dtype;
            return MODELLAB_OK;
        }
    }
    shown(module, m, sizeof m);
    shown(name, n, sizeof n);
    return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "pickle: the global %s.%s is not allowed", m,
                    n);
}

const char *mli_pickle_op_name(uint8_t op)
{
    static const struct {
        uint8_t op;
        const char *name;
    } names[] = {{'0', "POP"},
                 {'1', "POP_MARK"},
                 {'2', "DUP"},
                 {'B', "BINBYTES"},
                 {'C', "SHORT_BINBYTES"},
                 {'F', "FLOAT"},
                 {'I', "INT"},
                 {'L', "LONG"},
                 {'P', "PERSID"},
                 {'S', "STRING"},
                 {'T', "BINSTRING"},
                 {'U', "SHORT_BINSTRING"},
                 {'V', "UNICODE"},
                 {'d', "DICT"},
                 {'g', "GET"},
                 {'i', "INST"},
                 {'l', "LIST"},
                 {'o', "OBJ"},
                 {'p', "PUT"},
                 {0x80, "PROTO"},
                 {0x81, "NEWOBJ"},
                 {0x82, "EXT1"},
                 {0x83, "EXT2"},
                 {0x84, "EXT4"},
                 {0x8b, "LONG4"},
                 {0x8c, "SHORT_BINUNICODE"},
                 {0x8d, "BINUNICODE8"},
                 {0x8e, "BINBYTES8"},
                 {0x8f, "EMPTY_SET"},
                 {0x90, "ADDITEMS"},
                 {0x91, "FROZENSET"},
                 {0x92, "NEWOBJ_EX"},
                 {0x93, "STACK_GLOBAL"},
                 {0x94, "MEMOIZE"},
                 {0x95, "FRAME"},
                 {0x96, "BYTEARRAY8"},
                 {0x97, "NEXT_BUFFER"},
                 {0x98, "READONLY_BUFFER"}};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (names[i].op == op)
            return names[i].name;
    }
    return "(unknown)";
}
