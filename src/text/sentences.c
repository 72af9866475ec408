/* The sentence splitter: looks at each mark that may end a sentence, and at what stands around it.
 */
#include "text/sentences.h"

#include "base/str.h"
#include "text/unicode.h"
#include <string.h>

/* Never the last word of a sentence. */
static const char *const titles[] = {
    "mr",   "mrs",  "ms",  "dr",  "prof", "gen",    "sen",  "rep", "gov", "capt", "lt",
    "col",  "sgt",  "rev", "hon", "maj",  "cmdr",   "adm",  "st",  "mt",  "ft",   "vs",
    "e.g",  "i.e",  "cf",  "fig", "figs", "approx", "ca",   "vol", "pp",  "viz",  "messrs",
    "supt", "pres", "sr",  "ste", "eq",   "sec",    "dept", NULL};
/* Ends one only when the next word cannot be a name. */
static const char *const companies[] = {"inc", "ltd", "co",  "corp", "bros", "jr", "ph.d", "u.s",
                                        "u.k", "u.n", "d.c", "ave",  "blvd", "rd", NULL};
/* Not the end when a number follows. */
static const char *const counted[] = {"no",  "nos", "p",   "jan", "feb", "mar",
                                      "apr", "jun", "jul", "aug", "sep", "sept",
                                      "oct", "nov", "dec", "art", "ch",  NULL};
static const char *const starters[] = {
    "the",   "a",    "an",    "it",    "he",    "she",   "they",   "we",      "you",
    "this",  "that", "these", "those", "there", "in",    "on",     "at",      "but",
    "and",   "so",   "if",    "when",  "what",  "who",   "why",    "how",     "his",
    "her",   "its",  "our",   "their", "then",  "after", "before", "as",      "for",
    "to",    "from", "with",  "my",    "your",  "yes",   "no",     "however", "while",
    "since", "now",  "here",  "some",  "all",   "not",   "please", "both",    NULL};

static bool is_in(const char *const *list, const char *word)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strcmp(list[i], word) == 0)
            return true;
    }
    return false;
}

static size_t look(const mli_sentences *s, size_t at, uint32_t *c)
{
    *c = 0;
    if (at >= s->bytes)
        return 0;
    size_t length = mli_utf8_decode(s->text + at, s->bytes - at, c);
    if (length == 0) {
        *c = 0xfffd;
        return 1;
    }
    return length;
}

static bool is_gap(uint32_t c)
{
    return c == 0xfeff || c < 0x20 || c == 0x7f || mli_unicode_is_space(c);
}

static bool is_closer(uint32_t c)
{
    return c == '"' || c == '\'' || c == ')' || c == ']' || c == '}' || c == 0x201d ||
           c == 0x2019 || c == 0xbb || c == '*' || c == '_';
}

static bool is_opener(uint32_t c)
{
    return c == '"' || c == '\'' || c == '(' || c == '[' || c == '{' || c == 0x201c ||
           c == 0x2018 || c == 0xab || c == '*' || c == '_';
}

static bool is_lower(uint32_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7);
}

static bool is_upper(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7);
}

/* End of the white space from `at` on; whether it holds a blank line. */
static size_t skip_gap(const mli_sentences *s, size_t at, bool *blank)
{
    uint32_t c;
    int lines = 0;
    for (size_t length; (length = look(s, at, &c)) > 0 && is_gap(c); at += length)
        lines += c == '\n' || c == 0x2028 ? 1 : c == 0x2029 || c == '\f' ? 2 : 0;
    *blank = lines >= 2;
    return at;
}

/* The word from `at` on in small letters, ASCII only; "" when it is none or too long. */
static void word_at(const mli_sentences *s, size_t at, char out[16])
{
    size_t n = 0;
    for (; at < s->bytes && n < 15; at++, n++) {
        char c = (char)(s->text[at] | 0x20);
        if (c < 'a' || c > 'z')
            break;
        out[n] = c;
    }
    out[n < 15 ? n : 0] = '\0';
}

/* The word, inner dots included, that ends before `end`. */
static size_t word_before(const mli_sentences *s, size_t from, size_t end, char out[16])
{
    size_t at = end, n = 0;
    while (at > from && end - at < 15) {
        char c = s->text[at - 1], l = (char)(c | 0x20);
        if (c != '.' && (l < 'a' || l > 'z'))
            break;
        at--;
    }
    if (at > from && end - at >= 15)
        at = end;
    for (; n < end - at; n++)
        out[n] = s->text[at + n] == '.' ? '.' : (char)(s->text[at + n] | 0x20);
    out[n] = '\0';
    return n;
}

static bool only_number(const mli_sentences *s, size_t from, size_t end)
{
    for (size_t i = from; i < end; i++) {
        if (s->text[i] < '0' || s->text[i] > '9')
            return false;
    }
    return end > from && end - from <= 3;
}

/* Whether the single dot at `dot` ends the sentence; `next` is the first character behind the gap.
 */
