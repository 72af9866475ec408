/* Abbreviations, roman numerals, acronyms and plain words. */
#include "text/spoken_private.h"

#include <string.h>

enum { DOT = 1, CAPITAL_AFTER = 2, NUMBER_AFTER = 4, CASE = 8, CAPITAL_BEFORE = 16 };

/* DOT: only with its dot. CASE: exactly so spelled. The first line that fits is taken. */
static const struct abbreviation {
    const char *sign, *words;
    int rules;
} abbreviations[] = {
    {"mr", "mister", 0},
    {"mrs", "missus", 0},
    {"ms", "miz", DOT},
    {"messrs", "messieurs", 0},
    {"dr", "doctor", CAPITAL_AFTER},
    {"dr", "drive", DOT | CAPITAL_BEFORE},
    {"dr", "doctor", DOT},
    {"st", "street", DOT | CAPITAL_BEFORE},
    {"st", "saint", CAPITAL_AFTER},
    {"ste", "suite", NUMBER_AFTER},
    {"prof", "professor", 0},
    {"gen", "general", DOT},
    {"sen", "senator", DOT},
    {"rep", "representative", DOT | CAPITAL_AFTER},
    {"gov", "governor", DOT | CAPITAL_AFTER},
    {"capt", "captain", 0},
    {"lt", "lieutenant", CAPITAL_AFTER},
    {"col", "colonel", DOT | CAPITAL_AFTER},
    {"sgt", "sergeant", 0},
    {"maj", "major", DOT},
    {"cmdr", "commander", 0},
    {"adm", "admiral", DOT},
    {"rev", "reverend", DOT | CAPITAL_AFTER},
    {"hon", "honorable", DOT | CAPITAL_AFTER},
    {"pres", "president", DOT},
    {"jr", "junior", 0},
    {"sr", "senior", 0},
    {"esq", "esquire", 0},
    {"ave", "avenue", CAPITAL_BEFORE},
    {"ave", "avenue", DOT},
    {"blvd", "boulevard", 0},
    {"rd", "road", DOT},
    {"hwy", "highway", 0},
    {"apt", "apartment", DOT},
    {"mt", "mount", CAPITAL_AFTER},
    {"ft", "fort", CAPITAL_AFTER | CASE},
    {"vs", "versus", 0},
    {"v", "versus", DOT | CAPITAL_AFTER | CAPITAL_BEFORE},
    {"etc", "et cetera", 0},
    {"e.g", "for example", 0},
    {"eg", "for example", DOT},
    {"i.e", "that is", 0},
    {"ie", "that is", DOT},
    {"cf", "compare", DOT},
    {"viz", "namely", DOT},
    {"ca", "circa", DOT},
    {"approx", "approximately", 0},
    {"est", "established", DOT},
    {"dept", "department", 0},
    {"univ", "university", DOT},
    {"assn", "association", 0},
    {"bros", "brothers", 0},
    {"inc", "incorporated", 0},
    {"ltd", "limited", 0},
    {"corp", "corporation", 0},
    {"co", "company", DOT},
    {"govt", "government", 0},
    {"mgr", "manager", 0},
    {"temp", "temperature", DOT},
    {"avg", "average", 0},
    {"max", "maximum", DOT},
    {"min", "minimum", DOT},
    {"no", "number", DOT | NUMBER_AFTER},
    {"nos", "numbers", NUMBER_AFTER},
    {"nr", "number", NUMBER_AFTER},
    {"fig", "figure", DOT},
    {"figs", "figures", DOT},
    {"eq", "equation", DOT},
    {"sec", "section", DOT | NUMBER_AFTER},
    {"ch", "chapter", DOT | NUMBER_AFTER},
    {"vol", "volume", DOT},
    {"ed", "edition", DOT},
    {"p", "page", DOT | NUMBER_AFTER},
    {"pp", "pages", DOT},
    {"ext", "extension", DOT | NUMBER_AFTER},
    {"tel", "telephone", DOT},
    {"mon", "monday", DOT},
    {"tue", "tuesday", DOT},
    {"tues", "tuesday", DOT},
    {"wed", "wednesday", DOT},
    {"thu", "thursday", DOT},
    {"thur", "thursday", DOT},
    {"thurs", "thursday", DOT},
    {"fri", "friday", DOT},
    {"sat", "saturday", DOT | CAPITAL_AFTER},
    {"oz", "ounces", DOT},
    {"lb", "pounds", DOT},
    {"lbs", "pounds", 0},
    {"w/", "with", 0},
    {"w/o", "without", 0},
    {"b/c", "because", 0},
    {"&", "and", 0},
    {"+", "plus", 0},
    {"=", "equals", 0},
    {"@", "at", 0},
    {"<", "less than", 0},
    {">", "greater than", 0},
    {"<=", "less than or equal to", 0},
    {">=", "greater than or equal to", 0},
    {"->", "to", 0},
    {"\x84", "times", 0},
    {"\x85", "divided by", 0},
    {"\x87", "section", 0},
    {"\x87\x87", "sections", 0},
    {"\x88", "plus or minus", 0},
    {"\x89", "about", 0},
    {"%", "percent", 0},
    {"$", "dollars", 0},
    {"#", "number", NUMBER_AFTER},
    {"OK", "okay", CASE},
    {"ok", "okay", 0},
    {"Ph.D", "p h d", CASE},
    {"PhD", "p h d", CASE},
    {"TV", "t v", CASE},
    {"JPEG", "jay peg", CASE},
    {"SQL", "sequel", CASE},
    {"COVID", "covid", CASE},
    {"WiFi", "wye fye", CASE},
    {"Wi-Fi", "wye fye", CASE},
};

