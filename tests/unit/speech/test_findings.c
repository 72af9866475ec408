/* Each rule of the findings on transcripts made for it, just over and just below its bound. */
#include "audio/source.h"
#include "speech/findings.h"
#include "unit/unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct play {
    mli_transcript *t;
    mli_vad_segment speech[4];
    mli_asr_findings_view view;
    mli_asr_findings found;
} play;

static void begin(play *p, double duration)
{
    memset(p, 0, sizeof *p);
    assert_int_equal(mli_transcript_create(NULL, &p->t, NULL), MODELLAB_OK);
    assert_int_equal(mli_transcript_set_info(p->t, "transcribe", "en", 1.0, duration, NULL),
                     MODELLAB_OK);
    p->view =
        (mli_asr_findings_view){.speech = p->speech, .speech_known = true, .token_limit = 224};
}

static void speech(play *p, double start, double end)
{
    p->speech[p->view.speech_count++] =
        (mli_vad_segment){llround(start * MLI_AUDIO_RATE), llround(end * MLI_AUDIO_RATE)};
}

static void say(play *p, double start, double end, const char *text, mli_transcript_segment s)
{
    static const int32_t tokens[224];
    s.id = (int64_t)p->t->segment_count;
    s.start = start;
    s.end = end;
    s.text = text;
    s.tokens = tokens;
    assert_int_equal(mli_transcript_add(p->t, &s, NULL), MODELLAB_OK);
}

static void find(play *p)
{
    assert_int_equal(mli_transcript_finish(p->t, NULL), MODELLAB_OK);
    p->view.transcript = p->t;
    assert_int_equal(mli_asr_findings_make(&p->view, &p->found, NULL), MODELLAB_OK);
    mli_transcript_unref(p->t);
}

static const mli_asr_finding *of(const play *p, mli_asr_finding_kind kind)
{
    for (size_t i = 0; i < p->found.count; i++) {
        if (p->found.list[i].kind == kind)
            return &p->found.list[i];
    }
    return NULL;
}

static const mli_transcript_segment good = {.avg_logprob = -0.2, .compression_ratio = 1.2};

static void test_nothing_odd(void **state)
{
    play p;
    (void)state;
    begin(&p, 30.0);
    speech(&p, 0.5, 29.0);
    say(&p, 0.5, 14.0, " No, no, no, no. I said it four times, no more.", good);
    say(&p, 14.0, 27.0, " Bye bye, bye bye.", good);
    find(&p);
    assert_int_equal(p.found.all, 0);
}

static void test_empty(void **state)
{
    play p;
    (void)state;
    begin(&p, 30.0);
    speech(&p, 1.0, 2.5);
    say(&p, 0.0, 30.0, " ...", good); /* no word */
    find(&p);
    assert_int_equal(of(&p, MLI_ASR_FINDING_EMPTY)->severity, MLI_ASR_FINDING_ERROR);
    assert_true(of(&p, MLI_ASR_FINDING_EMPTY)->value == 1.5);
    begin(&p, 30.0); /* nothing was said, nothing came out */
    find(&p);
    assert_int_equal(p.found.all, 0);
    begin(&p, 30.0);
    speech(&p, 1.0, 1.5);
    speech(&p, 3.0, 3.4);
    find(&p); /* a cough */
    assert_int_equal(p.found.all, 0);
    begin(&p, 30.0);
    speech(&p, 1.0, 2.5);
    p.view.by_loudness = true; /* may be music */
    find(&p);
    assert_int_equal(of(&p, MLI_ASR_FINDING_EMPTY)->severity, MLI_ASR_FINDING_INFO);
    begin(&p, 30.0);
    p.view.speech_known = false;
    find(&p);
    assert_int_equal(of(&p, MLI_ASR_FINDING_EMPTY)->severity, MLI_ASR_FINDING_INFO);
}

static void test_truncated(void **state)
{
    play p;
    (void)state;
    for (int more = 0; more < 3; more++) {
        begin(&p, 30.0);
        speech(&p, 0.0, 8.0);
        speech(&p, 12.0, 14.0);
        speech(&p, 20.0, more != 0 ? 21.1 : 20.9);
        say(&p, 0.0, 8.0, " Some words", good);
        say(&p, 8.0, 29.0, " ...", good); /* no word */
        p.view.by_loudness = more == 2;
        find(&p);
        assert_int_equal(p.found.all, more != 0);
        const mli_asr_finding *f = of(&p, MLI_ASR_FINDING_TRUNCATED);
        if (more == 0)
            continue;
        assert_int_equal(f->severity, more == 1 ? MLI_ASR_FINDING_ERROR : MLI_ASR_FINDING_INFO);
        assert_int_equal(f->segment, 0);
        assert_true(f->start == 8.0 && f->end == 30.0);
        assert_true(fabs(f->value - 3.1) < 1e-9);
    }
}

