/* The two published normalisers: their passes in order. */
#include "score/whisper.h"

#include "score/whisper_passes.h"
#include "text/unicode_fold.h"
#include <string.h>

static const mli_pass_rule rules[] = {{"hmm", "", true},
                                      {"mm", "", true},
                                      {"mhm", "", true},
                                      {"mmm", "", true},
                                      {"uh", "", true},
                                      {"um", "", true},
                                      {"won't", "will not", true},
                                      {"can't", "can not", true},
                                      {"let's", "let us", true},
                                      {"ain't", "aint", true},
                                      {"y'all", "you all", true},
                                      {"wanna", "want to", true},
                                      {"kinda", "kind of", true},
                                      {"sorta", "sort of", true},
                                      {"dunno", "do not know", true},
                                      {"gotta", "got to", true},
                                      {"gonna", "going to", true},
                                      {"i'ma", "i am going to", true},
                                      {"imma", "i am going to", true},
                                      {"woulda", "would have", true},
                                      {"coulda", "could have", true},
                                      {"shoulda", "should have", true},
                                      {"cause", "because", true},
                                      {"ma'am", "madam", true},
                                      {"mr", "mister ", true},
                                      {"mrs", "missus ", true},
                                      {"st", "saint ", true},
                                      {"dr", "doctor ", true},
                                      {"prof", "professor ", true},
                                      {"capt", "captain ", true},
                                      {"gov", "governor ", true},
                                      {"ald", "alderman ", true},
                                      {"gen", "general ", true},
                                      {"sen", "senator ", true},
                                      {"rep", "representative ", true},
                                      {"pres", "president ", true},
                                      {"rev", "reverend ", true},
                                      {"hon", "honorable ", true},
                                      {"asst", "assistant ", true},
                                      {"assoc", "associate ", true},
                                      {"lt", "lieutenant ", true},
                                      {"col", "colonel ", true},
                                      {"jr", "junior ", true},
                                      {"sr", "senior ", true},
                                      {"esq", "esquire ", true},
                                      {"'d been", " had been", false},
                                      {"'s been", " has been", false},
                                      {"'d gone", " had gone", false},
                                      {"'s gone", " has gone", false},
                                      {"'d done", " had done", false},
                                      {"'s got", " has got", false},
                                      {"n't", " not", false},
                                      {"'re", " are", false},
                                      {"'s", " is", false},
                                      {"'d", " would", false},
                                      {"'ll", " will", false},
                                      {"'t", " not", false},
                                      {"'ve", " have", false},
                                      {"'m", " am", false}};

enum { RULES = sizeof rules / sizeof *rules, FILLERS = 6 };

void mli_whisper_basic(const char *text, size_t bytes, const mli_cancel_word *cancel, mli_buf *out)
{
    mli_pass_turns t;
    uint32_t c, parts[MLI_UNICODE_MAX_PARTS], last = 0;
    mli_pass_begin(&t, text, bytes, cancel, out->alloc);
    for (size_t at = 0;
         at < t.a.size &&
         !mli_score_stops(&t.look, at);) { /* NFKC: taken apart, and put together again */
        at += mli_pass_decode(t.a.data, t.a.size, at, &c);
        const size_t count = mli_unicode_decompose(c, parts);
        for (size_t i = 0; i < count; i++) {
            const uint32_t whole = last != 0 ? mli_unicode_compose(last, parts[i]) : 0;
            if (whole == 0 && last != 0)
                mli_pass_put(&t.b, mli_unicode_is_symbol(last) ? ' ' : mli_unicode_lower(last));
            last = whole != 0 ? whole : parts[i];
        }
    }
    if (last != 0)
        mli_pass_put(&t.b, mli_unicode_is_symbol(last) ? ' ' : mli_unicode_lower(last));
    mli_pass_next(&t);
    mli_pass_tidy(&t.a, &t.look, out);
    mli_pass_end(&t, out);
}

static int by_word(const char *word, size_t bytes, const char *entry)
{
    const int order = strncmp(word, entry, bytes);
    return order != 0 ? order : entry[bytes] != '\0' ? -1 : 0;
}

