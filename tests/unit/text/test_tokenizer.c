/* The Whisper tokenizer on a synthetic vocabulary: every source form, merging against a plain
 * search, specials, languages, words, damage. */
#include "base/str.h"
#include "text/unicode.h"
#include "text/whisper_tokenizer.h"
#include "unit/failing_alloc.h"
#include "unit/models/synthetic.h"
#include "unit/unit.h"

#include <stdio.h>
#include <string.h>

#define EOT 300

static mli_whisper_tokenizer *make(void)
{
    mli_buf text;
    mli_whisper_tokenizer *t;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_buf_init(&text, NULL);
    synthetic_vocabulary(&synthetic_small, &text);
    const mli_whisper_vocab_source source = {
        .vocabulary = text.data, .vocabulary_bytes = text.size, .n_vocab = 1908};
    if (mli_whisper_tokenizer_create(&t, NULL, &source, &err) != MODELLAB_OK) {
        fail_msg("%s", err.message);
    }
    mli_buf_dispose(&text);
    return t;
}

static size_t encode(const mli_whisper_tokenizer *t, const char *text, int32_t *ids,
                     size_t capacity)
{
    size_t count;
    assert_int_equal(mli_whisper_encode(t, text, strlen(text), ids, capacity, &count, NULL), 0);
    return count;
}

static void test_known_ids(void **state)
{
    (void)state;
    mli_whisper_tokenizer *t = make();
    int32_t ids[64];
    assert_int_equal(encode(t, " the the", ids, 64), 2);
    assert_int_equal(ids[0], 262); /* " the" = " t" + "he" */
    assert_int_equal(ids[1], 262);
    assert_int_equal(encode(t, "he's", ids, 64), 2);
    assert_int_equal(ids[1], 287); /* the contraction */
    assert_int_equal(encode(t, "", ids, 64), 0);
    size_t count;
    assert_int_equal(mli_whisper_encode(t, "\xff", 1, ids, 64, &count, NULL),
                     MODELLAB_E_INVALID_ARGUMENT);
    assert_int_equal(mli_whisper_encode(t, "xyz", 3, ids, 2, &count, NULL),
                     MODELLAB_E_BUFFER_TOO_SMALL);
    mli_whisper_tokenizer_destroy(t);
    mli_whisper_tokenizer_destroy(NULL);
}

/* Merging by looking at all pairs again and again: slow, and plainly right. */
static size_t merge_plainly(const mli_whisper_tokenizer *t, const char *text, size_t bytes,
                            int32_t *ids)
{
    size_t starts[256], count = bytes;
    for (size_t i = 0; i <= bytes; i++) {
        starts[i] = i;
    }
    for (;;) {
        int32_t best = EOT;
        size_t where = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            size_t length = starts[i + 2] - starts[i];
            for (int32_t id = 256; id < best; id++) {
                size_t n;
                const char *word = mli_whisper_token_bytes(t, id, &n);
                if (n == length && memcmp(word, text + starts[i], n) == 0) {
                    best = id;
                    where = i;
                }
            }
        }
        if (best == EOT) {
            break;
        }
        memmove(starts + where + 1, starts + where + 2, (count - where - 1) * sizeof *starts);
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        size_t n = 0, length = starts[i + 1] - starts[i];
        for (int32_t id = 0; id < EOT; id++) {
            const char *word = mli_whisper_token_bytes(t, id, &n);
            if (n == length && memcmp(word, text + starts[i], n) == 0) {
                ids[i] = id;
                break;
            }
        }
    }
    return count;
}

static void test_merges_like_plain_search(void **state)
{
    (void)state;
    static const char letters[] = "theinraonsigd"; /* one piece: letters only */
    mli_whisper_tokenizer *t = make();
    uint32_t seed = 3;
    for (int round = 0; round < 300; round++) {
        char text[80] = "";
        int32_t got[80], want[80];
        int n = 1 + round % 60;
        for (int i = 0; i < n; i++) {
            seed = seed * 1664525u + 1013904223u;
            text[i] = letters[(seed >> 16) % (sizeof letters - 1)];
        }
        size_t count = encode(t, text, got, 80);
        assert_int_equal(count, merge_plainly(t, text, strlen(text), want));
        assert_memory_equal(got, want, count * sizeof *got);
    }
    mli_whisper_tokenizer_destroy(t);
}

