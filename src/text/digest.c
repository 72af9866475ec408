/* From segments to sentences with times, and from sentences to terms. */
#include "text/digest_private.h"

#include "base/alloc.h"
#include "base/error.h"
#include "text/sentences.h"
#include "text/unicode.h"
#include <string.h>

enum { WORD_BYTES = 64, FIRST_SLOTS = 1024 };
#define LONGEST_GAP 2.0 /* seconds between segments of one stretch of speech */

/* A stretch of segments that sentences may run through. */
typedef struct stretch {
    size_t first, count;  /* segments */
    mli_buf text, starts; /* size_t: where each segment begins in it */
} stretch;

/* Room for one more item; NULL = no memory. */
MODELLAB_MUST_CHECK static void *room(const modellab_allocator *alloc, void *items, size_t count,
                                      size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return items;
    }
    size_t more = *capacity == 0 ? 256 : *capacity * 2;
    void *grown = mli_realloc_array(alloc, items, more, size);
    *capacity = grown != NULL ? more : *capacity;
    return grown;
}

static uint64_t hash_of(const char *word, size_t bytes)
{
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ (unsigned char)word[i]) * 1099511628211u;
    }
    return h;
}

static size_t slot_of(const mli_digest *d, const char *word, size_t bytes)
{
    size_t at = hash_of(word, bytes) & (d->slot_count - 1);
    while (d->slots[at] != 0) {
        const char *name = d->names.data + d->terms[d->slots[at] - 1].name;
        if (strncmp(name, word, bytes) == 0 && name[bytes] == '\0') {
            break;
        }
        at = (at + 1) & (d->slot_count - 1);
    }
    return at;
}

MODELLAB_MUST_CHECK static modellab_status grow_slots(mli_digest *d, modellab_error *err)
{
    size_t count = d->slot_count == 0 ? FIRST_SLOTS : d->slot_count * 2;
    uint32_t *slots = mli_alloc_zero(d->alloc, count * sizeof *slots);
    if (slots == NULL) {
        return mli_no_memory(err);
    }
    mli_free(d->alloc, d->slots);
    d->slots = slots;
    d->slot_count = count;
    for (size_t i = 0; i < d->term_count; i++) {
        const char *name = d->names.data + d->terms[i].name;
        d->slots[slot_of(d, name, strlen(name))] = (uint32_t)i + 1;
    }
    return MODELLAB_OK;
}

static uint32_t keep_name(mli_digest *d, const char *text, size_t bytes)
{
    uint32_t at = (uint32_t)d->names.size;
    mli_buf_append(&d->names, text, bytes);
    mli_buf_append_char(&d->names, '\0');
    return at;
}

MODELLAB_MUST_CHECK static modellab_status find_term(mli_digest *d, const char *word, size_t bytes,
                                                     const char *shown, size_t shown_bytes,
                                                     uint32_t *out, modellab_error *err)
{
    if (d->term_count * 2 >= d->slot_count) {
        modellab_status status = grow_slots(d, err);
        if (status != MODELLAB_OK) {
            return status;
        }
    }
    size_t at = slot_of(d, word, bytes);
    if (d->slots[at] != 0) {
        *out = d->slots[at] - 1;
        return MODELLAB_OK;
    }
    if (d->names.size > UINT32_MAX / 2) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the text has too many words");
    }
    mli_digest_term *terms =
        room(d->alloc, d->terms, d->term_count, &d->term_capacity, sizeof *terms);
    if (terms == NULL) {
        return mli_no_memory(err);
    }
    d->terms = terms;
    *out = (uint32_t)d->term_count;
    terms[d->term_count++] = (mli_digest_term){.name = keep_name(d, word, bytes),
                                               .shown = keep_name(d, shown, shown_bytes)};
    d->slots[at] = *out + 1;
    return mli_buf_status(&d->names, err);
}

