/* Building, sharing and releasing transcripts. The public part of the struct comes first in the
 * owner's struct, so that readers see plain fields. */
#include "text/transcript.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/error.h"
#include <stdatomic.h>
#include <string.h>

typedef struct owner {
    mli_transcript shown;
    _Atomic uint32_t refs;
    modellab_allocator alloc;
    mli_transcript_segment *segments;
    size_t capacity;
    char *task, *language, *text;
} owner;

static owner *owner_of(mli_transcript *t)
{
    return (owner *)(void *)t;
}

static const modellab_allocator *heap(const owner *o)
{
    return o->alloc.alloc != NULL ? &o->alloc : NULL;
}

modellab_status mli_transcript_create(const modellab_allocator *alloc, mli_transcript **out,
                                      modellab_error *err)
{
    *out = NULL;
    owner *o = mli_alloc_zero(alloc, sizeof *o);
    if (o == NULL)
        return mli_no_memory(err);
    if (alloc != NULL)
        o->alloc = *alloc;
    atomic_init(&o->refs, 1);
    o->shown.task = o->shown.language = o->shown.text = "";
    *out = &o->shown;
    return MODELLAB_OK;
}

modellab_status mli_transcript_set_info(mli_transcript *t, const char *task, const char *language,
                                        double language_probability, double duration,
                                        modellab_error *err)
{
    owner *o = owner_of(t);
    char *task_copy = mli_strdup(heap(o), task);
    char *language_copy = mli_strdup(heap(o), language);
    if (task_copy == NULL || language_copy == NULL) {
        mli_free(heap(o), task_copy);
        mli_free(heap(o), language_copy);
        return mli_no_memory(err);
    }
    mli_free(heap(o), o->task);
    mli_free(heap(o), o->language);
    o->shown.task = o->task = task_copy;
    o->shown.language = o->language = language_copy;
    o->shown.language_probability = language_probability;
    o->shown.duration = duration;
    return MODELLAB_OK;
}

/* The words of a segment live in one block; each text and speaker is its own. */
static void free_words(const modellab_allocator *a, mli_transcript_word *words, size_t count)
{
    for (size_t i = 0; words != NULL && i < count; i++) {
        mli_free(a, (void *)(uintptr_t)words[i].text);
        mli_free(a, (void *)(uintptr_t)words[i].speaker);
    }
    mli_free(a, words);
}

static void free_segment(const modellab_allocator *a, mli_transcript_segment *s)
{
    mli_free(a, (void *)(uintptr_t)s->text);
    mli_free(a, (void *)(uintptr_t)s->speaker);
    mli_free(a, (void *)(uintptr_t)s->tokens);
    mli_free(a, (void *)(uintptr_t)s->token_probabilities);
    free_words(a, (mli_transcript_word *)(uintptr_t)s->words, s->word_count);
}

/* `out` NULL is a failure only when there was something to copy. */
static bool copy_text(const modellab_allocator *a, const char *text, const char **out)
{
    *out = text != NULL ? mli_strdup(a, text) : NULL;
    return text == NULL || *out != NULL;
}

static bool copy_array(const modellab_allocator *a, const void *from, size_t count, size_t item,
                       const void **out)
{
    *out = NULL;
    if (from == NULL || count == 0)
        return true;
    void *copy = mli_alloc_array(a, count, item);
    if (copy != NULL)
        memcpy(copy, from, count * item);
    *out = copy;
    return copy != NULL;
}

static bool copy_words(const modellab_allocator *a, const mli_transcript_word *from, size_t count,
                       const mli_transcript_word **out)
{
    *out = NULL;
    if (count == 0)
        return true;
    mli_transcript_word *words = mli_alloc_array(a, count, sizeof *words);
    if (words == NULL)
        return false;
    *out = words;
    for (size_t i = 0; i < count; i++) {
        words[i] = from[i];
        words[i].text = words[i].speaker = NULL;
    }
    for (size_t i = 0; i < count; i++)
        if (!copy_text(a, from[i].text != NULL ? from[i].text : "", &words[i].text) ||
            !copy_text(a, from[i].speaker, &words[i].speaker))
            return false;
    return true;
}

