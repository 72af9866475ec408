/* Pronunciation with the installed dictionary: sentences, symbols of a voice, the error against
 * espeak-ng on words that were not used to find the rules, and the letter rules on words that they
 * were not learnt from. The models are found below MODEL_LAB_TEST_MODELS. Argument:
 * golden/espeak_words.tsv. */
#include "base/str.h"
#include "text/ipa.h"
#include "text/lines.h"
#include "text/pronounce.h"
#include "unit/failing_alloc.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal((call), MODELLAB_OK)

static const char *golden;
static mli_lexicon *lexicon;
static char *dictionary;
static size_t dictionary_bytes;

static char *read_file(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    char *text = malloc(8 << 20);
    *bytes = text != NULL ? fread(text, 1, 8 << 20, f) : 0;
    fclose(f);
    return text;
}

static int set_up(void **state)
{
    (void)state;
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    char path[1024];
    modellab_error err = MODELLAB_ERROR_INIT;
    if (root == NULL)
        return 0;
    snprintf(path, sizeof path, "%s/cmudict/cmudict.dict", root);
    dictionary = read_file(path, &dictionary_bytes);
    if (dictionary == NULL)
        return 0;
    int rc = mli_lexicon_create(&lexicon, NULL, dictionary, dictionary_bytes, NULL, &err);
    printf("%s", err.message);
    return rc;
}

static int tear_down(void **state)
{
    (void)state;
    mli_lexicon_destroy(lexicon);
    free(dictionary);
    return 0;
}

static void need_model(void)
{
    if (lexicon == NULL) {
        printf("skipped: MODEL_LAB_TEST_MODELS names no folder with cmudict\n");
        skip();
    }
}

static void say(const char *text, mli_buf *out)
{
    mli_spoken s;
    mli_pronounced p;
    mli_spoken_init(&s, NULL);
    mli_pronounced_init(&p, NULL);
    OK(mli_spoken_set(&s, text, strlen(text), 0, NULL));
    OK(mli_pronounce(&p, lexicon, &s, NULL));
    for (size_t i = 0; i < mli_spoken_count(&s); i++) {
        size_t bytes;
        const char *ipa = mli_pronounced_word(&p, i, &bytes);
        if (i > 0)
            mli_buf_append_char(out, ' ');
        mli_buf_append(out, ipa, bytes);
    }
    mli_pronounced_dispose(&p);
    mli_spoken_dispose(&s);
}

static const struct sentence {
    const char *text, *ipa;
} sentences[] = {
    {"The quick brown fox jumps over the lazy dog.",
     "ðə kwˈɪk bɹˈaʊn fˈɑːks dʒˈʌmps ˌoʊvɚ ðə lˈeɪzi dˈɑːɡ"},
    {"An apple and the orange", "ɐn ˈæpəl ænd ðɪ ˈoːɹəndʒ"},
    {"I want to eat and to sleep", "aɪ wˈɔnt tʊ ˈiːt ænd tə slˈiːp"},
    {"Is it over a hill?", "ɪz ɪɾ ˌoʊvɚɹ ɐ hˈɪl"},
    {"I have read it; I read it daily.", "aɪ hæv ɹˈɛd ɪt aɪ ɹˈiːd ɪt dˈeɪli"},
    {"Have you read it?", "hæv juː ɹˈɛd ɪt"},
    {"They record the record.", "ðeɪ ɹᵻkˈoːɹd ðə ɹˈɛkɚd"},
    {"We live near a live wire.", "wiː lˈɪv nˈɪɹ ɐ lˈaɪv wˈaɪɚ"},
    {"The FBI and NASA agents", "ðɪ ˌɛfbˌiːˈaɪ ænd nˈæsə ˈeɪdʒənts"},
    {"butter, kitten, water", "bˈʌɾɚ kˈɪʔn̩ wˈɔːɾɚ"},
    {"The", "ðˈʌ"},
};

static void test_sentences(void **state)
{
    (void)state;
    need_model();
    mli_buf ipa;
    int wrong = 0;
    mli_buf_init(&ipa, NULL);
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        mli_buf_clear(&ipa);
        say(sentences[i].text, &ipa);
        if (strcmp(mli_buf_text(&ipa), sentences[i].ipa) != 0) {
            print_error("%s\n  said   %s\n  wanted %s\n", sentences[i].text, mli_buf_text(&ipa),
                        sentences[i].ipa);
            wrong++;
        }
    }
    mli_buf_dispose(&ipa);
    assert_int_equal(wrong, 0);
}

