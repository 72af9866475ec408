/* The reader of torch.save's checkpoints: both forms, what is refused and by which name, files that
 * are cut off, and hostile pickles. */
#include "models/inspect.h"
#include "models/pickle.h"
#include "models/torch.h"
#include "unit/models/torch_writer.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const float w_values[6] = {1, 2, 3, 4, 5, 6}, b_values[2] = {-1, 0.5f};
static const torch_tensor tensors[] = {{"w", {2, 3}, 2, w_values, 0}, {"b", {2}, 1, b_values, 3}};

static void small(mli_buf *file, int form)
{
    mli_buf object;
    mli_buf_init(&object, NULL);
    mli_buf_init(file, NULL);
    torch_object(&object, tensors, 2);
    if (form == 0)
        torch_stream(file, &object, tensors, 2);
    else
        torch_zip(file, &object, tensors, 2, form == 2);
    mli_buf_dispose(&object);
}

static void check(const mli_buf *file)
{
    mli_tensors list;
    float out[6];
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_tensors_init(&list, NULL);
    assert_true(mli_torch_is(file->data, 64));
    if (mli_torch_read(&list, file->data, file->size, NULL, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(mli_tensors_sort(&list, NULL), MODELLAB_OK);
    assert_int_equal(list.count, 2);
    const mli_weight *w = mli_tensors_find(&list, "w"), *b = mli_tensors_find(&list, "b");
    assert_int_equal(w->rank, 2);
    assert_int_equal(w->dims[0] * 10 + w->dims[1], 23);
    assert_int_equal(mli_weight_read_f32(w, 0, 2, out, NULL), MODELLAB_OK);
    assert_memory_equal(out, w_values, sizeof w_values);
    assert_int_equal(mli_weight_read_f32(b, 0, 1, out, NULL), MODELLAB_OK);
    assert_memory_equal(out, b_values, sizeof b_values);
    mli_tensors_dispose(&list);
}

static void test_forms(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        mli_buf file;
        small(&file, form);
        check(&file);
        mli_buf_dispose(&file);
    }
}

static modellab_status read(const void *data, size_t bytes, modellab_error *err)
{
    mli_tensors list;
    mli_tensors_init(&list, NULL);
    /* from memory of exactly that size, so that a sanitizer sees a read behind it */
    void *copy = malloc(bytes + 1);
    assert_non_null(copy);
    memmove(copy, data, bytes);
    void *exact = realloc(copy, bytes > 0 ? bytes : 1);
    modellab_status status = mli_torch_read(&list, exact, bytes, NULL, err);
    mli_tensors_dispose(&list);
    free(exact);
    return status;
}

static void test_cut_off(void **state)
{
    (void)state;
    for (int form = 0; form < 3; form++) {
        mli_buf file;
        small(&file, form);
        for (size_t n = 0; n < file.size; n++) {
            modellab_error err = MODELLAB_ERROR_INIT;
            if (read(file.data, n, &err) == MODELLAB_OK || err.message[0] == '\0')
                fail_msg("form %d, %zu of %zu bytes were accepted", form, n, file.size);
        }
        mli_buf_append_char(&file, 'x'); /* and nothing behind the end */
        assert_int_not_equal(read(file.data, file.size, NULL), MODELLAB_OK);
        mli_buf_dispose(&file);
    }
}

/* A stream with this object must be refused with these words. */
static void refused(const mli_buf *object, modellab_status code, const char *words)
{
    mli_buf file;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf_init(&file, NULL);
    torch_stream(&file, object, tensors, 2);
    modellab_status status = read(file.data, file.size, &err);
    if (status != code || strstr(err.message, words) == NULL)
        fail_msg("status %d, \"%s\" instead of \"%s\"", (int)status, err.message, words);
    mli_buf_dispose(&file);
}

static void test_hostile_pickles(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        modellab_status code;
        const char *words;
    } cases[] = {
#define CASE(text, code, words) {text, sizeof text - 1, code, words}
        CASE("\x80\x02"
             "cos\nsystem\n(X\2\0\0\0idtR.",
             MODELLAB_E_UNSUPPORTED_MODEL, "the global os.system is not allowed"),
        CASE("\x80\x02"
             "c__builtin__\neval\n.",
             MODELLAB_E_UNSUPPORTED_MODEL, "the global __builtin__.eval is not allowed"),
        CASE("\x80\x02"
             "ctorch._utils\n_rebuild_tensor\n.",
             MODELLAB_E_UNSUPPORTED_MODEL,
             "the global torch._utils._rebuild_tensor is not allowed"),
        CASE("\x80\x02"
             "ctorch\nDoubleStorage\n.",
             MODELLAB_E_UNSUPPORTED_MODEL, "torch.DoubleStorage"),
        CASE("\x80\x02"
             "ccollections\nOrderedDict\n)\x81.",
             MODELLAB_E_UNSUPPORTED_MODEL, "the opcode NEWOBJ"),
        CASE("\x80\x02\x8c\2os\x8c\6system\x93.", MODELLAB_E_UNSUPPORTED_MODEL,
             "the opcode SHORT_BINUNICODE"),
        CASE("\x80\x02(ios\nsystem\n.", MODELLAB_E_UNSUPPORTED_MODEL, "the opcode INST"),
        CASE("\x80\x02\x82\1.", MODELLAB_E_UNSUPPORTED_MODEL, "the opcode EXT1"),
        CASE("\x80\x04N.", MODELLAB_E_UNSUPPORTED_MODEL, "no pickle of protocol 2"),
        CASE("\x80\x02"
             "ccollections\nOrderedDict\n(K\1tR.",
             MODELLAB_E_INVALID_MODEL, "a call that is not known"),
        CASE("\x80\x02K\1)R.", MODELLAB_E_INVALID_MODEL, "a call that is not known"),
        CASE("\x80\x02)R.", MODELLAB_E_INVALID_MODEL, "a call of missing values"),
        CASE("\x80\x02h\7.", MODELLAB_E_INVALID_MODEL, "a memo that was not made"),
        CASE("\x80\x02Nr\xff\xff\xff\x7f.", MODELLAB_E_INVALID_MODEL, "a memo that cannot be"),
        CASE("\x80\x02}(K\1u.", MODELLAB_E_INVALID_MODEL, "items without their container"),
        CASE("\x80\x02](}K\1K\2a.", MODELLAB_E_INVALID_MODEL, "items without their container"),
        CASE("\x80\x02u.", MODELLAB_E_INVALID_MODEL, "no mark"),
        CASE("\x80\x02((.", MODELLAB_E_INVALID_MODEL, "not one value at the end"),
        CASE("\x80\x02.", MODELLAB_E_INVALID_MODEL, "not one value at the end"),
        CASE("\x80\x02NN.", MODELLAB_E_INVALID_MODEL, "not one value at the end"),
        CASE("\x80\x02(NtQ.", MODELLAB_E_INVALID_MODEL, "a persistent id that is no storage"),
        CASE("\x80\x02X\xff\xff\xff\xff", MODELLAB_E_INVALID_MODEL, "field text"),
        CASE("\x80\x02N}b.", MODELLAB_E_INVALID_MODEL, "attributes of what is no dictionary"),
        CASE("\x80\x02]q\0h\0a.", MODELLAB_E_UNSUPPORTED_MODEL, "no dictionary of tensors"),
        CASE("\x80\x02}.", MODELLAB_E_UNSUPPORTED_MODEL, "no dictionary of tensors"),
#undef CASE
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        mli_buf object;
        mli_buf_init(&object, NULL);
        mli_buf_append(&object, cases[i].bytes, cases[i].size);
        mli_buf file;
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_buf_init(&file, NULL);
        torch_stream(&file, &object, NULL, 0);
        modellab_status status = read(file.data, file.size, &err);
        if (status != cases[i].code || strstr(err.message, cases[i].words) == NULL)
            fail_msg("case %zu: status %d, \"%s\" instead of \"%s\"", i, (int)status, err.message,
                     cases[i].words);
        mli_buf_dispose(&file);
        mli_buf_dispose(&object);
    }
}