static bool number_follows(const mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at + 1);
    return t.bytes > 0 && (mli_is_digit(t.text[0]) || t.text[0] == '#');
}

static bool capital_at(const mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    return t.bytes > 0 && mli_is_upper(t.text[0]);
}

static bool fits(const mli_saying *s, size_t at, int rules, const char *sign)
{
    mli_text_part t = mli_piece_text(s, at);
    const mli_piece *p = &s->pieces[at];
    if ((rules & DOT) != 0 && !p->dot)
        return false;
    if ((rules & CAPITAL_AFTER) != 0 && !(capital_at(s, at + 1) && (p->mark == 0)))
        return false;
    if ((rules & NUMBER_AFTER) != 0 && !number_follows(s, at))
        return false;
    if ((rules & CAPITAL_BEFORE) != 0 && !(at > 0 && capital_at(s, at - 1) && capital_at(s, at)))
        return false;
    if ((rules & CASE) == 0 || sign[0] == 'f')
        return mli_text_is(t, sign);
    return strlen(sign) == t.bytes && memcmp(t.text, sign, t.bytes) == 0;
}

/* Says words; single letters among them as letters. */
static void say_expansion(mli_saying *s, const char *words)
{
    while (*words != '\0') {
        const char *end = strchr(words, ' ');
        size_t bytes = end != NULL ? (size_t)(end - words) : strlen(words);
        mli_say_word(s, words, bytes, bytes == 1 && *words != 'a' ? MLI_SPOKEN_LETTERS : 0);
        words += bytes + (end != NULL ? 1 : 0);
    }
}

size_t mli_say_abbreviation(mli_saying *s, size_t at)
{
    for (size_t i = 0; i < sizeof abbreviations / sizeof *abbreviations; i++) {
        if (fits(s, at, abbreviations[i].rules, abbreviations[i].sign)) {
            say_expansion(s, abbreviations[i].words);
            return 1;
        }
    }
    return 0;
}

