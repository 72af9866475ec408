/* Addresses and other text with symbols inside: URLs, e-mail, @names, #tags, file names, mixtures
 * of letters and digits. */
#include "text/spoken_private.h"

#include <string.h>

static const char *symbol_name(char c)
{
    switch ((unsigned char)c) {
    case '.':
        return "dot";
    case '/':
        return "slash";
    case '\\':
        return "backslash";
    case '@':
        return "at";
    case '-':
        return "dash";
    case '_':
        return "underscore";
    case ':':
        return "colon";
    case '?':
        return "question mark";
    case '&':
        return "and";
    case '=':
        return "equals";
    case '+':
        return "plus";
    case '#':
        return "hash";
    case '%':
        return "percent";
    case '~':
        return "tilde";
    case '*':
        return "star";
    case '$':
        return "dollar";
    default:
        return NULL;
    }
}

/* What a symbol inside an ordinary word says; most only part it. */
static const char *inner_name(char c)
{
    switch ((unsigned char)c) {
    case '&':
        return "and";
    case '+':
        return "plus";
    case '=':
        return "equals";
    case '@':
        return "at";
    case '%':
        return "percent";
    case MLI_CLEAN_DEGREE:
        return "degrees";
    case MLI_CLEAN_TIMES:
        return "times";
    case MLI_CLEAN_EURO:
        return "euros";
    case MLI_CLEAN_POUND:
        return "pounds";
    case '$':
        return "dollars";
    default:
        return NULL;
    }
}

static size_t letters_at(const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && (mli_is_letter(text[n]) ||
                         (text[n] == '\'' && n > 0 && n + 1 < bytes && mli_is_letter(text[n + 1]))))
        n++;
    return n;
}

static bool upper_run(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (!mli_is_upper(text[i]))
            return false;
    }
    return true;
}

static bool has_vowel(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (strchr("aeiouyAEIOUY", text[i]) != NULL)
            return true;
    }
    return false;
}

/* A run of letters: camelCase falls apart, capitals beside digits and what has no vowel are
 * letters. */
static void say_letters(mli_saying *s, const char *text, size_t bytes, bool digits)
{
    if ((bytes <= 3 && digits && upper_run(text, bytes)) ||
        (bytes >= 2 && bytes <= 4 && !has_vowel(text, bytes) &&
         (digits || upper_run(text, bytes)))) {
        mli_say_word(s, text, bytes, MLI_SPOKEN_LETTERS);
        return;
    }
    size_t from = 0;
    for (size_t i = 2; i < bytes; i++) {
        if (mli_is_upper(text[i]) && !mli_is_upper(text[i - 1]) && text[i - 1] != '\'' &&
            i - from >= 3) {
            mli_say_word(s, text + from, i - from, 0);
            from = i;
        }
    }
    const char *rest = text + from;
    const size_t left = bytes - from;
    const bool one = left == 1 && mli_lower(rest[0]) != 'a' && mli_lower(rest[0]) != 'i';
    const bool capitals = from > 0 && left >= 2 && left <= 4 && upper_run(rest, left);
    mli_say_word(s, rest, left,
                 one || capitals         ? MLI_SPOKEN_LETTERS
                 : mli_is_upper(rest[0]) ? MLI_SPOKEN_CAPITAL
                                         : 0);
}

/* A run of digits inside something else: as a number when it is short. */
static size_t say_run(mli_saying *s, const char *text, size_t bytes)
{
    size_t n = 0;
    while (n < bytes && mli_is_digit(text[n]))
        n++;
    if (n == 4 && text[0] == '2' && text[1] == '0')
        mli_say_year(s, text, n);
    else if (n <= 4 && text[0] != '0')
        mli_say_cardinal(s, text, n);
    else
        mli_say_digits(s, text, n);
    return n;
}

void mli_say_mixed(mli_saying *s, const char *text, size_t bytes, bool symbols)
{
    bool digits = false;
    for (size_t i = 0; i < bytes; i++)
        digits = digits || mli_is_digit(text[i]) || text[i] == '&';
    for (size_t at = 0; at < bytes;) {
        size_t n = letters_at(text + at, bytes - at);
        if (n > 0) {
            say_letters(s, text + at, n, digits || symbols);
            at += n;
        } else if (mli_is_digit(text[at])) {
            at += say_run(s, text + at, bytes - at);
            if (!symbols && at + 1 < bytes && text[at] == '.' && mli_is_digit(text[at + 1])) {
                mli_say(s, "point"); /* v2.0 */
                at++;
            }
        } else {
            const char *name = symbols ? symbol_name(text[at]) : inner_name(text[at]);
            if (!symbols && text[at] == '/' && at > 0 && at + 1 < bytes)
                name =
                    mli_is_letter(text[at - 1]) && mli_is_letter(text[at + 1]) ? "slash" : "over";
            if (name != NULL)
                mli_say(s, name);
            at++;
        }
    }
}