/* Where a word comes from: the lexicon, parts of it, or its letters. */
static void test_sources(void **state)
{
    (void)state;
    need_model();
    static const struct source {
        const char *word;
        mli_pronounced_by by;
        const char *ipa;
    } words[] = {
        {"house", MLI_BY_LEXICON, "hˈaʊs"},
        {"microservices", MLI_BY_PARTS, "mˌaɪkɹoʊsˈɜːvɪsᵻz"},
        {"tweeting", MLI_BY_PARTS, "twˈiːɾɪŋ"},
        {"untweetable", MLI_BY_PARTS, "ʌntwˈiːɾəbəl"},
        {"lighthouse's", MLI_BY_PARTS, "lˈaɪthaʊsᵻz"},
        {"catflake", MLI_BY_PARTS, "kˈætfleɪk"},
        {"zelenskyy", MLI_BY_LETTERS, "zˈɪlənski"},
        {"blorping", MLI_BY_LETTERS, "blˈɔːɹpɪŋ"},
        {"brrzt", MLI_BY_LETTERS, "ˈʌbɹzt"},
    };
    mli_buf ipa;
    int wrong = 0;
    mli_buf_init(&ipa, NULL);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        uint8_t phones[MLI_WORD_PHONES];
        mli_pronounced_by by;
        size_t n = mli_pronounce_word(lexicon, words[i].word, strlen(words[i].word), phones, &by);
        mli_buf_clear(&ipa);
        mli_ipa_word(words[i].word, strlen(words[i].word), phones, n, &ipa);
        if (strcmp(mli_buf_text(&ipa), words[i].ipa) != 0 || by != words[i].by) {
            print_error("%s: %s by %d, wanted %s by %d\n", words[i].word, mli_buf_text(&ipa),
                        (int)by, words[i].ipa, (int)words[i].by);
            wrong++;
        }
    }
    mli_buf_dispose(&ipa);
    assert_int_equal(wrong, 0);
}

static size_t decode(const char *text, size_t bytes, uint32_t out[128])
{
    size_t n = 0;
    for (size_t at = 0; at < bytes && n < 128;)
        at += mli_utf8_decode(text + at, bytes - at, &out[n++]);
    return n;
}

static size_t distance(const uint32_t *a, size_t n, const uint32_t *b, size_t m)
{
    size_t row[129];
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t up = row[j], best = corner + (a[i - 1] != b[j - 1]);
            if (up + 1 < best)
                best = up + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            corner = up;
            row[j] = best;
        }
    }
    return row[m];
}

/* Phoneme error: edits over the symbols of the voice (stress and length marks are symbols). */
static void test_error(void **state)
{
    (void)state;
    need_model();
    size_t bytes = 0, edits = 0, all = 0, count = 0;
    char *text = read_file(golden, &bytes);
    assert_non_null(text);
    mli_lines lines = {.text = text, .bytes = bytes};
    const char *line;
    size_t length;
    mli_buf ipa;
    mli_buf_init(&ipa, NULL);
    while (mli_lines_next(&lines, &line, &length)) {
        const char *tab = memchr(line, '\t', length);
        if (line[0] == '#' || tab == NULL)
            continue;
        uint8_t phones[MLI_WORD_PHONES];
        mli_pronounced_by by;
        size_t word = (size_t)(tab - line);
        uint32_t ours[128], theirs[128];
        size_t n = mli_pronounce_word(lexicon, line, word, phones, &by);
        assert_int_equal(by, MLI_BY_LEXICON);
        mli_buf_clear(&ipa);
        mli_ipa_word(line, word, phones, n, &ipa);
        size_t a = decode(mli_buf_text(&ipa), ipa.size, ours);
        size_t b = decode(tab + 1, length - word - 1, theirs);
        edits += distance(ours, a, theirs, b);
        all += b;
        count++;
    }
    free(text);
    mli_buf_dispose(&ipa);
    printf("phoneme error against espeak-ng on %zu words: %.2f %%\n", count,
           100.0 * (double)edits / (double)all);
    assert_int_equal(count, 2000);
    assert_true((double)edits <= 0.035 * (double)all); /* the promise is 6 % */
}

/* crc32 as zlib's: scripts/letter_rules.py leaves out the words whose number is a multiple of ten.
 */
