/* Dictionary: the text itself with a hash table of its lines. */
#include "text/lexicon.h"

#include "base/alloc.h"
#include "base/error.h"
#include "text/lines.h"
#include <string.h>

#define MOST_WORD_BYTES 64

enum { MOST_PROBES = 256, LINES_PER_LOOK = 1024 }; /* CMUdict needs 9 at most */

static const char names[MLI_PHONES][3] = {
    "AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY",
    "UH", "UW", "B",  "CH", "D",  "DH", "F",  "G",  "HH", "JH", "K",  "L",  "M",
    "N",  "NG", "P",  "R",  "S",  "SH", "T",  "TH", "V",  "W",  "Y",  "Z",  "ZH"};

/* The first name that begins with a letter: names of one letter stand together. */
static const uint8_t first[26] = {MLI_AA, MLI_B,  MLI_CH,     MLI_D, MLI_EH, MLI_F, MLI_G,
                                  MLI_HH, MLI_IH, MLI_JH,     MLI_K, MLI_L,  MLI_M, MLI_N,
                                  MLI_OW, MLI_P,  MLI_PHONES, MLI_R, MLI_S,  MLI_T, MLI_UH,
                                  MLI_V,  MLI_W,  MLI_PHONES, MLI_Y, MLI_Z};

struct mli_lexicon {
    modellab_allocator alloc;
    bool own_alloc;
    char *text;
    size_t bytes;
    uint32_t *table; /* offset of a line + 1; 0 = free */
    size_t slots;    /* a power of two */
    size_t words;
};

const char *mli_phone_name(mli_phone phone)
{
    return names[phone];
}

bool mli_phone_read(const char *text, size_t bytes, uint8_t *out)
{
    int stress = 0;
    size_t letters = bytes;
    const bool digit = bytes > 1 && text[bytes - 1] >= '0' && text[bytes - 1] <= '2';
    if (digit) {
        stress = text[bytes - 1] - '0';
        letters--;
    }
    if (letters < 1 || letters > 2 || text[0] < 'A' || text[0] > 'Z')
        return false;
    const char second = letters == 2 ? text[1] : '\0';
    for (int i = first[text[0] - 'A']; i < MLI_PHONES && names[i][0] == text[0]; i++) {
        if (names[i][1] == second) {
            *out = mli_phone_pack((mli_phone)i, stress);
            return digit == (i <= MLI_UW);
        }
    }
    return false;
}

static uint32_t hash(const char *word, size_t bytes)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < bytes; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619u;
    return h ^ (h >> 15);
}

/* The word of a line; with `(n)` its variant, 0 for the first. */
static size_t word_of(const char *line, size_t bytes, int *variant)
{
    size_t n = 0;
    while (n < bytes && line[n] != ' ' && line[n] != '\t' && line[n] != '(')
        n++;
    *variant = 0;
    if (n + 2 < bytes && line[n] == '(' && line[n + 1] >= '2' && line[n + 1] <= '9')
        *variant = line[n + 1] - '1';
    return n;
}

/* Phonemes of a line behind its word; MLI_WORD_PHONES + 1 = bad. */
static size_t phones_of(const char *line, size_t bytes, uint8_t phones[MLI_WORD_PHONES])
{
    size_t at = 0, count = 0, length;
    const char *field;
    if (!mli_lines_field(line, bytes, &at, &field, &length))
        return 0;
    while (mli_lines_field(line, bytes, &at, &field, &length) && field[0] != '#') {
        if (count == MLI_WORD_PHONES || !mli_phone_read(field, length, &phones[count]))
            return MLI_WORD_PHONES + 1;
        count++;
    }
    return count;
}

static bool word_is_plain(const char *word, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char c = (unsigned char)word[i];
        if (c <= ' ' || c >= 0x7f || (c >= 'A' && c <= 'Z'))
            return false;
    }
    return bytes > 0 && bytes <= MOST_WORD_BYTES;
}

static bool is_remark(const char *line, size_t bytes)
{
    return bytes == 0 || line[0] == '#' || (bytes >= 3 && memcmp(line, ";;;", 3) == 0);
}

/* Slot of a word: where it is, or the free one where it belongs; `slots` when neither is near. */
static size_t slot_of(const mli_lexicon *x, const char *word, size_t bytes)
{
    int probes = 0;
    size_t slot = hash(word, bytes) & (x->slots - 1);
    for (; x->table[slot] != 0; slot = (slot + 1) & (x->slots - 1)) {
        if (probes++ == MOST_PROBES)
            return x->slots;
        const char *line = x->text + x->table[slot] - 1;
        size_t rest = x->bytes - (x->table[slot] - 1);
        if (rest > bytes && memcmp(line, word, bytes) == 0 &&
            (line[bytes] == ' ' || line[bytes] == '\t'))
            break;
    }
    return slot;
}

