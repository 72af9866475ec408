/* The tokenizer: vocabulary, special tokens by the rule of their order, suppression list, decoding.
 */
#include "text/whisper_tokenizer.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "text/unicode.h"
#include "text/whisper_bpe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMESTAMPS 1501
#define TASK_TOKENS 6 /* translate, transcribe, sot_lm, sot_prev, no_speech, no_timestamps */
#define MAX_TEXT ((size_t)16 << 20)
#define MAX_SUPPRESSED 256

struct mli_whisper_tokenizer {
    const modellab_allocator *alloc;
    mli_vocab vocab;
    mli_whisper_special special;
    int32_t suppressed[MAX_SUPPRESSED];
    size_t suppressed_count;
    int32_t blank; /* " " */
};

/* The added tokens follow from the end: timestamps, task tokens, languages, sot, eot. */
MODELLAB_MUST_CHECK static modellab_status derive_special(int32_t n_vocab, mli_whisper_special *s,
                                                          modellab_error *err)
{
    if (n_vocab < TIMESTAMPS || n_vocab > (int32_t)MLI_VOCAB_MAX_WORDS) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "a vocabulary of %d is not known",
                        n_vocab);
    }
    s->n_vocab = n_vocab;
    s->multilingual = n_vocab >= 51865;
    s->language_count = n_vocab >= 51866 ? n_vocab - 51766 : 99;
    s->timestamp_begin = n_vocab - TIMESTAMPS;
    s->no_timestamps = s->timestamp_begin - 1;
    s->no_speech = s->timestamp_begin - 2;
    s->sot_prev = s->timestamp_begin - 3;
    s->sot_lm = s->timestamp_begin - 4;
    s->transcribe = s->timestamp_begin - 5;
    s->translate = s->timestamp_begin - TASK_TOKENS;
    s->language_begin = s->translate - s->language_count;
    s->sot = s->language_begin - 1;
    s->eot = s->sot - 1;
    if (s->eot < 256 || s->language_count > MLI_WHISPER_LANGUAGES) {
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "a vocabulary of %d is not known",
                        n_vocab);
    }
    return MODELLAB_OK;
}

/* Where the file names a special token, it must stand at the derived id. */
MODELLAB_MUST_CHECK static modellab_status check_named(const mli_vocab *v, int32_t id,
                                                       const char *name, modellab_error *err)
{
    size_t bytes;
    if ((size_t)id >= v->count) {
        return MODELLAB_OK;
    }
    const char *word = mli_vocab_word(v, id, &bytes);
    if (bytes == 0 || (bytes == strlen(name) && memcmp(word, name, bytes) == 0)) {
        return MODELLAB_OK;
    }
    return mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: word %d is not %s", id, name);
}

MODELLAB_MUST_CHECK static modellab_status
check_words(const mli_vocab *v, const mli_whisper_special *s, modellab_error *err)
{
    if (v->count < (size_t)s->eot || v->count > (size_t)s->n_vocab) {
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "vocabulary: %zu words do not fit a model of %d", v->count, s->n_vocab);
    }
    modellab_status status = check_named(v, s->eot, "<|endoftext|>", err);
    if (status == MODELLAB_OK) {
        status = check_named(v, s->sot, "<|startoftranscript|>", err);
    }
    if (status == MODELLAB_OK) {
        status = check_named(v, s->language_begin, "<|en|>", err);
    }
    if (status == MODELLAB_OK) {
        status = check_named(v, s->translate, "<|translate|>", err);
    }
    if (status == MODELLAB_OK) {
        status = check_named(v, s->no_timestamps, "<|notimestamps|>", err);
    }
    for (int byte = 0; status == MODELLAB_OK && byte < 256; byte++) {
        char c = (char)(unsigned char)byte;
        if (mli_vocab_find(v, &c, 1) < 0) {
            status =
                mli_fail(err, MODELLAB_E_INVALID_MODEL, "vocabulary: byte %d has no word", byte);
        }
    }
    return status;
}

static void suppress(mli_whisper_tokenizer *t, int32_t id)
{
    for (size_t i = 0; i < t->suppressed_count; i++) {
        if (t->suppressed[i] == id) {
            return;
        }
    }
    if (t->suppressed_count < MAX_SUPPRESSED) {
        t->suppressed[t->suppressed_count++] = id;
    }
}