static uint32_t crc32_of(const char *text, size_t bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= (unsigned char)text[i];
        for (int k = 0; k < 8; k++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void test_letters(void **state)
{
    (void)state;
    need_model();
    mli_lines lines = {.text = dictionary, .bytes = dictionary_bytes};
    const char *line;
    size_t length, edits = 0, all = 0, count = 0;
    while (mli_lines_next(&lines, &line, &length)) {
        size_t word = 0;
        while (word < length && line[word] >= 'a' && line[word] <= 'z')
            word++;
        if (word < 2 || word >= length || line[word] != ' ' || crc32_of(line, word) % 10 != 0)
            continue;
        uint8_t ours[MLI_WORD_PHONES], theirs[MLI_WORD_PHONES];
        uint32_t a[MLI_WORD_PHONES], b[MLI_WORD_PHONES];
        size_t n = mli_pronounce_letters(line, word, ours);
        size_t m = mli_lexicon_find(lexicon, line, word, 0, theirs);
        for (size_t i = 0; i < n; i++)
            a[i] = ours[i];
        for (size_t i = 0; i < m; i++)
            b[i] = theirs[i];
        edits += distance(a, n, b, m);
        all += m;
        count++;
    }
    printf("letter rules on %zu words of the dictionary that they do not know: %.1f %%\n", count,
           100.0 * (double)edits / (double)all);
    assert_true(count > 10000);
    assert_true((double)edits <= 0.175 * (double)all);
}

/* Every symbol that comes out is in the voice's phoneme_id_map. */
static void test_inventory(void **state)
{
    (void)state;
    need_model();
    const char *root = getenv("MODEL_LAB_TEST_MODELS");
    char path[1024];
    size_t bytes = 0, words = 0;
    snprintf(path, sizeof path, "%s/piper-en_US-joe-medium/en_US-joe-medium.onnx.json", root);
    char *voice = read_file(path, &bytes);
    if (voice == NULL) {
        printf("skipped: no voice\n");
        skip();
    }
    voice[bytes] = '\0';
    const char *map = strstr(voice, "\"phoneme_id_map\"");
    assert_non_null(map);
    uint8_t known[0x2100] = {0};
    mli_lines lines = {.text = dictionary, .bytes = dictionary_bytes};
    const char *line;
    size_t length;
    mli_buf ipa;
    mli_buf_init(&ipa, NULL);
    while (mli_lines_next(&lines, &line, &length)) {
        uint8_t phones[MLI_WORD_PHONES];
        size_t word = 0;
        while (word < length && line[word] != ' ')
            word++;
        size_t n = mli_lexicon_find(lexicon, line, word, 0, phones);
        mli_buf_clear(&ipa);
        mli_ipa_word(line, word, phones, n, &ipa);
        words++;
        for (size_t at = 0; at < ipa.size;) {
            uint32_t c;
            size_t step = mli_utf8_decode(ipa.data + at, ipa.size - at, &c);
            assert_true(step > 0 && c < sizeof known);
            if (!known[c]) { /* "x": or its escape */
                char plain[16], escaped[16];
                snprintf(plain, sizeof plain, "\"%.*s\":", (int)step, ipa.data + at);
                snprintf(escaped, sizeof escaped, "\"\\u%04x\":", (unsigned)c);
                if (strstr(map, plain) == NULL && strstr(map, escaped) == NULL) {
                    print_error("no id for U+%04X in %.*s\n", (unsigned)c, (int)word, line);
                    fail();
                }
                known[c] = 1;
            }
            at += step;
        }
    }
    assert_true(words > 100000);
    free(voice);
    mli_buf_dispose(&ipa);
}

static void test_no_memory(void **state)
{
    (void)state;
    need_model();
    static const char text[] = "The FBI read it over again.";
    mli_spoken s;
    mli_spoken_init(&s, NULL);
    OK(mli_spoken_set(&s, text, strlen(text), 0, NULL));
    for (int after = 0;; after++) {
        failing_alloc failing = {.fail_at = after};
        modellab_allocator alloc = failing_alloc_table(&failing);
        mli_pronounced p;
        mli_pronounced_init(&p, &alloc);
        modellab_status status = mli_pronounce(&p, lexicon, &s, NULL);
        mli_pronounced_dispose(&p);
        assert_int_equal(failing.live, 0);
        if (status == MODELLAB_OK) {
            assert_true(failing.calls <= after);
            break;
        }
        assert_int_equal(status, MODELLAB_E_NO_MEMORY);
    }
    mli_spoken_dispose(&s);
}

int main(int argc, char **argv)
{
    golden = argc > 1 ? argv[1] : "";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sentences), cmocka_unit_test(test_sources),
        cmocka_unit_test(test_error),     cmocka_unit_test(test_letters),
        cmocka_unit_test(test_inventory), cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