static bool dot_ends(const mli_sentences *s, size_t from, size_t dot, size_t next)
{
    char word[16], follower[16];
    uint32_t c;
    size_t after = next;
    size_t letters = word_before(s, from, dot, word);

    for (size_t n; (n = look(s, after, &c)) > 0 && is_opener(c); after += n)
        ;
    word_at(s, after, follower);
    const bool digit = c >= '0' && c <= '9';
    if (only_number(s, from, dot))
        return false; /* "1. First" */
    if (letters == 0)
        return true;
    if (is_in(titles, word))
        return false;
    if (is_in(counted, word) && digit)
        return false;
    if (is_in(counted, word) && strcmp(word, "no") != 0 && !is_in(starters, follower))
        return !is_upper(c);
    if (is_in(companies, word))
        return is_in(starters, follower);
    if (letters == 1 && is_upper((unsigned char)s->text[dot - 1])) {
        bool alone = dot - 1 == from || s->text[dot - 2] == ' ' || s->text[dot - 2] == '.';
        return !alone || word[0] == 'i' || is_in(starters, follower);
    }
    if (letters > 2 && letters % 2 == 1 && word[1] == '.' && strcmp(word, "a.m") != 0 &&
        strcmp(word, "p.m") != 0)
        return is_in(starters, follower); /* U.S.A. */
    return true;
}

/* After a run of marks that ends at `end`: whether a sentence ends there, and where behind closing
 * quotes. */
static bool ends_here(const mli_sentences *s, size_t from, size_t first, size_t *end)
{
    uint32_t c;
    bool blank, dots = true;
    size_t at = *end;

    for (size_t i = first; i < *end; i++)
        dots = dots && s->text[i] == '.';
    for (size_t n; (n = look(s, at, &c)) > 0 && is_closer(c); at += n)
        ;
    if (at < s->bytes && !is_gap(c))
        return false;
    size_t next = skip_gap(s, at, &blank);
    const bool quoted = at > *end;
    *end = at;
    if (blank || next >= s->bytes)
        return true;
    (void)look(s, next, &c);
    if (is_lower(c))
        return false;
    if (dots && *end > first && s->text[first] == '.' &&
        (first + 1 >= s->bytes || s->text[first + 1] != '.') && !quoted)
        return dot_ends(s, from, first, next);
    return true;
}

/* Where a sentence that is too long is cut. */
static size_t cut_long(const mli_sentences *s, size_t from)
{
    size_t limit = from + mli_utf8_prefix(s->text + from, s->bytes - from, MLI_SENTENCE_BYTES);
    size_t space = 0;
    if (limit == from)
        limit = from + MLI_SENTENCE_BYTES; /* no UTF-8 at all */
    for (size_t i = limit - 1; i > from + MLI_SENTENCE_BYTES / 4; i--) {
        if (s->text[i] != ' ' && s->text[i] != '\n')
            continue;
        if (strchr(",;:)-", s->text[i - 1]) != NULL && s->text[i - 1] != '\0')
            return i;
        if (space == 0)
            space = i;
    }
    return space > 0 ? space : limit;
}

static bool is_mark(uint32_t c)
{
    return c == '.' || c == '!' || c == '?' || c == 0x2026 || c == 0x203d || c == 0x3002 ||
           c == 0xff01 || c == 0xff1f;
}

/* Ends of white space left out of the sentence. */
static void give(mli_sentences *s, size_t from, size_t end, mli_sentence *out)
{
    s->at = end;
    while (end > from && (unsigned char)s->text[end - 1] <= ' ')
        end--;
    out->from = from;
    out->bytes = end - from;
    bool blank;
    s->at = skip_gap(s, s->at, &blank);
    out->paragraph = blank || s->at >= s->bytes;
}

bool mli_sentence_next(mli_sentences *s, mli_sentence *out)
{
    bool blank;
    const size_t from = skip_gap(s, s->at, &blank);
    size_t at = from, length;
    uint32_t c;

    out->cut = false;
    if (from >= s->bytes) {
        s->at = s->bytes;
        return false;
    }
    while ((length = look(s, at, &c)) > 0) {
        if (at + length - from > MLI_SENTENCE_BYTES) {
            out->cut = true;
            give(s, from, cut_long(s, from), out);
            return true;
        }
        if (c == '\n' || c == 0x2028 || c == 0x2029 || c == '\f') {
            size_t next = skip_gap(s, at, &blank);
            if (blank || next >= s->bytes) { /* what trails belongs to no sentence */
                give(s, from, at, out);
                return true;
            }
            at = next > at ? next : at + length;
            continue;
        }
        if (!is_mark(c)) {
            at += length;
            continue;
        }
        size_t end = at + length;
        for (size_t n; end - from < MLI_SENTENCE_BYTES && (n = look(s, end, &c)) > 0 && is_mark(c);
             end += n)
            ;
        size_t behind = end;
        if (ends_here(s, from, at, &behind) && behind - from <= MLI_SENTENCE_BYTES + 64) {
            give(s, from, behind, out);
            return true;
        }
        at = end;
    }
    give(s, from, at, out);
    return true;
}
