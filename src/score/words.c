/* Word numbers by an open-addressing table over copies of the words; code points as they are. */
#include "score/words.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

typedef struct entry {
    size_t at, bytes; /* in `text` */
    uint64_t hash;
} entry;

struct mli_score_vocabulary {
    modellab_allocator alloc; /* all NULL = C heap */
    mli_buf text;             /* all words, one after another */
    entry *entries;           /* number = index */
    size_t count, capacity;
    uint32_t *slots; /* 0 = free, else index + 1; twice the capacity */
};

static const modellab_allocator *heap(const mli_score_vocabulary *v)
{
    return v->alloc.alloc != NULL ? &v->alloc : NULL;
}

modellab_status mli_score_vocabulary_create(const modellab_allocator *alloc,
                                            mli_score_vocabulary **out, modellab_error *err)
{
    mli_score_vocabulary *v = mli_alloc_zero(alloc, sizeof *v);
    *out = v;
    if (v == NULL)
        return mli_no_memory(err);
    if (alloc != NULL)
        v->alloc = *alloc;
    mli_buf_init(&v->text, heap(v));
    return MODELLAB_OK;
}

void mli_score_vocabulary_destroy(mli_score_vocabulary *v)
{
    if (v == NULL)
        return;
    const modellab_allocator alloc = v->alloc;
    mli_buf_dispose(&v->text);
    mli_free(heap(v), v->entries);
    mli_free(heap(v), v->slots);
    mli_free(alloc.alloc != NULL ? &alloc : NULL, v);
}

static uint64_t hash_of(const char *word, size_t bytes)
{
    uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)word[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

static void place(mli_score_vocabulary *v, size_t index)
{
    const size_t mask = v->capacity * 2 - 1;
    size_t slot = (size_t)v->entries[index].hash & mask;
    while (v->slots[slot] != 0)
        slot = (slot + 1) & mask;
    v->slots[slot] = (uint32_t)index + 1;
}

MODELLAB_MUST_CHECK static modellab_status grow(mli_score_vocabulary *v, modellab_error *err)
{
    const size_t capacity = v->capacity == 0 ? 256 : v->capacity * 2;
    entry *entries = mli_realloc_array(heap(v), v->entries, capacity, sizeof *entries);
    if (entries == NULL)
        return mli_no_memory(err);
    v->entries = entries;
    uint32_t *slots = mli_alloc_array(heap(v), capacity * 2, sizeof *slots);
    if (slots == NULL)
        return mli_no_memory(err);
    mli_free(heap(v), v->slots);
    v->slots = slots;
    v->capacity = capacity;
    for (size_t i = 0; i < v->count; i++)
        place(v, i);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status number_of(mli_score_vocabulary *v, const char *word,
                                                     size_t bytes, uint32_t *out,
                                                     modellab_error *err)
{
    const uint64_t hash = hash_of(word, bytes);
    const size_t mask = v->capacity * 2 - 1;
    for (size_t slot = (size_t)hash & mask; v->capacity > 0 && v->slots[slot] != 0;
         slot = (slot + 1) & mask) {
        const entry *e = &v->entries[v->slots[slot] - 1];
        if (e->hash == hash && e->bytes == bytes &&
            memcmp(v->text.data + e->at, word, bytes) == 0) {
            *out = v->slots[slot] - 1;
            return MODELLAB_OK;
        }
    }
    if (v->count == v->capacity) {
        modellab_status status = grow(v, err);
        if (status != MODELLAB_OK)
            return status;
    }
    v->entries[v->count] = (entry){v->text.size, bytes, hash};
    mli_buf_append(&v->text, word, bytes);
    modellab_status status = mli_buf_status(&v->text, err);
    if (status != MODELLAB_OK)
        return status;
    *out = (uint32_t)v->count;
    place(v, v->count++);
    return MODELLAB_OK;
}

static size_t count_words(const char *text, size_t bytes)
{
    size_t words = 0;
    for (size_t i = 0; i < bytes; i++)
        words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
    return words;
}

modellab_status mli_score_words(mli_score_vocabulary *v, const char *text, size_t bytes,
                                mli_score_ids *out, modellab_error *err)
{
    *out = (mli_score_ids){NULL, 0};
    const size_t words = count_words(text, bytes);
    uint32_t *ids = mli_alloc_array(heap(v), words > 0 ? words : 1, sizeof *ids);
    if (ids == NULL)
        return mli_no_memory(err);
    modellab_status status = MODELLAB_OK;
    size_t at = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < words; i++) {
        while (text[at] == ' ')
            at++;
        const size_t from = at;
        while (at < bytes && text[at] != ' ')
            at++;
        status = number_of(v, text + from, at - from, &ids[i], err);
    }
    if (status == MODELLAB_OK)
        *out = (mli_score_ids){ids, words};
    else
        mli_free(heap(v), ids);
    return status;
}

modellab_status mli_score_characters(const modellab_allocator *alloc, const char *text,
                                     size_t bytes, mli_score_ids *out, modellab_error *err)
{
    *out = (mli_score_ids){NULL, 0};
    uint32_t *ids = mli_alloc_array(alloc, bytes > 0 ? bytes : 1, sizeof *ids);
    if (ids == NULL)
        return mli_no_memory(err);
    size_t count = 0;
    for (size_t at = 0; at < bytes; count++) {
        size_t length = mli_utf8_decode(text + at, bytes - at, &ids[count]);
        if (length == 0)
            ids[count] = UINT32_C(0x110000) + (unsigned char)text[at];
        at += length > 0 ? length : 1;
    }
    *out = (mli_score_ids){ids, count};
    return MODELLAB_OK;
}
