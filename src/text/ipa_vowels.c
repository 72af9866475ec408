/* The vowels: which one a reduced vowel is depends on the letters that it is written with. */
#include "text/ipa_private.h"

#include <string.h>

static const char *const vowels[] = {
    [MLI_AA] = "\u0251\u02d0", [MLI_AE] = "\u00e6",       [MLI_AH] = "\u028c",
    [MLI_AO] = "\u0254\u02d0", [MLI_AW] = "a\u028a",      [MLI_AY] = "a\u026a",
    [MLI_EH] = "\u025b",       [MLI_ER] = "\u025c\u02d0", [MLI_EY] = "e\u026a",
    [MLI_IH] = "\u026a",       [MLI_IY] = "i\u02d0",      [MLI_OW] = "o\u028a",
    [MLI_OY] = "\u0254\u026a", [MLI_UH] = "\u028a",       [MLI_UW] = "u\u02d0"};

/* The next vowel from `i` on; count when there is none. */
static size_t next_vowel(const mli_ipa_state *w, size_t i)
{
    while (i < w->count && !mli_ipa_vowel(w, i))
        i++;
    return i;
}

static size_t vowels_before(const mli_ipa_state *w, size_t i)
{
    size_t n = 0;
    for (size_t k = 0; k < i; k++)
        n += mli_ipa_vowel(w, k) ? 1 : 0;
    return n;
}

/* The primary stress; count when there is none. */
static size_t primary(const mli_ipa_state *w)
{
    for (size_t i = 0; i < w->count; i++) {
        if (mli_ipa_vowel(w, i) && mli_ipa_stress(w, i) == 1)
            return i;
    }
    return w->count;
}

static bool after_stress(const mli_ipa_state *w, size_t i)
{
    return i > primary(w);
}

/* An unstressed vowel in the first syllable, directly before the stress: be-, de-, re-. */
static bool is_prefix(const mli_ipa_state *w, size_t i)
{
    size_t next = next_vowel(w, i + 1);
    return vowels_before(w, i) == 0 && i == 1 && next < w->count && mli_ipa_stress(w, next) > 0;
}

static const char *prefix_vowel(const mli_ipa_state *w, size_t i)
{
    if (w->s.word[0] == 'r' || w->s.word[0] == 'b' || w->s.word[0] == 's')
        return mli_ipa_begins(w, "beg") ? "ɪ" : "ᵻ";
    if (w->s.word[0] == 'd')
        return mli_ipa_is(w, i + 1, MLI_T) || mli_ipa_is(w, i + 1, MLI_Z) ? "ɪ" : "ᵻ";
    if (w->s.word[0] == 'p')
        return "ɪ";
    return "ᵻ";
}

static const char *weak_a(const mli_ipa_state *w, size_t i)
{
    if (i == 0)
        return "ɐ";
    if (mli_ipa_is(w, i + 1, MLI_JH))
        return "ɪ";
    if (mli_ipa_from(w, i, "ace") && w->s.from[i] + 5u >= w->s.bytes)
        return "ɪ";
    if (mli_ipa_from(w, i, "acter"))
        return "ɪ";
    if (mli_ipa_from(w, i, "alys") || mli_ipa_from(w, i, "alyz"))
        return "ɐ";
    if (after_stress(w, i) || i + 1 >= w->count)
        return "ə";
    return mli_ipa_is(w, i + 1, MLI_T) || mli_ipa_is(w, i + 1, MLI_D) ||
                   mli_ipa_is(w, i + 1, MLI_N) || mli_ipa_is(w, i + 1, MLI_P) ||
                   mli_ipa_is(w, i + 1, MLI_G) || mli_ipa_is(w, i + 1, MLI_F) ||
                   mli_ipa_is(w, i + 1, MLI_K)
               ? "ɐ"
               : "ə";
}