static void test_long_text_is_cheap(void **state)
{
    (void)state;
    mli_whisper_tokenizer *t = make();
    size_t bytes = 2000000, count;
    char *text = malloc(bytes + 1);
    int32_t *ids = malloc(bytes * sizeof *ids);
    for (size_t i = 0; i < bytes; i++) {
        text[i] = "theinr"[i % 6];
    }
    text[bytes] = '\0';
    assert_int_equal(mli_whisper_encode(t, text, bytes, ids, bytes, &count, NULL), MODELLAB_OK);
    mli_buf back;
    mli_buf_init(&back, NULL);
    mli_whisper_decode(t, ids, count, &back);
    assert_int_equal(back.size, bytes);
    assert_memory_equal(back.data, text, bytes);
    mli_buf_dispose(&back);
    free(text);
    free(ids);
    mli_whisper_tokenizer_destroy(t);
}

static void test_specials(void **state)
{
    (void)state;
    mli_whisper_tokenizer *t = make();
    const mli_whisper_special *s = mli_whisper_tokenizer_special(t);
    assert_int_equal(s->eot, 300);
    assert_int_equal(s->sot, 301);
    assert_int_equal(s->language_begin, 302);
    assert_int_equal(s->translate, 401);
    assert_int_equal(s->transcribe, 402);
    assert_int_equal(s->sot_lm, 403);
    assert_int_equal(s->sot_prev, 404);
    assert_int_equal(s->no_speech, 405);
    assert_int_equal(s->no_timestamps, 406);
    assert_int_equal(s->timestamp_begin, 407);
    assert_int_equal(s->timestamp_begin + 1500, s->n_vocab - 1);
    int32_t ids[64];
    size_t bytes;
    for (int32_t id = -2; id < 2000; id++) {
        (void)mli_whisper_token_bytes(t, id, &bytes);
        assert_true((bytes > 0) == (id >= 0 && id < 300));
    }
    size_t n = encode(t, "<|en|>", ids, 64); /* text, never a special */
    for (size_t i = 0; i < n; i++) {
        assert_true(ids[i] < s->eot);
    }
    int32_t begin[2];
    mli_whisper_suppressed_begin(t, begin);
    assert_memory_equal(mli_whisper_token_bytes(t, begin[0], &bytes), " ", 1);
    assert_int_equal(begin[1], s->eot);
    size_t count;
    const int32_t *list = mli_whisper_suppressed(t, &count);
    bool sot = false, hash = false, comma = false;
    for (size_t i = 0; i < count; i++) {
        const char *word = mli_whisper_token_bytes(t, list[i], &bytes);
        assert_true(i == 0 || list[i - 1] < list[i]);
        sot = sot || list[i] == s->sot;
        hash = hash || (bytes == 1 && word[0] == '#');
        comma = comma || (bytes == 1 && word[0] == ',');
    }
    assert_true(sot && hash && !comma);
    mli_whisper_tokenizer_destroy(t);
}

static void test_languages(void **state)
{
    (void)state;
    for (int32_t i = 0; i < MLI_WHISPER_LANGUAGES; i++) {
        assert_int_equal(mli_whisper_language_find(mli_whisper_language_code(i)), i);
        assert_int_equal(mli_whisper_language_find(mli_whisper_language_name(i)), i);
    }
    assert_null(mli_whisper_language_code(-1));
    assert_null(mli_whisper_language_name(MLI_WHISPER_LANGUAGES));
    assert_int_equal(mli_whisper_language_find("German"), mli_whisper_language_find("de"));
    assert_int_equal(mli_whisper_language_find("Mandarin"), 1);
    assert_int_equal(mli_whisper_language_find("iw"), mli_whisper_language_find("he"));
    assert_int_equal(mli_whisper_language_find("klingon"), -1);
    assert_int_equal(mli_whisper_language_find(""), -1);
    const mli_whisper_special s = {.language_begin = 50259, .language_count = 99};
    assert_int_equal(mli_whisper_language_token(&s, 2), 50261);
    assert_int_equal(mli_whisper_language_token(&s, 99), -1);
    assert_int_equal(mli_whisper_token_language(&s, 50261), 2);
    assert_int_equal(mli_whisper_token_language(&s, 50258), -1);
}

