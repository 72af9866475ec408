/* A sentence: each word strong, then weak forms and liaisons by what follows. */
#include "text/pronounce.h"

#include "base/error.h"
#include "text/ipa.h"
#include "text/pronounce_private.h"
#include <string.h>

void mli_pronounced_init(mli_pronounced *p, const modellab_allocator *alloc)
{
    memset(p, 0, sizeof *p);
    mli_buf_init(&p->ipa, alloc);
    mli_buf_init(&p->ends, alloc);
}

void mli_pronounced_dispose(mli_pronounced *p)
{
    mli_buf_dispose(&p->ipa);
    mli_buf_dispose(&p->ends);
}

const char *mli_pronounced_word(const mli_pronounced *p, size_t index, size_t *bytes)
{
    const uint32_t *ends = (const uint32_t *)(const void *)p->ends.data;
    size_t from = index == 0 ? 0 : ends[index - 1];
    *bytes = ends[index] - from;
    return p->ipa.data + from;
}

static mli_word_context context_of(const mli_spoken *s, size_t i)
{
    const mli_spoken_word *w = mli_spoken_at(s, i);
    mli_word_context c = {.word = s->text.data + w->at,
                          .bytes = w->bytes,
                          .before = "",
                          .earlier = "",
                          .after = "",
                          .capital = (w->flags & MLI_SPOKEN_CAPITAL) != 0,
                          .first = i == 0 || mli_spoken_at(s, i - 1)->mark != 0,
                          .last = w->mark != 0 || i + 1 == mli_spoken_count(s)};
    if (i > 0) {
        c.before = s->text.data + mli_spoken_at(s, i - 1)->at;
        c.before_bytes = mli_spoken_at(s, i - 1)->bytes;
    }
    if (i > 1) {
        c.earlier = s->text.data + mli_spoken_at(s, i - 2)->at;
        c.earlier_bytes = mli_spoken_at(s, i - 2)->bytes;
    }
    if (i + 1 < mli_spoken_count(s)) {
        c.after = s->text.data + mli_spoken_at(s, i + 1)->at;
        c.after_bytes = mli_spoken_at(s, i + 1)->bytes;
    }
    return c;
}

/* The word with its stress. */
static void strong(mli_pronounced *p, const mli_lexicon *x, const mli_spoken *s, size_t i,
                   mli_buf *out)
{
    mli_word_context c = context_of(s, i);
    const uint32_t flags = mli_spoken_at(s, i)->flags;
    uint8_t phones[MLI_WORD_PHONES];
    mli_pronounced_by by = MLI_BY_LEXICON;
    const char *chosen = mli_heteronym(&c);
    size_t count;

    if ((flags & MLI_SPOKEN_LETTERS) != 0 ||
        ((flags & MLI_SPOKEN_CAPITALS) != 0 &&
         mli_lexicon_find(x, c.word, c.bytes, 0, phones) == 0)) {
        mli_ipa_letters(c.word, c.bytes, out);
        p->by[MLI_BY_LEXICON]++;
        return;
    }
    count = chosen != NULL ? mli_phones_read(chosen, phones)
                           : mli_pronounce_word(x, c.word, c.bytes, phones, &by);
    p->by[by]++;
    mli_ipa_word(c.word, c.bytes, phones, count, out);
}

/* Whether IPA begins with a vowel. */
static bool begins_with_vowel(const char *ipa, size_t bytes)
{
    static const char *const vowels[] = {"a",      "e",      "i",      "o",      "u",      "\u0250",
                                         "\u0251", "\u00e6", "\u0259", "\u025a", "\u025b", "\u025c",
                                         "\u026a", "\u0254", "\u028a", "\u028c", "\u1d7b"};
    while (bytes >= 2 && (memcmp(ipa, "\u02c8", 2) == 0 || memcmp(ipa, "\u02cc", 2) == 0)) {
        ipa += 2;
        bytes -= 2;
    }
    for (size_t i = 0; i < sizeof vowels / sizeof *vowels; i++) {
        size_t n = strlen(vowels[i]);
        if (bytes >= n && memcmp(ipa, vowels[i], n) == 0)
            return true;
    }
    return false;
}

static bool ends_with(const mli_buf *b, size_t from, const char *ipa)
{
    size_t n = strlen(ipa);
    return b->size >= from + n && memcmp(b->data + b->size - n, ipa, n) == 0;
}

static void end_word(mli_pronounced *p)
{
    uint32_t end = (uint32_t)p->ipa.size;
    mli_buf_append(&p->ends, &end, sizeof end);
}

/* Adds word `i` with its form before the next one (whose strong IPA is known). */
static void add_word(mli_pronounced *p, const mli_spoken *s, size_t i, const char *ipa,
                     size_t bytes, bool vowel_next)
{
    mli_word_context c = context_of(s, i);
    const uint32_t flags = mli_spoken_at(s, i)->flags;
    const size_t from = p->ipa.size;
    const bool alone = mli_spoken_count(s) == 1;
    const char *weak = (flags & MLI_SPOKEN_LETTERS) != 0 || alone
                           ? NULL
                           : mli_weak_form(c.word, c.bytes, vowel_next && !c.last, c.last);
    if (weak != NULL)
        mli_buf_append_text(&p->ipa, weak);
    else
        mli_buf_append(&p->ipa, ipa, bytes);
    if (vowel_next && !c.last && p->ipa.status == MODELLAB_OK &&
        (ends_with(&p->ipa, from, "\u025a") || ends_with(&p->ipa, from, "\u025c\u02d0")))
        mli_buf_append_text(&p->ipa, "\u0279"); /* over a hill */
    end_word(p);
}

modellab_status mli_pronounce(mli_pronounced *p, const mli_lexicon *lexicon,
                              const mli_spoken *spoken, modellab_error *err)
{
    mli_buf strongs, starts; /* of all words */
    const size_t count = mli_spoken_count(spoken);
    modellab_status status;

    mli_buf_clear(&p->ipa);
    mli_buf_clear(&p->ends);
    memset(p->by, 0, sizeof p->by);
    mli_buf_init(&strongs, p->ipa.alloc);
    mli_buf_init(&starts, p->ipa.alloc);
    for (size_t i = 0; i <= count; i++) {
        size_t at = strongs.size;
        mli_buf_append(&starts, &at, sizeof at);
        if (i < count)
            strong(p, lexicon, spoken, i, &strongs);
    }
    status = mli_buf_status(&strongs, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&starts, err);
    if (status == MODELLAB_OK) {
        const size_t *at = (const size_t *)(const void *)starts.data;
        for (size_t i = 0; i < count; i++) {
            bool vowel =
                i + 1 < count && begins_with_vowel(strongs.data + at[i + 1], at[i + 2] - at[i + 1]);
            add_word(p, spoken, i, mli_buf_text(&strongs) + at[i], at[i + 1] - at[i], vowel);
        }
        status = mli_buf_status(&p->ipa, err);
    }
    if (status == MODELLAB_OK)
        status = mli_buf_status(&p->ends, err);
    mli_buf_dispose(&strongs);
    mli_buf_dispose(&starts);
    return status;
}
