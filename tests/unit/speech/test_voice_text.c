/* Text -> utterances: ids as Piper frames them, places of words, foreign pronunciations, IPA,
 * limits. */
#include "base/str.h"
#include "speech/voice_text.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char dictionary[] =
    "a AH0\nthe DH AH0\ncat K AE1 T\nsat S AE1 T\nfive F AY1 V\ndollars D AA1 L ER0 Z\n"
    "one W AH1 N\ntwo T UW1\n";
static mli_lexicon *lexicon;
static mli_piper_config config;

static int set_up(void **state)
{
    (void)state;
    static const char symbols[] = "_^$ ,.?!;:abdefhijklmnopstuvwxzæðŋɐɑɔəɚɛɜɡɪɹɾʃʊʌʒʔˈˌːθᵻ";
    mli_buf json;
    int id = 0, rc;
    mli_buf_init(&json, NULL);
    mli_buf_append_text(&json,
                        "{\"audio\":{\"sample_rate\":22050},\"espeak\":{\"voice\":\"en-us\"},"
                        "\"inference\":{\"noise_scale\":0.6,\"length_scale\":1,\"noise_w\":0.8},"
                        "\"num_speakers\":1,\"num_symbols\":256,\"phoneme_id_map\":{");
    for (size_t at = 0; symbols[at] != '\0';) {
        uint32_t c;
        size_t n = mli_utf8_decode(symbols + at, strlen(symbols + at), &c);
        mli_buf_printf(&json, "%s\"%.*s\":[%d]", id > 0 ? "," : "", (int)n, symbols + at, id);
        id++;
        at += n;
    }
    mli_buf_append_text(&json, "}}");
    modellab_error err = MODELLAB_ERROR_INIT;
    rc = mli_piper_config_read(&config, NULL, json.data, json.size, &err);
    printf("%s", err.message);
    mli_buf_dispose(&json);
    return rc != 0
               ? rc
               : mli_lexicon_create(&lexicon, NULL, dictionary, sizeof dictionary - 1, NULL, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    mli_lexicon_destroy(lexicon);
    mli_piper_config_dispose(&config);
    return 0;
}

static mli_voice_text_source by_lexicon(void)
{
    return (mli_voice_text_source){.lexicon = lexicon};
}

/* All utterances of a text: their IPA, and their words in the caller's spelling. */
static void check(const mli_voice_text_source *source, const char *text, const char *ipa,
                  const char *words)
{
    mli_voice_text *t;
    mli_utterance u;
    mli_buf said, found;
    bool more;
    mli_utterance_init(&u, NULL);
    mli_buf_init(&said, NULL);
    mli_buf_init(&found, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, source, text, strlen(text), NULL));
    for (;;) {
        OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
        if (!more)
            break;
        mli_buf_append(&said, u.ipa.data, u.ipa.size);
        mli_buf_append_char(&said, '|');
        uint32_t at = 0;
        for (size_t i = 0; i < mli_utterance_words(&u); i++) {
            const mli_voice_word *w = mli_utterance_word(&u, i);
            assert_true(w->first >= at && w->end > w->first); /* each word has a sound */
            at = w->end;
            mli_buf_printf(&found, "[%.*s]", (int)(w->to - w->from), text + w->from);
        }
        assert_true(at < u.ids.size / sizeof(int32_t));
        mli_buf_append_char(&found, '|');
    }
    assert_string_equal(mli_buf_text(&said), ipa);
    assert_string_equal(mli_buf_text(&found), words);
    mli_voice_text_destroy(t);
    mli_utterance_dispose(&u);
    mli_buf_dispose(&said);
    mli_buf_dispose(&found);
}

static void test_lexicon(void **state)
{
    (void)state;
    mli_voice_text_source source = by_lexicon();
    check(&source, "The cat sat, a $5 cat! \"Two?\"\n\nOne.",
          "ðə kˈæt sˈæt, ɐ fˈaɪv dˈɑːlɚz kˈæt!|tˈuː?|wˈʌn.|",
          "[The][cat][sat][a][$5][cat]|[Two]|[One]|");
    check(&source, " \n ... --- \xff", "", "");
    check(&source, "", "", "");
}

