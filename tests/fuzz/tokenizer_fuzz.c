/* Fuzz target: vocabulary files of every form, and texts for the tokenizer. The first byte picks.
 */
#include "text/whisper_tokenizer.h"
#include "unit/models/synthetic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static mli_whisper_tokenizer *create(const mli_whisper_vocab_source *source)
{
    mli_whisper_tokenizer *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (mli_whisper_tokenizer_create(&t, NULL, source, &err) != MODELLAB_OK &&
        err.message[0] == '\0') {
        abort();
    }
    return t;
}

/* A text comes back from its ids, and its words cover all tokens. */
static void check_text(const mli_whisper_tokenizer *t, const char *text, size_t bytes)
{
    size_t count = 0, words = 0, covered = 0;
    int32_t *ids = malloc((bytes + 1) * sizeof *ids);
    mli_whisper_word *parts = malloc((bytes + 1) * sizeof *parts);
    mli_buf back;
    mli_buf_init(&back, NULL);
    if (ids != NULL && parts != NULL &&
        mli_whisper_encode(t, text, bytes, ids, bytes, &count, NULL) == MODELLAB_OK) {
        mli_whisper_decode(t, ids, count, &back);
        if (back.size != bytes || memcmp(mli_buf_text(&back), text, bytes) != 0) {
            abort();
        }
        mli_buf_clear(&back);
        for (int i = 0; i < 2; i++) {
            covered = 0;
            if (mli_whisper_split_words(t, ids, count, i == 0 ? "en" : "ja", parts, &words, &back,
                                        NULL) != MODELLAB_OK) {
                abort();
            }
            for (size_t w = 0; w < words; w++) {
                covered += parts[w].count;
            }
            if (covered != count) {
                abort();
            }
        }
    }
    mli_buf_dispose(&back);
    free(ids);
    free(parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static mli_whisper_tokenizer *fixed; /* made once: a fuzz process has no end of its own */
    const char *rest = (const char *)data + 1;
    mli_whisper_vocab_source source = {.n_vocab = synthetic_small.n_vocab};
    if (bytes < 2) {
        return 0;
    }
    switch (data[0] % 4) {
    case 0:
        source.vocabulary = rest;
        source.vocabulary_bytes = bytes - 1;
        break;
    case 1:
        source.tokenizer_json = rest;
        source.tokenizer_json_bytes = bytes - 1;
        break;
    case 2:
        source.packed = rest;
        source.packed_bytes = bytes - 1;
        break;
    default:
        if (fixed == NULL) {
            mli_buf text;
            mli_buf_init(&text, NULL);
            synthetic_vocabulary(&synthetic_small, &text);
            source.vocabulary = text.data;
            source.vocabulary_bytes = text.size;
            fixed = create(&source);
            mli_buf_dispose(&text);
        }
        check_text(fixed, rest, bytes - 1);
        return 0;
    }
    mli_whisper_tokenizer *t = create(&source);
    if (t != NULL) {
        check_text(t, " the thing's (\xe3\x81\x82) 12", 22);
        mli_whisper_tokenizer_destroy(t);
    }
    return 0;
}