/* The first token of `space` + symbol; with `single` only when it is the only one. */
MODELLAB_MUST_CHECK static modellab_status suppress_symbol(mli_whisper_tokenizer *t,
                                                           const char *space, const char *symbol,
                                                           bool single, modellab_error *err)
{
    char text[16];
    int32_t ids[16];
    size_t count;
    int length = snprintf(text, sizeof text, "%s%s", space, symbol);
    modellab_status status = mli_bpe_encode(&t->vocab, text, (size_t)length, ids, 16, &count, err);
    if (status == MODELLAB_OK && count > 0 && (!single || count == 1)) {
        suppress(t, ids[0]);
    }
    return status;
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

MODELLAB_MUST_CHECK static modellab_status make_suppressed(mli_whisper_tokenizer *t,
                                                           modellab_error *err)
{
    static const char *const symbols[] = {
        "\"",  "#",  "(",  ")",   "*",   "+",   "/",   ":",  ";",   "<",  "=",  ">",
        "@",   "[",  "\\", "]",   "^",   "_",   "`",   "{",  "|",   "}",  "~",  "「",
        "」",  "『", "』", "<<",  ">>",  "<<<", ">>>", "--", "---", "-(", "-[", "('",
        "(\"", "((", "))", "(((", ")))", "[[",  "]]",  "{{", "}}",  "♪♪", "♪♪♪"};
    static const char *const notes[] = {"♩", "♪", "♫", "♬", "♭", "♮", "♯"};
    const mli_whisper_special *s = &t->special;
    const int32_t specials[] = {s->sot,    s->translate, s->transcribe,
                                s->sot_lm, s->sot_prev,  s->no_speech};
    modellab_status status = suppress_symbol(t, " ", "-", false, err);
    if (status == MODELLAB_OK) {
        status = suppress_symbol(t, " ", "'", false, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < 2 * sizeof symbols / sizeof symbols[0]; i++) {
        status = suppress_symbol(t, i % 2 == 0 ? "" : " ", symbols[i / 2], true, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < 2 * sizeof notes / sizeof notes[0]; i++) {
        status = suppress_symbol(t, i % 2 == 0 ? "" : " ", notes[i / 2], false, err);
    }
    for (size_t i = 0; i < sizeof specials / sizeof specials[0]; i++) {
        suppress(t, specials[i]);
    }
    qsort(t->suppressed, t->suppressed_count, sizeof t->suppressed[0], compare_ids);
    return status;
}

modellab_status mli_whisper_tokenizer_create(mli_whisper_tokenizer **out,
                                             const modellab_allocator *alloc,
                                             const mli_whisper_vocab_source *source,
                                             modellab_error *err)
{
    *out = NULL;
    mli_whisper_tokenizer *t = mli_alloc_zero(alloc, sizeof *t);
    if (t == NULL) {
        return mli_no_memory(err);
    }
    t->alloc = alloc;
    modellab_status status = derive_special(source->n_vocab, &t->special, err);
    if (status == MODELLAB_OK) {
        status = mli_vocab_read(&t->vocab, alloc, source, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_vocab_index(&t->vocab, (size_t)t->special.eot, err);
    }
    if (status == MODELLAB_OK) {
        status = check_words(&t->vocab, &t->special, err);
    }
    if (status == MODELLAB_OK) {
        t->blank = mli_vocab_find(&t->vocab, " ", 1);
        status = make_suppressed(t, err);
    }
    if (status != MODELLAB_OK) {
        mli_whisper_tokenizer_destroy(t);
        return status;
    }
    *out = t;
    return MODELLAB_OK;
}

void mli_whisper_tokenizer_destroy(mli_whisper_tokenizer *t)
{
    if (t != NULL) {
        mli_vocab_dispose(&t->vocab);
        mli_free(t->alloc, t);
    }
}

const mli_whisper_special *mli_whisper_tokenizer_special(const mli_whisper_tokenizer *t)
{
    return &t->special;
}

void mli_whisper_tokenizer_pack(const mli_whisper_tokenizer *t, mli_buf *out)
{
    for (int32_t id = 0; id < t->special.eot; id++) {
        size_t bytes;
        const char *word = mli_vocab_word(&t->vocab, id, &bytes);
        mli_buf_append_char(out, (char)(unsigned char)(bytes & 255));
        mli_buf_append_char(out, (char)(unsigned char)(bytes >> 8));
        mli_buf_append(out, word, bytes);
    }
}

const char *mli_whisper_token_bytes(const mli_whisper_tokenizer *t, int32_t id, size_t *bytes)
{
    *bytes = 0;
    if (id < 0 || id >= t->special.eot) {
        return "";
    }
    return mli_vocab_word(&t->vocab, id, bytes);
}

void mli_whisper_decode(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
                        mli_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        size_t bytes;
        const char *word = mli_whisper_token_bytes(t, ids[i], &bytes);
        mli_buf_append(out, word, bytes);
    }
}

void mli_whisper_decode_text(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
                             mli_buf *out)
{
    mli_buf raw;
    mli_buf_init(&raw, t->alloc);
    mli_whisper_decode(t, ids, count, &raw);
    if (raw.status != MODELLAB_OK) {
        out->status = out->status == MODELLAB_OK ? raw.status : out->status;
    } else {
        mli_utf8_lossy(mli_buf_text(&raw), raw.size, out);
    }
    mli_buf_dispose(&raw);
}

modellab_status mli_whisper_encode(const mli_whisper_tokenizer *t, const char *text, size_t bytes,
                                   int32_t *ids, size_t capacity, size_t *count,
                                   modellab_error *err)
{
    *count = 0;
    if (bytes > MAX_TEXT) {
        return mli_fail(err, MODELLAB_E_LIMIT, "the text is longer than %zu bytes", MAX_TEXT);
    }
    if (!mli_utf8_valid(text, bytes)) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the text is not UTF-8");
    }
    return mli_bpe_encode(&t->vocab, text, bytes, ids, capacity, count, err);
}

const int32_t *mli_whisper_suppressed(const mli_whisper_tokenizer *t, size_t *count)
{
    *count = t->suppressed_count;
    return t->suppressed;
}

void mli_whisper_suppressed_begin(const mli_whisper_tokenizer *t, int32_t out[2])
{
    out[0] = t->blank;
    out[1] = t->special.eot;
}