/* ^ _ then each symbol with a pad, then $. */
static void test_ids(void **state)
{
    (void)state;
    mli_voice_text_source source = by_lexicon();
    mli_voice_text *t;
    mli_utterance u;
    bool more;
    mli_utterance_init(&u, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, &source, "A cat.", 6, NULL));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_true(more && u.paragraph && !u.cut);
    static const char *const symbols[] = {"^", "ɐ", " ", "k", "ˈ", "æ", "t", ".", "$"};
    const int32_t *ids = (const int32_t *)(const void *)u.ids.data;
    size_t count = sizeof symbols / sizeof *symbols;
    assert_int_equal(u.ids.size / sizeof *ids, 2 * count - 1);
    for (size_t i = 0; i < count; i++) {
        const mli_piper_symbol *s = mli_piper_find(&config, symbols[i], strlen(symbols[i]));
        assert_int_equal(ids[2 * i], config.ids[s->first]);
        if (i + 1 < count)
            assert_int_equal(ids[2 * i + 1], 0);
    }
    assert_int_equal(mli_utterance_word(&u, 1)->first, 6);
    assert_int_equal(mli_utterance_word(&u, 1)->end, 14);
    assert_int_equal(u.symbols.size / sizeof(mli_voice_symbol), count - 2);
    assert_int_equal(mli_voice_text_counts_of(t).words, 2);
    assert_int_equal(mli_voice_text_counts_of(t).by[MLI_BY_LEXICON], 2);
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_false(more);
    mli_voice_text_destroy(t);
    mli_utterance_dispose(&u);
}

typedef struct foreign {
    const char *answer;
    char asked[20000];
    int calls;
} foreign;

static modellab_status answer(void *user, const char *text, size_t bytes, mli_buf *ipa,
                              modellab_error *err)
{
    foreign *f = user;
    (void)err;
    f->calls++;
    assert_true(bytes < sizeof f->asked);
    memcpy(f->asked, text, bytes);
    f->asked[bytes] = '\0';
    mli_buf_append_text(ipa, f->answer);
    return MODELLAB_OK;
}

static void test_foreign(void **state)
{
    (void)state;
    static foreign f;
    mli_voice_text_source source = {.g2p = answer, .user = &f};
    f.answer = "ðə kˈæt\nsˈæt\nwˈʌn\n";
    check(&source, "The cat, sat. One!", "ðə kˈæt, sˈæt.|wˈʌn!|", "[The][cat][sat]|[One]|");
    assert_string_equal(f.asked, "the cat\nsat\none\n");
    assert_int_equal(f.calls, 1); /* one call for both sentences */
    /* words said as one, or as more: borders by length; (en) is no sound; letters by name */
    f.answer = "(en)ðəkˈæt(xx) sˈæt\n";
    check(&source, "The cat sat", "ðəkˈæt sˈæt.|", "[The][cat][sat]|");
    f.answer = "ðə kˈæt sˈæt hˈɪɹ\n";
    check(&source, "The catsat here", "ðə kˈæt sˈæt hˈɪɹ.|", "[The][catsat][here]|");
    f.answer = "ðə ˌɛfbˌiːˈaɪ\n";
    check(&source, "The FBI", "ðə ˌɛfbˌiːˈaɪ.|", "[The][FBI]|");
    assert_string_equal(f.asked, "the F B I\n");
    /* fewer lines than asked for */
    f.answer = "ðə\n";
    mli_voice_text *t;
    mli_utterance u;
    bool more;
    mli_utterance_init(&u, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, &source, "The, cat.", 9, NULL));
    assert_int_equal(mli_voice_text_next(t, &u, &more, NULL, NULL), MODELLAB_E_CALLBACK);
    mli_voice_text_destroy(t);
    /* a symbol that the voice lacks is counted */
    f.answer = "k\xcf\x87t\n";
    OK(mli_voice_text_create(&t, NULL, &config, &source, "cat", 3, NULL));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_string_equal(mli_buf_text(&u.ipa), "kt.");
    assert_int_equal(mli_voice_text_counts_of(t).unknown, 1);
    mli_voice_text_destroy(t);
    mli_utterance_dispose(&u);
}

