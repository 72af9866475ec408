/* The words of a text in a language that is written without spaces: groups of the recogniser's
 * tokens that are whole letters, punctuation with the word beside it. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "speech/align_pair.h"
#include "text/unicode_fold.h"
#include "text/whisper_tokenizer.h"
#include <string.h>

enum { PART = 1024 }; /* bytes that are split at once */

typedef struct splitting {
    const mli_whisper_tokenizer *tokenizer;
    const char *language, *text;
    mli_align_word *words; /* room for one a letter */
    size_t count;
    mli_buf pieces;
    int32_t ids[PART];
    mli_whisper_word found[PART];
} splitting;

static bool has_letter(const char *text, size_t bytes)
{
    for (size_t at = 0; at < bytes;) {
        uint32_t c = 0;
        at += mli_utf8_decode(text + at, bytes - at, &c);
        if (mli_unicode_is_letter(c) || mli_unicode_is_number(c))
            return true;
    }
    return false;
}

static bool opens(const char *text, size_t bytes)
{
    static const char *const openers[] = {"(",
                                          "[",
                                          "{",
                                          "\xe2\x80\x9c",  /* double quotation mark */
                                          "\xe2\x80\x98",  /* single quotation mark */
                                          "\xe3\x80\x8c",  /* corner bracket */
                                          "\xe3\x80\x8e",  /* white corner bracket */
                                          "\xe3\x80\x8a",  /* double angle bracket */
                                          "\xe3\x80\x88",  /* angle bracket */
                                          "\xe3\x80\x90",  /* black lenticular bracket */
                                          "\xef\xbc\x88"}; /* full-width parenthesis */
    for (size_t i = 0; i < sizeof openers / sizeof openers[0]; i++)
        if (strlen(openers[i]) == bytes && memcmp(openers[i], text, bytes) == 0)
            return true;
    return false;
}

/* A piece of the word that begins at `begin`, of which words from `first` on were made. */
static void add(splitting *s, size_t begin, size_t first, size_t at, size_t bytes)
{
    mli_align_word *last = s->count > first ? &s->words[s->count - 1] : NULL;
    bool open = last != NULL && !has_letter(s->text + last->text, last->bytes);
    bool closes = !has_letter(s->text + at, bytes) && !opens(s->text + at, bytes);
    if (last != NULL && (open || closes))
        last->bytes += bytes;
    else
        s->words[s->count++] = (mli_align_word){at, bytes, 0, at > begin};
}

MODELLAB_MUST_CHECK static modellab_status split_part(splitting *s, size_t begin, size_t first,
                                                      size_t at, size_t bytes, modellab_error *err)
{
    size_t tokens = 0, found = 0, end = at + bytes;
    mli_buf_clear(&s->pieces);
    modellab_status status =
        mli_whisper_encode(s->tokenizer, s->text + at, bytes, s->ids, PART, &tokens, err);
    if (status == MODELLAB_OK)
        status = mli_whisper_split_words(s->tokenizer, s->ids, tokens, s->language, s->found,
                                         &found, &s->pieces, err);
    for (size_t i = 0; status == MODELLAB_OK && i < found && at < end; i++) {
        size_t left = end - at, size = s->found[i].text_bytes;
        size = i + 1 == found || size > left ? left : size;
        if (size > 0)
            add(s, begin, first, at, size);
        at += size;
    }
    return status;
}

/* Part by part, each whole letters. */
MODELLAB_MUST_CHECK static modellab_status split_word(splitting *s, const mli_align_word *word,
                                                      const mli_cancel_word *cancel,
                                                      modellab_error *err)
{
    size_t first = s->count, end = word->text + word->bytes;
    modellab_status status = MODELLAB_OK;
    for (size_t at = word->text; status == MODELLAB_OK && at < end;) {
        size_t bytes = end - at < PART ? end - at : PART;
        while (at + bytes < end && ((unsigned char)s->text[at + bytes] & 0xc0) == 0x80)
            bytes--;
        status = split_part(s, word->text, first, at, bytes, err);
        at += bytes;
        if (status == MODELLAB_OK && mli_cancelled(cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while a text was read");
    }
    for (size_t i = first; status == MODELLAB_OK && i < s->count; i++)
        s->words[i].key = mli_align_key(s->text + s->words[i].text, s->words[i].bytes);
    return status;
}

modellab_status mli_align_split(const modellab_allocator *alloc,
                                const struct mli_whisper_tokenizer *tokenizer, const char *language,
                                const char *text, size_t bytes, const mli_cancel_word *cancel,
                                mli_align_word **out, size_t *count, modellab_error *err)
{
    mli_align_word *runs = NULL;
    size_t all = 0, room = 1;
    modellab_status status = mli_align_words(alloc, text, bytes, cancel, &runs, &all, err);
    *out = NULL;
    *count = 0;
    if (status != MODELLAB_OK || !mli_whisper_without_spaces(language)) {
        *out = runs;
        *count = all;
        return status;
    }
    for (size_t i = 0; i < bytes; i++)
        room += ((unsigned char)text[i] & 0xc0) != 0x80;
    splitting *s = mli_alloc_zero(alloc, sizeof *s);
    mli_align_word *words = mli_alloc_array(alloc, room, sizeof *words);
    if (s == NULL || words == NULL) {
        status = mli_no_memory(err);
    } else {
        s->tokenizer = tokenizer;
        s->language = language;
        s->text = text;
        s->words = words;
        mli_buf_init(&s->pieces, alloc);
        for (size_t i = 0; status == MODELLAB_OK && i < all; i++)
            status = split_word(s, &runs[i], cancel, err);
        mli_buf_dispose(&s->pieces);
        *count = status == MODELLAB_OK ? s->count : 0;
    }
    mli_free(alloc, runs);
    mli_free(alloc, s);
    if (status == MODELLAB_OK)
        *out = words;
    else
        mli_free(alloc, words);
    return status;
}
