/* Extracts of transcripts: chapters where the subject changes, sentences that stand for the rest,
 * what somebody is to do; nothing of it from chance, and all of it within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "text/digest_private.h"

static uint64_t chance_state;

static size_t chance(size_t most)
{
    chance_state = chance_state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(chance_state >> 33) % most;
}

static mli_transcript *begin(void)
{
    mli_transcript *t = NULL;
    assert_int_equal(mli_transcript_create(NULL, &t, NULL), MODELLAB_OK);
    assert_int_equal(mli_transcript_set_info(t, "transcribe", "en", 1, 1000, NULL), MODELLAB_OK);
    return t;
}

static void say(mli_transcript *t, double start, double end, const char *text, const char *speaker)
{
    mli_transcript_segment s = {.start = start, .end = end, .text = text, .speaker = speaker};
    assert_int_equal(mli_transcript_add(t, &s, NULL), MODELLAB_OK);
}

static mli_digest *finish(mli_transcript *t)
{
    mli_digest *d = NULL;
    assert_int_equal(mli_transcript_finish(t, NULL), MODELLAB_OK);
    assert_int_equal(mli_digest_create(t, NULL, &d, NULL), MODELLAB_OK);
    mli_transcript_unref(t);
    return d;
}

static const char *const subjects[][10] = {{"budget", "invoice", "payment", "accounting", "salary",
                                            "tax", "expense", "audit", "revenue", "ledger"},
                                           {"server", "database", "latency", "deployment", "kernel",
                                            "backup", "cluster", "network", "compiler", "memory"},
                                           {"kitchen", "recipe", "garlic", "oven", "pasta",
                                            "tomato", "dinner", "butter", "pepper", "onion"}};

/* `count` sentences of six words of a subject, five seconds each; returns where they end. */
static double talk(mli_transcript *t, double at, size_t subject, int count)
{
    for (int i = 0; i < count; i++, at += 5) {
        char text[200] = " So we have the";
        for (int k = 0; k < 6; k++) {
            strcat(text, " ");
            strcat(text, subjects[subject][chance(10)]);
        }
        strcat(text, ".");
        say(t, at, at + 4.5, text, NULL);
    }
    return at;
}

static void chapters_at_changes_of_subject(void **state)
{
    (void)state;
    for (chance_state = 1; chance_state < 40; chance_state++) {
        uint64_t seed = chance_state;
        mli_transcript *t = begin();
        double first = talk(t, 0, 0, 50), second = talk(t, first, 1, 70);
        (void)talk(t, second, 2, 60);
        mli_digest *d = finish(t);
        mli_digest_chapter *chapters = NULL;
        size_t count = 0, sentences = 0;
        assert_int_equal(mli_digest_sentence_count(d), 180);
        assert_int_equal(mli_digest_chapters(d, 60, NULL, &chapters, &count, NULL), MODELLAB_OK);
        assert_int_equal(count, 3);
        for (size_t i = 0; i < count; i++) { /* they tile */
            assert_int_equal(chapters[i].first, sentences);
            sentences += chapters[i].count;
            /* words of the subject, and of no other */
            bool own = false;
            for (int k = 0; k < 10; k++) {
                own = own || strcmp(chapters[i].keywords[0], subjects[i][k]) == 0;
            }
            assert_true(own);
        }
        assert_int_equal(sentences, 180);
        assert_true(chapters[1].first >= 47 && chapters[1].first <= 53);
        assert_true(chapters[2].first >= 117 && chapters[2].first <= 123);
        mli_free(NULL, chapters);
        mli_digest_destroy(d);
        chance_state = seed;
    }
}