/* Many sentences: a foreign pronunciation is asked in batches. */
static void test_batches(void **state)
{
    (void)state;
    static foreign f;
    static char text[60000], lines[60000];
    text[0] = lines[0] = '\0';
    size_t at = 0, l = 0;
    for (int i = 0; i < 3000; i++) {
        at += (size_t)snprintf(text + at, sizeof text - at, "Cat %s. ", i % 2 ? "sat" : "two");
        l += (size_t)snprintf(lines + l, sizeof lines - l, "kˈæt %s\n", "tˈuː");
    }
    f.answer = lines;
    f.calls = 0;
    mli_voice_text_source source = {.g2p = answer, .user = &f};
    mli_voice_text *t;
    mli_utterance u;
    bool more = true;
    int count = 0;
    mli_utterance_init(&u, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, &source, text, at, NULL));
    for (; more; count++)
        OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_int_equal(count, 3001);
    assert_in_range(f.calls, 2, 3);
    mli_voice_text_destroy(t);
    mli_utterance_dispose(&u);
}

static void test_ipa(void **state)
{
    (void)state;
    mli_voice_text_source source = {.is_ipa = true};
    check(&source, "kˈæt sˈæt.\n\n ðə  kˈæt", "kˈæt sˈæt.|ðə kˈæt|", "[kˈæt][sˈæt.]|[ðə][kˈæt]|");
    mli_voice_text *t;
    mli_utterance u;
    bool more;
    modellab_error err = MODELLAB_ERROR_INIT;
    static const char bad[] = "kæt\nkæ\xcf\x87";
    mli_utterance_init(&u, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, &source, bad, sizeof bad - 1, NULL));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_int_equal(mli_voice_text_next(t, &u, &more, NULL, &err), MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(err.detail, 8);
    mli_voice_text_destroy(t);
    char *many = malloc(20000);
    assert_non_null(many);
    memset(many, 'k', 20000);
    OK(mli_voice_text_create(&t, NULL, &config, &source, many, 20000, NULL));
    assert_int_equal(mli_voice_text_next(t, &u, &more, NULL, NULL), MODELLAB_E_LIMIT);
    mli_voice_text_destroy(t);
    free(many);
    mli_utterance_dispose(&u);
}

/* Ids as the caller has them: nothing is added, a line is a word. */
static void test_given_ids(void **state)
{
    static const char text[] = "\n 1 0  25\t2\r\n\n7";
    static const struct {
        const char *text;
        int64_t at;
    } bad[] = {{"1 2x", 2}, {"1 -2", 2}, {"12345678901", 0}, {"a", 0}};
    mli_voice_text_source source = {.is_ids = true};
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_voice_text *t;
    mli_utterance u;
    bool more;
    (void)state;
    mli_utterance_init(&u, NULL);
    OK(mli_voice_text_create(&t, NULL, &config, &source, text, sizeof text - 1, NULL));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_true(more && !u.paragraph);
    assert_int_equal(u.ids.size, 4 * sizeof(int32_t));
    assert_int_equal(((int32_t *)(void *)u.ids.data)[2], 25);
    assert_int_equal(mli_utterance_words(&u), 1);
    assert_int_equal(mli_utterance_word(&u, 0)->from, 2);
    assert_int_equal(mli_utterance_word(&u, 0)->to, 11);
    assert_int_equal(mli_utterance_word(&u, 0)->end, 4);
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_true(more && u.paragraph);
    assert_int_equal(u.ids.size, sizeof(int32_t));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    assert_false(more);
    mli_voice_text_destroy(t);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        OK(mli_voice_text_create(&t, NULL, &config, &source, bad[i].text, strlen(bad[i].text),
                                 NULL));
        assert_int_equal(mli_voice_text_next(t, &u, &more, NULL, &err),
                         MODELLAB_E_INVALID_ARGUMENT);
        assert_int_equal(err.detail, bad[i].at);
        mli_voice_text_destroy(t);
    }
    char *many = malloc(2 * 4097);
    assert_non_null(many);
    for (size_t i = 0; i < 4097; i++)
        memcpy(many + 2 * i, "1 ", 2);
    OK(mli_voice_text_create(&t, NULL, &config, &source, many, (size_t)2 * 4096, NULL));
    OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
    mli_voice_text_destroy(t);
    OK(mli_voice_text_create(&t, NULL, &config, &source, many, (size_t)2 * 4097, NULL));
    assert_int_equal(mli_voice_text_next(t, &u, &more, NULL, NULL), MODELLAB_E_LIMIT);
    mli_voice_text_destroy(t);
    free(many);
    mli_utterance_dispose(&u);
}

