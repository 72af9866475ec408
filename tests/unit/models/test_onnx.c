/* The reader of ONNX files: what stands where, what is refused and by which name, files that are
 * cut off or damaged, and the description for people. */
#include "base/json.h"
#include "models/inspect.h"
#include "models/onnx.h"
#include "unit/models/onnx_writer.h"
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

static const char *const no_inputs[] = {NULL, NULL, NULL};

static void small_file(mli_buf *file)
{
    mli_buf graph;
    mli_buf_init(&graph, NULL);
    mli_buf_init(file, NULL);
    onnx_small_graph(&graph);
    onnx_file(file, &graph);
}

static void test_graph(void **state)
{
    (void)state;
    mli_buf file;
    mli_onnx o;
    small_file(&file);
    assert_int_equal(mli_onnx_is(file.data, file.size), 1);
    assert_int_equal(mli_onnx_read(&o, NULL, file.data, file.size, NULL, NULL), MODELLAB_OK);
    assert_int_equal(o.ir_version, 8);
    assert_int_equal(o.opset, 15);
    assert_true(mli_span_is(o.producer, "test") && mli_span_is(o.graph_name, "small"));
    assert_int_equal(mli_onnx_nodes(&o), 4);
    assert_int_equal(o.initializers, 2);
    assert_int_equal(o.tensor_list.count, 3);

    const mli_onnx_node *conv = &o.nodes[0], *relu = &o.nodes[1], *branch = &o.nodes[3];
    uint32_t c = mli_onnx_find(&o, "c"), x = mli_onnx_find(&o, "x"), k = mli_onnx_find(&o, "k");
    assert_int_equal(mli_onnx_output(&o, conv, 0), c);
    assert_int_equal(mli_onnx_input(&o, relu, 0), c);
    assert_int_equal(mli_onnx_input(&o, relu, 1), MLI_ONNX_NONE);
    assert_int_equal(mli_onnx_input(&o, branch, 1), MLI_ONNX_NONE); /* "" */
    assert_int_equal(mli_onnx_input(&o, branch, 2), k);
    assert_int_equal(o.values[c].producer, 0);
    assert_int_equal(o.values[c].consumers, 1);
    assert_int_equal(o.uses[o.values[c].first_consumer], 1);
    assert_true(o.values[x].is_input && !o.values[x].is_output);
    assert_int_equal(o.values[x].producer, MLI_ONNX_NONE);
    assert_true(o.values[mli_onnx_find(&o, "y")].is_output);
    assert_int_equal(mli_onnx_find(&o, "z"), MLI_ONNX_NONE);
    assert_null(mli_onnx_constant(&o, c));
    assert_null(mli_onnx_constant(&o, MLI_ONNX_NONE));
    assert_int_equal(o.inputs[0].rank, 2);
    assert_int_equal(o.inputs[0].dims[0].size, 2);
    assert_int_equal(o.inputs[0].dims[1].size, -1);
    assert_true(mli_span_is(o.inputs[0].dims[1].name, "n"));
    mli_onnx_dispose(&o);
    mli_buf_dispose(&file);
}

static void test_numbers(void **state)
{
    (void)state;
    mli_buf file;
    mli_onnx o;
    mli_weight w;
    float row[3];
    int64_t k[2];
    small_file(&file);
    assert_int_equal(mli_onnx_read(&o, NULL, file.data, file.size, NULL, NULL), MODELLAB_OK);
    const mli_onnx_tensor *t = mli_onnx_constant(&o, mli_onnx_find(&o, "w"));
    assert_int_equal(mli_onnx_weight(t, "w", &w, NULL), MODELLAB_OK);
    assert_int_equal(w.rank, 2);
    assert_int_equal(mli_weight_read_f32(&w, 1, 1, row, NULL), MODELLAB_OK);
    assert_true(row[0] == 4 && row[1] == 5 && row[2] == 6);
    t = mli_onnx_constant(&o, mli_onnx_find(&o, "b"));
    assert_int_equal(mli_onnx_weight(t, "b", &w, NULL), MODELLAB_OK);
    assert_int_equal(mli_weight_read_f32(&w, 0, 1, row, NULL), MODELLAB_OK);
    assert_true(row[0] == -1 && row[1] == 0.5f);
    t = mli_onnx_constant(&o, mli_onnx_find(&o, "k"));
    assert_int_equal(t->type, MLI_ONNX_INT64);
    memcpy(k, t->data, sizeof k);
    assert_true(k[0] == 5 && k[1] == 300);

    const mli_onnx_node *conv = &o.nodes[0];
    const mli_onnx_attribute *a = mli_onnx_attribute_of(&o, conv, "group", MLI_ONNX_ATTR_INT);
    assert_int_equal(a->i, 7);
    assert_null(mli_onnx_attribute_of(&o, conv, "group", MLI_ONNX_ATTR_FLOAT));
    assert_null(mli_onnx_attribute_of(&o, conv, "nothing", MLI_ONNX_ATTR_INT));
    a = mli_onnx_attribute_of(&o, conv, "pads", MLI_ONNX_ATTR_INTS);
    assert_true(a->count == 2 && o.ints[a->first] == 1 && o.ints[a->first + 1] == 1);
    a = mli_onnx_attribute_of(&o, conv, "dilations", MLI_ONNX_ATTR_INTS);
    assert_true(a->count == 2 && o.ints[a->first] == 3 && o.ints[a->first + 1] == -4);
    a = mli_onnx_attribute_of(&o, conv, "alphas", MLI_ONNX_ATTR_FLOATS);
    assert_true(a->count == 2 && o.floats[a->first] == 0.5f && o.floats[a->first + 1] == -2);
    a = mli_onnx_attribute_of(&o, conv, "alpha", MLI_ONNX_ATTR_FLOAT);
    assert_true(a->f == 0.25f);
    a = mli_onnx_attribute_of(&o, conv, "auto_pad", MLI_ONNX_ATTR_STRING);
    assert_true(mli_span_is(a->span, "SAME_UPPER"));
    mli_onnx_dispose(&o);
    mli_buf_dispose(&file);
}