MODELLAB_MUST_CHECK static modellab_status add_line(mli_lexicon *x, const mli_lines *lines,
                                                    const char *line, size_t bytes,
                                                    modellab_error *err)
{
    uint8_t phones[MLI_WORD_PHONES];
    int variant;
    size_t word = word_of(line, bytes, &variant);
    size_t count = phones_of(line, bytes, phones);

    if (!word_is_plain(line, word))
        return mli_lines_bad(lines, "a word must be 1 to 64 small letters or signs", err);
    if (count == 0 || count > MLI_WORD_PHONES)
        return mli_lines_bad(
            lines, "1 to 64 phonemes with stress on the vowels must follow the word", err);
    if (variant > 0 || (word < bytes && line[word] == '('))
        return MODELLAB_OK; /* found behind the first one */
    size_t slot = slot_of(x, line, word);
    if (slot == x->slots)
        return mli_fail(err, MODELLAB_E_LIMIT, "the words of the dictionary collide too often");
    if (x->table[slot] != 0)
        return MODELLAB_OK; /* the first counts */
    x->table[slot] = (uint32_t)(line - x->text) + 1;
    x->words++;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status
index_lines(mli_lexicon *x, const mli_cancel_word *cancel, modellab_error *err)
{
    mli_lines lines = {.text = x->text, .bytes = x->bytes};
    const char *line;
    size_t bytes, count = 1, read = 0;

    for (const char *at = x->text;
         (at = memchr(at, '\n', x->bytes - (size_t)(at - x->text))) != NULL; at++)
        count++;
    for (x->slots = 16; x->slots < count * 2; x->slots *= 2)
        ;
    x->table = mli_alloc_array(&x->alloc, x->slots, sizeof *x->table);
    if (x->table == NULL)
        return mli_no_memory(err);
    while (mli_lines_next(&lines, &line, &bytes)) {
        if (read++ % LINES_PER_LOOK == 0 && mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        if (is_remark(line, bytes))
            continue;
        modellab_status status = add_line(x, &lines, line, bytes, err);
        if (status != MODELLAB_OK)
            return status;
    }
    return x->words > 0 ? MODELLAB_OK
                        : mli_fail(err, MODELLAB_E_SCHEMA, "the dictionary has no words");
}

modellab_status mli_lexicon_create(mli_lexicon **out, const modellab_allocator *alloc,
                                   const char *text, size_t bytes, const mli_cancel_word *cancel,
                                   modellab_error *err)
{
    *out = NULL;
    if (bytes > MLI_LEXICON_MAX_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the dictionary has more than %u bytes",
                        MLI_LEXICON_MAX_BYTES);
    mli_lexicon *x = mli_alloc_zero(alloc, sizeof *x);
    if (x == NULL)
        return mli_no_memory(err);
    if (alloc != NULL)
        x->alloc = *alloc;
    x->bytes = bytes;
    x->text = mli_strndup(&x->alloc, text, bytes);
    modellab_status status = x->text != NULL ? index_lines(x, cancel, err) : mli_no_memory(err);
    if (status != MODELLAB_OK) {
        mli_lexicon_destroy(x);
        return status;
    }
    *out = x;
    return MODELLAB_OK;
}

void mli_lexicon_destroy(mli_lexicon *lexicon)
{
    if (lexicon != NULL) {
        modellab_allocator alloc = lexicon->alloc;
        mli_free(&alloc, lexicon->table);
        mli_free(&alloc, lexicon->text);
        mli_free(&alloc, lexicon);
    }
}

size_t mli_lexicon_count(const mli_lexicon *lexicon)
{
    return lexicon->words;
}

size_t mli_lexicon_find(const mli_lexicon *lexicon, const char *word, size_t bytes, int variant,
                        uint8_t phones[MLI_WORD_PHONES])
{
    if (bytes == 0 || bytes > MOST_WORD_BYTES)
        return 0;
    const size_t slot = slot_of(lexicon, word, bytes);
    const size_t at = slot < lexicon->slots ? lexicon->table[slot] : 0;
    if (at == 0)
        return 0;
    mli_lines lines = {.text = lexicon->text, .bytes = lexicon->bytes, .at = at - 1};
    const char *line;
    size_t length;
    for (int i = 0; i < 10 && mli_lines_next(&lines, &line, &length); i++) {
        int number;
        size_t n = word_of(line, length, &number);
        if (n != bytes || memcmp(line, word, bytes) != 0)
            return 0;
        if (number == variant)
            return phones_of(line, length, phones);
    }
    return 0;
}
