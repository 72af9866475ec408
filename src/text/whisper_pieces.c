/* The pre-tokenizer of byte-level BPE: contractions, words, numbers, symbols, spaces. */
#include "base/str.h"
#include "text/unicode.h"
#include "text/whisper_bpe.h"

#include <string.h>

typedef enum kind { LETTER, NUMBER, SPACE, OTHER } kind;

static kind kind_at(const char *text, size_t bytes, size_t *length)
{
    uint32_t c = 0;
    *length = mli_utf8_decode(text, bytes, &c);
    if (*length == 0) {
        *length = 1;
        return OTHER;
    }
    if (mli_unicode_is_letter(c)) {
        return LETTER;
    }
    if (mli_unicode_is_number(c)) {
        return NUMBER;
    }
    return mli_unicode_is_space(c) ? SPACE : OTHER;
}

static size_t contraction(const char *text, size_t bytes)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        size_t length = strlen(endings[i]);
        if (bytes >= length && memcmp(text, endings[i], length) == 0) {
            return length;
        }
    }
    return 0;
}

/* Bytes of the run of one kind at text[from]; `last` gets the length of its last character. */
static size_t run(const char *text, size_t bytes, size_t from, kind want, size_t *last)
{
    size_t at = from, length;
    *last = 0;
    while (at < bytes && kind_at(text + at, bytes - at, &length) == want) {
        at += length;
        *last = length;
    }
    return at - from;
}

size_t mli_bpe_piece(const char *text, size_t bytes)
{
    size_t length, last, skip = text[0] == ' ' && bytes > 1 ? 1 : 0;
    size_t fixed = contraction(text, bytes);
    if (fixed > 0) {
        return fixed;
    }
    kind first = kind_at(text + skip, bytes - skip, &length);
    if (first != SPACE) {
        return skip + run(text, bytes, skip, first, &last);
    }
    size_t spaces = run(text, bytes, 0, SPACE, &last);
    if (spaces == bytes || spaces == last) {
        return spaces;
    }
    return spaces - last; /* the last one belongs to what follows */
}