static const char *weak_e(const mli_ipa_state *w, size_t i)
{
    size_t left = w->s.bytes - w->s.from[i]; /* letters from here to the end */
    if (i == 0)
        return mli_ipa_from(w, i, "es") ? "ɪ" : "ᵻ";
    if (is_prefix(w, i) && !mli_ipa_is(w, i + 1, MLI_N))
        return mli_ipa_is(w, i + 1, MLI_L) && w->s.word[0] != 'r' && w->s.word[0] != 's'
                   ? "ə"
                   : prefix_vowel(w, i);
    if (mli_ipa_is(w, i + 1, MLI_D))
        return left == 2 || mli_ipa_from(w, i, "edl") ? "ᵻ" : mli_ipa_from(w, i, "edy") ? "ə" : "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_Z))
        return "ᵻ";
    if (mli_ipa_is(w, i + 1, MLI_T))
        return "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_JH))
        return "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_S))
        return mli_ipa_from(w, i, "est") && left <= 5 ? "ɪ"
               : mli_ipa_from(w, i, "ess")            ? "ə"
               : after_stress(w, i)                   ? "ə"
                                                      : "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_M) && mli_ipa_from(w, i, "ement"))
        return "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_N) && mli_ipa_from(w, i, "enge"))
        return "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_N) || mli_ipa_is(w, i + 1, MLI_L) || mli_ipa_is(w, i + 1, MLI_M))
        return "ə";
    if (mli_ipa_is(w, i + 1, MLI_V) || mli_ipa_is(w, i + 1, MLI_SH) ||
        mli_ipa_is(w, i + 1, MLI_K) || mli_ipa_is(w, i + 1, MLI_G))
        return "ɪ";
    return mli_ipa_is(w, i + 1, MLI_B) || mli_ipa_is(w, i + 1, MLI_F) || mli_ipa_is(w, i + 1, MLI_P)
               ? "ə"
               : "ᵻ";
}

static const char *weak_i(const mli_ipa_state *w, size_t i)
{
    size_t left = w->s.bytes - w->s.from[i];
    if (mli_ipa_from(w, i, "ility") || mli_ipa_from(w, i, "iliti"))
        return "ɪ";
    if (mli_ipa_is(w, i + 1, MLI_T)) {
        if (mli_ipa_from(w, i, "ity") || mli_ipa_from(w, i, "itie") || mli_ipa_from(w, i, "itiv"))
            return mli_ipa_is(w, i - 1, MLI_L) && w->s.from[i] >= 3 &&
                           memcmp(w->s.word + w->s.from[i] - 2, "il", 2) == 0
                       ? "ə"
                       : "ᵻ";
        if (mli_ipa_from(w, i, "itat"))
            return "ᵻ";
        return "ɪ";
    }
    if (mli_ipa_from(w, i, "ible") || mli_ipa_from(w, i, "ibly") || mli_ipa_from(w, i, "ifi") ||
        mli_ipa_from(w, i, "ify") || mli_ipa_from(w, i, "icat") || mli_ipa_from(w, i, "igat") ||
        mli_ipa_from(w, i, "ipat") || mli_ipa_from(w, i, "idat") || mli_ipa_from(w, i, "inat") ||
        mli_ipa_from(w, i, "imat") || mli_ipa_from(w, i, "izat") || mli_ipa_from(w, i, "imon") ||
        mli_ipa_from(w, i, "ilat"))
        return mli_ipa_from(w, i, "icati") || mli_ipa_from(w, i, "ificat") ||
                       mli_ipa_from(w, i, "igati")
                   ? "ɪ"
                   : "ᵻ";
    if (mli_ipa_is(w, i + 1, MLI_L) && mli_ipa_from(w, i, "ile") && left <= 4)
        return "ə";
    if (mli_ipa_is(w, i + 1, MLI_L) && mli_ipa_from(w, i, "il") && left == 2)
        return "ə";
    if (mli_ipa_is(w, i + 1, MLI_L) && mli_ipa_from(w, i, "ily") && w->s.from[i] > 0 &&
        strchr("sdktv", w->s.word[w->s.from[i] - 1]) != NULL)
        return "i";
    return "ɪ";
}

