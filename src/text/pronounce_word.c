/* One word: lexicon, inflections and compounds of its words, letter rules. */
#include "text/pronounce_private.h"

#include <string.h>

#define LONGEST 64 /* of a word in letters; the rest of a longer one is read by letters */

static uint8_t consonant(mli_phone phone)
{
    return mli_phone_pack(phone, 0);
}

/* An ending and what it adds. `restore` = letters that the word has without it. */
typedef struct ending {
    const char *letters, *restore, *phones;
} ending;

/* "S" and "D" stand for the plural's and the past's sounds, by the phoneme before. */
static const ending endings[] = {
    {"'s", "", "S"},
    {"'", "", ""},
    {"s'", "s", ""},
    {"ies", "y", "S"},
    {"es", "", "S"},
    {"es", "e", "S"},
    {"s", "", "S"},
    {"ied", "y", "D"},
    {"ed", "", "D"},
    {"ed", "e", "D"},
    {"ing", "", "IH0 NG"},
    {"ing", "e", "IH0 NG"},
    {"in'", "ing", ""},
    {"ily", "y", "L IY0"},
    {"ly", "", "L IY0"},
    {"ly", "le", "L IY0"},
    {"ness", "", "N AH0 S"},
    {"iness", "y", "N AH0 S"},
    {"less", "", "L AH0 S"},
    {"ful", "", "F AH0 L"},
    {"ment", "", "M AH0 N T"},
    {"er", "", "ER0"},
    {"er", "e", "ER0"},
    {"ier", "y", "ER0"},
    {"est", "", "AH0 S T"},
    {"est", "e", "AH0 S T"},
    {"iest", "y", "AH0 S T"},
    {"able", "", "AH0 B AH0 L"},
    {"able", "e", "AH0 B AH0 L"},
    {"ish", "", "IH0 SH"},
    {"ize", "", "AY2 Z"},
    {"ized", "", "AY2 Z D"},
    {"izing", "", "AY2 Z IH0 NG"},
    {"ism", "", "IH2 Z AH0 M"},
    {"ist", "", "IH0 S T"},
    {"ists", "", "IH0 S T S"},
    {"y", "", "IY0"},
    {"like", "", "L AY2 K"},
    {"wise", "", "W AY2 Z"},
    {"ship", "", "SH IH2 P"},
    {"hood", "", "HH UH2 D"},
    {"proof", "", "P R UW2 F"},
};

static const struct beginning {
    const char *letters, *phones;
} beginnings[] = {
    {"un", "AH0 N"},
    {"re", "R IY0"},
    {"non", "N AA0 N"},
    {"pre", "P R IY0"},
    {"over", "OW2 V ER0"},
    {"under", "AH2 N D ER0"},
    {"anti", "AE2 N T IY0"},
    {"micro", "M AY2 K R OW0"},
    {"multi", "M AH2 L T IY0"},
    {"super", "S UW2 P ER0"},
    {"inter", "IH2 N T ER0"},
    {"sub", "S AH0 B"},
    {"dis", "D IH0 S"},
    {"mis", "M IH0 S"},
    {"out", "AW2 T"},
    {"cyber", "S AY2 B ER0"},
    {"hyper", "HH AY2 P ER0"},
    {"auto", "AO2 T OW0"},
    {"bio", "B AY2 OW0"},
    {"semi", "S EH2 M IY0"},
    {"de", "D IY0"},
    {"co", "K OW0"},
};

static bool hisses(uint8_t phone)
{
    switch (mli_phone_of(phone)) {
    case MLI_S:
    case MLI_Z:
    case MLI_SH:
    case MLI_ZH:
    case MLI_CH:
    case MLI_JH:
        return true;
    default:
        return false;
    }
}

static bool voiceless(uint8_t phone)
{
    switch (mli_phone_of(phone)) {
    case MLI_P:
    case MLI_T:
    case MLI_K:
    case MLI_F:
    case MLI_TH:
    case MLI_S:
    case MLI_SH:
    case MLI_CH:
        return true;
    default:
        return false;
    }
}

static size_t add(uint8_t *phones, size_t count, uint8_t phone)
{
    if (count < MLI_WORD_PHONES)
        phones[count++] = phone;
    return count;
}

static size_t add_ending(uint8_t *phones, size_t count, const char *sounds)
{
    uint8_t last = phones[count - 1];
    uint8_t more[MLI_WORD_PHONES];
    if (strcmp(sounds, "S") == 0) {
        if (hisses(last))
            count = add(phones, count, mli_phone_pack(MLI_IH, 0));
        return add(phones, count, consonant(voiceless(last) && !hisses(last) ? MLI_S : MLI_Z));
    }
    if (strcmp(sounds, "D") == 0) {
        bool again = mli_phone_of(last) == MLI_T || mli_phone_of(last) == MLI_D;
        if (again)
            count = add(phones, count, mli_phone_pack(MLI_IH, 0));
        return add(phones, count, consonant(!again && voiceless(last) ? MLI_T : MLI_D));
    }
    size_t n = mli_phones_read(sounds, more);
    for (size_t i = 0; i < n; i++)
        count = add(phones, count, more[i]);
    return count;
}