static void test_words(void **state)
{
    (void)state;
    mli_whisper_tokenizer *t = make();
    int32_t ids[80];
    mli_whisper_word words[80];
    size_t count = encode(t, " the thing, \xe3\x81\x82\xe3\x81\x84!", ids, 79), n;
    ids[count++] = mli_whisper_tokenizer_special(t)->eot;
    mli_buf text;
    mli_buf_init(&text, NULL);
    assert_int_equal(mli_whisper_split_words(t, ids, count, "en", words, &n, &text, NULL), 0);
    static const char *const want[] = {" the", " thing", ",", " \xe3\x81\x82\xe3\x81\x84", "!", ""};
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(words[i].text_bytes, strlen(want[i]));
        assert_memory_equal(mli_buf_text(&text) + words[i].text, want[i], words[i].text_bytes);
    }
    mli_buf_clear(&text);
    assert_int_equal(mli_whisper_split_words(t, ids, count, "ja", words, &n, &text, NULL), 0);
    size_t tokens = 0;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(words[i].first, tokens);
        assert_true(mli_utf8_valid(mli_buf_text(&text) + words[i].text, words[i].text_bytes));
        tokens += words[i].count;
    }
    assert_int_equal(tokens, count);
    assert_true(n > 8);
    /* a cut code point at the end is a word with U+FFFD, not lost */
    mli_buf_clear(&text);
    const int32_t cut[] = {262, 291};
    assert_int_equal(mli_whisper_split_words(t, cut, 2, "ja", words, &n, &text, NULL), 0);
    assert_int_equal(n, 2);
    assert_string_equal(mli_buf_text(&text), " the\xef\xbf\xbd");
    mli_buf_dispose(&text);
    mli_whisper_tokenizer_destroy(t);
}

static void test_lossy(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"abc", "abc"},
        {"\xe2\x99\xaa", "\xe2\x99\xaa"},
        {"\xe2\x99x", "\xef\xbf\xbdx"},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf0\x9f\x98", "\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xe2\xe2\x99\xaa", "\xef\xbf\xbd\xe2\x99\xaa"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        mli_buf out;
        mli_buf_init(&out, NULL);
        mli_utf8_lossy(pairs[i][0], strlen(pairs[i][0]), &out);
        assert_string_equal(mli_buf_text(&out), pairs[i][1]);
        mli_buf_dispose(&out);
    }
    assert_true(mli_unicode_is_letter(0xe9) && mli_unicode_is_letter(0x4e2d));
    assert_true(mli_unicode_is_number(0xbd) && !mli_unicode_is_number('x'));
    assert_true(mli_unicode_is_space(0x3000) && !mli_unicode_is_space(0x200b));
}

static modellab_status create(const mli_whisper_vocab_source *source, const char *words)
{
    mli_whisper_tokenizer *t;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = mli_whisper_tokenizer_create(&t, NULL, source, &err);
    mli_whisper_tokenizer_destroy(t);
    if (words != NULL && strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" does not hold \"%s\"", err.message, words);
    }
    return status;
}

static void json_text(const char *raw, size_t bytes, bool array, mli_buf *out)
{
    size_t id = 0, start = 0;
    mli_buf_append_text(out, array ? "[" : "{\"model\":{\"vocab\":{");
    for (size_t i = 0; i < bytes; i++) {
        if (raw[i] != '\n') {
            continue;
        }
        mli_buf_append_text(out, id > 0 ? ",\"" : "\"");
        for (size_t c = start; c < i; c++) {
            if (raw[c] == '"' || raw[c] == '\\') {
                mli_buf_append_char(out, '\\');
            }
            mli_buf_append_char(out, raw[c]);
        }
        if (array) {
            mli_buf_append_char(out, '"');
        } else {
            mli_buf_printf(out, "\":%zu", id);
        }
        id++;
        start = i + 1;
    }
    mli_buf_append_text(out, array ? "]" : "}},\"added_tokens\":[]}");
}

/* Text lines, a JSON list, tokenizer.json, ggml words and the packed form are the same vocabulary.
 */
static void test_sources_agree(void **state)
{
    (void)state;
    mli_buf text, json, packed;
    mli_word words[EOT];
    static char raw[EOT][8];
    int32_t want[64], got[64];
    static const char sample[] = " the thing's in a re-on\xc3\xa9 \xe3\x81\x82 12";
    mli_whisper_tokenizer *t = make();
    size_t count = encode(t, sample, want, 64);
    mli_buf_init(&text, NULL);
    mli_buf_init(&packed, NULL);
    synthetic_vocabulary(&synthetic_small, &text);
    mli_whisper_tokenizer_pack(t, &packed);
    mli_whisper_tokenizer_destroy(t);
    for (int id = 0; id < EOT; id++) {
        words[id].bytes = (uint32_t)synthetic_word(&synthetic_small, id, raw[id]);
        words[id].data = (const unsigned char *)raw[id];
    }
    for (int form = 0; form < 4; form++) {
        mli_whisper_vocab_source source = {.n_vocab = 1908};
        mli_buf_init(&json, NULL);
        json_text(text.data, text.size, form == 0, &json);
        if (form == 0) {
            source.vocabulary = json.data;
            source.vocabulary_bytes = json.size;
        } else if (form == 1) {
            source.tokenizer_json = json.data;
            source.tokenizer_json_bytes = json.size;
        } else if (form == 2) {
            source.words = words;
            source.word_count = EOT;
        } else {
            source.packed = packed.data;
            source.packed_bytes = packed.size;
        }
        modellab_error err = MODELLAB_ERROR_INIT;
        if (mli_whisper_tokenizer_create(&t, NULL, &source, &err) != MODELLAB_OK) {
            fail_msg("form %d: %s", form, err.message);
        }
        assert_int_equal(encode(t, sample, got, 64), count);
        assert_memory_equal(got, want, count * sizeof *got);
        mli_whisper_tokenizer_destroy(t);
        mli_buf_dispose(&json);
    }
    mli_buf_dispose(&text);
    mli_buf_dispose(&packed);
}

