/* Letter-to-sound rules: for each letter a tree of questions about the letters around it. */
#include "text/pronounce_private.h"

#include <string.h>

/* Which neighbour a question asks about: '0'.. in the text of a tree. */
static const int offsets[] = {1, -1, 2, -2, 3, -3, 4, -4};

static char letter_at(const char *word, size_t bytes, size_t at, int offset)
{
    if (offset < 0 ? at < (size_t)-offset : at + (size_t)offset >= bytes)
        return '#';
    char c = word[offset < 0 ? at - (size_t)-offset : at + (size_t)offset];
    return c == '\'' ? '#' : c;
}

/* Behind the node that begins at `node`: label, then '.' or a question with its answers and '~'. */
static const char *skip(const char *node)
{
    int depth = 0;
    do {
        char question = node[1];
        node += 2;
        if (question != '.')
            depth++;
        while (depth > 0 && *node == '~') {
            node++;
            depth--;
        }
        if (depth > 0)
            node++; /* the answer's letter */
    } while (depth > 0);
    return node;
}

static const char *label_of(const char *word, size_t bytes, size_t at)
{
    const char *node = mli_letter_rules[word[at] - 'a'];
    while (node[1] != '.') {
        char c = letter_at(word, bytes, at, offsets[node[1] - '0']);
        const char *next = node + 2;
        while (*next != '~' && *next != c)
            next = skip(next + 1);
        if (*next == '~')
            break;
        node = next + 1;
    }
    return mli_letter_sounds[(unsigned char)*node - 35];
}

size_t mli_phones_read(const char *text, uint8_t phones[MLI_WORD_PHONES])
{
    size_t count = 0;
    while (*text != '\0' && count < MLI_WORD_PHONES) {
        const char *end = strchr(text, ' ');
        size_t n = end != NULL ? (size_t)(end - text) : strlen(text);
        if (mli_phone_read(text, n, &phones[count]))
            count++;
        text += n + (end != NULL ? 1 : 0);
    }
    return count;
}

static void restress(uint8_t *phone, int stress)
{
    *phone = mli_phone_pack(mli_phone_of(*phone), stress);
}

/* Exactly one primary stress. */
static void settle(uint8_t *phones, size_t count)
{
    size_t best = count;
    int rank = -1;
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (!mli_phone_is_vowel(phones[i]))
            continue;
        int stress = mli_phone_stress(phones[i]);
        if (stress == 1 && found)
            restress(&phones[i], 2);
        found = found || stress == 1;
        int r = stress == 2 ? 2 : mli_phone_of(phones[i]) != MLI_AH ? 1 : 0;
        if (r > rank) {
            rank = r;
            best = i;
        }
    }
    if (!found && best < count)
        restress(&phones[best], 1);
}

size_t mli_pronounce_letters(const char *word, size_t bytes, uint8_t phones[MLI_WORD_PHONES])
{
    size_t count = 0;
    bool vowel = false;
    for (size_t at = 0; at < bytes; at++) {
        if (word[at] < 'a' || word[at] > 'z')
            continue;
        uint8_t some[MLI_WORD_PHONES];
        size_t n = mli_phones_read(label_of(word, bytes, at), some);
        for (size_t i = 0; i < n && count < MLI_WORD_PHONES; i++) {
            if (count > 0 && some[i] == phones[count - 1] && !mli_phone_is_vowel(some[i]))
                continue; /* doubled */
            phones[count++] = some[i];
            vowel = vowel || mli_phone_is_vowel(some[i]);
        }
    }
    if (!vowel && count < MLI_WORD_PHONES) { /* "hmm": something to say it with */
        memmove(phones + 1, phones, count);
        phones[0] = mli_phone_pack(MLI_AH, 1);
        count++;
    }
    settle(phones, count);
    return count;
}
