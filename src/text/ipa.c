/* From CMUdict's phonemes to espeak's IPA: stress, consonants; the vowels are in ipa_vowels.c. */
#include "text/ipa.h"

#include "text/ipa_private.h"
#include <string.h>

static const char *const consonants[MLI_PHONES] = {
    [MLI_B] = "b",       [MLI_CH] = "t\u0283", [MLI_D] = "d",       [MLI_DH] = "\u00f0",
    [MLI_F] = "f",       [MLI_G] = "\u0261",   [MLI_HH] = "h",      [MLI_JH] = "d\u0292",
    [MLI_K] = "k",       [MLI_L] = "l",        [MLI_M] = "m",       [MLI_N] = "n",
    [MLI_NG] = "\u014b", [MLI_P] = "p",        [MLI_R] = "\u0279",  [MLI_S] = "s",
    [MLI_SH] = "\u0283", [MLI_T] = "t",        [MLI_TH] = "\u03b8", [MLI_V] = "v",
    [MLI_W] = "w",       [MLI_Y] = "j",        [MLI_Z] = "z",       [MLI_ZH] = "\u0292"};
bool mli_ipa_is(const mli_ipa_state *w, size_t i, mli_phone phone)
{
    return i < w->count && mli_phone_of(w->phones[i]) == phone;
}

int mli_ipa_stress(const mli_ipa_state *w, size_t i)
{
    return i < w->count ? mli_phone_stress(w->phones[i]) : 0;
}

bool mli_ipa_vowel(const mli_ipa_state *w, size_t i)
{
    return i < w->count && mli_phone_is_vowel(w->phones[i]);
}

/* Letters of the word at the end of it. */
bool mli_ipa_ends(const mli_ipa_state *w, const char *letters)
{
    size_t n = strlen(letters);
    return w->s.bytes >= n && memcmp(w->s.word + w->s.bytes - n, letters, n) == 0;
}

bool mli_ipa_begins(const mli_ipa_state *w, const char *letters)
{
    size_t n = strlen(letters);
    return w->s.bytes >= n && memcmp(w->s.word, letters, n) == 0;
}

void mli_ipa_put(mli_ipa_state *w, const char *ipa)
{
    mli_buf_append_text(w->out, ipa);
}

/* Letters from those of phoneme `i` on begin so. */
bool mli_ipa_from(const mli_ipa_state *w, size_t i, const char *letters)
{
    size_t at = w->s.from[i], n = strlen(letters);
    return at + n <= w->s.bytes && memcmp(w->s.word + at, letters, n) == 0;
}

/* T AH N as a glottal stop with a syllabic n. */
bool mli_ipa_glottal(const mli_ipa_state *w, size_t i)
{
    char letter = mli_spelled_first(&w->s, i + 1);
    return mli_ipa_is(w, i, MLI_T) && i > 0 && mli_ipa_vowel(w, i - 1) &&
           mli_ipa_is(w, i + 1, MLI_AH) && mli_ipa_stress(w, i + 1) == 0 &&
           mli_ipa_is(w, i + 2, MLI_N) && w->s.length[i + 1] > 0 &&
           (letter == 'e' || letter == 'o' || mli_spelled(&w->s, i + 1, "ai") ||
            mli_ipa_from(w, i, "ttan")) &&
           mli_ipa_stress(w, i - 1) == 1 &&
           (i + 3 >= w->count || !mli_ipa_vowel(w, i + 3) || mli_ipa_from(w, i + 1, "ening"));
}

/* T before an unstressed vowel. */
static const char *say_t(const mli_ipa_state *w, size_t i)
{
    if (mli_ipa_glottal(w, i))
        return "ʔ";
    bool before = i > 0 && (mli_ipa_vowel(w, i - 1) || mli_ipa_is(w, i - 1, MLI_R));
    if (!before || !mli_ipa_vowel(w, i + 1) || mli_ipa_stress(w, i + 1) > 0)
        return "t";
    if (mli_ipa_is(w, i + 1, MLI_AH) && mli_ipa_is(w, i + 2, MLI_N)) {
        char letter = mli_spelled_first(&w->s, i + 1);
        return mli_ipa_is(w, i - 1, MLI_R) || letter == 'a' ? "t" : "ɾ";
    }
    if (mli_ipa_is(w, i + 1, MLI_IH) && mli_ipa_is(w, i + 2, MLI_V))
        return mli_ipa_is(w, i - 1, MLI_EY) || mli_ipa_is(w, i - 1, MLI_R) ? "ɾ" : "t";
    return "ɾ";
}