static const char *weak_u(const mli_ipa_state *w, size_t i)
{
    if (i == 0)
        return "ʌ";
    if (mli_ipa_is(w, i + 1, MLI_L) && (i > 0 && mli_ipa_is(w, i - 1, MLI_Y)))
        return "ʊ";
    if (i > 0 && mli_ipa_is(w, i - 1, MLI_Y))
        return mli_ipa_is(w, i + 1, MLI_P) ? "ʊ" : "uː";
    if (i > 0 && (mli_ipa_is(w, i - 1, MLI_JH) || mli_ipa_is(w, i - 1, MLI_CH)) &&
        !mli_ipa_is(w, i + 1, MLI_S) && !mli_ipa_is(w, i + 1, MLI_M) &&
        !mli_ipa_is(w, i + 1, MLI_N))
        return mli_ipa_is(w, i + 1, MLI_L) ? "ʊ" : "uː";
    if (mli_ipa_begins(w, "sub") && i == 1 && !mli_ipa_is(w, 2, MLI_P))
        return "ʌ";
    if (mli_ipa_from(w, i, "uct") || mli_ipa_from(w, i, "upt"))
        return "ʌ";
    return "ə";
}

static const char *schwa(const mli_ipa_state *w, size_t i)
{
    switch (mli_spelled_first(&w->s, i)) {
    case 'a':
        return weak_a(w, i);
    case 'e':
        return weak_e(w, i);
    case 'i':
        return w->s.length[i] > 1 ? "ə" : weak_i(w, i);
    case 'u':
        return weak_u(w, i);
    case 'y':
        return "ɪ";
    default:
        return "ə";
    }
}

/* IH0. */
static const char *weak_ih(const mli_ipa_state *w, size_t i)
{
    char letter = mli_spelled_first(&w->s, i);
    size_t left = w->s.bytes - w->s.from[i];
    if (i == 0 && letter == 'e') {
        if (mli_ipa_begins(w, "ex") || mli_ipa_begins(w, "en"))
            return mli_ipa_begins(w, "eno") ? "ɪ" : "ɛ";
        return mli_ipa_begins(w, "el") || mli_ipa_begins(w, "ev")                      ? "ᵻ"
               : mli_ipa_begins(w, "em") && w->s.word[2] != 'e' && w->s.word[2] != 'o' ? "ɛ"
                                                                                       : "ɪ";
    }
    if (letter == 'e') {
        if (is_prefix(w, i))
            return prefix_vowel(w, i);
        if (mli_ipa_is(w, i + 1, MLI_D) && left <= 4)
            return "ᵻ";
        if (mli_ipa_is(w, i + 1, MLI_Z) || (mli_ipa_is(w, i + 1, MLI_L) && !after_stress(w, i)))
            return "ᵻ";
        if (mli_ipa_is(w, i + 1, MLI_N))
            return "ə";
        return weak_e(w, i);
    }
    if (letter == 'i' &&
        (mli_ipa_from(w, i, "ity") || mli_ipa_from(w, i, "ities") || mli_ipa_from(w, i, "itiv")))
        return weak_i(w, i);
    if (mli_ipa_begins(w, "di") && i == 1 && !mli_ipa_is(w, 2, MLI_S) && !mli_ipa_is(w, 2, MLI_Z))
        return "ᵻ";
    return "ɪ";
}

static const char *weak_iy(const mli_ipa_state *w, size_t i)
{
    char letter = mli_spelled_first(&w->s, i);
    if (i + 1 == w->count)
        return "i";
    if (mli_ipa_vowel(w, i + 1)) {
        if (mli_ipa_stress(w, i + 1) > 0)
            return "ɪ";
        if (mli_ipa_is(w, i + 1, MLI_IH) && mli_spelled_first(&w->s, i) == 'y')
            return "i";
        return mli_ipa_is(w, i + 1, MLI_ER) ? "i" : "iə";
    }
    if (letter == 'e' && is_prefix(w, i))
        return w->s.word[0] == 'p' ? "ɪ" : "ᵻ";
    if (letter == 'y')
        return mli_ipa_is(w, i + 1, MLI_Z) ? "i" : "ɪ";
    if (w->s.length[i] == 2 && letter == 'i')
        return "i";
    return i + 2 == w->count && mli_ipa_is(w, i + 1, MLI_Z) ? "i" : "i";
}

