/* Grouping of made-up voices: who is who is found, numbers of speakers are kept, hours take bounded
 * memory; turns fill the speech; enrolled voices go to the nearest speaker. */
#include "unit/kernels/common.h"

#include "base/alloc.h"
#include "speech/diarize_private.h"
#include "speech/diarize_steps.h"

enum { WIDTH = MLI_VOICE_WIDTH, HOP = 4 };

/* Memory that is counted. */
typedef struct meter {
    size_t now, most;
} meter;

static void *meter_alloc(void *user, size_t bytes)
{
    meter *m = user;
    size_t *block = malloc(bytes + 64);
    if (block == NULL)
        return NULL;
    *block = bytes;
    m->now += bytes;
    m->most = m->now > m->most ? m->now : m->most;
    return block + 64 / sizeof *block;
}

static void meter_free(void *user, void *block)
{
    meter *m = user;
    if (block != NULL) {
        size_t *head = (size_t *)(void *)((char *)block - 64);
        m->now -= *head;
        free(head);
    }
}

static void *meter_realloc(void *user, void *block, size_t bytes)
{
    void *more = meter_alloc(user, bytes);
    if (more != NULL && block != NULL) {
        size_t old = *(size_t *)(void *)((char *)block - 64);
        memcpy(more, block, old < bytes ? old : bytes);
        meter_free(user, block);
    }
    return more;
}

typedef struct talk {
    mli_cells cells;
    mli_cell *items;
    float *windows;
    uint8_t *who; /* [cells] */
} talk;

/* `count` cells in turns of 20 to 60 of random speakers (one after another first); directions are
 * those of the speakers and `noise`. Each hundredth cell begins a new segment. */
static talk make_talk(size_t count, size_t speakers, float noise, uint64_t seed)
{
    numbers n = {seed};
    float *voices = floats(&n, speakers * WIDTH);
    size_t windows = count / HOP + 2, left = 0;
    talk t = {.items = must(count * sizeof *t.items),
              .windows = must(windows * WIDTH * sizeof *t.windows),
              .who = must(count)};
    size_t now = speakers - 1, turn = 0;
    for (size_t i = 0; i < speakers * WIDTH; i++) /* not negative, as those of the encoder */
        voices[i] = fmaxf(voices[i], 0.0f);
    for (size_t i = 0; i < speakers; i++)
        mli_voice_normalise(voices + i * WIDTH);
    for (size_t i = 0; i < count; i++) {
        if (left == 0) {
            size_t other = (now + 1 + (size_t)((next_number(&n) + 1) * 1000) % speakers) % speakers;
            now = turn < speakers ? turn : other;
            turn++;
            left = 20 + (size_t)((next_number(&n) + 1) * 20);
        }
        left--;
        t.who[i] = (uint8_t)now;
        float share = (float)(i % HOP) / HOP;
        t.items[i] = (mli_cell){(uint32_t)(i + i / 100 * 8), (uint32_t)(i / HOP), 1 - share, share};
    }
    for (size_t w = 0; w < windows; w++) {
        float *x = t.windows + w * WIDTH;
        size_t cell = w * HOP < count ? w * HOP : count - 1;
        memcpy(x, voices + (size_t)t.who[cell] * WIDTH, WIDTH * sizeof *x);
        for (size_t k = 0; k < WIDTH; k++)
            x[k] += noise * next_number(&n) / 16;
        mli_voice_normalise(x);
    }
    t.cells = (mli_cells){t.windows, windows, t.items, count};
    free(voices);
    return t;
}

static void free_talk(talk *t)
{
    free(t->items);
    free(t->windows);
    free(t->who);
}

/* Share of cells whose label is that of most cells of their speaker. */
static double agreement(const talk *t, const uint8_t *labels)
{
    static size_t counts[64][64];
    size_t good = 0;
    memset(counts, 0, sizeof counts);
    for (size_t i = 0; i < t->cells.count; i++)
        counts[t->who[i]][labels[i]]++;
    for (size_t s = 0; s < 64; s++) {
        size_t most = 0;
        for (size_t l = 0; l < 64; l++)
            most = counts[s][l] > most ? counts[s][l] : most;
        good += most;
    }
    return (double)good / (double)t->cells.count;
}

static int32_t group(const talk *t, const mli_cluster_rules *rules, uint8_t *labels)
{
    static float voices[MLI_SPEAKERS_MOST * WIDTH];
    int32_t speakers = -1;
    memset(labels, 0xee, t->cells.count);
    assert_int_equal(mli_cluster(&t->cells, rules, NULL, labels, voices, &speakers, NULL, NULL),
                     MODELLAB_OK);
    int32_t next = 0;
    for (size_t i = 0; i < t->cells.count; i++) {
        assert_true(labels[i] <= next); /* numbered as they first speak */
        next += labels[i] == next;
    }
    assert_int_equal(next, speakers);
    for (int32_t s = 0; s < speakers; s++)
        assert_true(fabsf(mli_voice_length(voices + s * WIDTH) - 1) < 1e-4f);
    return speakers;
}