/* One word of the present sentence, which is number `d->count`. */
MODELLAB_MUST_CHECK static modellab_status add_word(mli_digest *d, const char *word, size_t bytes,
                                                    modellab_error *err)
{
    char folded[WORD_BYTES];
    uint32_t term = 0;
    size_t n = 0;
    for (size_t i = 0; i < bytes && n < sizeof folded; i++) {
        folded[n++] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]);
    }
    if (bytes > sizeof folded || mli_digest_is_plain(folded, n)) {
        return MODELLAB_OK;
    }
    if (n > 2 && memcmp(folded + n - 2, "'s", 2) == 0) {
        n -= 2;
    } else if (n > 3 && folded[n - 1] == 's' && folded[n - 2] != 's') {
        n -= 1;
    }
    if (n < 3 || mli_digest_is_plain(folded, n)) {
        return MODELLAB_OK;
    }
    modellab_status status = find_term(d, folded, n, word, bytes, &term, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    uint32_t *sequence =
        room(d->alloc, d->sequence, d->length, &d->length_capacity, sizeof *sequence);
    if (sequence == NULL) {
        return mli_no_memory(err);
    }
    d->sequence = sequence;
    sequence[d->length++] = term;
    if (d->terms[term].last != d->count + 1) {
        d->terms[term].last = (uint32_t)d->count + 1;
        d->terms[term].sentences++;
    }
    return MODELLAB_OK;
}

/* Bytes of the character at `at` when it belongs to a word, else 0. Dashes and quotation marks
 * (U+2000 to U+206F) do not, an apostrophe does. */
static size_t word_bytes(const char *text, size_t at, size_t bytes)
{
    unsigned char c = (unsigned char)text[at];
    if (c == 0xe2 && bytes - at >= 3 && ((unsigned char)text[at + 1] & 0xfe) == 0x80) {
        return (unsigned char)text[at + 1] == 0x80 && (unsigned char)text[at + 2] == 0x99 ? 3 : 0;
    }
    if (c < 0x80) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '\'';
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 0;
    return n <= bytes - at ? n : 0;
}

MODELLAB_MUST_CHECK static modellab_status add_words(mli_digest *d, const char *text, size_t bytes,
                                                     modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t at = 0; status == MODELLAB_OK && at < bytes; at++) {
        size_t from = at, n;
        while (at < bytes && (n = word_bytes(text, at, bytes)) > 0) {
            at += n;
        }
        if (at > from) {
            status = add_word(d, text + from, at - from, err);
        }
    }
    return status;
}

/* When the character at this place of the stretch is spoken, if all of a segment are alike. */
static double time_of(const mli_digest *d, const stretch *s, size_t at)
{
    const size_t *starts = (const size_t *)(const void *)s->starts.data;
    size_t i = 0;
    while (i + 1 < s->count && starts[i + 1] <= at) {
        i++;
    }
    const mli_transcript_segment *one = &d->transcript->segments[s->first + i];
    size_t end = i + 1 < s->count ? starts[i + 1] : s->text.size;
    double part = end > starts[i] ? (double)(at - starts[i]) / (double)(end - starts[i]) : 0;
    return one->start + part * (one->end - one->start);
}