static bool long_o_before_r(const mli_ipa_state *w, size_t i)
{
    size_t after = w->s.from[i] + w->s.length[i] + 1u; /* behind the r */
    char c = after < w->s.bytes ? w->s.word[after] : '\0';
    char b = w->s.from[i] > 0 ? w->s.word[w->s.from[i] - 1] : '\0';
    if (mli_spelled_first(&w->s, i) == 'a' || c == 'r' || mli_spelled(&w->s, i, "au"))
        return false;
    if (w->s.length[i] >= 2)
        return true; /* our, oor, oar */
    if (w->s.from[i] == 0)
        return c == 'i' || c == 'e' || c == 'a';
    if (c == 'e' || c == 'i' || c == 'y' || c == 'a' || c == 'o' || c == 'u') {
        if (c == 'e' && after + 1 < w->s.bytes && strchr("sig", w->s.word[after + 1]) != NULL &&
            after + 2 < w->s.bytes)
            return false; /* forest, foreign */
        return true;
    }
    if (c == 't' || c == 'd')
        return b == 'p' || b == 'b' || (c == 'd' && b == 'c');
    return c == 'c';
}

static const char *open_o(const mli_ipa_state *w, size_t i)
{
    if (mli_ipa_is(w, i + 1, MLI_R))
        return long_o_before_r(w, i) ? "oː" : "ɔː";
    if (mli_spelled(&w->s, i, "o")) {
        if (mli_ipa_is(w, i + 1, MLI_F) || mli_ipa_is(w, i + 1, MLI_S) ||
            mli_ipa_is(w, i + 1, MLI_TH) || mli_ipa_is(w, i + 1, MLI_NG) ||
            mli_ipa_is(w, i + 1, MLI_L))
            return mli_ipa_from(w, i, "offic") || (mli_ipa_is(w, i + 1, MLI_S) && i + 2 == w->count)
                       ? "ɑː"
                       : "ɔ";
        if (mli_ipa_is(w, i + 1, MLI_G))
            return w->s.from[i] == 1 && w->s.word[0] == 'l' ? "ɔ" : "ɑː";
        if (mli_ipa_is(w, i + 1, MLI_N))
            return mli_ipa_from(w, i, "one") ? "ɔ" : "ɑː";
        if (mli_ipa_is(w, i + 1, MLI_D) || mli_ipa_is(w, i + 1, MLI_T) ||
            mli_ipa_is(w, i + 1, MLI_K))
            return "ɑː";
        return "ɔː";
    }
    if (mli_ipa_is(w, i + 1, MLI_L) && i + 2 < w->count &&
        (mli_spelled(&w->s, i, "a") || mli_spelled(&w->s, i, "au")) &&
        (mli_ipa_is(w, i + 2, MLI_T) || mli_ipa_is(w, i + 2, MLI_S)))
        return "ɔ";
    return "ɔː";
}

static const char *open_a(const mli_ipa_state *w, size_t i)
{
    if (mli_ipa_is(w, i + 1, MLI_R))
        return "ɑː";
    if (mli_spelled(&w->s, i, "au") || mli_spelled(&w->s, i, "aw") ||
        mli_spelled(&w->s, i, "augh") || mli_spelled(&w->s, i, "ough"))
        return "ɔː";
    if (mli_spelled(&w->s, i, "o") &&
        ((mli_ipa_is(w, i + 1, MLI_F) && mli_ipa_is(w, i + 2, MLI_T)) ||
         mli_ipa_from(w, i, "ost") || mli_ipa_from(w, i, "off")))
        return "ɔ";
    if (mli_spelled(&w->s, i, "a") && i > 0 && mli_ipa_is(w, i - 1, MLI_W) &&
        (mli_ipa_is(w, i + 1, MLI_N) || mli_ipa_is(w, i + 1, MLI_L)))
        return "ɔ";
    if (i > 0 && mli_ipa_is(w, i - 1, MLI_W) && mli_spelled(&w->s, i, "a") && i + 1 < w->count)
        return "ɑː";
    if (i + 1 == w->count && mli_ipa_stress(w, i) == 0)
        return "ə";
    return "ɑː";
}