/* Marks, values and items of no end are bounded. */
static void test_bounds(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        mli_buf object;
        mli_buf_init(&object, NULL);
        mli_buf_append_text(&object, "\x80\x02");
        for (size_t k = 0; k < 1100000; k++)
            mli_buf_append_text(&object, i == 0 ? "(" : i == 1 ? "N" : "]q\x01");
        mli_pickle p;
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_int_equal(mli_pickle_read(&p, NULL, object.data, object.size, 0, NULL, &err),
                         MODELLAB_E_LIMIT);
        mli_cancel_word stop = 1;
        assert_int_equal(mli_pickle_read(&p, NULL, object.data, object.size, 0, &stop, &err),
                         MODELLAB_E_CANCELLED);
        mli_buf_dispose(&object);
    }
}

/* A tensor with these parts instead of w. */
static void odd_tensor(const torch_tensor *t, const char *key, int64_t stride, modellab_status code,
                       const char *words)
{
    mli_buf object;
    mli_buf_init(&object, NULL);
    mli_buf_append_text(&object, "\x80\x02}(");
    torch_text(&object, "w");
    torch_rebuild(&object, t, key, 6, stride);
    torch_text(&object, "b");
    torch_rebuild(&object, &tensors[1], "1", 5, 0);
    mli_buf_append_text(&object, "u.");
    refused(&object, code, words);
    mli_buf_dispose(&object);
}