static void test_who_is_who(void **state)
{
    static uint8_t labels[20000];
    static const size_t counts[] = {300, 2000, 20000}; /* plain, pieces, blocks joined */
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t speakers = 1; speakers <= 5; speakers += 2) {
            for (int method = 0; method < 2; method++) {
                talk t = make_talk(counts[i], speakers, 0.7f, i * 10 + speakers);
                mli_cluster_rules rules;
                mli_cluster_rules_init(&rules);
                rules.method = (mli_cluster_method)method;
                int32_t found = group(&t, &rules, labels);
                /* plain linkage may keep groups of what lies between two voices */
                if (found < (int32_t)speakers || (method == 0 && found > (int32_t)speakers) ||
                    agreement(&t, labels) < 0.95)
                    fail_msg("%zu cells, method %d: %d of %zu speakers, %.3f right", counts[i],
                             method, (int)found, speakers, agreement(&t, labels));
                free_talk(&t);
            }
        }
    }
}

static void test_numbers_of_speakers(void **state)
{
    static uint8_t labels[3000];
    talk t = make_talk(3000, 4, 0.7f, 5);
    (void)state;
    for (int method = 0; method < 2; method++) {
        for (int32_t k = 1; k <= 6; k++) {
            mli_cluster_rules rules;
            mli_cluster_rules_init(&rules);
            rules.method = (mli_cluster_method)method;
            rules.least = rules.most = k;
            int32_t found = group(&t, &rules, labels);
            /* groups may vanish while they are fitted: never more, and as many as there are */
            assert_true(found <= k && found >= (k < 4 ? k : 4));
            rules.most = 0; /* at least k */
            assert_true(group(&t, &rules, labels) >= 4);
            rules.least = 1; /* at most k */
            rules.most = k;
            found = group(&t, &rules, labels);
            assert_true(found <= k && found >= (k < 4 ? k : 4));
            assert_true(method != 0 || found <= 4);
        }
    }
    mli_cluster_rules rules;
    mli_cluster_rules_init(&rules);
    t.cells.count = 0;
    assert_int_equal(group(&t, &rules, labels), 0);
    t.cells.count = 1;
    assert_int_equal(group(&t, &rules, labels), 1);
    t.cells.count = 3000;
    free_talk(&t);
}

/* The first labels alone: blocks that were joined keep their members. */
static void test_blocks(void **state)
{
    static uint8_t labels[20000];
    const mli_join_rule rule = {.left = 8};
    talk t = make_talk(20000, 4, 0.7f, 33);
    int32_t groups = 0;
    (void)state;
    assert_int_equal(mli_cluster_start(&t.cells, &rule, NULL, labels, &groups, NULL, NULL),
                     MODELLAB_OK);
    assert_int_equal(groups, 8);
    static size_t counts[8][4];
    size_t good = 0;
    for (size_t i = 0; i < t.cells.count; i++)
        counts[labels[i]][t.who[i]]++;
    for (size_t g = 0; g < 8; g++) {
        size_t most = 0;
        for (size_t s = 0; s < 4; s++)
            most = counts[g][s] > most ? counts[g][s] : most;
        good += most;
    }
    assert_true((double)good / 20000 > 0.9);
    free_talk(&t);
}

/* Ten hours without a pause. */
static void test_hours(void **state)
{
    const size_t count = 360000;
    talk t = make_talk(count, 6, 0.7f, 9);
    meter m = {0, 0};
    modellab_allocator alloc = {sizeof alloc, &m, meter_alloc, meter_realloc, meter_free};
    uint8_t *labels = must(count);
    float *voices = must((size_t)MLI_SPEAKERS_MOST * WIDTH * sizeof *voices);
    int32_t speakers = 0;
    mli_cluster_rules rules;
    mli_cancel_word stop = 1;
    (void)state;
    mli_cluster_rules_init(&rules);
    assert_int_equal(mli_cluster(&t.cells, &rules, &alloc, labels, voices, &speakers, NULL, NULL),
                     MODELLAB_OK);
    print_message("%zu cells: %.1f MB, %d speakers\n", count, (double)m.most / 1e6, (int)speakers);
    assert_int_equal(speakers, 6);
    assert_true(agreement(&t, labels) > 0.95);
    assert_true(m.most < 24u << 20);
    assert_int_equal(m.now, 0);
    assert_int_equal(mli_cluster(&t.cells, &rules, &alloc, labels, voices, &speakers, &stop, NULL),
                     MODELLAB_E_CANCELLED);
    assert_int_equal(m.now, 0);
    free(labels);
    free(voices);
    free_talk(&t);
}

