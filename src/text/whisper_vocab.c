/* Vocabulary files: CTranslate2's text and JSON lists, Hugging Face's tokenizer.json and
 * vocab.json, ggml's words, and our own packed form. */
#include "text/whisper_vocab.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

#include <string.h>

MODELLAB_MUST_CHECK static modellab_status bad(modellab_error *err, size_t at, const char *what)
{
    return mli_fail_at(err, MODELLAB_E_INVALID_MODEL, (int64_t)at, "vocabulary: word %zu %s", at,
                       what);
}

MODELLAB_MUST_CHECK static modellab_status add_word(mli_vocab *v, const void *word, size_t bytes,
                                                    modellab_error *err)
{
    if (bytes > MLI_VOCAB_MAX_WORD_BYTES) {
        return bad(err, v->count, "is too long");
    }
    if (v->count >= MLI_VOCAB_MAX_WORDS) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: more than %u words",
                        MLI_VOCAB_MAX_WORDS);
    }
    mli_buf_append(&v->bytes, word, bytes);
    v->offsets[++v->count] = (uint32_t)v->bytes.size;
    v->longest = bytes > v->longest ? bytes : v->longest;
    return MODELLAB_OK;
}

/* Byte of a character in the printable alphabet of byte-level BPE: printable Latin-1 stands for
 * itself, the 68 others for U+0100 on in their order; -1 for other characters. */
static int byte_of(uint32_t c)
{
    if ((c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255)) {
        return (int)c;
    }
    if (c < 256 || c > 256 + 67) {
        return -1;
    }
    uint32_t n = c - 256;
    if (n <= 32) {
        return (int)n;
    }
    return n <= 66 ? (int)(127 + (n - 33)) : 173;
}

/* Adds a word written in that alphabet; specials (`<|...|>`) are ASCII and stay as they are. */
MODELLAB_MUST_CHECK static modellab_status add_encoded(mli_vocab *v, const char *word, size_t bytes,
                                                       modellab_error *err)
{
    char raw[MLI_VOCAB_MAX_WORD_BYTES];
    size_t out = 0;
    for (size_t at = 0; at < bytes;) {
        uint32_t c = 0;
        size_t used = mli_utf8_decode(word + at, bytes - at, &c);
        int byte = used == 0 ? -1 : byte_of(c);
        if (byte < 0) {
            return bad(err, v->count, "is not in the byte alphabet");
        }
        if (out == sizeof raw) {
            return bad(err, v->count, "is too long");
        }
        raw[out++] = (char)(unsigned char)byte;
        at += used;
    }
    return add_word(v, raw, out, err);
}

MODELLAB_MUST_CHECK static modellab_status read_lines(mli_vocab *v, const char *text, size_t bytes,
                                                      modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && bytes > 0) {
        const char *end = memchr(text, '\n', bytes);
        size_t line = end != NULL ? (size_t)(end - text) : bytes;
        size_t word = line > 0 && text[line - 1] == '\r' ? line - 1 : line;
        status = add_encoded(v, text, word, err);
        size_t used = end != NULL ? line + 1 : line;
        text += used;
        bytes -= used;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_array(mli_vocab *v, const mli_json *list,
                                                      modellab_error *err)
{
    size_t count = mli_json_count(list);
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_json *item = mli_json_at(list, i);
        const char *word = mli_json_string(item, NULL);
        status = word == NULL ? bad(err, i, "is not a string")
                              : add_encoded(v, word, mli_json_string_bytes(item), err);
    }
    return status;
}

typedef struct by_id {
    const char *word; /* NULL: not seen */
    size_t bytes;
} by_id;

MODELLAB_MUST_CHECK static modellab_status place(by_id *slots, const char *word, size_t bytes,
                                                 int64_t id, size_t *count, modellab_error *err)
{
    if (id < 0 || id >= (int64_t)MLI_VOCAB_MAX_WORDS) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: an id is outside of 0..%u",
                        MLI_VOCAB_MAX_WORDS - 1);
    }
    if (slots[id].word != NULL &&
        (slots[id].bytes != bytes || memcmp(slots[id].word, word, bytes) != 0)) {
        return bad(err, (size_t)id, "stands twice");
    }
    slots[id] = (by_id){word, bytes};
    *count = (size_t)id + 1 > *count ? (size_t)id + 1 : *count;
    return MODELLAB_OK;
}

