/* Folds the characters of Latin scripts and typography to what can be said. */
#include "text/clean.h"

#include "base/error.h"
#include "base/str.h"
#include "text/unicode.h"

/* U+00C0..U+017F without accents; '?' has a longer form below. */
static const char latin[] =
    "AAAAAA?CEEEEIIIIDNOOOOOxOUUUUY??aaaaaa?ceeeeiiiidnooooo\x85ouuuuy?y"
    "AaAaAaCcCcCcCcDdDdEeEeEeEeEeGgGgGgGgHhHhIiIiIiIiIi??JjKkqLlLlLlLlLlNnNnNnnNnOoOoOo??"
    "RrRrRrSsSsSsSsTtTtTtUuUuUuUuUuUuWwYyYZzZzZzs";

static const struct folded {
    uint32_t c;
    const char *text;
} folded[] = {
    {0xa0, " "},
    {0xa2, "\x86"},
    {0xa3, "\x81"},
    {0xa5, "\x82"},
    {0xa7, "\x87"},
    {0xa9, " copyright "},
    {0xab, "\""},
    {0xad, ""},
    {0xae, ""},
    {0xb0, "\x83"},
    {0xb1, "\x88"},
    {0xb2, "^2"},
    {0xb3, "^3"},
    {0xb4, "'"},
    {0xb5, "u"},
    {0xb7, " "},
    {0xb9, ""},
    {0xba, ""},
    {0xaa, ""},
    {0xbb, "\""},
    {0xbc, " 1/4"},
    {0xbd, " 1/2"},
    {0xbe, " 3/4"},
    {0xbf, ""},
    {0xa1, ""},
    {0xc6, "AE"},
    {0xd7, "\x84"},
    {0xde, "Th"},
    {0xdf, "ss"},
    {0xe6, "ae"},
    {0xf7, "\x85"},
    {0xfe, "th"},
    {0x132, "IJ"},
    {0x133, "ij"},
    {0x152, "OE"},
    {0x153, "oe"},
    {0x2bc, "'"},
    {0x3bc, "u"},
    {0x3c0, " pi "},
    {0x2010, "-"},
    {0x2011, "-"},
    {0x2012, "-"},
    {0x2013, "\x01"},
    {0x2014, " - "},
    {0x2015, " - "},
    {0x2018, "'"},
    {0x2019, "'"},
    {0x201a, "'"},
    {0x201b, "'"},
    {0x201c, "\""},
    {0x201d, "\""},
    {0x201e, "\""},
    {0x2020, ""},
    {0x2022, " "},
    {0x2026, "... "},
    {0x2032, "'"},
    {0x2033, "\""},
    {0x2044, "/"},
    {0x20ac, "\x80"},
    {0x2103, "\x83"
             "C"},
    {0x2109, "\x83"
             "F"},
    {0x2122, ""},
    {0x2153, " 1/3"},
    {0x2154, " 2/3"},
    {0x215b, " 1/8"},
    {0x2190, " "},
    {0x2192, " "},
    {0x2212, "-"},
    {0x2248, "\x89"},
    {0x2264, " <= "},
    {0x2265, " >= "},
    {0x203d, "?!"},
    {0x3002, ". "},
    {0xff01, "! "},
    {0xff1f, "? "},
    {0xfb01, "fi"},
    {0xfb02, "fl"},
};

void mli_clean_init(mli_clean *c, const modellab_allocator *alloc)
{
    mli_buf_init(&c->text, alloc);
    mli_buf_init(&c->places, alloc);
    c->unsaid = 0;
}

void mli_clean_dispose(mli_clean *c)
{
    mli_buf_dispose(&c->text);
    mli_buf_dispose(&c->places);
}

static void put(mli_clean *c, char byte, size_t place)
{
    uint32_t at = (uint32_t)place;
    mli_buf_append_char(&c->text, byte);
    mli_buf_append(&c->places, &at, sizeof at);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *fold(uint32_t c)
{
    for (size_t i = 0; i < sizeof folded / sizeof *folded; i++) {
        if (folded[i].c == c)
            return folded[i].text;
    }
    return NULL;
}

/* Combining marks, zero-width characters and variation selectors add nothing. */
static bool is_silent(uint32_t c)
{
    return (c >= 0x300 && c <= 0x36f) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xfe00 && c <= 0xfe0f) || c == 0x20e3 || c == 0x1f3fb;
}

static void put_wide(mli_clean *c, uint32_t code, size_t place)
{
    const char *text = fold(code);
    if (text != NULL && text[0] == '\x01') { /* en dash: a range between digits, else a pause */
        bool range = c->text.size > 0 && is_digit(c->text.data[c->text.size - 1]);
        text = range ? "-" : " - ";
    }
    if (text != NULL) {
        for (; *text != '\0'; text++)
            put(c, *text, place);
    } else if (code >= 0xc0 && code <= 0x17f) {
        put(c, latin[code - 0xc0], place);
    } else if (code >= 0xff10 && code <= 0xff19) {
        put(c, (char)('0' + (code - 0xff10)), place);
    } else if (!is_silent(code)) {
        c->unsaid += mli_unicode_is_space(code) ? 0 : 1;
        put(c, ' ', place);
    }
}

modellab_status mli_clean_set(mli_clean *c, const char *text, size_t bytes, size_t base,
                              modellab_error *err)
{
    mli_buf_clear(&c->text);
    mli_buf_clear(&c->places);
    c->unsaid = 0;
    if (bytes > UINT32_MAX / 8 || base > UINT32_MAX / 8)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text is too long");
    for (size_t at = 0; at < bytes;) {
        uint32_t code;
        size_t length = mli_utf8_decode(text + at, bytes - at, &code);
        if (length == 0) {
            c->unsaid++;
            put(c, ' ', base + at);
            length = 1;
        } else if (code < 0x80) {
            put(c, code < ' ' || code == 0x7f ? ' ' : (char)code, base + at);
        } else {
            put_wide(c, code, base + at);
        }
        at += length;
    }
    uint32_t end = (uint32_t)(base + bytes);
    mli_buf_append(&c->places, &end, sizeof end);
    modellab_status status = mli_buf_status(&c->text, err);
    return status == MODELLAB_OK ? mli_buf_status(&c->places, err) : status;
}