static void test_refusals(void **state)
{
    (void)state;
    mli_buf text;
    mli_buf_init(&text, NULL);
    synthetic_vocabulary(&synthetic_small, &text);
    mli_whisper_vocab_source s = {
        .vocabulary = text.data, .vocabulary_bytes = text.size, .n_vocab = 1908};
    assert_int_equal(create(&s, NULL), MODELLAB_OK);
    s.n_vocab = 1909;
    assert_int_equal(create(&s, "endoftext"), MODELLAB_E_INVALID_MODEL);
    s.n_vocab = 1800;
    assert_int_equal(create(&s, "vocabulary of"), MODELLAB_E_UNSUPPORTED_MODEL);
    s.n_vocab = 70000;
    assert_int_equal(create(&s, "vocabulary of"), MODELLAB_E_UNSUPPORTED_MODEL);
    s.n_vocab = INT32_MIN;
    assert_int_equal(create(&s, "vocabulary of"), MODELLAB_E_UNSUPPORTED_MODEL);
    s.n_vocab = 1908;
    s.vocabulary_bytes = 100;
    assert_int_equal(create(&s, "do not fit"), MODELLAB_E_INVALID_MODEL);
    s.vocabulary_bytes = text.size;
    text.data[0] = (char)0xff;
    assert_int_equal(create(&s, "byte alphabet"), MODELLAB_E_INVALID_MODEL);
    text.data[0] = 'A'; /* '!' is then missing */
    assert_int_equal(create(&s, "byte 33"), MODELLAB_E_INVALID_MODEL);
    s.vocabulary = "[\"a\",7]";
    s.vocabulary_bytes = 7;
    assert_int_equal(create(&s, "not a string"), MODELLAB_E_INVALID_MODEL);
    s.vocabulary = "{\"a\":1,\"b\":70000}";
    s.vocabulary_bytes = 17;
    assert_int_equal(create(&s, "outside"), MODELLAB_E_INVALID_MODEL);
    s.vocabulary = "{\"a\":1,\"b\":1}";
    s.vocabulary_bytes = 13;
    assert_int_equal(create(&s, "twice"), MODELLAB_E_INVALID_MODEL);
    s.vocabulary = NULL;
    assert_int_equal(create(&s, "no vocabulary"), MODELLAB_E_INVALID_MODEL);
    s.packed = "\x05\0ab";
    s.packed_bytes = 4;
    assert_int_equal(create(&s, "cut"), MODELLAB_E_INVALID_MODEL);
    mli_buf_dispose(&text);
}

static void test_memory_faults(void **state)
{
    (void)state;
    mli_buf text;
    mli_buf_init(&text, NULL);
    synthetic_vocabulary(&synthetic_small, &text);
    const mli_whisper_vocab_source source = {
        .vocabulary = text.data, .vocabulary_bytes = text.size, .n_vocab = 1908};
    long limit = 0;
    for (bool done = false; !done; limit++) {
        failing_alloc f = {.fail_at = limit};
        modellab_allocator alloc = failing_alloc_table(&f);
        mli_whisper_tokenizer *t;
        modellab_status status = mli_whisper_tokenizer_create(&t, &alloc, &source, NULL);
        if (status == MODELLAB_OK) {
            int32_t ids[8];
            size_t count;
            f.fail_at = f.calls;
            assert_int_equal(mli_whisper_encode(t, "abc", 3, ids, 8, &count, NULL),
                             MODELLAB_E_NO_MEMORY);
            done = true;
        } else {
            assert_int_equal(status, MODELLAB_E_NO_MEMORY);
            assert_null(t);
        }
        mli_whisper_tokenizer_destroy(t);
        assert_int_equal(f.live, 0);
    }
    assert_true(limit > 5);
    mli_buf_dispose(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_ids),
        cmocka_unit_test(test_merges_like_plain_search),
        cmocka_unit_test(test_long_text_is_cheap),
        cmocka_unit_test(test_specials),
        cmocka_unit_test(test_languages),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_sources_agree),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_memory_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
