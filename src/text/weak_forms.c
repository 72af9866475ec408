/* Function words inside a sentence, and the names of letters. */
#include "text/pronounce_private.h"

#include <string.h>

/* Inside a sentence, before a vowel, before a pause; NULL = as inside, "" = as any other word. */
static const struct weak {
    const char *word, *inside, *vowel, *last;
} weak[] = {
    {"a", "ɐ", NULL, ""},
    {"an", "æn", "ɐn", NULL},
    {"the", "ðə", "ðɪ", NULL},
    {"and", "ænd", NULL, NULL},
    {"or", "ɔːɹ", NULL, NULL},
    {"but", "bˌʌt", NULL, NULL},
    {"if", "ɪf", NULL, NULL},
    {"as", "æz", NULL, NULL},
    {"than", "ðɐn", NULL, NULL},
    {"that", "ðæt", NULL, ""},
    {"of", "ʌv", NULL, NULL},
    {"to", "tə", "tʊ", "tuː"},
    {"in", "ɪn", NULL, ""},
    {"on", "ˌɔn", NULL, "ˈɔn"},
    {"at", "æt", "æɾ", NULL},
    {"by", "baɪ", NULL, ""},
    {"for", "fɔːɹ", NULL, NULL},
    {"from", "fɹʌm", NULL, NULL},
    {"with", "wɪð", NULL, NULL},
    {"into", "ˌɪntʊ", NULL, NULL},
    {"onto", "ˌɑːntʊ", NULL, ""},
    {"upon", "əpˌɑːn", NULL, NULL},
    {"about", "ɐbˌaʊt", NULL, ""},
    {"over", "ˌoʊvɚ", NULL, ""},
    {"under", "ˌʌndɚ", NULL, ""},
    {"before", "bᵻfˌoːɹ", NULL, ""},
    {"between", "bᵻtwˌiːn", NULL, ""},
    {"through", "θɹuː", NULL, ""},
    {"without", "wɪðˌaʊt", NULL, ""},
    {"within", "wɪðˌɪn", NULL, ""},
    {"among", "ɐmˌʌŋ", NULL, ""},
    {"i", "aɪ", NULL, ""},
    {"you", "juː", NULL, NULL},
    {"he", "hiː", NULL, NULL},
    {"she", "ʃiː", NULL, NULL},
    {"it", "ɪt", "ɪɾ", NULL},
    {"we", "wiː", NULL, NULL},
    {"they", "ðeɪ", NULL, NULL},
    {"me", "mˌiː", NULL, NULL},
    {"him", "hˌɪm", NULL, NULL},
    {"her", "hɜː", NULL, NULL},
    {"us", "ˌʌs", NULL, NULL},
    {"them", "ðˌɛm", NULL, NULL},
    {"my", "maɪ", NULL, ""},
    {"your", "jʊɹ", NULL, NULL},
    {"his", "hɪz", NULL, ""},
    {"its", "ɪts", NULL, NULL},
    {"our", "ˌaʊɚ", NULL, NULL},
    {"their", "ðɛɹ", NULL, NULL},
    {"this", "ðɪs", NULL, ""},
    {"these", "ðiːz", NULL, ""},
    {"those", "ðoʊz", NULL, ""},
    {"who", "hˌuː", NULL, ""},
    {"whose", "hˌuːz", NULL, NULL},
    {"which", "wˌɪtʃ", NULL, ""},
    {"what", "wʌt", NULL, ""},
    {"when", "wɛn", NULL, ""},
    {"where", "wˌɛɹ", NULL, ""},
    {"why", "wˌaɪ", NULL, ""},
    {"how", "hˌaʊ", NULL, ""},
    {"is", "ɪz", NULL, NULL},
    {"am", "æm", NULL, NULL},
    {"are", "ɑːɹ", NULL, NULL},
    {"was", "wʌz", NULL, NULL},
    {"were", "wɜː", NULL, NULL},
    {"be", "biː", NULL, ""},
    {"been", "bˌɪn", NULL, NULL},
    {"being", "bˌiːɪŋ", NULL, ""},
    {"has", "hɐz", NULL, ""},
    {"have", "hæv", NULL, ""},
    {"had", "hæd", NULL, "hˌæd"},
    {"having", "hˌævɪŋ", NULL, ""},
    {"can", "kæn", NULL, ""},
    {"could", "kʊd", NULL, ""},
    {"will", "wɪl", NULL, ""},
    {"would", "wʊd", NULL, ""},
    {"shall", "ʃˌæl", NULL, ""},
    {"should", "ʃˌʊd", NULL, ""},
    {"might", "mˌaɪt", NULL, ""},
    {"not", "nˌɑːt", NULL, ""},
    {"so", "sˌoʊ", NULL, ""},
    {"there", "ðɛɹ", NULL, ""},
    {"any", "ˌɛni", NULL, NULL},
    {"some", "sˌʌm", NULL, NULL},
    {"up", "ˌʌp", NULL, ""},
    {"down", "dˌaʊn", NULL, ""},
    {"while", "wˌaɪl", NULL, ""},
    {"though", "ðˌoʊ", NULL, NULL},
    {"won't", "woʊnt", NULL, ""},
    {"isn't", "ˌɪzənt", NULL, ""},
    {"i'm", "aɪm", NULL, NULL},
    {"i've", "aɪv", NULL, NULL},
    {"i'll", "aɪl", NULL, NULL},
    {"i'd", "aɪd", NULL, NULL},
    {"you're", "jʊɹ", NULL, NULL},
    {"he's", "hiːz", NULL, NULL},
    {"she's", "ʃiːz", NULL, NULL},
    {"it's", "ɪts", NULL, NULL},
    {"we're", "wɪɹ", NULL, NULL},
    {"they're", "ðeɪɚ", NULL, NULL},
    {"that's", "ðæts", NULL, ""},
};