/* Reads a file made of `graph` (emptied), which must be refused with `code` and these words. */
static void refused(mli_buf *graph, modellab_status code, const char *words)
{
    mli_buf file;
    mli_onnx o;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf_init(&file, NULL);
    onnx_file(&file, graph);
    assert_int_equal(mli_onnx_read(&o, NULL, file.data, file.size, NULL, &err), code);
    if (strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, words);
    }
    mli_buf_dispose(&file);
}

static void add_node(mli_buf *graph, const char *name, const char *input, const char *output)
{
    const char *const inputs[] = {input, NULL, NULL};
    mli_buf part;
    mli_buf_init(&part, NULL);
    onnx_node(&part, name, "Relu", inputs, output);
    onnx_message(graph, 1, &part);
}

static void add_tensor(mli_buf *graph, const char *name, const int64_t *dims, size_t rank,
                       size_t count)
{
    static const float zeros[8];
    mli_buf part;
    mli_buf_init(&part, NULL);
    onnx_tensor(&part, name, dims, rank, zeros, count);
    onnx_message(graph, 5, &part);
}

static void test_refused_graphs(void **state)
{
    (void)state;
    mli_buf g, part;
    mli_buf_init(&g, NULL);
    mli_buf_init(&part, NULL);
    add_node(&g, "first", "later", "a");
    add_node(&g, "second", "a", "later");
    refused(&g, MODELLAB_E_INVALID_MODEL, "value later is read before it is made");
    onnx_small_graph(&g);
    add_node(&g, "again", "r", "c");
    refused(&g, MODELLAB_E_INVALID_MODEL, "value c is made twice");
    onnx_small_graph(&g);
    add_node(&g, "again", "r", "w");
    refused(&g, MODELLAB_E_INVALID_MODEL, "value w is made twice");
    onnx_port(&part, "nowhere");
    onnx_message(&g, 12, &part);
    refused(&g, MODELLAB_E_INVALID_MODEL, "value nowhere is an output that nothing makes");
    onnx_port(&part, "x");
    onnx_message(&g, 11, &part);
    onnx_port(&part, "x");
    onnx_message(&g, 11, &part);
    refused(&g, MODELLAB_E_INVALID_MODEL, "value x is an input twice");
    onnx_node(&part, "", "", no_inputs, "a");
    onnx_message(&g, 1, &part);
    refused(&g, MODELLAB_E_INVALID_MODEL, "has no op_type");
    onnx_text(&g, 15, "sparse");
    refused(&g, MODELLAB_E_UNSUPPORTED_MODEL, "sparse");
}

static void test_refused_tensors(void **state)
{
    (void)state;
    static const int64_t two[] = {2}, most[] = {2147483647, 2147483647, 2147483647},
                         negative[] = {-1}, nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    mli_buf g, part;
    mli_buf_init(&g, NULL);
    mli_buf_init(&part, NULL);
    add_tensor(&g, "w", two, 1, 3);
    refused(&g, MODELLAB_E_INVALID_MODEL, "tensor w at byte");
    add_tensor(&g, "w", most, 3, 2);
    refused(&g, MODELLAB_E_INVALID_MODEL, "bad field dims");
    add_tensor(&g, "w", negative, 1, 2);
    refused(&g, MODELLAB_E_INVALID_MODEL, "bad field dims");
    add_tensor(&g, "w", nine, 9, 1);
    refused(&g, MODELLAB_E_INVALID_MODEL, "bad field dims");
    add_tensor(&g, "", two, 1, 2);
    refused(&g, MODELLAB_E_INVALID_MODEL, "has no name");
    add_tensor(&g, "w", two, 1, 2);
    add_tensor(&g, "w", two, 1, 2);
    refused(&g, MODELLAB_E_INVALID_MODEL, "value w has two initializers");

    onnx_text(&part, 8, "far"); /* numbers in another file */
    onnx_varint(&part, 2, 1);
    onnx_varint(&part, 14, 1);
    onnx_message(&g, 5, &part);
    refused(&g, MODELLAB_E_UNSUPPORTED_MODEL, "tensor far at byte");
    onnx_text(&part, 8, "odd"); /* a type that does not exist */
    onnx_varint(&part, 2, 99);
    onnx_message(&g, 5, &part);
    refused(&g, MODELLAB_E_UNSUPPORTED_MODEL, "data_type is not known");
    onnx_text(&part, 8, "none"); /* a billion values declared, none there */
    onnx_varint(&part, 2, 1);
    onnx_varint(&part, 1, 1000000000);
    onnx_message(&g, 5, &part);
    refused(&g, MODELLAB_E_INVALID_MODEL, "not as many values");
}

