/* Words that are written alike and said differently: which one, by the words beside them. */
#include "text/pronounce_private.h"

#include <string.h>

typedef enum rule {
    NOUN,  /* the verb only where a verb stands */
    VERB,  /* the noun only where a noun stands */
    PAST,  /* read: the second after have and be */
    NEAR,  /* close: the verb first, the adjective after degree words */
    METAL, /* lead: the second before what is made of it */
    AIR,   /* live: the second before a noun, or after an article */
    NAME   /* the second with a capital inside a sentence */
} rule;

static const struct heteronym {
    const char *word, *first, *second; /* noun or default; verb or the other */
    rule rule;
} heteronyms[] = {
    {"abuse", "AH0 B Y UW1 S", "AH0 B Y UW1 Z", NOUN},
    {"address", "AE1 D R EH2 S", "AH0 D R EH1 S", NOUN},
    {"advocate", "AE1 D V AH0 K AH0 T", "AE1 D V AH0 K EY2 T", NOUN},
    {"alternate", "AO1 L T ER0 N AH0 T", "AO1 L T ER0 N EY2 T", NOUN},
    {"associate", "AH0 S OW1 SH IY0 AH0 T", "AH0 S OW1 SH IY0 EY2 T", NOUN},
    {"attribute", "AE1 T R IH0 B Y UW2 T", "AH0 T R IH1 B Y UW0 T", NOUN},
    {"bass", "B EY1 S", "B AE1 S", NOUN},
    {"bow", "B OW1", "B AW1", NOUN},
    {"close", "K L OW1 Z", "K L OW1 S", NEAR},
    {"combine", "K AH0 M B AY1 N", "K AA1 M B AY0 N", VERB},
    {"compound", "K AA1 M P AW0 N D", "K AH0 M P AW1 N D", NOUN},
    {"conduct", "K AA1 N D AH0 K T", "K AH0 N D AH1 K T", NOUN},
    {"conflict", "K AA1 N F L IH0 K T", "K AH0 N F L IH1 K T", NOUN},
    {"console", "K AA1 N S OW0 L", "K AH0 N S OW1 L", NOUN},
    {"contest", "K AA1 N T EH0 S T", "K AH0 N T EH1 S T", NOUN},
    {"contract", "K AA1 N T R AE2 K T", "K AH0 N T R AE1 K T", NOUN},
    {"contrast", "K AA1 N T R AE0 S T", "K AH0 N T R AE1 S T", NOUN},
    {"convert", "K AH0 N V ER1 T", "K AA1 N V ER0 T", VERB},
    {"convict", "K AA1 N V IH0 K T", "K AH0 N V IH1 K T", NOUN},
    {"decrease", "D IY1 K R IY2 S", "D IH0 K R IY1 S", NOUN},
    {"deliberate", "D IH0 L IH1 B ER0 AH0 T", "D IH0 L IH1 B ER0 EY2 T", NOUN},
    {"desert", "D EH1 Z ER0 T", "D IH0 Z ER1 T", NOUN},
    {"dove", "D AH1 V", "D OW1 V", NOUN},
    {"duplicate", "D UW1 P L AH0 K AH0 T", "D UW1 P L AH0 K EY2 T", NOUN},
    {"elaborate", "IH0 L AE1 B ER0 AH0 T", "IH0 L AE1 B ER0 EY2 T", NOUN},
    {"entrance", "EH1 N T R AH0 N S", "IH0 N T R AE1 N S", NOUN},
    {"escort", "EH1 S K AO0 R T", "EH0 S K AO1 R T", NOUN},
    {"estimate", "EH1 S T AH0 M AH0 T", "EH1 S T AH0 M EY2 T", NOUN},
    {"excuse", "IH0 K S K Y UW1 S", "IH0 K S K Y UW1 Z", NOUN},
    {"export", "EH1 K S P AO0 R T", "IH0 K S P AO1 R T", NOUN},
    {"extract", "EH1 K S T R AE2 K T", "IH0 K S T R AE1 K T", NOUN},
    {"graduate", "G R AE1 JH AH0 W AH0 T", "G R AE1 JH AH0 W EY2 T", NOUN},
    {"house", "HH AW1 S", "HH AW1 Z", NOUN},
    {"import", "IH1 M P AO2 R T", "IH0 M P AO1 R T", NOUN},
    {"increase", "IH1 N K R IY2 S", "IH0 N K R IY1 S", NOUN},
    {"insult", "IH1 N S AH2 L T", "IH0 N S AH1 L T", NOUN},
    {"intimate", "IH1 N T AH0 M AH0 T", "IH1 N T AH0 M EY2 T", NOUN},
    {"lead", "L IY1 D", "L EH1 D", METAL},
    {"live", "L IH1 V", "L AY1 V", AIR},
    {"moderate", "M AA1 D ER0 AH0 T", "M AA1 D ER0 EY2 T", NOUN},
    {"object", "AA1 B JH EH0 K T", "AH0 B JH EH1 K T", NOUN},
    {"perfect", "P ER1 F IH0 K T", "P ER0 F EH1 K T", NOUN},
    {"permit", "P ER1 M IH2 T", "P ER0 M IH1 T", NOUN},
    {"polish", "P AA1 L IH0 SH", "P OW1 L IH0 SH", NAME},
    {"present", "P R EH1 Z AH0 N T", "P R IY0 Z EH1 N T", NOUN},
    {"produce", "P R AH0 D UW1 S", "P R OW1 D UW2 S", VERB},
    {"progress", "P R AA1 G R EH2 S", "P R AH0 G R EH1 S", NOUN},
    {"project", "P R AA1 JH EH0 K T", "P R AH0 JH EH1 K T", NOUN},
    {"protest", "P R OW1 T EH2 S T", "P R AH0 T EH1 S T", NOUN},
    {"read", "R IY1 D", "R EH1 D", PAST},
    {"rebel", "R EH1 B AH0 L", "R IH0 B EH1 L", NOUN},
    {"record", "R EH1 K ER0 D", "R IH0 K AO1 R D", NOUN},
    {"refuse", "R AH0 F Y UW1 Z", "R EH1 F Y UW2 Z", VERB},
    {"separate", "S EH1 P ER0 AH0 T", "S EH1 P ER0 EY2 T", NOUN},
    {"subject", "S AH1 B JH IH0 K T", "S AH0 B JH EH1 K T", NOUN},
    {"suspect", "S AH0 S P EH1 K T", "S AH1 S P EH2 K T", VERB},
    {"tear", "T IH1 R", "T EH1 R", NOUN},
    {"transfer", "T R AE1 N S F ER0", "T R AE0 N S F ER1", NOUN},
    {"transport", "T R AE1 N S P AO0 R T", "T R AE0 N S P AO1 R T", NOUN},
    {"upset", "AH0 P S EH1 T", "AH1 P S EH2 T", VERB},
    {"use", "Y UW1 Z", "Y UW1 S", VERB},
    {"wind", "W IH1 N D", "W AY1 N D", NOUN},
    {"wound", "W UW1 N D", "W AW1 N D", NOUN},
};

