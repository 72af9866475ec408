/* Copies a transcript with other names for its speakers. */
#include "text/names.h"

#include "base/alloc.h"
#include "base/error.h"

static const char *name_of(const mli_json *names, const char *speaker)
{
    return speaker != NULL ? mli_json_string(mli_json_get(names, speaker), speaker) : NULL;
}

MODELLAB_MUST_CHECK static modellab_status add(mli_transcript *copy,
                                               const mli_transcript_segment *from,
                                               const mli_json *names,
                                               const modellab_allocator *alloc, modellab_error *err)
{
    mli_transcript_segment segment = *from;
    mli_transcript_word *words = NULL;
    modellab_status status;

    if (from->word_count > 0) {
        words = mli_alloc_array(alloc, from->word_count, sizeof *words);
        if (words == NULL) {
            return mli_no_memory(err);
        }
        for (size_t i = 0; i < from->word_count; i++) {
            words[i] = from->words[i];
            words[i].speaker = name_of(names, from->words[i].speaker);
        }
    }
    segment.words = words;
    segment.speaker = name_of(names, from->speaker);
    status = mli_transcript_add(copy, &segment, err);
    mli_free(alloc, words);
    return status;
}

modellab_status mli_transcript_with_names(const mli_transcript *t, const mli_json *names,
                                          const modellab_allocator *alloc, mli_transcript **out,
                                          modellab_error *err)
{
    mli_transcript *copy = NULL;
    modellab_status status = mli_transcript_create(alloc, &copy, err);

    if (status == MODELLAB_OK) {
        status = mli_transcript_set_info(copy, t->task, t->language, t->language_probability,
                                         t->duration, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < t->segment_count; i++) {
        status = add(copy, &t->segments[i], names, alloc, err);
    }
    if (status == MODELLAB_OK) {
        copy->has_words = t->has_words;
        if (t->partial) {
            mli_transcript_set_partial(copy);
        }
        status = mli_transcript_finish(copy, err);
    }
    if (status != MODELLAB_OK) {
        mli_transcript_unref(copy);
        return status;
    }
    *out = copy;
    return MODELLAB_OK;
}