static void one_subject_is_one_chapter(void **state)
{
    int many = 0;
    (void)state;
    for (chance_state = 1; chance_state < 40; chance_state++) {
        uint64_t seed = chance_state;
        mli_transcript *t = begin();
        (void)talk(t, 0, seed % 3, 100);
        mli_digest *d = finish(t);
        mli_digest_chapter *chapters = NULL;
        size_t count = 0;
        assert_int_equal(mli_digest_chapters(d, 60, NULL, &chapters, &count, NULL), MODELLAB_OK);
        many += count > 1;
        for (size_t i = 0; i + 1 < count; i++) { /* none is shorter than was asked for */
            double start = mli_digest_sentence_at(d, chapters[i].first)->start;
            assert_true(mli_digest_sentence_at(d, chapters[i + 1].first)->start - start >= 60);
        }
        mli_free(NULL, chapters);
        mli_digest_destroy(d);
        chance_state = seed;
    }
    assert_true(many <= 4); /* of 39 */
}

static void the_middle_of_it_stands_for_it(void **state)
{
    mli_digest_pick picks[10];
    size_t count = 0;
    (void)state;
    mli_transcript *t = begin();
    static const char *const texts[] = {
        " The new budget pays for the release of the search engine in autumn.",
        " Purple elephants dance on rainy Tuesdays near Lisbon harbours.",
        " Two servers join the cluster before the release of the engine.",
        " Yes, exactly, okay.",
        " The committee approves the budget when the servers pass their audit.",
        " The committee approves the budget when the servers pass their audit!",
        " My neighbour sells marmalade and bicycles."};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        say(t, (double)i * 5, (double)i * 5 + 4, texts[i], i % 2 == 0 ? "Ann" : "Bob");
    }
    mli_digest *d = finish(t);
    assert_int_equal(mli_digest_sentence_count(d), 7);
    assert_int_equal(mli_digest_rank(d, 3, NULL, picks, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, 3);
    assert_int_equal(picks[0].sentence, 0);
    assert_int_equal(picks[1].sentence, 2);
    assert_true(picks[2].sentence == 4 || picks[2].sentence == 5); /* one of the two alike */
    const mli_digest_sentence *s = mli_digest_sentence_at(d, picks[0].sentence);
    assert_string_equal(s->speaker, "Ann");
    assert_string_equal(s->text, texts[0] + 1);
    assert_true(s->start >= 0 && s->start < 0.2 && s->end > 3.9 && s->end <= 4);
    assert_int_equal(mli_digest_rank(d, 10, NULL, picks, &count, NULL), MODELLAB_OK);
    assert_int_equal(count, 6); /* all but the repetition */
    assert_int_equal(mli_digest_rank(d, 5, NULL, picks, &count, NULL), MODELLAB_OK);
    for (size_t i = 0; i < count; i++) {
        assert_true(picks[i].sentence != 3); /* says nothing, and there are others */
    }
    mli_digest_destroy(d);
}

static void long_ones_are_bounded(void **state)
{
    mli_digest_pick picks[20], again[20];
    size_t count = 0, more = 0;
    mli_cancel_word stop = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    (void)state;
    chance_state = 7;
    mli_transcript *t = begin();
    double at = 0;
    for (int i = 0; i < 100; i++) {
        at = talk(t, at, (size_t)i % 3, 60); /* 8 hours */
    }
    mli_digest *d = finish(t);
    assert_int_equal(mli_digest_rank(d, 20, NULL, picks, &count, NULL), MODELLAB_OK);
    assert_int_equal(mli_digest_rank(d, 20, NULL, again, &more, NULL), MODELLAB_OK);
    assert_true(count > 5 && count <= 20);
    assert_int_equal(more, count);
    for (size_t i = 0; i < count; i++) { /* in order, and the same again */
        assert_true(i == 0 || picks[i].sentence > picks[i - 1].sentence);
        assert_true(picks[i].score > 0 && picks[i].score <= 1);
        assert_int_equal(picks[i].sentence, again[i].sentence);
    }
    mli_digest_chapter *chapters = NULL;
    assert_int_equal(mli_digest_chapters(d, 60, NULL, &chapters, &count, NULL), MODELLAB_OK);
    assert_true(count >= 90 && count <= 110);
    mli_free(NULL, chapters);
    stop = 1;
    assert_int_equal(mli_digest_rank(d, 20, &stop, picks, &count, &err), MODELLAB_E_CANCELLED);
    assert_int_equal(mli_digest_chapters(d, 60, &stop, &chapters, &count, &err),
                     MODELLAB_E_CANCELLED);
    assert_null(chapters);
    mli_digest_destroy(d);
}