static void test_token_limit(void **state)
{
    play p;
    (void)state;
    mli_transcript_segment s = good;
    begin(&p, 30.0);
    speech(&p, 0.0, 30.0);
    s.token_count = 222;
    say(&p, 0.0, 29.0, " Many words", s);
    find(&p);
    assert_int_equal(p.found.all, 0);
    begin(&p, 60.0);
    speech(&p, 0.0, 60.0);
    s.token_count = 120;
    say(&p, 0.0, 15.0, " Words", s);
    s.token_count = 103; /* of one window with it: 223 */
    say(&p, 15.0, 30.0, " words", s);
    s.seek = 3000;
    say(&p, 30.0, 59.0, " and words", s);
    find(&p);
    assert_int_equal(p.found.all, 1);
    assert_int_equal(of(&p, MLI_ASR_FINDING_TOKEN_LIMIT)->segment, 0);
    assert_true(of(&p, MLI_ASR_FINDING_TOKEN_LIMIT)->end == 30.0);
}

static void test_repetition(void **state)
{
    static const struct {
        const char *text;
        double repeats;
        int64_t words;
    } cases[] = {
        {" so so so so so so so", 0, 0},
        {" So, so so so so. so so so!", 8, 1},
        {" a b a b a b a b", 0, 0},
        {" x a b a b a b a b a b y", 5, 2},
        {" a b a", 0, 0},
        {" the end of it, the end of it the end of it the end of it.", 4, 4},
        {" the end of it, the end of it the end of it but", 0, 0},
        {" one one one one one one one one one one one one", 12, 1},
        {" a b c d e f g h i j k l m n o p q r s t u v w x a b c d e f g h i j k l m n o p q r s t"
         " u v w x a b c d e f g h i j k l m n o p q r s t u v w x a b c d e f g h i j k l m n o p"
         " q r s t u v w x",
         4, 24},
        {" \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 "
         "\xc3\xa9t\xc3\xa9 "
         "\xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9 \xc3\xa9t\xc3\xa9",
         8, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        play p;
        begin(&p, 20.0);
        speech(&p, 0.0, 20.0);
        say(&p, 0.0, 9.0, " Well", good);
        say(&p, 9.0, 19.0, cases[i].text, good);
        find(&p);
        assert_int_equal(p.found.all, cases[i].words > 0);
        if (cases[i].words == 0)
            continue;
        const mli_asr_finding *f = of(&p, MLI_ASR_FINDING_REPETITION);
        assert_true(f->value == cases[i].repeats);
        assert_int_equal(f->words, cases[i].words);
        assert_int_equal(f->segment, 1);
        assert_true(f->start == 9.0 && f->end == 19.0);
    }
}

/* A sentence that is a segment of its own, again and again. */
static void test_repeated_segments(void **state)
{
    play p;
    (void)state;
    begin(&p, 30.0);
    speech(&p, 0.0, 30.0);
    for (int i = 0; i < 6; i++)
        say(&p, i * 5.0, i * 5.0 + 5.0, i == 0 ? " Hello there." : " Thank you for watching.",
            good);
    find(&p);
    assert_int_equal(p.found.all, 1);
    assert_true(p.found.list[0].value == 5.0 && p.found.list[0].start == 5.0);
}

static void test_ratio(void **state)
{
    play p;
    (void)state;
    mli_transcript_segment s = good;
    s.compression_ratio = 2.5;
    for (int tokens = 23; tokens < 25; tokens++) {
        begin(&p, 20.0);
        speech(&p, 0.0, 20.0);
        s.token_count = (size_t)tokens;
        say(&p, 0.0, 19.0, " \xe5\xa5\xbd\xe5\xa5\xbd\xe5\xa5\xbd\xe5\xa5\xbd", s);
        find(&p);
        assert_int_equal(p.found.all, tokens == 24);
    }
    assert_string_equal(p.found.list[0].measure, "compression_ratio");
    for (int i = 0; i < 2; i++) { /* at the bound; and where words have told it */
        begin(&p, 60.0);
        speech(&p, 0.0, 60.0);
        s.seek = 0;
        s.compression_ratio = i == 0 ? 2.4 : 2.5;
        say(&p, 0.0, 19.0, i == 0 ? " and so on" : " so so so so so so so so so", s);
        s.seek = 3000;
        s.compression_ratio = 2.6;
        say(&p, 30.0, 59.0, " this and that", s);
        find(&p);
        assert_int_equal(p.found.all, 1 + i);
        assert_true(p.found.list[i].start == 30.0 && p.found.list[i].value == 2.6);
    }
    begin(&p, 60.0);
    speech(&p, 0.0, 60.0);
    s.seek = 0;
    say(&p, 0.0, 19.0, " this and that", s);
    s.seek = 3000;
    say(&p, 30.0, 59.0, " so so so so so so so so so", s);
    find(&p); /* the words first, then the window before them */
    assert_int_equal(p.found.all, 2);
    assert_true(p.found.list[0].start == 30.0 && p.found.list[1].end == 19.0);
}

static void test_silence(void **state)
{
    play p;
    (void)state;
    begin(&p, 60.0);
    speech(&p, 0.0, 10.0);
    speech(&p, 50.0, 59.0);
    say(&p, 0.0, 10.0, " Right", good);
    say(&p, 20.0, 22.0, " Thank you.", good);
    say(&p, 22.0, 24.0, " Thanks.", good);
    say(&p, 25.0, 26.0, " ...", good);      /* no word */
    say(&p, 40.0, 52.0, " and then", good); /* a sixth is speech */
    say(&p, 52.0, 58.0, " the end", good);
    find(&p);
    assert_int_equal(p.found.all, 1);
    const mli_asr_finding *f = of(&p, MLI_ASR_FINDING_SILENCE);
    assert_true(f->start == 20.0 && f->end == 24.0);
    assert_int_equal(f->segment, 1);
}

/* Times of segments are rough: speech begins or ends within two seconds of them, or it does not. */
static void test_silence_near_speech(void **state)
{
    static const struct {
        double start, end; /* of speech; the words are at 10 to 13 s */
        bool silent;
    } cases[] = {{0.0, 8.1, false},   {0.0, 7.9, true},    {14.9, 20.0, false},
                 {15.1, 20.0, true},  {14.0, 14.15, true}, {14.0, 14.25, false},
                 {11.0, 11.15, true}, {10.5, 10.9, false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        play p;
        begin(&p, 30.0);
        speech(&p, cases[i].start, cases[i].end);
        say(&p, 10.0, 13.0, " Thank you.", good);
        find(&p);
        assert_int_equal(of(&p, MLI_ASR_FINDING_SILENCE) != NULL, cases[i].silent);
    }
}

/* A cough within many words is none of them. */
static void test_silence_with_a_bit(void **state)
{
    static const struct {
        int words;
        double speech;
        bool silent;
        double at;
    } cases[] = {{20, 0.4, false, 29.0}, {20, 0.4, false, 10.5}, {20, 0.4, true, 15.0},
                 {20, 1.9, true, 19.0},  {20, 2.1, false, 19.0}, {9, 0.8, true, 19.0},
                 {9, 1.0, false, 19.0},  {40, 1.9, true, 19.0},  {40, 2.1, false, 19.0},
                 {0, 0.0, false, 19.0}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[400] = "";
        play p;
        begin(&p, 40.0);
        speech(&p, cases[i].at, cases[i].at + cases[i].speech);
        for (int k = 0; k < cases[i].words; k++)
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), " word%d", k);
        say(&p, 10.0, 30.0, text, good);
        find(&p);
        assert_int_equal(of(&p, MLI_ASR_FINDING_SILENCE) != NULL, cases[i].silent);
    }
}