MODELLAB_MUST_CHECK static modellab_status
add_sentence(mli_digest *d, const stretch *s, const mli_sentence *where, modellab_error *err)
{
    mli_digest_sentence *all = room(d->alloc, d->sentences, d->count, &d->capacity, sizeof *all);
    size_t first = d->length;
    if (all == NULL) {
        return mli_no_memory(err);
    }
    d->sentences = all;
    modellab_status status = add_words(d, s->text.data + where->from, where->bytes, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    all[d->count++] = (mli_digest_sentence){.start = time_of(d, s, where->from),
                                            .end = time_of(d, s, where->from + where->bytes),
                                            /* an offset until all text is there */
                                            .text = (const char *)(uintptr_t)d->text.size,
                                            .speaker = d->transcript->segments[s->first].speaker,
                                            .first_term = first,
                                            .term_count = d->length - first};
    mli_buf_append(&d->text, s->text.data + where->from, where->bytes);
    mli_buf_append_char(&d->text, '\0');
    return mli_buf_status(&d->text, err);
}

static bool goes_on(const mli_transcript *t, size_t i)
{
    const mli_transcript_segment *one = &t->segments[i - 1], *next = &t->segments[i];
    const char *a = one->speaker != NULL ? one->speaker : "";
    const char *b = next->speaker != NULL ? next->speaker : "";
    return next->start - one->end < LONGEST_GAP && strcmp(a, b) == 0;
}

/* Segments from `first` on that belong together; a very long stretch is cut. */
MODELLAB_MUST_CHECK static modellab_status take_stretch(const mli_digest *d, size_t first,
                                                        stretch *s, modellab_error *err)
{
    const mli_transcript *t = d->transcript;
    mli_buf_clear(&s->text);
    mli_buf_clear(&s->starts);
    s->first = first;
    s->count = 0;
    for (size_t i = first; i < t->segment_count && s->count < 64; i++) {
        if (i > first && !goes_on(t, i)) {
            break;
        }
        size_t at = s->text.size;
        mli_buf_append(&s->starts, &at, sizeof at);
        if (i > first && t->segments[i].text[0] != ' ') {
            mli_buf_append_char(&s->text, ' ');
        }
        mli_buf_append_text(&s->text, t->segments[i].text);
        s->count++;
    }
    modellab_status status = mli_buf_status(&s->text, err);
    return status == MODELLAB_OK ? mli_buf_status(&s->starts, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status read_all(mli_digest *d, const mli_cancel_word *cancel,
                                                    modellab_error *err)
{
    stretch s = {0};
    modellab_status status = MODELLAB_OK;
    mli_buf_init(&s.text, d->alloc);
    mli_buf_init(&s.starts, d->alloc);
    for (size_t i = 0; status == MODELLAB_OK && i < d->transcript->segment_count; i += s.count) {
        mli_sentence where;
        if (mli_cancelled(cancel)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
            break;
        }
        status = take_stretch(d, i, &s, err);
        mli_sentences rest = {.text = mli_buf_text(&s.text), .bytes = s.text.size};
        while (status == MODELLAB_OK && mli_sentence_next(&rest, &where)) {
            status = add_sentence(d, &s, &where, err);
        }
    }
    for (size_t i = 0; status == MODELLAB_OK && i < d->count; i++) {
        d->sentences[i].text = d->text.data + (uintptr_t)d->sentences[i].text;
    }
    mli_buf_dispose(&s.text);
    mli_buf_dispose(&s.starts);
    return status;
}

modellab_status mli_digest_create(mli_transcript *transcript, const mli_cancel_word *cancel,
                                  mli_digest **out, modellab_error *err)
{
    const modellab_allocator *alloc = mli_transcript_allocator(transcript);
    mli_digest *d = mli_alloc_zero(alloc, sizeof *d);
    *out = NULL;
    if (d == NULL) {
        return mli_no_memory(err);
    }
    d->alloc = alloc;
    d->transcript = mli_transcript_ref(transcript);
    mli_buf_init(&d->text, alloc);
    mli_buf_init(&d->names, alloc);
    modellab_status status = read_all(d, cancel, err);
    if (status != MODELLAB_OK) {
        mli_digest_destroy(d);
        return status;
    }
    *out = d;
    return MODELLAB_OK;
}

void mli_digest_destroy(mli_digest *d)
{
    if (d != NULL) {
        const modellab_allocator *alloc = d->alloc;
        mli_free(alloc, d->sentences);
        mli_free(alloc, d->sequence);
        mli_free(alloc, d->terms);
        mli_free(alloc, d->slots);
        mli_buf_dispose(&d->text);
        mli_buf_dispose(&d->names);
        mli_transcript *transcript = d->transcript;
        mli_free(alloc, d);
        mli_transcript_unref(transcript);
    }
}

size_t mli_digest_sentence_count(const mli_digest *digest)
{
    return digest->count;
}

const mli_digest_sentence *mli_digest_sentence_at(const mli_digest *digest, size_t index)
{
    return &digest->sentences[index];
}
