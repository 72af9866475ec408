/* Text -> utterances of a Piper voice: sentences, spoken words, pronunciation, phoneme ids, and
 * which ids belong to which word of the caller. One utterance after the other, in memory that does
 * not grow with the text. */
#ifndef MLI_SPEECH_VOICE_TEXT_H
#define MLI_SPEECH_VOICE_TEXT_H

#include "base/buf.h"
#include "base/cancel.h"
#include "models/piper.h"
#include "text/pronounce.h"

enum {
    MLI_VOICE_TEXT_MAX_BYTES = 1 << 20,
    MLI_VOICE_TEXT_MAX_IDS = 1400 /* of one utterance; a longer sentence is cut at a pause */
};

/* A foreign pronunciation: text of one clause a line in, as many lines of IPA out (words separated
 * by spaces). */
typedef modellab_status (*mli_g2p_fn)(void *user, const char *text, size_t bytes, mli_buf *ipa,
                                      modellab_error *err);

/* Exactly one of lexicon, g2p, is_ipa, is_ids. */
typedef struct mli_voice_text_source {
    const mli_lexicon *lexicon; /* borrowed */
    mli_g2p_fn g2p;
    void *user;
    bool is_ipa; /* the text is IPA: a line an utterance, words separated by spaces */
    bool is_ids; /* the text is phoneme ids in decimal: a line an utterance, which is one word */
} mli_voice_text_source;

typedef struct mli_voice_word {
    uint32_t from, to;   /* the caller's bytes */
    uint32_t first, end; /* ids of the utterance */
} mli_voice_word;

typedef struct mli_voice_symbol {
    uint32_t at, bytes;  /* in the utterance's IPA */
    uint32_t first, end; /* its ids, the pad behind it included */
} mli_voice_symbol;

typedef struct mli_utterance {
    mli_buf ids;     /* int32_t */
    mli_buf words;   /* mli_voice_word, in order */
    mli_buf symbols; /* mli_voice_symbol, spaces and marks included */
    mli_buf ipa;     /* words with spaces and marks between them */
    bool paragraph;  /* a blank line follows, or the end of the text */
    bool cut;        /* its sentence goes on in the next one */
} mli_utterance;

void mli_utterance_init(mli_utterance *u, const modellab_allocator *alloc);
void mli_utterance_dispose(mli_utterance *u);
static inline size_t mli_utterance_words(const mli_utterance *u)
{
    return u->words.size / sizeof(mli_voice_word);
}
static inline const mli_voice_word *mli_utterance_word(const mli_utterance *u, size_t i)
{
    return (const mli_voice_word *)(const void *)u->words.data + i;
}
static inline const mli_voice_symbol *mli_utterance_symbol(const mli_utterance *u, size_t i)
{
    return (const mli_voice_symbol *)(const void *)u->symbols.data + i;
}

typedef struct mli_voice_text_counts {
    size_t words;            /* spoken */
    size_t by[MLI_BY_KINDS]; /* of these: from the lexicon, parts of it, letters */
    size_t unsaid;           /* characters without a word: other scripts, pictures, bad bytes */
    size_t unknown;          /* symbols of a foreign pronunciation that the voice lacks */
} mli_voice_text_counts;

typedef struct mli_voice_text mli_voice_text;

/* Borrows everything given. E_LIMIT: the text; E_INVALID_MODEL: a voice without the signs that
 * frame an utterance. */
MODELLAB_MUST_CHECK modellab_status mli_voice_text_create(
    mli_voice_text **out, const modellab_allocator *alloc, const mli_piper_config *config,
    const mli_voice_text_source *source, const char *text, size_t bytes, modellab_error *err);
void mli_voice_text_destroy(mli_voice_text *t);
/* Fills the next utterance (it always has a word); *more = false at the end. E_INVALID_ARGUMENT:
 * IPA of the caller with a symbol that the voice lacks, what is no id (detail = its offset). */
MODELLAB_MUST_CHECK modellab_status mli_voice_text_next(mli_voice_text *t, mli_utterance *u,
                                                        bool *more, const mli_cancel_word *cancel,
                                                        modellab_error *err);
mli_voice_text_counts mli_voice_text_counts_of(const mli_voice_text *t);

/* Empties an utterance and writes the sign of a beginning, with its pad; that of the end. */
void mli_utterance_begin(mli_utterance *u, const mli_piper_config *config);
void mli_utterance_end(mli_utterance *u, const mli_piper_config *config);
/* Adds symbols of IPA to an utterance, each with its ids and a pad; unknown ones are counted and
 * left out; *bad (NULL accepted) gets the offset of the first. */
void mli_utterance_add(mli_utterance *u, const mli_piper_config *config, const char *ipa,
                       size_t bytes, size_t *unknown, size_t *bad);
/* Gives the IPA of a line to `count` words, of which word i is expected to be about weights[i]
 * symbols long: appends each word's IPA to `ipa`, with a space behind it where one stood in the
 * line, and its end to `ends` (uint32_t). */
MODELLAB_MUST_CHECK modellab_status mli_g2p_spread(const char *line, size_t bytes,
                                                   const uint32_t *weights, size_t count,
                                                   mli_buf *ipa, mli_buf *ends,
                                                   modellab_error *err);

#endif