/* Sound without speech by the detector: a finding only when the model doubts too. */
static void test_quiet_speech(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        play p;
        const mli_vad_segment sound = {20 * MLI_AUDIO_RATE, 22 * MLI_AUDIO_RATE};
        mli_transcript_segment s = good;
        begin(&p, 30.0);
        speech(&p, 0.0, 10.0);
        p.view.sound = i > 0 ? &sound : NULL;
        p.view.sound_count = i > 0;
        s.no_speech_prob = i == 2 ? 0.51 : 0.49;
        s.avg_logprob = i == 3 ? -0.71 : -0.45;
        say(&p, 20.0, 22.0, " So, what kind of thing", s);
        find(&p);
        assert_int_equal(p.found.all, i != 1);
    }
}

static void test_confidence_and_fallback(void **state)
{
    play p;
    (void)state;
    begin(&p, 120.0);
    speech(&p, 0.0, 120.0);
    const double numbers[4][3] = {/* logprob, no speech, temperature */
                                  {-1.01, 0.1, 0.2},
                                  {-0.51, 0.61, 0.4},
                                  {-0.49, 0.9, 0.8},
                                  {-0.99, 0.59, 0.2}};
    p.view.first_temperature = 0.2;
    for (int i = 0; i < 4; i++) {
        mli_transcript_segment s = {.seek = i * 3000,
                                    .avg_logprob = numbers[i][0],
                                    .no_speech_prob = numbers[i][1],
                                    .temperature = numbers[i][2],
                                    .compression_ratio = 1.0};
        say(&p, i * 30.0, i * 30.0 + 29.0, i % 2 == 0 ? " some words here" : " and there", s);
    }
    find(&p);
    assert_int_equal(p.found.all, 4);
    assert_string_equal(p.found.list[0].measure, "avg_logprob");
    assert_string_equal(p.found.list[1].measure, "no_speech_prob");
    assert_int_equal(p.found.list[2].kind, MLI_ASR_FINDING_FALLBACK);
    assert_int_equal(p.found.list[2].severity, MLI_ASR_FINDING_INFO);
    assert_int_equal(p.found.list[2].segment, 1);
    assert_int_equal(p.found.list[3].severity, MLI_ASR_FINDING_WARNING);
    assert_int_equal(p.found.list[3].segment, 2);
}