static void put_consonant(mli_ipa_state *w, size_t i)
{
    mli_phone phone = mli_phone_of(w->phones[i]);
    if (phone == MLI_D && mli_spelled(&w->s, i, "t")) {
        mli_ipa_put(w, "ɾ");
        return;
    }
    if (phone == MLI_T) {
        mli_ipa_put(w, say_t(w, i));
        return;
    }
    if (i > 1 && phone == MLI_N && mli_ipa_glottal(w, i - 2)) {
        mli_ipa_put(w, "n̩");
        return;
    }
    if (phone == MLI_Y && i > 0 && mli_spelled(&w->s, i, "i")) {
        mli_ipa_put(w, "i");
        return;
    }
    if (phone == MLI_N && (mli_ipa_is(w, i + 1, MLI_K) || mli_ipa_is(w, i + 1, MLI_G)) &&
        w->s.length[i] > 0 && i > 0 && !mli_ipa_begins(w, "un") && !mli_ipa_begins(w, "non")) {
        mli_ipa_put(w, "ŋ");
        return;
    }
    if (phone == MLI_R && i > 0 && mli_ipa_is(w, i - 1, MLI_AY) && !mli_ipa_vowel(w, i + 1))
        return; /* in aɪɚ */
    mli_ipa_put(w, consonants[phone]);
}

/* Stress as espeak sets it: no secondary one beside the primary, none in weak company. */
static void set_stress(mli_ipa_state *w)
{
    size_t order[MLI_WORD_PHONES], n = 0, p = 0;
    bool found = false;
    for (size_t i = 0; i < w->count; i++) {
        if (!mli_ipa_vowel(w, i))
            continue;
        if (mli_ipa_stress(w, i) == 1 && !found) {
            p = n;
            found = true;
        } else if (mli_ipa_stress(w, i) == 1) {
            w->phones[i] = mli_phone_pack(mli_phone_of(w->phones[i]), 2);
        }
        order[n++] = i;
    }
    if (!found && n > 0) { /* none at all: the first full vowel */
        for (p = 0; p + 1 < n && (mli_ipa_is(w, order[p], MLI_AH)); p++)
            ;
        if (n == 1)
            p = 0;
        w->phones[order[p]] = mli_phone_pack(mli_phone_of(w->phones[order[p]]), 1);
    }
    for (size_t k = 0; k < n; k++) {
        if (mli_ipa_stress(w, order[k]) != 2)
            continue;
        bool beside = k + 1 == p || k == p + 1 ||
                      (order[k] + 1 == w->count &&
                       (mli_ipa_is(w, order[k], MLI_IY) || mli_ipa_is(w, order[k], MLI_ER)) &&
                       w->s.word[w->s.bytes - 1] == 'y');
        if (beside)
            w->phones[order[k]] =
                mli_phone_pack(mli_phone_of(w->phones[order[k]]),
                               mli_ipa_is(w, order[k], MLI_IY) && order[k] + 1 == w->count &&
                                       w->s.word[w->s.bytes - 1] == 'y'
                                   ? 0
                                   : 3);
    }
}

void mli_ipa_word(const char *word, size_t bytes, const uint8_t *phones, size_t count, mli_buf *out)
{
    mli_ipa_state w = {.out = out};
    if (count > MLI_WORD_PHONES)
        count = MLI_WORD_PHONES;
    memcpy(w.phones, phones, count);
    w.count = count;
    mli_spelling_align(&w.s, word, bytes, phones, count);
    w.s.phones = w.phones;
    set_stress(&w);
    for (size_t i = 0; i < count; i++) {
        if (mli_ipa_vowel(&w, i))
            mli_ipa_put_vowel(&w, i);
        else
            put_consonant(&w, i);
    }
}