static void test_limits(void **state)
{
    (void)state;
    mli_voice_text_source source = by_lexicon();
    mli_voice_text *t;
    mli_utterance u;
    bool more;
    enum { SIZE = MLI_VOICE_TEXT_MAX_BYTES };
    char *text = malloc(SIZE + 1);
    assert_non_null(text);
    mli_utterance_init(&u, NULL);
    assert_int_equal(mli_voice_text_create(&t, NULL, &config, &source, text, SIZE + 1, NULL),
                     MODELLAB_E_LIMIT);
    static const char *const fills[] = {"9", "cat, ", "cat ", "a", "\xff ", "1/2 "};
    for (size_t f = 0; f < sizeof fills / sizeof *fills; f++) {
        const size_t bytes = SIZE / 8;
        for (size_t i = 0; i < bytes; i++)
            text[i] = fills[f][i % strlen(fills[f])];
        OK(mli_voice_text_create(&t, NULL, &config, &source, text, bytes, NULL));
        uint32_t from = 0;
        for (more = true; more;) {
            OK(mli_voice_text_next(t, &u, &more, NULL, NULL));
            assert_true(!more || u.ids.size / sizeof(int32_t) <= MLI_VOICE_TEXT_MAX_IDS);
            for (size_t i = 0; more && i < mli_utterance_words(&u); i++) {
                assert_true(mli_utterance_word(&u, i)->from >= from);
                from = mli_utterance_word(&u, i)->from;
            }
        }
        mli_voice_text_destroy(t);
    }
    mli_cancel_word cancel = 1;
    OK(mli_voice_text_create(&t, NULL, &config, &source, text, 100, NULL));
    assert_int_equal(mli_voice_text_next(t, &u, &more, &cancel, NULL), MODELLAB_E_CANCELLED);
    mli_voice_text_destroy(t);
    free(text);
    mli_utterance_dispose(&u);
}

static void test_no_memory(void **state)
{
    (void)state;
    static foreign f;
    f.answer = "ðəkˈæt\nsˈæt\n";
    for (int kind = 0; kind < 3; kind++) {
        mli_voice_text_source source = kind == 0 ? by_lexicon()
                                       : kind == 1
                                           ? (mli_voice_text_source){.g2p = answer, .user = &f}
                                           : (mli_voice_text_source){.is_ipa = true};
        for (int after = 0;; after++) {
            failing_alloc failing = {.fail_at = after};
            modellab_allocator alloc = failing_alloc_table(&failing);
            const char *text = kind == 2 ? "kæt" : "The cat, sat.";
            mli_voice_text *t;
            mli_utterance u;
            bool more = true;
            mli_utterance_init(&u, &alloc);
            modellab_status status =
                mli_voice_text_create(&t, &alloc, &config, &source, text, strlen(text), NULL);
            while (status == MODELLAB_OK && more)
                status = mli_voice_text_next(t, &u, &more, NULL, NULL);
            mli_voice_text_destroy(t);
            mli_utterance_dispose(&u);
            assert_int_equal(failing.live, 0);
            if (status == MODELLAB_OK) {
                assert_true(failing.calls <= after);
                break;
            }
            assert_int_equal(status, MODELLAB_E_NO_MEMORY);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lexicon), cmocka_unit_test(test_ids),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_batches),
        cmocka_unit_test(test_ipa),     cmocka_unit_test(test_given_ids),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
