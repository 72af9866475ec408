/* Alignment of the sample conversation with its transcript: near the segments of the reference, and
 * where recognition's own word times are. Needs whisper-tiny.en, silero-vad-v6 and
 * sample-conversation below MODEL_LAB_TEST_MODELS; says so and skips. */
#include "unit/unit.h"

#include "speech/asr_align.h"
#include "text/labels.h"
#include "unit/speech/aligned.h"
#include "unit/speech/asr_fixture.h"
#include <math.h>
#include <stdlib.h>

static mli_asr_model *model;
static mli_silero *vad;
static mli_audio_source *audio;
static mli_asr_session *session;
static mli_labels labels; /* of the reference */
static char whole[8192];  /* its text */

static void path_of(const char *name, char out[700])
{
    (void)snprintf(out, 700, "%s/%s", getenv("MODEL_LAB_TEST_MODELS"), name);
}

static bool exists(const char *name)
{
    char path[700];
    mli_os_stat info;
    path_of(name, path);
    return mli_os_system_files.stat(NULL, path, true, &info) == 0;
}

static void read_reference(void)
{
    static char text[65536];
    char path[700];
    path_of("sample-conversation/sample.stm", path);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t size = fread(text, 1, sizeof text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(mli_labels_read(MLI_LABELS_STM, text, size, NULL, &labels, NULL), MODELLAB_OK);
    for (size_t i = 0; i < labels.count; i++) {
        (void)strcat(whole, labels.items[i].text);
        (void)strcat(whole, "\n");
    }
}

static int set_up(void **state)
{
    (void)state;
    char path[700];
    mli_model_files files;
    mli_silero_weights weights;
    path_of("whisper-tiny.en", path);
    model = fixture_open(path, NULL, MLI_ASR_WEIGHTS_F16);
    path_of("silero-vad-v6", path);
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, path, NULL),
                     MODELLAB_OK);
    assert_int_equal(mli_model_files_load(&files, NULL, NULL), MODELLAB_OK);
    assert_int_equal(
        mli_silero_read(&weights, NULL, files.weights, files.weights_bytes, NULL, NULL),
        MODELLAB_OK);
    assert_int_equal(mli_silero_create(&vad, NULL, &weights, NULL), MODELLAB_OK);
    mli_model_files_dispose(&files);
    path_of("sample-conversation/sample.wav", path);
    assert_int_equal(mli_audio_decode_path(path, NULL, &audio, NULL), MODELLAB_OK);
    assert_int_equal(mli_asr_session_create(&session, NULL, model, 2, NULL), MODELLAB_OK);
    read_reference();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mli_labels_dispose(&labels);
    mli_asr_session_destroy(session);
    mli_asr_model_unref(model);
    mli_silero_destroy(vad);
    mli_audio_unref(audio);
    return 0;
}

static mli_transcript *align(const char *text)
{
    mli_transcript *t = NULL;
    mli_asr_options o;
    mli_asr_options_init(&o);
    o.vad = vad;
    assert_int_equal(mli_asr_align(session, audio, text, strlen(text), &o, &t, NULL), MODELLAB_OK);
    expect_aligned(t, text, 30.0);
    return t;
}