/* Turns of labels over segments of 100 cells with gaps of 8. */
static void make_turns(const talk *t, const uint8_t *labels, int32_t speakers, bool overlapping,
                       mli_vad_segment *segments, size_t count, mli_diarization *out)
{
    static float voices[MLI_SPEAKERS_MOST * WIDTH];
    mli_diarize_tools tools = {0};
    mli_diarize_options o;
    numbers n = {1};
    mli_diarize_options_init(&o);
    o.overlapping = overlapping;
    o.second_margin = 0.1f;
    for (size_t i = 0; i < (size_t)speakers * WIDTH; i++)
        voices[i] = next_number(&n) / 16;
    for (size_t i = 0; i < count; i++) {
        segments[i].start = (int64_t)(i * 108 * MLI_CELL_SAMPLES + 333 * (i % 2));
        segments[i].end = (int64_t)((i * 108 + 100) * MLI_CELL_SAMPLES - 500 * (i % 3));
    }
    *out = (mli_diarization){.samples = segments[count - 1].end};
    assert_int_equal(mli_diarize_turns(&tools, &o, segments, count, &t->cells, labels, voices,
                                       speakers, out, NULL),
                     MODELLAB_OK);
}

static void test_turns(void **state)
{
    enum { SEGMENTS = 30 };
    mli_vad_segment segments[SEGMENTS];
    talk t = make_talk((size_t)SEGMENTS * 100, 4, 0.7f, 21);
    mli_diarization d;
    (void)state;
    make_turns(&t, t.who, 4, false, segments, SEGMENTS, &d);
    size_t at = 0;
    int64_t speech = 0, spoken = 0;
    for (size_t i = 0; i < SEGMENTS; i++) { /* one after another, they fill each segment */
        for (int64_t end = segments[i].start; end < segments[i].end; end = d.turns[at++].end) {
            assert_true(at < d.turn_count);
            assert_int_equal(d.turns[at].start, end);
            assert_true(d.turns[at].end > end && d.turns[at].end <= segments[i].end);
            int64_t cell = (d.turns[at].start + MLI_CELL_SAMPLES / 2) / MLI_CELL_SAMPLES;
            size_t index = (size_t)(cell - (int64_t)i * 8);
            assert_int_equal(t.who[index], d.turns[at].speaker);
        }
        speech += segments[i].end - segments[i].start;
    }
    assert_int_equal(at, d.turn_count);
    for (size_t s = 0; s < d.speaker_count; s++)
        spoken += d.speakers[s].speech;
    assert_int_equal(spoken, speech);
    mli_diarization_dispose(&d);

    make_turns(&t, t.who, 4, true, segments, SEGMENTS, &d);
    int64_t last[4] = {-1, -1, -1, -1}, more = 0;
    for (size_t i = 0; i < d.turn_count; i++) {
        const mli_turn *turn = &d.turns[i];
        assert_true(i == 0 || d.turns[i - 1].start <= turn->start);
        assert_true(turn->start >= last[turn->speaker]); /* nobody twice at a time */
        last[turn->speaker] = turn->end;
        more += turn->end - turn->start;
    }
    assert_true(more > speech && more <= 2 * speech);
    mli_diarization_dispose(&d);
    free_talk(&t);
}

static void test_recognise(void **state)
{
    static float known[3][WIDTH];
    mli_speaker speakers[3];
    mli_diarization d = {.speakers = speakers, .speaker_count = 3};
    mli_diarize_options o;
    (void)state;
    mli_diarize_options_init(&o);
    o.known = known[0];
    o.known_count = 3;
    o.known_least = 0.7f;
    memset(speakers, 0, sizeof speakers);
    known[0][0] = known[1][1] = known[2][2] = 1;
    speakers[0].voice[0] = 0.8f; /* near voice 0, but speaker 2 is nearer */
    speakers[0].voice[1] = 0.6f;
    speakers[1].voice[5] = 1;
    speakers[2].voice[0] = 1;
    mli_diarize_recognise(&o, &d);
    assert_int_equal(speakers[2].known, 0);
    assert_int_equal(speakers[0].known, -1);
    assert_true(fabsf(speakers[0].known_score - 0.8f) < 1e-6f);
    assert_int_equal(speakers[1].known, -1);
    o.known_least = 0.5f; /* then its next best is good enough */
    mli_diarize_recognise(&o, &d);
    assert_int_equal(speakers[0].known, 1);
    assert_true(fabsf(speakers[0].known_score - 0.6f) < 1e-6f);
    o.known_count = 0;
    mli_diarize_recognise(&o, &d);
    assert_int_equal(speakers[2].known, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_who), cmocka_unit_test(test_numbers_of_speakers),
        cmocka_unit_test(test_blocks),     cmocka_unit_test(test_hours),
        cmocka_unit_test(test_turns),      cmocka_unit_test(test_recognise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