/* Lists of numbers under a type that is not theirs would be read at the wrong place. */
static void test_refused_attributes(void **state)
{
    (void)state;
    static const uint64_t types[] = {2, 6, 0, 15};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        mli_buf g, n, a;
        mli_buf_init(&g, NULL);
        mli_buf_init(&n, NULL);
        mli_buf_init(&a, NULL);
        onnx_node(&n, "n", "Constant", no_inputs, "k");
        onnx_text(&a, 1, "pads");
        onnx_varint(&a, 8, 3);
        onnx_varint(&a, 20, types[i]);
        onnx_message(&n, 5, &a);
        onnx_message(&g, 1, &n);
        refused(&g, MODELLAB_E_INVALID_MODEL, "attribute pads");
    }
}

/* A node that a loader does not know is named. */
static void test_refuse_names_the_node(void **state)
{
    (void)state;
    mli_buf file;
    mli_onnx o;
    modellab_error err = MODELLAB_ERROR_INIT;
    small_file(&file);
    assert_int_equal(mli_onnx_read(&o, NULL, file.data, file.size, NULL, NULL), MODELLAB_OK);
    assert_int_equal(mli_onnx_refuse(&o, &o.nodes[0], "strides of 3", &err),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_string_equal(err.message, "onnx: node conv (Conv): strides of 3");
    assert_int_equal(mli_onnx_refuse(&o, &o.nodes[2], "why", &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_string_equal(err.message, "onnx: node k (Constant): why"); /* it has no name */
    mli_onnx_dispose(&o);
    mli_buf_dispose(&file);
}

/* Each prefix, in memory of exactly its size, is refused or read; never more is touched. */
static void test_cut_off(void **state)
{
    (void)state;
    mli_buf file;
    size_t read = 0;
    small_file(&file);
    for (size_t bytes = 0; bytes < file.size; bytes++) {
        char *copy = malloc(bytes > 0 ? bytes : 1);
        mli_onnx o;
        modellab_error err = MODELLAB_ERROR_INIT;
        assert_non_null(copy);
        memcpy(copy, file.data, bytes);
        if (mli_onnx_read(&o, NULL, copy, bytes, NULL, &err) == MODELLAB_OK) {
            mli_onnx_dispose(&o);
            read++;
        } else {
            assert_true(err.message[0] != '\0');
        }
        free(copy);
    }
    assert_int_equal(read, 1); /* whole but for the opset, which stands last */
    mli_buf_dispose(&file);
}

static void test_inspect(void **state)
{
    (void)state;
    mli_buf file, json;
    mli_json *root = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    small_file(&file);
    mli_buf_init(&json, NULL);
    assert_int_equal(mli_inspect(NULL, file.data, file.size, NULL, &json, &err), MODELLAB_OK);
    assert_int_equal(mli_json_parse(json.data, json.size, json.size, &root, NULL), MODELLAB_OK);
    assert_string_equal(mli_json_string(mli_json_get(root, "format"), ""), "onnx");
    assert_int_equal(mli_json_int(mli_json_get(root, "nodes"), 0), 4);
    assert_int_equal(mli_json_int(mli_json_get(root, "parameters"), 0), 8);
    const mli_json *w = mli_json_at(mli_json_get(root, "weights"), 0);
    assert_string_equal(mli_json_string(mli_json_get(w, "name"), ""), "w");
    assert_int_equal(mli_json_int(mli_json_at(mli_json_get(w, "shape"), 1), 0), 3);
    mli_json_free(root);
    mli_buf_clear(&json);
    assert_int_equal(mli_inspect(NULL, "plain text that is no model", 27, NULL, &json, &err),
                     MODELLAB_E_INVALID_MODEL);
    mli_buf_dispose(&json);
    mli_buf_dispose(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_graph),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_refused_graphs),
        cmocka_unit_test(test_refused_tensors),
        cmocka_unit_test(test_refused_attributes),
        cmocka_unit_test(test_refuse_names_the_node),
        cmocka_unit_test(test_cut_off),
        cmocka_unit_test(test_inspect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