const char *mli_weak_form(const char *word, size_t bytes, bool vowel, bool last)
{
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        const struct weak *w = &weak[i];
        if (strlen(w->word) != bytes || memcmp(w->word, word, bytes) != 0)
            continue;
        const char *form = last && w->last != NULL     ? w->last
                           : vowel && w->vowel != NULL ? w->vowel
                                                       : w->inside;
        return form[0] != '\0' ? form : NULL;
    }
    return NULL;
}

/* Before the stress mark, and behind it. */
static const char *const letters[26][2] = {
    {"", "eɪ"},   {"b", "iː"},  {"s", "iː"}, {"d", "iː"},  {"", "iː"},        {"", "ɛf"},
    {"dʒ", "iː"}, {"", "eɪtʃ"}, {"", "aɪ"},  {"dʒ", "eɪ"}, {"k", "eɪ"},       {"", "ɛl"},
    {"", "ɛm"},   {"", "ɛn"},   {"", "oʊ"},  {"p", "iː"},  {"kj", "uː"},      {"", "ɑːɹ"},
    {"", "ɛs"},   {"t", "iː"},  {"j", "uː"}, {"v", "iː"},  {"d", "ʌbəljˌuː"}, {"", "ɛks"},
    {"w", "aɪ"},  {"z", "iː"}};

void mli_ipa_letters(const char *word, size_t bytes, mli_buf *out)
{
    bool plural = bytes > 2 && memcmp(word + bytes - 2, "'s", 2) == 0;
    size_t count = plural ? bytes - 2 : bytes;
    for (size_t i = 0; i < count; i++) {
        if (word[i] < 'a' || word[i] > 'z')
            continue;
        mli_buf_append_text(out, letters[word[i] - 'a'][0]);
        mli_buf_append_text(out, i + 1 == count ? "ˈ" : "ˌ");
        mli_buf_append_text(out, letters[word[i] - 'a'][1]);
    }
    if (plural) {
        char last = word[count - 1];
        bool hiss = last == 'h' || last == 's' || last == 'x';
        mli_buf_append_text(out, hiss ? "ᵻz" : last == 'f' ? "s" : "z");
    }
}