/* The American spelling, or NULL. */
static const char *american(const char *word, size_t bytes)
{
    const bool second = bytes > 0 && word[0] >= mli_spellings_2[0].british[0];
    const mli_spelling *list = second ? mli_spellings_2 : mli_spellings_1;
    size_t low = 0, high = second ? mli_spellings_2_count : mli_spellings_1_count;
    const size_t count = high;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (by_word(word, bytes, list[middle].british) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && by_word(word, bytes, list[low].british) == 0 ? list[low].american : NULL;
}

static void spell(const mli_buf *t, mli_score_look *look, mli_buf *out)
{
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        size_t end = at;
        while (end < t->size && t->data[end] != ' ')
            end++;
        const char *other = american(t->data + at, end - at);
        if (other != NULL)
            mli_buf_append_text(out, other);
        else
            mli_buf_append(out, t->data + at, end - at);
        if (end < t->size) /* none behind the last: signs look at what follows */
            mli_buf_append_char(out, ' ');
        at = end + 1;
    }
}

static bool is_digit(const mli_buf *t, size_t at)
{
    return at < t->size && t->data[at] >= '0' && t->data[at] <= '9';
}

/* Length of a point or currency sign. */
static size_t sign(const mli_buf *t, size_t at)
{
    static const char *const signs[] = {".", "$", "\xc2\xa2", "\xc2\xa3", "\xe2\x82\xac"};
    for (size_t i = 0; i < 5; i++) {
        const size_t n = strlen(signs[i]);
        if (t->size - at >= n && memcmp(t->data + at, signs[i], n) == 0)
            return n;
    }
    return 0;
}

/* Signs that stand before no digit, and % behind none, become spaces. What follows a sign that went
 * is not looked at itself. */
static void drop_signs(const mli_buf *t, mli_buf *once, mli_score_look *look, mli_buf *out)
{
    uint32_t c;
    for (size_t at = 0; at < t->size && !mli_score_stops(look, at);) {
        const size_t n = sign(t, at);
        if (n > 0 && at + n < t->size && !is_digit(t, at + n)) {
            mli_buf_append_char(once, ' ');
            at += n;
        }
        const size_t length = mli_pass_decode(t->data, t->size, at, &c);
        mli_buf_append(once, t->data + at, length);
        at += length;
    }
    for (size_t at = 0; at < once->size && !mli_score_stops(look, at); at++) {
        const bool goes = once->data[at] == '%' && at > 0 && !is_digit(once, at - 1);
        mli_buf_append_char(out, goes ? ' ' : once->data[at]);
    }
}

void mli_whisper_english(const char *text, size_t bytes, const mli_cancel_word *cancel,
                         mli_buf *out)
{
    mli_pass_turns t;
    mli_buf extra;
    mli_buf_init(&extra, out->alloc);
    mli_pass_begin(&t, text, bytes, cancel, out->alloc);
    for (size_t i = 0; i < RULES; i++) {
        if (i == FILLERS) {
            mli_pass_join_apostrophes(&t.a, &t.look, &t.b);
            mli_pass_next(&t);
        }
        mli_pass_replace(&t.a, &rules[i], &t.look, &t.b);
        mli_pass_next(&t);
    }
    mli_pass_punctuate(&t.a, &extra, &t.look, &t.b);
    mli_pass_next(&t);
    mli_pass_drop_symbols(&t.a, &t.look, &t.b);
    mli_pass_next(&t);
    mli_pass_tidy(&t.a, &t.look, &t.b);
    mli_pass_next(&t);
    mli_whisper_numbers(mli_buf_text(&t.a), t.a.size, &t.look, &t.b);
    mli_pass_next(&t);
    spell(&t.a, &t.look, &t.b);
    mli_pass_next(&t);
    if (extra.status != MODELLAB_OK)
        t.status = extra.status;
    mli_buf_clear(&extra);
    drop_signs(&t.a, &extra, &t.look, &t.b);
    mli_pass_next(&t);
    mli_pass_tidy(&t.a, &t.look, out);
    if (extra.status != MODELLAB_OK)
        out->status = extra.status;
    mli_buf_dispose(&extra);
    mli_pass_end(&t, out);
}