static bool is_one_of(const char *word, size_t bytes, const char *list)
{
    while (*list != '\0') {
        const char *end = strchr(list, ' ');
        size_t n = end != NULL ? (size_t)(end - list) : strlen(list);
        if (n == bytes && memcmp(list, word, n) == 0)
            return true;
        list += n + (end != NULL ? 1 : 0);
    }
    return false;
}

/* A verb stands behind these. */
static bool verb_place(const mli_word_context *c)
{
    return !c->first &&
           is_one_of(c->before, c->before_bytes,
                     "to will would can could should may might must shall not i you we they who "
                     "please let's don't didn't doesn't won't can't cannot couldn't wouldn't "
                     "shouldn't did do does never always also us them people i'll we'll you'll "
                     "they'll he'll she'll it'll i'd we'd they'd");
}

/* A noun or an adjective stands behind these. */
static bool noun_place(const mli_word_context *c)
{
    return !c->first &&
           is_one_of(
               c->before, c->before_bytes,
               "the a an this that these those my your his her its our their of in for with no "
               "some any each every one two three other new old first last next fresh daily "
               "local good prime main personal on by from as whose much more little heavy "
               "widespread constant further military common public");
}

static bool past_place(const mli_word_context *c)
{
    return !c->first &&
           is_one_of(
               c->before, c->before_bytes,
               "have has had having was were been be is are being i've we've you've they've he's "
               "she's already he she hadn't haven't hasn't well");
}

static bool second(const struct heteronym *h, const mli_word_context *c)
{
    switch (h->rule) {
    case NOUN:
        return verb_place(c);
    case VERB:
        return noun_place(c);
    case PAST:
        return past_place(c) ||
               (is_one_of(c->before, c->before_bytes, "you we they i he she never just not") &&
                is_one_of(c->earlier, c->earlier_bytes, "have has had i've you've we've"));
    case NEAR:
        return is_one_of(c->after, c->after_bytes, "to by enough together behind") ||
               (!c->first && is_one_of(c->before, c->before_bytes,
                                       "so very too is was are were be been as how a stay get got "
                                       "came come stand stood really pretty my"));
    case METAL:
        return is_one_of(c->after, c->after_bytes,
                         "pipe pipes paint poisoning acid pencil bullet bullets shot free weights");
    case AIR:
        return noun_place(c) ||
               is_one_of(c->after, c->after_bytes,
                         "music show shows broadcast stream streaming concert "
                         "coverage performance event events audience album "
                         "television tv video") ||
               (!c->first && is_one_of(c->before, c->before_bytes, "go goes going went was is be"));
    default:
        return c->capital && !c->first;
    }
}

const char *mli_heteronym(const mli_word_context *c)
{
    for (size_t i = 0; i < sizeof heteronyms / sizeof *heteronyms; i++) {
        const struct heteronym *h = &heteronyms[i];
        if (strlen(h->word) == c->bytes && memcmp(h->word, c->word, c->bytes) == 0)
            return second(h, c) ? h->second : h->first;
    }
    return NULL;
}