static bool has_prefix(mli_text_part t, const char *prefix)
{
    size_t n = strlen(prefix);
    return t.bytes >= n && mli_text_is((mli_text_part){t.text, n}, prefix);
}

static bool is_name_char(char c)
{
    return mli_is_letter(c) || mli_is_digit(c) || c == '-' || c == '_';
}

/* name.name[.name][/...] with a last part that a host may have; e-mail with its @. */
static bool is_host(mli_text_part t)
{
    static const char *const domains[] = {"com",  "org", "net", "edu", "gov", "io", "co",  "uk",
                                          "de",   "fr",  "eu",  "us",  "ca",  "ai", "dev", "app",
                                          "info", "me",  "tv",  "au",  "jp",  "ch", "int", "mil",
                                          "biz",  "in",  "it",  "nl",  "ru",  "cn", "es",  NULL};
    size_t dot = 0, end = 0;
    bool dots = false;
    while (end < t.bytes && (is_name_char(t.text[end]) || t.text[end] == '.')) {
        if (t.text[end] == '.') {
            if (end == 0 || t.text[end - 1] == '.')
                return false;
            dot = end + 1;
            dots = true;
        }
        end++;
    }
    if (!dots || dot < 2 || (end < t.bytes && strchr("/:?#", t.text[end]) == NULL))
        return false;
    mli_text_part last = {t.text + dot, end - dot};
    for (size_t i = 0; domains[i] != NULL; i++) {
        if (mli_text_is(last, domains[i]))
            return true;
    }
    return false;
}

static bool is_mail(mli_text_part t)
{
    const char *sign = t.bytes > 0 ? memchr(t.text, '@', t.bytes) : NULL;
    if (sign == NULL || sign == t.text)
        return false;
    for (const char *c = t.text; c < sign; c++) {
        if (!is_name_char(*c) && *c != '.' && *c != '+')
            return false;
    }
    sign++;
    mli_text_part host = {sign, t.bytes - (size_t)(sign - t.text)};
    return is_host(host);
}

/* file.txt: one dot, and an ending that is no word. */
static bool is_file(mli_text_part t)
{
    static const char *const endings[] = {
        "txt", "pdf", "csv", "json", "html", "py",  "js",  "doc", "docx", "xls", "xlsx",
        "png", "jpg", "wav", "mp3",  "mp4",  "zip", "exe", "md",  "xml",  "gif", NULL};
    for (size_t i = 1; i + 2 < t.bytes; i++) {
        if (t.text[i] != '.')
            continue;
        for (size_t k = 0; endings[k] != NULL; k++) {
            if (mli_text_is((mli_text_part){t.text + i + 1, t.bytes - i - 1}, endings[k]))
                return true;
        }
    }
    return false;
}

size_t mli_say_address(mli_saying *s, size_t at)
{
    mli_text_part t = mli_piece_text(s, at);
    static const char *const protocols[] = {"https://", "http://", "ftp://", "mailto:"};

    for (size_t i = 0; i < 4; i++) {
        size_t n = strlen(protocols[i]);
        if (has_prefix(t, protocols[i]) && t.bytes > n) {
            mli_say_mixed(s, t.text + n, t.bytes - n, true);
            return 1;
        }
    }
    if (t.bytes > 1 && (t.text[0] == '@' || t.text[0] == '#') && mli_is_letter(t.text[1])) {
        mli_say(s, t.text[0] == '@' ? "at" : "hashtag");
        mli_say_mixed(s, t.text + 1, t.bytes - 1, true);
        return 1;
    }
    if (!has_prefix(t, "www.") && !is_mail(t) && !is_host(t) && !is_file(t))
        return 0;
    while (t.bytes > 1 && t.text[t.bytes - 1] == '/')
        t.bytes--;
    mli_say_mixed(s, t.text, t.bytes, true);
    return 1;
}
