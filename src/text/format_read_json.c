/* Reader of verbose JSON: ours, and that of other makers of the OpenAI shape. */
#include "text/format.h"
#include "text/format_parts.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "text/whisper_tokenizer.h"
#include <string.h>

/* Arrays of one segment; freed after it was copied into the transcript. */
typedef struct scratch {
    const modellab_allocator *alloc;
    int32_t *tokens;
    float *probabilities;
    mli_transcript_word *words;
    size_t next_word; /* words come in the order of their segments */
} scratch;

MODELLAB_MUST_CHECK static modellab_status bad(modellab_error *err, const char *where, size_t index)
{
    return mli_fail_at(err, MODELLAB_E_SCHEMA, (int64_t)index, "/%s/%lld is not as it should be",
                       where, (long long)index);
}

static bool is_number(const mli_json *value)
{
    return value != NULL &&
           (mli_json_typeof(value) == MLI_JSON_INTEGER || mli_json_typeof(value) == MLI_JSON_REAL);
}

static bool read_times(const mli_json *object, double *start, double *end)
{
    const mli_json *from = mli_json_get(object, "start"), *to = mli_json_get(object, "end");
    if (!is_number(from) || !is_number(to))
        return false;
    *start = mli_json_number(from, 0.0);
    *end = mli_json_number(to, 0.0);
    return *start >= 0.0 && *end >= *start && *end < 1e9;
}

/* The word's text as decoded; other makers give "word" alone. */
static const char *word_text(const mli_json *object)
{
    const char *text = mli_json_string(mli_json_get(object, "text"), NULL);
    return text != NULL ? text : mli_json_string(mli_json_get(object, "word"), NULL);
}

/* Without our "segment" key a word belongs to the first segment that ends after its middle. */
static bool belongs(const mli_json *word, const mli_transcript_segment *s, bool last)
{
    const mli_json *id = mli_json_get(word, "segment");
    if (id != NULL)
        return mli_json_int(id, -1) == s->id;
    double start = mli_json_number(mli_json_get(word, "start"), 0.0);
    double end = mli_json_number(mli_json_get(word, "end"), 0.0);
    return last || (start + end) / 2.0 < s->end;
}