static void test_cancel(void **state)
{
    const mli_cancel_word stop = 1;
    play p;
    (void)state;
    begin(&p, 30.0);
    say(&p, 0.0, 29.0, " some words", good);
    assert_int_equal(mli_transcript_finish(p.t, NULL), MODELLAB_OK);
    p.view.transcript = p.t;
    p.view.cancel = &stop;
    assert_int_equal(mli_asr_findings_make(&p.view, &p.found, NULL), MODELLAB_E_CANCELLED);
    mli_transcript_unref(p.t);
}

/* Times of a model that go on behind the end of the recording. */
static void test_inside(void **state)
{
    play p;
    (void)state;
    begin(&p, 30.0);
    speech(&p, 0.0, 30.0);
    mli_transcript_segment s = good;
    s.avg_logprob = -2.0;
    say(&p, 12.0, 40.0, " some words", s);
    p.speech[0].end += 15 * MLI_AUDIO_RATE;
    s.seek = 3000;
    say(&p, 41.0, 42.0, " and more", s);
    find(&p);
    assert_int_equal(p.found.all, 2);
    assert_true(p.found.list[0].start == 12.0 && p.found.list[0].end == 30.0);
    assert_true(p.found.list[1].start == 30.0 && p.found.list[1].end == 30.0);
}

static void test_most(void **state)
{
    play p;
    (void)state;
    begin(&p, 9000.0);
    speech(&p, 0.0, 4490.0);
    mli_transcript_segment s = good;
    s.avg_logprob = -2.0;
    for (int i = 0; i < 150; i++) {
        s.seek = i * 3000;
        say(&p, i * 30.0, i * 30.0 + 20.0, " words", s);
    }
    mli_asr_findings first;
    find(&p);
    first = p.found;
    assert_int_equal(first.all, 151); /* the word itself is a loop of 150 */
    assert_int_equal(first.count, MLI_ASR_FINDINGS_MOST);
    begin(&p, 9000.0);
    speech(&p, 0.0, 3000.0);
    s.token_count = 223;
    for (int i = 0; i < 150; i++) {
        s.seek = i * 3000;
        say(&p, i * 30.0, i * 30.0 + 20.0, " words", s);
    }
    find(&p); /* silence is not listed anymore, and lengthens nothing */
    assert_int_equal(p.found.list[99].kind, MLI_ASR_FINDING_TOKEN_LIMIT);
    assert_true(p.found.list[99].end == 99 * 30.0 + 20.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_odd),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_token_limit),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_repeated_segments),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_quiet_speech),
        cmocka_unit_test(test_confidence_and_fallback),
        cmocka_unit_test(test_most),
        cmocka_unit_test(test_inside),
        cmocka_unit_test(test_cancel),

        cmocka_unit_test(test_silence_near_speech),
        cmocka_unit_test(test_silence_with_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
