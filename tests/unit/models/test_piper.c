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
                                       cmocka_unit_test(test_config)};
    if (argc != 2)
        return 2;
    file = read_file(argv[1], &bytes);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(file);
    return failed;
}