/* {"word": id, ...} and the added tokens [{"id": .., "content": ..}] of tokenizer.json. */
MODELLAB_MUST_CHECK static modellab_status read_map(mli_vocab *v, const mli_json *map,
                                                    const mli_json *added, modellab_error *err)
{
    size_t count = 0, extra = mli_json_count(added);
    mli_json_cursor members = mli_json_first(map);
    const char *key = "";
    const mli_json *value = NULL;
    modellab_status status = MODELLAB_OK;
    by_id *slots = mli_alloc_array(v->alloc, MLI_VOCAB_MAX_WORDS, sizeof *slots);
    if (slots == NULL) {
        return mli_no_memory(err);
    }
    while (status == MODELLAB_OK && mli_json_next(&members, &key, &value)) {
        status = place(slots, key, strlen(key), mli_json_int(value, -1), &count, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < extra; i++) {
        const mli_json *item = mli_json_at(added, i);
        const char *word = mli_json_string(mli_json_get(item, "content"), "");
        status = place(slots, word, strlen(word), mli_json_int(mli_json_get(item, "id"), -1),
                       &count, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        status = slots[i].word == NULL ? bad(err, i, "is missing")
                                       : add_encoded(v, slots[i].word, slots[i].bytes, err);
    }
    mli_free(v->alloc, slots);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_json(mli_vocab *v, const char *text, size_t bytes,
                                                     modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_json_parse(text, bytes, MLI_VOCAB_MAX_FILE, &root, err);
    if (status == MODELLAB_E_NO_MEMORY) {
        return status;
    }
    if (status != MODELLAB_OK) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: not valid JSON");
    }
    const mli_json *model = mli_json_get(mli_json_get(root, "model"), "vocab");
    if (mli_json_typeof(root) == MLI_JSON_ARRAY) {
        status = read_array(v, root, err);
    } else if (model != NULL) {
        status = read_map(v, model, mli_json_get(root, "added_tokens"), err);
    } else if (mli_json_typeof(root) == MLI_JSON_OBJECT) {
        status = read_map(v, root, NULL, err);
    } else {
        status = mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: JSON of an unknown form");
    }
    mli_json_free(root);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_text(mli_vocab *v, const char *text, size_t bytes,
                                                     modellab_error *err)
{
    if (bytes > MLI_VOCAB_MAX_FILE) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: the file is too large");
    }
    /* The text form also begins with '!' or another single character; JSON lists and objects are
     * longer than a line. */
    size_t at = 0;
    while (at < bytes && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r')) {
        at++;
    }
    bool json = at < bytes && (text[at] == '[' || text[at] == '{') && at + 1 < bytes &&
                memchr(text, '"', bytes < at + 64 ? bytes : at + 64) != NULL;
    return json ? read_json(v, text, bytes, err) : read_lines(v, text, bytes, err);
}

MODELLAB_MUST_CHECK static modellab_status read_packed(mli_vocab *v, const unsigned char *p,
                                                       size_t bytes, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && bytes > 0) {
        size_t word = bytes >= 2 ? (size_t)(p[0] | p[1] << 8) : 0;
        if (bytes < 2 || word > bytes - 2) {
            return bad(err, v->count, "is cut");
        }
        status = add_word(v, p + 2, word, err);
        p += 2 + word;
        bytes -= 2 + word;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status
read_any(mli_vocab *v, const mli_whisper_vocab_source *source, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (source->packed != NULL) {
        return read_packed(v, source->packed, source->packed_bytes, err);
    }
    if (source->words != NULL) {
        for (size_t i = 0; status == MODELLAB_OK && i < source->word_count; i++) {
            status = add_word(v, source->words[i].data, source->words[i].bytes, err);
        }
        return status;
    }
    if (source->vocabulary != NULL) {
        return read_text(v, source->vocabulary, source->vocabulary_bytes, err);
    }
    if (source->tokenizer_json != NULL) {
        return read_text(v, source->tokenizer_json, source->tokenizer_json_bytes, err);
    }
    return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                    "the model has no vocabulary (tokenizer.json or vocabulary.txt)");
}

modellab_status mli_vocab_read(mli_vocab *v, const modellab_allocator *alloc,
                               const mli_whisper_vocab_source *source, modellab_error *err)
{
    memset(v, 0, sizeof *v);
    v->alloc = alloc;
    mli_buf_init(&v->bytes, alloc);
    v->offsets = mli_alloc_array(alloc, MLI_VOCAB_MAX_WORDS + 1, sizeof *v->offsets);
    modellab_status status = v->offsets == NULL ? mli_no_memory(err) : MODELLAB_OK;
    if (status == MODELLAB_OK) {
        status = read_any(v, source, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_buf_status(&v->bytes, err);
    }
    if (status != MODELLAB_OK) {
        mli_vocab_dispose(v);
    }
    return status;
}

void mli_vocab_dispose(mli_vocab *v)
{
    mli_buf_dispose(&v->bytes);
    mli_free(v->alloc, v->offsets);
    mli_free(v->alloc, v->table);
    v->offsets = NULL;
    v->table = NULL;
    v->count = 0;
}

const char *mli_vocab_word(const mli_vocab *v, int32_t id, size_t *bytes)
{
    *bytes = v->offsets[id + 1] - v->offsets[id];
    return mli_buf_text(&v->bytes) + v->offsets[id];
}
