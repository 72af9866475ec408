/* Splitting tokens into words for word times, by the reference's two rules. */
#include "base/error.h"
#include "base/str.h"
#include "text/unicode.h"
#include "text/whisper_tokenizer.h"

#include <string.h>

#define REPLACEMENT 0xfffdu

/* Code point number `index` of valid UTF-8; false beyond the end. `*at`, `*passed` keep the place.
 */
typedef struct walker {
    const char *text;
    size_t bytes, at, passed;
} walker;

static bool is_replacement_at(walker *w, size_t index)
{
    uint32_t c = 0;
    while (w->at < w->bytes) {
        size_t used = mli_utf8_decode(w->text + w->at, w->bytes - w->at, &c);
        if (w->passed == index) {
            return c == REPLACEMENT;
        }
        w->at += used;
        w->passed++;
    }
    return false;
}

/* Code points of `text`, and the place of the first U+FFFD (or the count when there is none). */
static size_t count_points(const char *text, size_t bytes, size_t *first_replacement)
{
    size_t count = 0;
    *first_replacement = SIZE_MAX;
    for (size_t at = 0; at < bytes; count++) {
        uint32_t c = 0;
        size_t used = mli_utf8_decode(text + at, bytes - at, &c);
        if (c == REPLACEMENT && *first_replacement == SIZE_MAX) {
            *first_replacement = count;
        }
        at += used > 0 ? used : 1;
    }
    return count;
}

/* Groups of tokens that decode to whole code points, in `words`; their text goes to `text`. */
MODELLAB_MUST_CHECK static modellab_status
split_unicode(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
              mli_whisper_word *words, size_t *word_count, mli_buf *text, modellab_error *err)
{
    mli_buf full, group;
    mli_buf_init(&full, text->alloc);
    mli_buf_init(&group, text->alloc);
    mli_whisper_decode_text(t, ids, count, &full);
    walker w = {mli_buf_text(&full), full.size, 0, 0};
    size_t first = 0, points = 0;
    modellab_status status = mli_buf_status(&full, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        size_t replacement;
        mli_buf_clear(&group);
        mli_whisper_decode_text(t, ids + first, i + 1 - first, &group);
        status = mli_buf_status(&group, err);
        size_t group_points = count_points(mli_buf_text(&group), group.size, &replacement);
        if (replacement != SIZE_MAX && !is_replacement_at(&w, points + replacement)) {
            continue; /* the rest of a code point is still to come */
        }
        words[(*word_count)++] = (mli_whisper_word){first, i + 1 - first, text->size, group.size};
        mli_buf_append(text, mli_buf_text(&group), group.size);
        points += group_points;
        first = i + 1;
    }
    mli_buf_dispose(&full);
    mli_buf_dispose(&group);
    return status;
}

static bool stripped(uint32_t c)
{
    return mli_unicode_is_space(c) || (c >= 0x1c && c <= 0x1f);
}

/* True when the text without spaces at its ends is a part of the ASCII punctuation in its order (so
 * also when nothing is left): the reference's test. */
static bool is_punctuation(const char *text, size_t bytes)
{
    static const char punctuation[] = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
    size_t begin = bytes, end = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t c = 0;
        size_t used = mli_utf8_decode(text + at, bytes - at, &c);
        used = used > 0 ? used : 1;
        if (!stripped(c)) {
            begin = at < begin ? at : begin;
            end = at + used;
        }
        at += used;
    }
    if (begin >= end) {
        return true;
    }
    size_t length = end - begin, all = sizeof punctuation - 1;
    for (size_t i = 0; length <= all && i <= all - length; i++) {
        if (memcmp(punctuation + i, text + begin, length) == 0) {
            return true;
        }
    }
    return false;
}

/* Joins the parts of a word in place. */
static void join_by_spaces(const mli_whisper_tokenizer *t, const int32_t *ids, const char *text,
                           mli_whisper_word *words, size_t *word_count)
{
    int32_t eot = mli_whisper_tokenizer_special(t)->eot;
    size_t kept = 0;
    for (size_t i = 0; i < *word_count; i++) {
        mli_whisper_word part = words[i];
        const char *p = text + part.text;
        bool starts = kept == 0 || ids[part.first] >= eot || (part.text_bytes > 0 && p[0] == ' ') ||
                      is_punctuation(p, part.text_bytes);
        if (starts) {
            words[kept++] = part;
        } else {
            words[kept - 1].count += part.count;
            words[kept - 1].text_bytes += part.text_bytes;
        }
    }
    *word_count = kept;
}

bool mli_whisper_without_spaces(const char *language)
{
    static const char *const codes[] = {"zh", "ja", "th", "lo", "my", "yue"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (language != NULL && strcmp(language, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

modellab_status mli_whisper_split_words(const mli_whisper_tokenizer *t, const int32_t *ids,
                                        size_t count, const char *language, mli_whisper_word *words,
                                        size_t *word_count, mli_buf *text, modellab_error *err)
{
    *word_count = 0;
    modellab_status status = split_unicode(t, ids, count, words, word_count, text, err);
    if (status == MODELLAB_OK) {
        status = mli_buf_status(text, err);
    }
    if (status == MODELLAB_OK && !mli_whisper_without_spaces(language)) {
        join_by_spaces(t, ids, mli_buf_text(text), words, word_count);
    }
    return status;
}