static bool copy_segment(const modellab_allocator *a, const mli_transcript_segment *from,
                         mli_transcript_segment *to)
{
    const void *tokens = NULL, *probabilities = NULL;
    *to = *from;
    to->text = to->speaker = NULL;
    to->tokens = NULL;
    to->token_probabilities = NULL;
    to->words = NULL;
    bool ok = copy_text(a, from->text != NULL ? from->text : "", &to->text) &&
              copy_text(a, from->speaker, &to->speaker) &&
              copy_array(a, from->tokens, from->token_count, sizeof(int32_t), &tokens) &&
              copy_array(a, from->token_probabilities, from->token_count, sizeof(float),
                         &probabilities) &&
              copy_words(a, from->words, from->word_count, &to->words);
    to->tokens = tokens;
    to->token_probabilities = probabilities;
    if (!ok)
        free_segment(a, to);
    return ok;
}

modellab_status mli_transcript_add(mli_transcript *t, const mli_transcript_segment *segment,
                                   modellab_error *err)
{
    owner *o = owner_of(t);
    if (o->shown.segment_count == o->capacity) {
        size_t capacity = o->capacity == 0 ? 16 : o->capacity * 2;
        mli_transcript_segment *grown =
            mli_realloc_array(heap(o), o->segments, capacity, sizeof *grown);
        if (grown == NULL)
            return mli_no_memory(err);
        o->shown.segments = o->segments = grown;
        o->capacity = capacity;
    }
    if (!copy_segment(heap(o), segment, &o->segments[o->shown.segment_count]))
        return mli_no_memory(err);
    o->segments[o->shown.segment_count++].first_word = o->shown.word_count;
    o->shown.word_count += segment->word_count;
    return MODELLAB_OK;
}

const modellab_allocator *mli_transcript_allocator(const mli_transcript *t)
{
    const owner *o = (const owner *)(const void *)t;
    return heap(o);
}

size_t mli_transcript_word_count(const mli_transcript *t)
{
    if (t->segment_count == 0)
        return 0;
    const mli_transcript_segment *last = &t->segments[t->segment_count - 1];
    return last->first_word + last->word_count;
}

const mli_transcript_word *mli_transcript_word_at(const mli_transcript *t, size_t index,
                                                  const mli_transcript_segment **segment)
{
    if (index >= mli_transcript_word_count(t))
        return NULL;
    size_t low = 0,
           high = t->segment_count; /* the last segment whose first word is not after index */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (t->segments[middle].first_word <= index)
            low = middle;
        else
            high = middle;
    }
    *segment = &t->segments[low];
    return &t->segments[low].words[index - t->segments[low].first_word];
}

void mli_transcript_set_partial(mli_transcript *t)
{
    t->partial = true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

modellab_status mli_transcript_finish(mli_transcript *t, modellab_error *err)
{
    owner *o = owner_of(t);
    mli_buf all;
    mli_buf_init(&all, heap(o));
    for (size_t i = 0; i < t->segment_count; i++)
        mli_buf_append_text(&all, t->segments[i].text);
    modellab_status status = mli_buf_status(&all, err);
    if (status == MODELLAB_OK) {
        const char *from = mli_buf_text(&all);
        size_t end = all.size, start = 0;
        while (end > 0 && is_space(from[end - 1]))
            end--;
        while (start < end && is_space(from[start]))
            start++;
        char *text = mli_strndup(heap(o), from + start, end - start);
        if (text == NULL) {
            status = mli_no_memory(err);
        } else {
            mli_free(heap(o), o->text);
            o->shown.text = o->text = text;
        }
    }
    mli_buf_dispose(&all);
    return status;
}

mli_transcript *mli_transcript_ref(mli_transcript *t)
{
    if (t != NULL)
        atomic_fetch_add_explicit(&owner_of(t)->refs, 1, memory_order_relaxed);
    return t;
}

void mli_transcript_unref(mli_transcript *t)
{
    if (t == NULL)
        return;
    owner *o = owner_of(t);
    if (atomic_fetch_sub_explicit(&o->refs, 1, memory_order_acq_rel) != 1)
        return;
    modellab_allocator alloc = o->alloc;
    const modellab_allocator *a = alloc.alloc != NULL ? &alloc : NULL;
    for (size_t i = 0; i < o->shown.segment_count; i++)
        free_segment(a, &o->segments[i]);
    mli_free(a, o->segments);
    mli_free(a, o->task);
    mli_free(a, o->language);
    mli_free(a, o->text);
    mli_free(a, o);
}
