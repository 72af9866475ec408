/* What every alignment keeps: all words of the text, once, in order, with times inside the audio.
 */
#ifndef TESTS_UNIT_SPEECH_ALIGNED_H
#define TESTS_UNIT_SPEECH_ALIGNED_H

#include "base/alloc.h"
#include "speech/align_pair.h"
#include "text/transcript.h"
#include <string.h>

static inline void expect_aligned(const mli_transcript *t, const char *text, double seconds)
{
    mli_align_word *words = NULL;
    size_t count = 0;
    double last = 0;
    assert_int_equal(mli_align_words(NULL, text, strlen(text), NULL, &words, &count, NULL),
                     MODELLAB_OK);
    assert_int_equal(t->word_count, count);
    for (size_t i = 0; i < count; i++) {
        const mli_transcript_segment *s = NULL;
        const mli_transcript_word *w = mli_transcript_word_at(t, i, &s);
        assert_int_equal(strlen(w->text), words[i].bytes + 1);
        assert_memory_equal(w->text + 1, text + words[i].text, words[i].bytes);
        if (!(w->start >= last && w->end >= w->start && w->end <= seconds && s->start <= w->start &&
              s->end >= w->end && w->probability >= 0 && w->probability <= 1))
            fail_msg("word %zu%s: %g to %g after %g", i, w->text, w->start, w->end, last);
        last = w->end;
    }
    mli_free(NULL, words);
}

#endif