MODELLAB_MUST_CHECK static modellab_status read_words(const mli_json *words, bool last, scratch *x,
                                                      mli_transcript_segment *s,
                                                      modellab_error *err)
{
    size_t count = 0, total = mli_json_count(words);
    while (x->next_word + count < total &&
           belongs(mli_json_at(words, x->next_word + count), s, last))
        count++;
    if (count == 0)
        return MODELLAB_OK;
    x->words = mli_alloc_array(x->alloc, count, sizeof *x->words);
    if (x->words == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const mli_json *from = mli_json_at(words, x->next_word + i);
        mli_transcript_word *to = &x->words[i];
        to->text = word_text(from);
        to->speaker = mli_json_string(mli_json_get(from, "speaker"), NULL);
        to->speaker_nearest = mli_json_bool(mli_json_get(from, "speaker_nearest"), false);
        to->probability = mli_json_number(mli_json_get(from, "probability"), 0.0);
        if (to->text == NULL || !read_times(from, &to->start, &to->end))
            return bad(err, "words", x->next_word + i);
    }
    x->next_word += count;
    s->words = x->words;
    s->word_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_tokens(const mli_json *object, size_t index,
                                                       scratch *x, mli_transcript_segment *s,
                                                       modellab_error *err)
{
    const mli_json *tokens = mli_json_get(object, "tokens");
    const mli_json *probabilities = mli_json_get(object, "token_probabilities");
    const size_t count = mli_json_count(tokens);
    if (count == 0)
        return MODELLAB_OK;
    if (probabilities != NULL && mli_json_count(probabilities) != count)
        return bad(err, "segments", index);
    x->tokens = mli_alloc_array(x->alloc, count, sizeof *x->tokens);
    x->probabilities = mli_alloc_array(x->alloc, count, sizeof *x->probabilities);
    if (x->tokens == NULL || x->probabilities == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        int64_t id = mli_json_int(mli_json_at(tokens, i), -1);
        double p = mli_json_number(mli_json_at(probabilities, i), 0.0);
        if (id < 0 || id > INT32_MAX || !(p >= 0.0 && p <= 1.0))
            return bad(err, "segments", index);
        x->tokens[i] = (int32_t)id;
        x->probabilities[i] = (float)p;
    }
    s->tokens = x->tokens;
    s->token_probabilities = probabilities != NULL ? x->probabilities : NULL;
    s->token_count = count;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_segment(const mli_json *root,
                                                        const mli_json *object, size_t index,
                                                        bool last, scratch *x, mli_transcript *t,
                                                        modellab_error *err)
{
    mli_transcript_segment s = {
        .id = mli_json_int(mli_json_get(object, "id"), (int64_t)index),
        .seek = mli_json_int(mli_json_get(object, "seek"), 0),
        .text = mli_json_string(mli_json_get(object, "text"), NULL),
        .speaker = mli_json_string(mli_json_get(object, "speaker"), NULL),
        .speaker_nearest = mli_json_bool(mli_json_get(object, "speaker_nearest"), false),
        .temperature = mli_json_number(mli_json_get(object, "temperature"), 0.0),
        .avg_logprob = mli_json_number(mli_json_get(object, "avg_logprob"), 0.0),
        .compression_ratio = mli_json_number(mli_json_get(object, "compression_ratio"), 0.0),
        .no_speech_prob = mli_json_number(mli_json_get(object, "no_speech_prob"), 0.0)};
    if (s.text == NULL || !read_times(object, &s.start, &s.end))
        return bad(err, "segments", index);
    modellab_status status = read_tokens(object, index, x, &s, err);
    if (status == MODELLAB_OK)
        status = read_words(mli_json_get(root, "words"), last, x, &s, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_add(t, &s, err);
    mli_free(x->alloc, x->tokens);
    mli_free(x->alloc, x->probabilities);
    mli_free(x->alloc, x->words);
    x->tokens = NULL;
    x->probabilities = NULL;
    x->words = NULL;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_info(const mli_json *root, mli_transcript *t,
                                                     modellab_error *err)
{
    const char *name = mli_json_string(mli_json_get(root, "language"), "");
    const char *code = mli_json_string(mli_json_get(root, "language_code"), NULL);
    if (code == NULL)
        code = mli_whisper_language_code(mli_whisper_language_find(name));
    double duration = mli_json_number(mli_json_get(root, "duration"), 0.0);
    if (!(duration >= 0.0 && duration < 1e9))
        return mli_fail(err, MODELLAB_E_SCHEMA, "/duration is not as it should be");
    if (mli_json_bool(mli_json_get(root, "partial"), false))
        mli_transcript_set_partial(t);
    return mli_transcript_set_info(
        t, mli_json_string(mli_json_get(root, "task"), "transcribe"), code != NULL ? code : name,
        mli_json_number(mli_json_get(root, "language_probability"), 0.0), duration, err);
}

MODELLAB_MUST_CHECK static modellab_status read_root(const mli_json *root,
                                                     const modellab_allocator *alloc,
                                                     mli_transcript *t, modellab_error *err)
{
    const mli_json *segments = mli_json_get(root, "segments");
    if (segments == NULL || mli_json_typeof(segments) != MLI_JSON_ARRAY)
        return mli_fail(err, MODELLAB_E_SCHEMA, "/segments is not an array");
    modellab_status status = read_info(root, t, err);
    const size_t count = mli_json_count(segments);
    scratch x = {.alloc = alloc};
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        status = read_segment(root, mli_json_at(segments, i), i, i + 1 == count, &x, t, err);
    if (status == MODELLAB_OK && x.next_word < mli_json_count(mli_json_get(root, "words")))
        status = bad(err, "words", x.next_word);
    return status;
}

modellab_status mli_format_read_json(const char *text, size_t bytes,
                                     const modellab_allocator *alloc, mli_transcript *t,
                                     modellab_error *err)
{
    mli_json *root = NULL;
    modellab_status status = mli_json_parse(text, bytes, MLI_FORMAT_MAX_BYTES, &root, err);
    if (status != MODELLAB_OK)
        return status;
    status = read_root(root, alloc, t, err);
    mli_json_free(root);
    return status;
}
