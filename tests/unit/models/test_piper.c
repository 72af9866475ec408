/* Reading Piper voices: a small one whose parts are known, and files that are not quite one, which
 * are refused by the name of what is wrong. test_piper VOICE.onnx */
#include "unit/unit.h"

#include "models/piper.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned char *file;
static size_t bytes;

static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size = (size_t)ftell(f);
    rewind(f);
    unsigned char *data = malloc(*size);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, *size, f), *size);
    assert_int_equal(fclose(f), 0);
    return data;
}

static void test_parts(void **state)
{
    static mli_piper m;
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    if (mli_piper_read(&m, NULL, file, bytes, NULL, &err) != MODELLAB_OK)
        fail_msg("%s", err.message);
    assert_int_equal(m.ids, 40);
    assert_int_equal(m.hidden, 16);
    assert_int_equal(m.heads, 1);
    assert_int_equal(m.window, 4);
    assert_int_equal(m.layers, 1);
    assert_int_equal(m.durations.splines, 3);
    assert_int_equal(m.durations.stack.layers, 3);
    assert_int_equal(m.durations.stack.layer[2].depth.dilation, 9);
    assert_int_equal(m.couplings, 2);
    assert_int_equal(m.coupling[0].layers, 2);
    assert_int_equal(m.coupling[0].layer[0].in.taps, 5); /* found through its bias */
    assert_int_equal(m.decoder.stages, 2);
    assert_int_equal(m.decoder.stage[1].up.taps, 6);
    assert_int_equal(m.decoder.stage[1].up.stride, 2);
    assert_int_equal(m.decoder.stage[0].block[1].conv[1].dilation, 6);
    assert_false(m.decoder.paired);
    assert_true(m.decoder.slope > 0.09f && m.decoder.slope < 0.11f && m.decoder.last_slope < 0.02f);
    assert_int_equal(m.speakers.dtype, MLI_WEIGHT_NONE);
    assert_true(m.durations.mean[0] < -1.0f && m.durations.factor[0] > 0.6f);
}

/* Every place of `from` becomes `to` (of the same length); at most `most` of them. */
static void replace(unsigned char *data, const char *from, const char *to, size_t most)
{
    size_t n = strlen(from), found = 0;
    assert_int_equal(n, strlen(to));
    for (size_t i = 0; i + n <= bytes && found < most; i++) {
        if (memcmp(data + i, from, n) == 0) {
            memcpy(data + i, to, n);
            found++;
        }
    }
    assert_true(found > 0);
}

/* A change of the file, and a word that the refusal must say. */
static const struct change {
    const char *from, *to, *named;
} changes[] = {
    {"dec.conv_pre.bias", "dec.conv_prx.bias", "dec.conv_pre.bias"},
    {"flow.flows.0.enc.in_layers.1.bias", "flow.flows.0.enc.in_lay3rs.1.bias", "flow.flows.0"},
    {"dp.flows.0.m", "dp.flows.9.m", "dp.flows.0.m"},
    {"enc_p.encoder.attn_layers.0.conv_q.bias", "enc_p.encoder.attn_layers.5.conv_q.bias",
     "attn_layers.0.conv_q"},
    {"dec.resblocks.3.convs.1.bias", "dec.resblocks.3.convs.7.bias", "dec.resblocks.3"},
    {"ConvTranspose", "ConvTransfuse", "dec.ups.0.bias"},
    {"LeakyRelu", "LeakyGelu", "leaky ReLU"},
    {"dec.conv_post.weight", "dec.conv_pest.weight", "dec.conv_post.weight"},
};

static void test_refusals(void **state)
{
    static mli_piper m;
    unsigned char *copy = malloc(bytes);
    (void)state;
    assert_non_null(copy);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        memcpy(copy, file, bytes);
        replace(copy, changes[i].from, changes[i].to, SIZE_MAX);
        modellab_status status = mli_piper_read(&m, NULL, copy, bytes, NULL, &err);
        if (status != MODELLAB_E_UNSUPPORTED_MODEL || strstr(err.message, changes[i].named) == NULL)
            fail_msg("%s: %d %s", changes[i].from, (int)status, err.message);
    }
    for (size_t cut = 0; cut < bytes; cut += 997)
        assert_int_not_equal(mli_piper_read(&m, NULL, file, cut, NULL, NULL), MODELLAB_OK);
    free(copy);
}

/* Copies a message of the file; integers of the attribute `name` of the node that has `needle`
 * become `value`. `depth`: 0 model, 1 graph, 2 node, 3 attribute. */
typedef struct edit {
    const char *needle, *name;
    unsigned value;
    size_t edits;
} edit;

static size_t varint(const unsigned char *p, uint64_t *out)
{
    size_t n = 0;
    *out = 0;
    do {
        *out |= (uint64_t)(p[n] & 0x7f) << 7 * n;
    } while ((p[n++] & 0x80) != 0 && n < 10);
    return n;
}

static size_t put_varint(unsigned char *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        to[n++] = (unsigned char)(v | 0x80);
    to[n++] = (unsigned char)v;
    return n;
}

static bool has(const unsigned char *p, size_t n, const char *text)
{
    return memmem(p, n, text, strlen(text)) != NULL;
}