static void test_tensors(void **state)
{
    torch_tensor t = tensors[0];
    (void)state;
    odd_tensor(&t, "0", 2, MODELLAB_E_UNSUPPORTED_MODEL, "tensor w does not lie row by row");
    odd_tensor(&t, "9", 0, MODELLAB_E_INVALID_MODEL, "nothing names storage 0");
    t.offset = 1;
    odd_tensor(&t, "0", 0, MODELLAB_E_INVALID_MODEL, "tensor w lies outside of its storage");
    t = tensors[0];
    t.dims[0] = 1u << 31;
    odd_tensor(&t, "0", 0, MODELLAB_E_INVALID_MODEL, "tensor w has an impossible shape");
    t.dims[0] = 0x7fffffff;
    t.dims[1] = 0x7fffffff;
    odd_tensor(&t, "0", 0, MODELLAB_E_INVALID_MODEL, "tensor w lies outside of its storage");
    t.dims[0] = 0;
    odd_tensor(&t, "0", 0, MODELLAB_E_INVALID_MODEL, "dimensions are not allowed");
}

static void test_zip(void **state)
{
    mli_buf file, object;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    small(&file, 1);
    file.data[file.size - 22 - 8] ^= 1; /* inside the last entry's name: no such storage */
    assert_int_not_equal(read(file.data, file.size, &err), MODELLAB_OK);
    mli_buf_dispose(&file);
    small(&file, 1);
    char *entry = memmem(file.data, file.size, "PK\1\2", 4);
    assert_non_null(entry);
    entry[10] = 8; /* deflated */
    assert_int_equal(read(file.data, file.size, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "archive/data.pkl is compressed"));
    mli_buf_dispose(&file);
    small(&file, 1);
    char *order = memmem(file.data, file.size, "little", 6);
    assert_non_null(order);
    order[0] = 'L';
    assert_int_equal(read(file.data, file.size, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "not little-endian"));
    mli_buf_dispose(&file);
    mli_buf_init(&object, NULL);
    mli_buf_init(&file, NULL);
    mli_buf_append_text(&object, "\x80\x02}.");
    torch_zip(&file, &object, NULL, 0, false);
    assert_int_equal(read(file.data, file.size, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    mli_buf_dispose(&file);
    mli_buf_dispose(&object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),           cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_hostile_pickles), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_tensors),         cmocka_unit_test(test_zip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