/* EH or IH before R and a vowel. */
static const char *before_r(const mli_ipa_state *w, size_t i, const char *usual)
{
    if (!mli_ipa_is(w, i + 1, MLI_R) || !mli_ipa_vowel(w, i + 2))
        return usual;
    if (mli_ipa_is(w, i, MLI_IH))
        return mli_spelled(&w->s, i, "e") || mli_spelled(&w->s, i, "ea") ? "iə" : usual;
    if (!mli_spelled(&w->s, i, "a") || mli_ipa_from(w, i, "are") || mli_ipa_from(w, i, "aria") ||
        mli_ipa_from(w, i, "ariou") || mli_ipa_from(w, i, "ary") || mli_ipa_from(w, i, "aring"))
        return usual;
    return "æ";
}

void mli_ipa_put_vowel(mli_ipa_state *w, size_t i)
{
    if (i > 0 && mli_ipa_glottal(w, i - 1))
        return;
    if (mli_ipa_ends(w, "ically") && mli_ipa_is(w, i, MLI_AH) && i + 3 == w->count)
        return;
    mli_phone phone = mli_phone_of(w->phones[i]);
    int s = mli_ipa_stress(w, i);
    const char *ipa = vowels[phone];

    if (s > 0)
        mli_ipa_put(w, s == 1 ? "ˈ" : s == 2 ? "ˌ" : "");
    switch (phone) {
    case MLI_AH:
        ipa = s == 0 ? schwa(w, i) : "ʌ";
        if (s == 0 && i > 0 && mli_ipa_is(w, i - 1, MLI_IY) && mli_ipa_stress(w, i - 1) == 0 &&
            mli_ipa_stress(w, i) == 0)
            ipa = mli_spelled_first(&w->s, i - 1) == 'y' ? "ə" : ""; /* iə was said */
        else if (s == 0 && i > 0 && (mli_ipa_is(w, i - 1, MLI_AY) || mli_ipa_is(w, i - 1, MLI_IY)))
            ipa = "ə";
        break;
    case MLI_IH:
        if (s == 0)
            ipa = weak_ih(w, i);
        else
            ipa = before_r(w, i, ipa);
        break;
    case MLI_EH:
        ipa = before_r(w, i, ipa);
        break;
    case MLI_AE:
        if (s == 0 && i == 0 && (mli_ipa_is(w, 1, MLI_D) || mli_ipa_is(w, 1, MLI_K)))
            ipa = "ɐ";
        break;
    case MLI_IY:
        if (s == 0)
            ipa = weak_iy(w, i);
        else if (mli_ipa_is(w, i + 1, MLI_AH) && mli_ipa_stress(w, i + 1) == 0)
            ipa = "iː";
        break;
    case MLI_ER:
        if (s == 0)
            ipa = "ɚ";
        else if (mli_ipa_vowel(w, i + 1))
            ipa = mli_spelled(&w->s, i, "urr") || mli_spelled(&w->s, i, "orr") ||
                          mli_spelled(&w->s, i, "our")
                      ? "ʌ"
                      : "ɜː";
        break;
    case MLI_AO:
        ipa = open_o(w, i);
        break;
    case MLI_AA:
        ipa = open_a(w, i);
        break;
    case MLI_UW:
        if (s == 0 && i > 0 && mli_ipa_is(w, i - 1, MLI_Y) && mli_ipa_is(w, i + 1, MLI_L) &&
            after_stress(w, i) == false)
            ipa = "ʊ";
        break;
    case MLI_AY:
        if (mli_ipa_is(w, i + 1, MLI_R) && !mli_ipa_vowel(w, i + 2))
            ipa = "aɪɚ";
        break;
    default:
        break;
    }
    mli_ipa_put(w, ipa);
    if ((phone == MLI_ER && mli_ipa_vowel(w, i + 1)) ||
        (phone == MLI_UH && mli_ipa_is(w, i + 1, MLI_R) && mli_ipa_vowel(w, i + 2)))
        mli_ipa_put(w, "ɹ");
}