static void odd_transcripts(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        " ...",
                                        "\xff\xfe\x80",
                                        " \xe2\x80\x94",
                                        " Stra\xc3\x9f"
                                        "e",
                                        " a",
                                        " don\xe2\x80\x99t worry",
                                        " \xe2\x80"};
    (void)state;
    for (size_t n = 0; n <= sizeof texts / sizeof *texts; n++) {
        mli_transcript *t = begin();
        mli_digest_pick picks[3];
        mli_digest_chapter *chapters = NULL;
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            say(t, (double)i, (double)i, texts[i], NULL);
        }
        mli_digest *d = finish(t);
        assert_int_equal(mli_digest_rank(d, 3, NULL, picks, &count, NULL), MODELLAB_OK);
        assert_true(count <= 3);
        assert_int_equal(mli_digest_chapters(d, 60, NULL, &chapters, &count, NULL), MODELLAB_OK);
        assert_int_equal(count, mli_digest_sentence_count(d) > 0);
        mli_free(NULL, chapters);
        mli_digest_destroy(d);
    }
    assert_true(mli_digest_is_plain("the", 3) && mli_digest_is_plain("a", 1));
    assert_true(mli_digest_is_plain("yourself", 8) && mli_digest_is_plain("don't", 5));
    assert_false(mli_digest_is_plain("th", 2) || mli_digest_is_plain("zebra", 5));
}

static void who_is_to_do_what(void **state)
{
    static const struct {
        const char *text, *assignee, *due; /* "" = not told; assignee NULL = it is no action */
    } rows[] = {
        {"I'll send the report by Friday.", "Ann", "by Friday"},
        {"I\xe2\x80\x99ll send the report tomorrow.", "Ann", "tomorrow"},
        {"Tom, can you book the room for next week?", "Tom", "for next week"},
        {"Could you please check the numbers?", "", ""},
        {"Maria will call the supplier before the end of the month.", "Maria",
         "before the end of the month"},
        {"We need to order more paper.", "", ""},
        {"Let's meet on Monday.", "", "on Monday"},
        {"Peter needs to sign it today.", "Peter", ""},
        {"Make sure the door is locked.", "", ""},
        {"Okay, I will write that down.", "Ann", ""},
        {"It will rain.", NULL, ""},
        {"Let's see.", NULL, ""},
        {"I'll be honest with you.", NULL, ""},
        {"The weather was fine last week.", NULL, ""},
        {"He willed it.", NULL, ""},
        {"That should be enough.", NULL, ""},
        {"", NULL, ""},
        {"I will", NULL, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mli_digest_action a;
        bool found = mli_digest_action_of(rows[i].text, "Ann", &a);
        if (found != (rows[i].assignee != NULL)) {
            fail_msg("%s: %s", rows[i].text, found ? a.cue : "nothing");
        }
        if (found && (a.assignee_bytes != strlen(rows[i].assignee) ||
                      memcmp(a.assignee_bytes > 0 ? a.assignee : "", rows[i].assignee,
                             a.assignee_bytes) != 0)) {
            fail_msg("%s: by %.*s", rows[i].text, (int)a.assignee_bytes, a.assignee);
        }
        if (found && rows[i].due[0] != '\0' &&
            (a.due_bytes != strlen(rows[i].due) || memcmp(a.due, rows[i].due, a.due_bytes) != 0)) {
            fail_msg("%s: until %.*s", rows[i].text, (int)a.due_bytes, a.due);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chapters_at_changes_of_subject),
        cmocka_unit_test(one_subject_is_one_chapter),
        cmocka_unit_test(the_middle_of_it_stands_for_it),
        cmocka_unit_test(long_ones_are_bounded),
        cmocka_unit_test(odd_transcripts),
        cmocka_unit_test(who_is_to_do_what),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
