/* The whole network on made-up weights against a plain one in double precision; batches, beams and
 * threads do not change a bit. */
#include "unit/unit.h"

#include "kernels/pool.h"
#include "speech/whisper_state.h"
#include "unit/failing_alloc.h"
#include "unit/speech/near.h"
#include "unit/speech/plain_whisper.h"

static const int32_t prompt[] = {7, 99, 3, 3, 50};
enum { PROMPT = 5 };

static toy_net toy;
static plain_rows plain_audio;
static float mel_values[2 * 21 * 8];

static int set_up(void **state)
{
    (void)state;
    if (toy_net_make(&toy) != MODELLAB_OK)
        return -1;
    for (size_t i = 0; i < sizeof mel_values / sizeof mel_values[0]; i++)
        mel_values[i] = 3 * toy_weight("mel", i);
    plain_encode(plain_audio, mel_values);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    toy_net_free(&toy);
    return 0;
}

typedef struct engine {
    mli_pool *pool;
    mli_whisper_state *state;
} engine;

static engine start(int threads)
{
    engine e = {NULL, NULL};
    size_t frames = 0, bands = 0;
    assert_int_equal(mli_pool_create(threads, NULL, &e.pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_whisper_state_create(&e.state, NULL, toy.net, e.pool, 5, NULL),
                     MODELLAB_OK);
    float *mel = mli_whisper_state_mel(e.state, &frames, &bands);
    assert_int_equal(frames * bands, sizeof mel_values / sizeof mel_values[0]);
    memcpy(mel, mel_values, sizeof mel_values);
    assert_int_equal(mli_whisper_state_encode(e.state, NULL, NULL), MODELLAB_OK);
    return e;
}

static void stop(engine *e)
{
    mli_whisper_state_destroy(e->state);
    mli_pool_destroy(e->pool);
}

static void expect_row(const float *logits, const double *plain)
{
    for (size_t i = 0; i < toy_dims.vocab; i++)
        assert_near(logits[i], plain[i], 2e-4);
}

static void encoder_equals_the_plain_one(void **state)
{
    (void)state;
    engine e = start(2);
    const float *audio = mli_whisper_state_audio(e.state);
    for (size_t t = 0; t < toy_dims.audio_ctx; t++)
        for (size_t i = 0; i < toy_dims.audio_state; i++)
            assert_near(audio[t * toy_dims.audio_state + i], plain_audio[t][i], 1e-4);
    stop(&e);
}

static void prompt_and_steps_equal_the_plain_decoder(void **state)
{
    (void)state;
    static plain_rows logits;
    engine e = start(1);
    const int32_t more[] = {21, 100, 0}, first = 0;
    int32_t all[PROMPT + 3];
    const float *at_sot = NULL, *last = NULL;
    float *row = NULL;
    memcpy(all, prompt, sizeof prompt);
    memcpy(all + PROMPT, more, sizeof more);
    plain_decode(logits, all, PROMPT + 3, plain_audio, NULL);
    assert_int_equal(
        mli_whisper_state_prompt(e.state, prompt, PROMPT, 1, NULL, &at_sot, &last, NULL),
        MODELLAB_OK);
    expect_row(at_sot, logits[1]);
    expect_row(last, logits[PROMPT - 1]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(mli_whisper_state_step(e.state, &more[i], &first, 1, 0, NULL, &row, NULL),
                         MODELLAB_OK);
        expect_row(row, logits[PROMPT + i]);
    }
    assert_true(fabs((double)row[0] - logits[PROMPT][0]) > 1e-3); /* the comparison can fail */
    stop(&e);
}

/* Ids that are forbidden anyway get no logits; the others get the same bits. */
static void logits_from_an_id_on_equal_all_of_them(void **state)
{
    (void)state;
    engine e = start(2);
    const int32_t tokens[2] = {11, 12}, parents[2] = {0, 0};
    float all[2][101], *logits = NULL;
    const float *last = NULL;
    assert_int_equal(mli_whisper_state_prompt(e.state, prompt, PROMPT, 0, NULL, NULL, &last, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_step(e.state, tokens, parents, 2, 0, NULL, &logits, NULL),
                     MODELLAB_OK);
    memcpy(all, logits, sizeof all);
    mli_whisper_state_rewind(e.state);
    assert_int_equal(mli_whisper_state_step(e.state, tokens, parents, 2, 39, NULL, &logits, NULL),
                     MODELLAB_OK);
    for (int r = 0; r < 2; r++) {
        for (int i = 0; i < 32; i++)
            assert_true(isinf(logits[r * 101 + i]));
        assert_memory_equal(logits + r * 101 + 32, &all[r][32], (101 - 32) * sizeof(float));
    }
    assert_int_equal(mli_whisper_state_step(e.state, tokens, parents, 2, 101, NULL, &logits, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    stop(&e);
}

/* Two steps of three beams that change places; then each beam's history alone. */
static void reordered_beams_equal_single_rows_bit_for_bit(void **state)
{
    (void)state;
    engine e = start(2);
    const int32_t first[3] = {11, 12, 13}, from_prompt[3] = {0, 0, 0};
    const int32_t second[3] = {21, 22, 23}, parents[3] = {2, 0, 0};
    const int32_t history[3][2] = {{13, 21}, {11, 22}, {11, 23}}, alone = 0;
    float beams[3][101], *logits = NULL;
    const float *last = NULL;
    assert_int_equal(mli_whisper_state_prompt(e.state, prompt, PROMPT, 0, NULL, NULL, &last, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_step(e.state, first, from_prompt, 3, 0, NULL, &logits, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_step(e.state, second, parents, 3, 0, NULL, &logits, NULL),
                     MODELLAB_OK);
    memcpy(beams, logits, sizeof beams);
    for (int r = 0; r < 3; r++) {
        mli_whisper_state_rewind(e.state);
        for (int i = 0; i < 2; i++)
            assert_int_equal(
                mli_whisper_state_step(e.state, &history[r][i], &alone, 1, 0, NULL, &logits, NULL),
                MODELLAB_OK);
        assert_memory_equal(logits, beams[r], sizeof beams[r]);
    }
    stop(&e);
}

static void a_batch_equals_single_tokens_bit_for_bit(void **state)
{
    (void)state;
    engine e = start(2);
    float batch[101], *row = NULL;
    const float *last = NULL;
    const int32_t zero = 0;
    assert_int_equal(mli_whisper_state_prompt(e.state, prompt, PROMPT, 0, NULL, NULL, &last, NULL),
                     MODELLAB_OK);
    memcpy(batch, last, sizeof batch);
    assert_int_equal(mli_whisper_state_prompt(e.state, prompt, 1, 0, NULL, NULL, &last, NULL),
                     MODELLAB_OK);
    for (int i = 1; i < PROMPT; i++)
        assert_int_equal(mli_whisper_state_step(e.state, &prompt[i], &zero, 1, 0, NULL, &row, NULL),
                         MODELLAB_OK);
    assert_memory_equal(row, batch, sizeof batch);
    stop(&e);
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    engine one = start(1), two = start(2), many = start(5);
    const float *a = NULL, *b = NULL, *c = NULL;
    size_t bytes = toy_dims.audio_ctx * toy_dims.audio_state * sizeof(float);
    assert_memory_equal(mli_whisper_state_audio(one.state), mli_whisper_state_audio(two.state),
                        bytes);
    assert_memory_equal(mli_whisper_state_audio(one.state), mli_whisper_state_audio(many.state),
                        bytes);
    assert_int_equal(mli_whisper_state_prompt(one.state, prompt, PROMPT, 0, NULL, NULL, &a, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_prompt(two.state, prompt, PROMPT, 0, NULL, NULL, &b, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_prompt(many.state, prompt, PROMPT, 0, NULL, NULL, &c, NULL),
                     MODELLAB_OK);
    assert_memory_equal(a, b, toy_dims.vocab * sizeof(float));
    assert_memory_equal(a, c, toy_dims.vocab * sizeof(float));
    stop(&one);
    stop(&two);
    stop(&many);
}

static void attention_of_chosen_heads_and_probabilities(void **state)
{
    (void)state;
    static plain_rows logits;
    static double probs[3 * PROMPT * 21];
    engine e = start(2);
    const mli_whisper_head heads[] = {{1, 2}, {1, 0}};
    float attention[2 * PROMPT * 21], chosen[PROMPT];
    plain_decode(logits, prompt, PROMPT, plain_audio, probs);
    assert_int_equal(mli_whisper_state_attend(e.state, prompt, PROMPT, heads, 2, attention, 1, 60,
                                              chosen, NULL, NULL),
                     MODELLAB_OK);
    for (int h = 0; h < 2; h++)
        for (size_t i = 0; i < PROMPT * 21; i++)
            assert_near(attention[(size_t)h * PROMPT * 21 + i],
                        probs[(size_t)heads[h].head * PROMPT * 21 + i], 1e-5);
    for (int r = 1; r < PROMPT - 1; r++) {
        double sum = 0;
        for (int i = 0; i < 60; i++)
            sum += exp(logits[r][i]);
        assert_near(chosen[r], exp(logits[r][prompt[r + 1]]) / sum, 1e-5);
    }
    const mli_whisper_head bad[] = {{2, 0}};
    assert_int_equal(mli_whisper_state_attend(e.state, prompt, PROMPT, bad, 1, attention, 1, 60,
                                              chosen, NULL, NULL),
                     MODELLAB_E_INVALID_MODEL);
    stop(&e);
}

static void bad_use_is_refused(void **state)
{
    (void)state;
    engine e = start(1);
    const int32_t bad = 101, zero = 0;
    int32_t many[25] = {0};
    const float *last = NULL;
    float *row = NULL;
    mli_cancel_word word = 1;
    assert_int_equal(mli_whisper_state_step(e.state, &zero, &zero, 1, 0, NULL, &row, NULL),
                     MODELLAB_E_INVALID_ARGUMENT); /* no prompt yet */
    assert_int_equal(mli_whisper_state_prompt(e.state, &bad, 1, 0, NULL, NULL, &last, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_whisper_state_prompt(e.state, many, 25, 0, NULL, NULL, &last, NULL),
                     MODELLAB_E_LIMIT);
    assert_int_equal(mli_whisper_state_prompt(e.state, many, 24, 0, NULL, NULL, &last, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_state_step(e.state, &zero, &zero, 1, 0, NULL, &row, NULL),
                     MODELLAB_E_LIMIT); /* the context is full */
    assert_int_equal(mli_whisper_state_encode(e.state, &word, NULL), MODELLAB_E_CANCELLED);
    assert_int_equal(mli_whisper_state_prompt(e.state, prompt, PROMPT, 0, &word, NULL, &last, NULL),
                     MODELLAB_E_CANCELLED);
    stop(&e);
}

static void sizes_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    size_t bytes = 0;
    mli_whisper_dims d = toy_dims;
    d.text_heads = 5;
    assert_int_equal(mli_whisper_pack_bytes(NULL, &d, false, &bytes, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    d = toy_dims;
    d.audio_layers = 1000;
    assert_int_equal(mli_whisper_pack_bytes(NULL, &d, false, &bytes, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
    d = toy_dims;
    d.vocab = SIZE_MAX / 2;
    assert_int_equal(mli_whisper_pack_bytes(NULL, &d, false, &bytes, NULL),
                     MODELLAB_E_UNSUPPORTED_MODEL);
}

static void every_allocation_of_a_state_may_fail(void **state)
{
    (void)state;
    mli_pool *pool = NULL;
    assert_int_equal(mli_pool_create(1, NULL, &pool, NULL), MODELLAB_OK);
    modellab_status status = MODELLAB_E_NO_MEMORY;
    for (long n = 0; status != MODELLAB_OK; n++) {
        failing_alloc f = {.fail_at = n};
        modellab_allocator table = failing_alloc_table(&f);
        mli_whisper_state *s = NULL;
        status = mli_whisper_state_create(&s, &table, toy.net, pool, 2, NULL);
        assert_true(status == MODELLAB_OK || (status == MODELLAB_E_NO_MEMORY && s == NULL));
        mli_whisper_state_destroy(s);
        assert_int_equal(f.live, 0);
        assert_true(n < 1000);
    }
    mli_pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoder_equals_the_plain_one),
        cmocka_unit_test(prompt_and_steps_equal_the_plain_decoder),
        cmocka_unit_test(logits_from_an_id_on_equal_all_of_them),
        cmocka_unit_test(reordered_beams_equal_single_rows_bit_for_bit),
        cmocka_unit_test(a_batch_equals_single_tokens_bit_for_bit),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(attention_of_chosen_heads_and_probabilities),
        cmocka_unit_test(bad_use_is_refused),
        cmocka_unit_test(sizes_that_do_not_fit_are_refused),
        cmocka_unit_test(every_allocation_of_a_state_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
