/* From words to ids: an open-addressed table over the vocabulary. */
#include "base/alloc.h"
#include "base/error.h"
#include "text/whisper_vocab.h"

#include <string.h>

static uint32_t hash(const char *word, size_t bytes)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < bytes; i++) {
        h = (h ^ (unsigned char)word[i]) * 16777619u;
    }
    return h ^ h >> 15;
}

/* The slot of a word: its own, or the empty one where it belongs. */
static size_t slot_of(const mli_vocab *v, const char *word, size_t bytes)
{
    size_t slot = hash(word, bytes) & v->mask;
    while (v->table[slot] >= 0) {
        size_t length;
        const char *have = mli_vocab_word(v, v->table[slot], &length);
        if (length == bytes && memcmp(have, word, bytes) == 0) {
            break;
        }
        slot = (slot + 1) & v->mask;
    }
    return slot;
}

modellab_status mli_vocab_index(mli_vocab *v, size_t limit, modellab_error *err)
{
    size_t slots = 1024;
    limit = limit < v->count ? limit : v->count;
    while (slots < 2 * limit) {
        slots *= 2;
    }
    v->table = mli_alloc_array(v->alloc, slots, sizeof *v->table);
    if (v->table == NULL) {
        return mli_no_memory(err);
    }
    v->mask = slots - 1;
    memset(v->table, 0xff, slots * sizeof *v->table);
    for (size_t id = 0; id < limit; id++) {
        size_t bytes;
        const char *word = mli_vocab_word(v, (int32_t)id, &bytes);
        size_t slot = bytes > 0 ? slot_of(v, word, bytes) : slots;
        if (slot < slots && v->table[slot] < 0) {
            v->table[slot] = (int32_t)id;
        }
    }
    return MODELLAB_OK;
}

int32_t mli_vocab_find(const mli_vocab *v, const char *word, size_t bytes)
{
    if (bytes == 0 || bytes > v->longest) {
        return -1;
    }
    return v->table[slot_of(v, word, bytes)];
}