static const mli_transcript_word *word_at(const mli_transcript *t, size_t index)
{
    const mli_transcript_segment *segment = NULL;
    return mli_transcript_word_at(t, index, &segment);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void expect_near(double *off, size_t count, const char *what, double median, double most)
{
    qsort(off, count, sizeof *off, by_size);
    print_message("%s: median %.3f s, 95th percentile %.3f s of %zu\n", what, off[count / 2],
                  off[count * 95 / 100], count);
    assert_true(off[count / 2] <= median && off[count * 95 / 100] <= most);
}

/* Each turn of the reference begins and ends where its first and last word do. */
static void words_lie_in_their_turns(void **state)
{
    (void)state;
    mli_transcript *t = align(whole);
    double off[512];
    size_t count = 0, word = 0;
    for (size_t i = 0; i < labels.count; i++) {
        size_t words = 1;
        for (const char *c = labels.items[i].text; *c != '\0'; c++)
            words += *c == ' ';
        const mli_transcript_word *first = word_at(t, word);
        const mli_transcript_word *last = word_at(t, word + words - 1);
        off[count++] = fabs(first->start - (double)labels.items[i].start_ms / 1000);
        off[count++] = fabs(last->end - (double)labels.items[i].end_ms / 1000);
        word += words;
    }
    assert_int_equal(word, t->word_count);
    expect_near(off, count, "bounds of turns", 0.15, 0.7);
    mli_transcript_unref(t);
}

/* A text that was recognised is aligned where it was recognised. */
static void times_are_those_of_recognition(void **state)
{
    (void)state;
    mli_transcript *own = NULL;
    mli_asr_options o;
    double off[512];
    size_t count = 0;
    mli_asr_options_init(&o);
    o.word_times = true;
    assert_int_equal(mli_asr_transcribe(session, audio, &o, &own, NULL), MODELLAB_OK);
    mli_transcript *t = align(own->text);
    assert_int_equal(t->word_count, own->word_count);
    for (size_t i = 0; i < t->word_count; i++) {
        const mli_transcript_word *a = word_at(own, i);
        const mli_transcript_word *b = word_at(t, i);
        off[count++] = fabs(a->start - b->start);
        off[count++] = fabs(a->end - b->end);
    }
    expect_near(off, count, "recognition's own times", 0.05, 0.6);
    mli_transcript_unref(t);
    mli_transcript_unref(own);
}

/* Words that are not said take nothing from those that are. */
static void another_text_before_and_after(void **state)
{
    (void)state;
    static char text[10000];
    (void)snprintf(text, sizeof text, "%s %s %s", "Nobody says this sentence anywhere here.", whole,
                   "Nor does anybody say what stands at the end.");
    mli_transcript *plain = align(whole), *t = align(text);
    size_t moved = 0;
    for (size_t i = 10; i + 10 < plain->word_count; i++) {
        const mli_transcript_word *a = word_at(plain, i);
        const mli_transcript_word *b = word_at(t, i + 6);
        moved += fabs(a->start - b->start) > 0.3;
    }
    if (moved > plain->word_count / 20)
        fail_msg("%zu of %zu words moved", moved, plain->word_count);
    mli_transcript_unref(plain);
    mli_transcript_unref(t);
    mli_transcript_unref(align("Not a word of this was said by anyone in that conversation."));
}

/* Chinese, Thai: a few letters a word, punctuation with them; English as ever. */
static void words_without_spaces_are_the_recognisers(void **state)
{
    (void)state;
    static const struct {
        const char *language, *text;
        size_t least, most; /* words */
    } cases[] = {
        {"zh",
         "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd"
         "\xef\xbc\x8c\xe3\x80\x8c\xe6\x88\x91\xe4\xbb\xac\xe3\x80\x8d"
         "\xe5\x8e\xbb\xe5\x85\xac\xe5\x9b\xad\xe3\x80\x82 \xe5\xa5\xbd\xe3\x80\x82",
         8, 12},
        {"th", "\xe0\xb8\xaa\xe0\xb8\xa7\xe0\xb8\xb1\xe0\xb8\xaa\xe0\xb8\x94\xe0\xb8\xb5", 2, 6},
        {"en", "\xe4\xbb\x8a\xe5\xa4\xa9 day", 2, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text;
        mli_align_word *words = NULL;
        size_t count = 0, at = 0;
        assert_int_equal(mli_align_split(NULL, mli_asr_model_tokenizer(model), cases[i].language,
                                         text, strlen(text), NULL, &words, &count, NULL),
                         MODELLAB_OK);
        print_message("%s: %zu words\n", cases[i].language, count);
        assert_true(count >= cases[i].least && count <= cases[i].most);
        for (size_t w = 0; w < count; w++) { /* all of the text, in whole letters */
            assert_int_equal(words[w].text, at + (text[at] == ' '));
            assert_true(words[w].joined == (at > 0 && text[at] != ' '));
            assert_true(((unsigned char)text[words[w].text] & 0xc0) != 0x80);
            assert_true(strncmp(text + words[w].text, "\xe3\x80\x82", 3) != 0); /* a full stop */
            at = words[w].text + words[w].bytes;
        }
        assert_int_equal(at, strlen(text));
        mli_free(NULL, words);
    }
}

/* A part of what is said is found where it is said, from the first words to the last. */
static void a_part_is_found_in_its_place(void **state)
{
    (void)state;
    mli_transcript *all = align(whole);
    double off[512];
    size_t count = 0, words = all->word_count;
    for (size_t first = 0; first < words; first += first == 0 ? 9 : 16) {
        static char text[4096];
        size_t many = first == 0 ? 4 : 12, got = 0; /* Hello? Hello? Oh, hello. */
        text[0] = '\0';
        for (size_t i = first; i < first + many && i < words; i++, got++)
            (void)strcat(text, word_at(all, i)->text);
        mli_transcript *part = align(text);
        assert_int_equal(part->word_count, got);
        for (size_t i = 0; i < got; i++) {
            off[count++] = fabs(word_at(part, i)->start - word_at(all, first + i)->start);
            off[count++] = fabs(word_at(part, i)->end - word_at(all, first + i)->end);
        }
        mli_transcript_unref(part);
    }
    expect_near(off, count, "parts of the text", 0.02, 0.3);
    mli_transcript_unref(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_without_spaces_are_the_recognisers),
        cmocka_unit_test(a_part_is_found_in_its_place),
        cmocka_unit_test(words_lie_in_their_turns),
        cmocka_unit_test(times_are_those_of_recognition),
        cmocka_unit_test(another_text_before_and_after),
    };
    if (getenv("MODEL_LAB_TEST_MODELS") == NULL || !exists("whisper-tiny.en") ||
        !exists("silero-vad-v6") || !exists("sample-conversation")) {
        print_message("skipped: MODEL_LAB_TEST_MODELS has not all of whisper-tiny.en, "
                      "silero-vad-v6, sample-conversation\n");
        return 77; /* shown as skipped */
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
