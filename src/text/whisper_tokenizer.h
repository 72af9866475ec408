/* Tokenizer of Whisper: byte-level BPE vocabulary, special tokens, languages, suppression list and
 * the split into words. Immutable once made; any number of threads. */
#ifndef MLI_TEXT_WHISPER_TOKENIZER_H
#define MLI_TEXT_WHISPER_TOKENIZER_H

#include "base/buf.h"
#include "models/whisper_weights.h"

typedef struct mli_whisper_tokenizer mli_whisper_tokenizer;

/* Give what there is; the first that is set wins: packed (of mli_whisper_tokenizer_pack), words
 * (ggml), vocabulary (CTranslate2: text lines or a JSON array; HF vocab.json object),
 * tokenizer.json (the slowest to read). Merge ranks are the ids themselves, as in the reference's
 * vocabularies. */
typedef struct mli_whisper_vocab_source {
    const void *packed;
    size_t packed_bytes;
    const char *tokenizer_json;
    size_t tokenizer_json_bytes;
    const char *vocabulary;
    size_t vocabulary_bytes;
    const mli_word *words;
    size_t word_count;
    int32_t n_vocab; /* of the model: rows of the token embedding */
} mli_whisper_vocab_source;

typedef struct mli_whisper_special {
    int32_t eot, sot, translate, transcribe, sot_lm, sot_prev, no_speech, no_timestamps;
    int32_t timestamp_begin; /* <|0.00|>; one a 0.02 s, 1501 of them */
    int32_t language_begin;  /* token of language 0 ("en") */
    int32_t language_count;
    int32_t n_vocab;
    bool multilingual;
} mli_whisper_special;

MODELLAB_MUST_CHECK modellab_status
mli_whisper_tokenizer_create(mli_whisper_tokenizer **out, const modellab_allocator *alloc,
                             const mli_whisper_vocab_source *source, modellab_error *err);
void mli_whisper_tokenizer_destroy(mli_whisper_tokenizer *t);
const mli_whisper_special *mli_whisper_tokenizer_special(const mli_whisper_tokenizer *t);
/* Appends the vocabulary in a form that loads fast (for a packed image): u16 length + bytes a word.
 */
void mli_whisper_tokenizer_pack(const mli_whisper_tokenizer *t, mli_buf *out);

/* Bytes of a text token (may be a part of a UTF-8 sequence); 0 bytes for special tokens, timestamps
 * and ids outside the vocabulary. Borrowed. */
const char *mli_whisper_token_bytes(const mli_whisper_tokenizer *t, int32_t id, size_t *bytes);
/* Appends the bytes of all text tokens; specials and timestamps are left out. Bytes, maybe not
 * UTF-8 at the ends: see mli_whisper_decode_text. */
void mli_whisper_decode(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
                        mli_buf *out);
/* The same, with U+FFFD for every invalid sequence (as the reference does). */
void mli_whisper_decode_text(const mli_whisper_tokenizer *t, const int32_t *ids, size_t count,
                             mli_buf *out);
/* Text to ids. Never gives special tokens: "<|en|>" in a text is text. `ids` holds `capacity`;
 * needs at most one id a byte (E_BUFFER_TOO_SMALL otherwise). Invalid UTF-8: E_INVALID_ARGUMENT. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_encode(const mli_whisper_tokenizer *t,
                                                       const char *text, size_t bytes, int32_t *ids,
                                                       size_t capacity, size_t *count,
                                                       modellab_error *err);

/* Languages in the order of their tokens: 0 = "en" ... 98 "su", 99 "yue". */
#define MLI_WHISPER_LANGUAGES 100
const char *mli_whisper_language_code(int32_t index); /* NULL outside */
const char *mli_whisper_language_name(int32_t index); /* "english"; NULL outside */
/* By code ("de"), English name ("German", any case) or common alias ("mandarin"); -1 unknown. */
int32_t mli_whisper_language_find(const char *code_or_name);
/* Token of a language, -1 when the model has none. And back: index, or -1. */
int32_t mli_whisper_language_token(const mli_whisper_special *s, int32_t index);
int32_t mli_whisper_token_language(const mli_whisper_special *s, int32_t id);

/* The ids that never stand for speech (symbols, brackets, music), sorted, as the reference computes
 * them, with the special tokens it adds. Borrowed. */
const int32_t *mli_whisper_suppressed(const mli_whisper_tokenizer *t, size_t *count);
/* Ids suppressed at the start of a window: blank (" ") and eot. */
void mli_whisper_suppressed_begin(const mli_whisper_tokenizer *t, int32_t out[2]);

/* Whether words of a language (its code) are written without spaces between them. */
bool mli_whisper_without_spaces(const char *language);

/* A word: tokens [first, first + count) and its text [text, text + text_bytes) of `text`. */
typedef struct mli_whisper_word {
    size_t first, count;
    size_t text, text_bytes;
} mli_whisper_word;

/* Splits text tokens (specials from eot on form words of their own) into words, as the reference:
 * by code points for languages without spaces (zh ja th lo my yue), else by spaces and punctuation.
 * `words` holds at least `count` items; `text` gets the text of all words joined. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_split_words(
    const mli_whisper_tokenizer *t, const int32_t *ids, size_t count, const char *language,
    mli_whisper_word *words, size_t *word_count, mli_buf *text, modellab_error *err);

#endif
