/* Windows decoded side by side give the bits of the same windows decoded alone, for any number of
 * lanes and threads, whatever else is in them. */
#include "unit/unit.h"

#include "kernels/pool.h"
#include "speech/whisper_lanes.h"
#include "unit/failing_alloc.h"
#include "unit/speech/toy_net.h"

enum { WINDOWS = 5, STEPS = 12, VOCAB = 101 };

static toy_net toy;
static const int32_t prompt[] = {7, 99, 3};
static float alone[WINDOWS][STEPS][VOCAB];

static int32_t token_of(size_t window, size_t step)
{
    return (int32_t)((window * 31 + step * 17 + 5) % VOCAB);
}

static size_t prompt_of(size_t window)
{
    return 1 + window % 3;
}

static void encode(mli_whisper_state *state, size_t window)
{
    size_t frames = 0, bands = 0;
    const float *last = NULL;
    float *mel = mli_whisper_state_mel(state, &frames, &bands);
    for (size_t i = 0; i < frames * bands; i++)
        mel[i] = 3 * toy_weight("mel", window * 1000 + i);
    assert_int_equal(mli_whisper_state_encode(state, NULL, NULL), MODELLAB_OK);
    assert_int_equal(
        mli_whisper_state_prompt(state, prompt, prompt_of(window), 0, NULL, NULL, &last, NULL),
        MODELLAB_OK);
}

static void decode_alone(mli_whisper_state *state, size_t window)
{
    const int32_t parent = 0;
    encode(state, window);
    for (size_t i = 0; i < STEPS; i++) {
        float *logits = NULL;
        int32_t token = token_of(window, i);
        assert_int_equal(mli_whisper_state_step(state, &token, &parent, 1, 0, NULL, &logits, NULL),
                         MODELLAB_OK);
        memcpy(alone[window][i], logits, sizeof alone[window][i]);
    }
}