static size_t copy_message(const unsigned char *in, size_t n, int depth, edit *e,
                           unsigned char *out)
{
    static const unsigned inner[] = {7, 1, 5};
    size_t at = 0, used = 0;
    while (at < n) {
        uint64_t tag, value = 0;
        const size_t begin = at;
        at += varint(in + at, &tag);
        size_t length = tag % 8 == 5 ? 4 : tag % 8 == 1 ? 8 : varint(in + at, &value);
        at += length;
        const unsigned char *body = in + at;
        at += tag % 8 == 2 ? (size_t)value : 0;
        bool enter = tag % 8 == 2 && depth < 3 && tag / 8 == inner[depth] &&
                     (depth != 1 || has(body, (size_t)value, e->needle)) &&
                     (depth != 2 || has(body, (size_t)value, e->name));
        if (enter) {
            unsigned char *part = malloc((size_t)value + 64);
            assert_non_null(part);
            size_t bytes_of_part = copy_message(body, (size_t)value, depth + 1, e, part);
            used += put_varint(out + used, tag);
            used += put_varint(out + used, bytes_of_part);
            memcpy(out + used, part, bytes_of_part);
            used += bytes_of_part;
            free(part);
        } else if (depth == 3 && tag == 8 * 8) {
            used += put_varint(out + used, tag);
            used += put_varint(out + used, e->value);
            e->edits++;
        } else {
            memcpy(out + used, in + begin, at - begin);
            used += at - begin;
        }
    }
    return used;
}

/* Reads the voice with another dilation, and padding, of one convolution. */
static modellab_status read_with(const char *node, unsigned dilation, unsigned pad,
                                 modellab_error *err)
{
    static mli_piper m;
    unsigned char *one = malloc(bytes + 256), *two = malloc(bytes + 256);
    edit d = {node, "dilations", dilation, 0}, p = {node, "pads", pad, 0};
    assert_non_null(one);
    assert_non_null(two);
    size_t n = copy_message(file, bytes, 0, &d, one);
    n = copy_message(one, n, 0, &p, two);
    assert_int_equal(d.edits, 1);
    assert_int_equal(p.edits, 2);
    modellab_status status = mli_piper_read(&m, NULL, two, n, NULL, err);
    free(one);
    free(two);
    return status;
}

/* What a hostile file says of how far a convolution looks. */
static void test_reach(void **state)
{
    static const char separable[] = "dp.convs.convs_sep.0.bias", post[] = "dec.conv_post.weight";
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    assert_int_equal(read_with(separable, MLI_PIPER_MAX_PAD, MLI_PIPER_MAX_PAD, &err), MODELLAB_OK);
    assert_int_equal(read_with(separable, MLI_PIPER_MAX_PAD + 1, MLI_PIPER_MAX_PAD + 1, &err),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "dp.convs.convs_sep.0.bias reaches over more than 512"));
    assert_int_equal(read_with("dp.flows.3.convs.convs_sep.1.bias", 4000, 4000, &err),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    assert_int_equal(read_with(separable, 2, 3, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_non_null(strstr(err.message, "another shape"));
    assert_int_equal(read_with(post, 1, 3, &err), MODELLAB_OK);
    for (unsigned dilation = 2; dilation < 4096; dilation *= 4) {
        assert_int_equal(read_with(post, dilation, 3 * dilation, &err),
                         MODELLAB_E_UNSUPPORTED_MODEL);
        assert_non_null(strstr(err.message, dilation < 2000 ? "dec.conv_post.weight" : "onnx"));
    }
    assert_int_equal(read_with(post, 1, 4, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_int_equal(read_with(post, 0, 3, &err), MODELLAB_E_UNSUPPORTED_MODEL);
    assert_int_equal(read_with(post, 5000, 3, &err), MODELLAB_E_UNSUPPORTED_MODEL);
}

static modellab_status configure(const char *json, mli_piper_config *c)
{
    return mli_piper_config_read(c, NULL, json, strlen(json), NULL);
}

static void test_config(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"audio\":{\"sample_rate\":22050}}",
        "{\"audio\":{\"sample_rate\":1},\"phoneme_id_map\":{\"a\":[1]}}",
        "{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"a\":[-1]}}",
        "{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"a\":7}}",
        "{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"a\":[1,1,1,1,1,1,1,1,1]}}",
        "{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"a\":[1]},\"num_speakers\":0}",
        "{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"a\":[1]},"
        "\"inference\":{\"length_scale\":0}}"};
    mli_piper_config c;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_not_equal(configure(wrong[i], &c), MODELLAB_OK);
    assert_int_equal(configure("{\"audio\":{\"sample_rate\":22050},\"phoneme_id_map\":{\"b\":[3,4],"
                               "\"a\":[1]},\"espeak\":{\"voice\":\"de\"}}",
                               &c),
                     MODELLAB_OK);
    assert_int_equal(c.sample_rate, 22050);
    assert_int_equal(c.speakers, 1);
    assert_string_equal(c.language, "de");
    assert_string_equal(c.phoneme_type, "espeak");
    assert_true(c.noise > 0.66 && c.noise < 0.67 && c.length >= 1.0 && c.noise_w > 0.79);
    const mli_piper_symbol *b = mli_piper_find(&c, "b", 1);
    assert_non_null(b);
    assert_int_equal(b->count, 2);
    assert_int_equal(c.ids[b->first + 1], 4);
    assert_null(mli_piper_find(&c, "c", 1));
    assert_null(mli_piper_find(&c, "abcdefgh", 8));
    mli_piper_config_dispose(&c);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parts),
                                       cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_reach), cmocka_unit_test(test_config)};
    if (argc != 2)
        return 2;
    file = read_file(argv[1], &bytes);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(file);
    return failed;
}
