/* Fuzz target: a dictionary (first byte even) or a text to be spoken (odd) with a small dictionary.
 */
#include "base/str.h"
#include "text/pronounce.h"
#include "text/sentences.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char small[] =
    "a AH0\nthe DH AH0\nread R EH1 D\nhouse HH AW1 S\nsnow S N OW1\ncat K AE1 T\n";

static void dictionary(const char *text, size_t bytes)
{
    mli_lexicon *x = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    uint8_t phones[MLI_WORD_PHONES];
    if (mli_lexicon_create(&x, NULL, text, bytes, NULL, &err) != MODELLAB_OK) {
        if (x != NULL || err.message[0] == '\0')
            abort();
        return;
    }
    for (size_t n = 1; n <= bytes && n < 20; n++) {
        if (mli_lexicon_find(x, text, n, (int)(n % 3), phones) > MLI_WORD_PHONES)
            abort();
    }
    mli_lexicon_destroy(x);
}

static void speak(const mli_lexicon *x, const char *text, size_t bytes)
{
    mli_spoken s;
    mli_pronounced p;
    mli_sentences cut = {text, bytes, 0};
    mli_sentence one;
    mli_spoken_init(&s, NULL);
    mli_pronounced_init(&p, NULL);
    while (mli_sentence_next(&cut, &one)) {
        if (mli_spoken_set(&s, text + one.from, one.bytes, one.from, NULL) != MODELLAB_OK ||
            mli_pronounce(&p, x, &s, NULL) != MODELLAB_OK)
            abort();
        for (size_t i = 0; i < mli_spoken_count(&s); i++) {
            size_t length;
            const char *ipa = mli_pronounced_word(&p, i, &length);
            if (length == 0 || !mli_utf8_valid(ipa, length) ||
                mli_spoken_at(&s, i)->to > one.from + one.bytes)
                abort();
        }
    }
    mli_pronounced_dispose(&p);
    mli_spoken_dispose(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static mli_lexicon *fixed; /* made once: a fuzz process has no end of its own */
    if (bytes < 2)
        return 0;
    if (fixed == NULL &&
        mli_lexicon_create(&fixed, NULL, small, sizeof small - 1, NULL, NULL) != MODELLAB_OK)
        abort();
    if (data[0] % 2 == 0)
        dictionary((const char *)data + 1, bytes - 1);
    else
        speak(fixed, (const char *)data + 1, bytes - 1);
    return 0;
}