static int set_up(void **state)
{
    (void)state;
    mli_pool *pool = NULL;
    mli_whisper_state *s = NULL;
    if (toy_net_make(&toy) != MODELLAB_OK)
        return -1;
    assert_int_equal(mli_pool_create(1, NULL, &pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_whisper_state_create(&s, NULL, toy.net, pool, 1, NULL), MODELLAB_OK);
    for (size_t w = 0; w < WINDOWS; w++)
        decode_alone(s, w);
    mli_whisper_state_destroy(s);
    mli_pool_destroy(pool);
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
    mli_whisper_lanes *lanes;
} engine;

static engine start(int threads, size_t lanes)
{
    engine e = {NULL, NULL, NULL};
    assert_int_equal(mli_pool_create(threads, NULL, &e.pool, NULL), MODELLAB_OK);
    assert_int_equal(mli_whisper_state_create(&e.state, NULL, toy.net, e.pool, 1, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_whisper_lanes_create(&e.lanes, NULL, e.state, lanes, NULL), MODELLAB_OK);
    return e;
}

static void stop(engine *e)
{
    mli_whisper_lanes_destroy(e->lanes);
    mli_whisper_state_destroy(e->state);
    mli_pool_destroy(e->pool);
}

/* Windows enter as lanes become free; they leave after their steps, the second one early. */
static void decode_all(int threads, size_t lanes)
{
    engine e = start(threads, lanes);
    size_t window[16], at[16], next = 0, busy = 0;
    bool used[16] = {false};
    do {
        size_t which[16];
        int32_t tokens[16];
        float *logits = NULL;
        busy = 0;
        for (size_t l = 0; l < lanes; l++) {
            if (!used[l] && next < WINDOWS) {
                encode(e.state, next);
                mli_whisper_lanes_put(e.lanes, l);
                used[l] = true;
                window[l] = next++;
                at[l] = 0;
            }
            if (!used[l])
                continue;
            which[busy] = l;
            tokens[busy++] = token_of(window[l], at[l]);
        }
        if (busy == 0)
            break;
        assert_int_equal(
            mli_whisper_lanes_step(e.lanes, which, tokens, busy, 0, NULL, &logits, NULL),
            MODELLAB_OK);
        for (size_t r = 0; r < busy; r++) {
            size_t l = which[r];
            assert_memory_equal(logits + r * VOCAB, alone[window[l]][at[l]], VOCAB * sizeof(float));
            at[l]++;
            if (at[l] == (window[l] == 1 ? STEPS / 2 : STEPS)) {
                mli_whisper_lanes_take(e.lanes, l);
                used[l] = false;
            }
        }
    } while (busy > 0);
    assert_int_equal(next, WINDOWS);
    stop(&e);
}

static void lanes_do_not_change_a_bit(void **state)
{
    (void)state;
    for (size_t lanes = 1; lanes <= 4; lanes++)
        for (int threads = 1; threads <= 3; threads++)
            decode_all(threads, lanes);
    decode_all(2, 16);
}

static void a_window_comes_back_for_other_work(void **state)
{
    (void)state;
    engine e = start(2, 2);
    const int32_t parent = 0;
    int32_t token = token_of(0, 0);
    const float *last = NULL;
    float *logits = NULL;
    encode(e.state, 0);
    mli_whisper_lanes_put(e.lanes, 1);
    encode(e.state, 1);
    mli_whisper_lanes_put(e.lanes, 0);
    mli_whisper_lanes_take(e.lanes, 1);
    assert_int_equal(mli_whisper_state_step(e.state, &token, &parent, 1, 0, NULL, &logits, NULL),
                     MODELLAB_E_INVALID_ARGUMENT); /* a prompt first */
    assert_int_equal(
        mli_whisper_state_prompt(e.state, prompt, prompt_of(0), 0, NULL, NULL, &last, NULL),
        MODELLAB_OK);
    assert_int_equal(mli_whisper_state_step(e.state, &token, &parent, 1, 0, NULL, &logits, NULL),
                     MODELLAB_OK);
    assert_memory_equal(logits, alone[0][0], sizeof alone[0][0]);
    stop(&e);
}

static void bad_use_is_refused(void **state)
{
    (void)state;
    engine e = start(1, 2);
    mli_whisper_lanes *none = NULL;
    const size_t which[] = {1, 0};
    const size_t beyond[] = {2};
    int32_t tokens[] = {5, 5, 5};
    float *logits = NULL;
    mli_cancel_word word = 1;
    assert_int_equal(mli_whisper_lanes_create(&none, NULL, e.state, 0, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_whisper_lanes_create(&none, NULL, e.state, 17, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    encode(e.state, 0);
    mli_whisper_lanes_put(e.lanes, 1);
#define REFUSED(which, rows, least, code)                                                          \
    assert_int_equal(                                                                              \
        mli_whisper_lanes_step(e.lanes, which, tokens, rows, least, NULL, &logits, NULL), code)
    REFUSED(which, 0, 0, MODELLAB_E_INVALID_ARGUMENT);
    REFUSED(which, 3, 0, MODELLAB_E_INVALID_ARGUMENT);
    REFUSED(which, 2, 0, MODELLAB_E_INVALID_ARGUMENT); /* lane 0 is empty */
    REFUSED(beyond, 1, 0, MODELLAB_E_INVALID_ARGUMENT);
    REFUSED(which, 1, -1, MODELLAB_E_INVALID_ARGUMENT);
    REFUSED(which, 1, VOCAB, MODELLAB_E_INVALID_ARGUMENT);
    tokens[0] = VOCAB;
    REFUSED(which, 1, 0, MODELLAB_E_INVALID_ARGUMENT);
    tokens[0] = 5;
    assert_int_equal(mli_whisper_lanes_step(e.lanes, which, tokens, 1, 0, &word, &logits, NULL),
                     MODELLAB_E_CANCELLED);
    for (size_t i = prompt_of(0); i < toy_dims.text_ctx; i++)
        REFUSED(which, 1, 0, MODELLAB_OK);
    REFUSED(which, 1, 0, MODELLAB_E_LIMIT);
#undef REFUSED
    stop(&e);
}

static void every_allocation_of_lanes_may_fail(void **state)
{
    (void)state;
    failing_alloc f = {.fail_at = -1};
    modellab_allocator table = failing_alloc_table(&f);
    engine e = start(1, 1);
    for (long at = 0;; at++) {
        mli_whisper_lanes *lanes = NULL;
        f = (failing_alloc){.fail_at = at};
        modellab_status status = mli_whisper_lanes_create(&lanes, &table, e.state, 3, NULL);
        bool failed = f.calls > at;
        assert_int_equal(status, failed ? MODELLAB_E_NO_MEMORY : MODELLAB_OK);
        mli_whisper_lanes_destroy(lanes);
        assert_int_equal(f.live, 0);
        if (!failed)
            break;
    }
    stop(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lanes_do_not_change_a_bit),
        cmocka_unit_test(a_window_comes_back_for_other_work),
        cmocka_unit_test(bad_use_is_refused),
        cmocka_unit_test(every_allocation_of_lanes_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