static bool is_consonant_letter(char c)
{
    return strchr("aeiouy'", c) == NULL;
}

/* The word without one ending, if the lexicon has that. */
static size_t try_ending(const mli_lexicon *x, const char *word, size_t bytes, const ending *e,
                         uint8_t phones[MLI_WORD_PHONES])
{
    size_t tail = strlen(e->letters), restore = strlen(e->restore);
    char stem[LONGEST + 8];
    if (bytes < tail + 2 || memcmp(word + bytes - tail, e->letters, tail) != 0)
        return 0;
    size_t head = bytes - tail;
    memcpy(stem, word, head);
    memcpy(stem + head, e->restore, restore);
    size_t count = head + restore >= 2 ? mli_lexicon_find(x, stem, head + restore, 0, phones) : 0;
    const bool vowel_next = strchr("aeiouy", e->letters[0]) != NULL && e->letters[0] != '\0';
    if (count == 0 && restore == 0 && vowel_next && head >= 3 && stem[head - 1] == stem[head - 2] &&
        is_consonant_letter(stem[head - 1]))
        count = mli_lexicon_find(x, stem, head - 1, 0, phones); /* running */
    return count > 0 ? add_ending(phones, count, e->phones) : 0;
}

static size_t by_ending(const mli_lexicon *x, const char *word, size_t bytes,
                        uint8_t phones[MLI_WORD_PHONES])
{
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        bool tiny = endings[i].letters[0] != '\'' && bytes < 4;
        size_t count = tiny ? 0 : try_ending(x, word, bytes, &endings[i], phones);
        if (count > 0)
            return count;
    }
    return 0;
}

/* The second part of a compound keeps a weaker stress. */
static void weaken(uint8_t *phones, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (mli_phone_stress(phones[i]) == 1)
            phones[i] = mli_phone_pack(mli_phone_of(phones[i]), 2);
    }
}

static size_t by_beginning(const mli_lexicon *x, const char *word, size_t bytes,
                           uint8_t phones[MLI_WORD_PHONES])
{
    uint8_t rest[MLI_WORD_PHONES];
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        size_t head = strlen(beginnings[i].letters);
        if (bytes < head + 4 || memcmp(word, beginnings[i].letters, head) != 0)
            continue;
        size_t count = mli_lexicon_find(x, word + head, bytes - head, 0, rest);
        if (count == 0)
            count = by_ending(x, word + head, bytes - head, rest);
        if (count == 0)
            continue;
        size_t n = mli_phones_read(beginnings[i].phones, phones);
        for (size_t k = 0; k < count; k++)
            n = add(phones, n, rest[k]);
        return n;
    }
    return 0;
}

/* Two words of the lexicon, each of three letters or more; the longest first part. */
static size_t by_compound(const mli_lexicon *x, const char *word, size_t bytes,
                          uint8_t phones[MLI_WORD_PHONES])
{
    uint8_t rest[MLI_WORD_PHONES];
    for (size_t head = bytes < 7 ? 0 : bytes - 3; head >= 3; head--) {
        size_t n = mli_lexicon_find(x, word, head, 0, phones);
        if (n == 0)
            continue;
        size_t count = mli_lexicon_find(x, word + head, bytes - head, 0, rest);
        if (count == 0 && bytes - head >= 5)
            count = by_ending(x, word + head, bytes - head, rest);
        if (count == 0)
            continue;
        weaken(rest, count);
        for (size_t k = 0; k < count; k++)
            n = add(phones, n, rest[k]);
        return n;
    }
    return 0;
}

/* The letters of an unknown word may still end as an inflection does: the ending keeps its sound.
 */
size_t mli_pronounce_word(const mli_lexicon *lexicon, const char *word, size_t bytes,
                          uint8_t phones[MLI_WORD_PHONES], mli_pronounced_by *by)
{
    size_t count = mli_lexicon_find(lexicon, word, bytes, 0, phones);
    *by = MLI_BY_LEXICON;
    if (count > 0)
        return count;
    *by = MLI_BY_PARTS;
    if (bytes <= LONGEST) {
        count = by_ending(lexicon, word, bytes, phones);
        if (count == 0)
            count = by_beginning(lexicon, word, bytes, phones);
        if (count == 0)
            count = by_compound(lexicon, word, bytes, phones);
        if (count > 0)
            return count;
    }
    *by = MLI_BY_LETTERS;
    if (bytes > 3 && memcmp(word + bytes - 2, "'s", 2) == 0) {
        count = mli_pronounce_letters(word, bytes - 2, phones);
        return add_ending(phones, count, "S");
    }
    return mli_pronounce_letters(word, bytes, phones);
}