/* Value of a roman numeral below 40, strictly written; 0 when it is none. */
static uint32_t roman_value(mli_text_part t)
{
    static const char *const ones[] = {"", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"};
    size_t at = 0;
    uint32_t ten = 0;
    while (at < t.bytes && at < 3 && t.text[at] == 'X') {
        at++;
        ten += 10;
    }
    for (uint32_t i = 10; i-- > 0;) {
        if (strlen(ones[i]) == t.bytes - at && memcmp(ones[i], t.text + at, t.bytes - at) == 0)
            return ten + i;
    }
    return 0;
}

static bool is_one_of(mli_text_part t, const char *const *words)
{
    for (; *words != NULL; words++) {
        if (mli_text_is(t, *words))
            return true;
    }
    return false;
}

size_t mli_say_roman(mli_saying *s, size_t at)
{
    static const char *const counted[] = {
        "chapter", "part",     "section",  "volume",   "act",      "scene", "book",
        "phase",   "type",     "level",    "stage",    "war",      "bowl",  "article",
        "title",   "class",    "grade",    "vol",      "episode",  "round", "mark",
        "figure",  "appendix", "division", "schedule", "category", "group", "step",
        "unit",    "lesson",   "canto",    "season",   NULL};
    static const char *const rulers[] = {
        "henry",   "george",  "louis",     "elizabeth", "charles",   "edward",    "richard",
        "james",   "william", "john",      "paul",      "pius",      "benedict",  "francis",
        "philip",  "mary",    "catherine", "nicholas",  "alexander", "napoleon",  "frederick",
        "leo",     "gregory", "peter",     "ivan",      "victor",    "ferdinand", "otto",
        "urban",   "clement", "innocent",  "ramses",    "darius",    "xerxes",    "ptolemy",
        "wilhelm", "malcolm", "robert",    "david",     "harald",    NULL};
    mli_text_part t = mli_piece_text(s, at);
    uint32_t value = at > 0 && t.bytes > 0 ? roman_value(t) : 0;

    if (value == 0 || s->pieces[at - 1].mark != 0 || s->shouting)
        return 0;
    mli_text_part before = mli_piece_text(s, at - 1);
    const bool ruler = is_one_of(before, rulers) && capital_at(s, at - 1);
    const bool count = is_one_of(before, counted);
    if (!ruler && !count && (t.bytes < 2 || !capital_at(s, at - 1) || value == 11 || value >= 20))
        return 0;
    if (ruler && t.bytes == 1 && t.text[0] == 'I')
        return 0; /* the pronoun, as likely */
    char digits[2] = {(char)('0' + value / 10), (char)('0' + value % 10)};
    if (ruler) {
        mli_say(s, "the");
        mli_say_ordinal(s, digits, 2);
    } else {
        mli_say_cardinal(s, digits + (value < 10 ? 1 : 0), value < 10 ? 1 : 2);
    }
    return 1;
}

/* Capitals that are meant as emphasis, not as letters. */
static bool is_emphasis(mli_text_part t)
{
    static const char *const words[] = {
        "not",  "all",   "no",  "yes", "and", "or",  "but", "now",  "new",  "the",  "one",
        "two",  "you",   "my",  "me",  "we",  "he",  "she", "is",   "are",  "was",  "has",
        "had",  "can",   "do",  "did", "so",  "if",  "to",  "of",   "for",  "be",   "by",
        "at",   "on",    "in",  "up",  "out", "off", "any", "ever", "get",  "got",  "his",
        "her",  "our",   "own", "see", "too", "why", "how", "who",  "must", "very", "stop",
        "only", "never", "a",   "i",   "an",  NULL};
    return is_one_of(t, words);
}

static bool all_upper(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (!mli_is_upper(text[i]))
            return false;
    }
    return bytes > 0;
}

/* U.S, a.m, J.R.R: letters with dots between. */
static bool is_dotted(mli_text_part t)
{
    if (t.bytes < 3 || t.bytes % 2 == 0)
        return false;
    for (size_t i = 0; i < t.bytes; i++) {
        if (i % 2 == 0 ? !mli_is_letter(t.text[i]) : t.text[i] != '.')
            return false;
    }
    return true;
}

static void say_dotted(mli_saying *s, mli_text_part t)
{
    char letters[16];
    size_t n = 0;
    for (size_t i = 0; i < t.bytes; i += 2) {
        letters[n++] = t.text[i];
        if (n == sizeof letters || i + 2 >= t.bytes) {
            mli_say_word(s, letters, n, MLI_SPOKEN_LETTERS);
            n = 0;
        }
    }
}

/* Bytes of the ending 's or s behind capitals: FBI's, CEOs. */
static size_t capitals_ending(mli_text_part t)
{
    if (t.bytes >= 3 && t.text[t.bytes - 2] == '\'' && t.text[t.bytes - 1] == 's')
        return 2;
    return t.bytes >= 3 && t.text[t.bytes - 1] == 's' && t.text[t.bytes - 2] != '\'' ? 1 : 0;
}

void mli_say_plain(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    size_t ending = capitals_ending(t), head = t.bytes - ending;

    if (is_dotted(t)) {
        say_dotted(s, t);
    } else if (t.bytes == 1 && mli_is_letter(t.text[0])) {
        bool word = t.text[0] == 'a' || t.text[0] == 'I' || t.text[0] == 'i' ||
                    (t.text[0] == 'A' && !s->pieces[at].dot && s->pieces[at].mark == 0);
        mli_say_word(s, t.text, 1, word ? 0 : MLI_SPOKEN_LETTERS);
    } else if (!s->shouting && all_upper(t.text, head) && head >= 2 && head <= 5 &&
               !is_emphasis(t)) {
        char word[8];
        memcpy(word, t.text, head);
        if (ending > 0) {
            word[head] = '\'';
            word[head + 1] = 's';
        }
        mli_say_word(s, word, head + (ending > 0 ? 2 : 0),
                     head <= 3 ? MLI_SPOKEN_LETTERS : MLI_SPOKEN_CAPITALS);
    } else {
        mli_say_mixed(s, t.text, t.bytes, false);
    }
}
