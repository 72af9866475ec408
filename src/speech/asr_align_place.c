/* Placing the words of a text among those that were heard. */
#include "speech/asr_align_place.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"

#define SECONDS_A_WORD 0.35
enum { LOOK = 16384 };
enum { LEFT_OUT = 1 }; /* so many heard words in a row are said, though the text has them not */

typedef struct placing {
    const modellab_allocator *alloc;
    mli_align_list *given;
    const mli_align_list *heard;
    const double *seconds;
    size_t chunks;
    const mli_cancel_word *cancel;
    int32_t *partner;
    size_t steps; /* since the cancel word was looked at */
} placing;

/* Once for each word that is worked on. */
static bool must_end(placing *p)
{
    return ++p->steps % LOOK == 0 && mli_cancelled(p->cancel);
}

MODELLAB_MUST_CHECK static modellab_status cancelled(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while words were placed");
}

MODELLAB_MUST_CHECK static modellab_status
reserve(mli_align_list *list, const modellab_allocator *alloc, size_t more, modellab_error *err)
{
    size_t wanted = 0;
    if (list->capacity - list->count >= more)
        return MODELLAB_OK;
    if (mli_add_overflow(list->capacity + list->capacity / 2, more, &wanted))
        return mli_fail(err, MODELLAB_E_LIMIT, "the texts are too long");
    mli_align_item *items = mli_realloc_array(alloc, list->items, wanted, sizeof *items);
    if (items == NULL)
        return mli_no_memory(err);
    list->items = items;
    list->capacity = wanted;
    return MODELLAB_OK;
}

modellab_status mli_align_list_add(mli_align_list *list, const modellab_allocator *alloc,
                                   const char *text, const mli_align_word *words, size_t count,
                                   size_t chunk, bool given, modellab_error *err)
{
    modellab_status status = reserve(list, alloc, count, err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++)
        list->items[list->count++] = (mli_align_item){.text = text + words[i].text,
                                                      .bytes = words[i].bytes,
                                                      .key = words[i].key,
                                                      .chunk = chunk,
                                                      .joined = words[i].joined,
                                                      .given = given};
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pair(const placing *p, modellab_error *err)
{
    uint64_t *keys = mli_alloc_array(p->alloc, p->given->count + p->heard->count, sizeof *keys);
    if (keys == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < p->given->count; i++)
        keys[i] = p->given->items[i].key;
    for (size_t i = 0; i < p->heard->count; i++)
        keys[p->given->count + i] = p->heard->items[i].key;
    modellab_status status = mli_align_pair(p->alloc, keys, p->given->count, keys + p->given->count,
                                            p->heard->count, p->cancel, p->partner, err);
    mli_free(p->alloc, keys);
    return status;
}

/* Words [from, to) stand somewhere in the speech of chunks first to last: spread by its length. */
MODELLAB_MUST_CHECK static modellab_status spread(placing *p, size_t from, size_t to, size_t first,
                                                  size_t last, modellab_error *err)
{
    double all = 0, before = 0;
    size_t chunk = first;
    for (size_t c = first; c <= last; c++)
        all += p->seconds[c];
    for (size_t i = from; i < to; i++) {
        double at = ((double)(i - from) + 0.5) / (double)(to - from) * all;
        while (chunk < last && at >= before + p->seconds[chunk])
            before += p->seconds[chunk++];
        p->given->items[i].chunk = chunk;
        if (must_end(p))
            return cancelled(err);
    }
    return MODELLAB_OK;
}

/* Words that nothing says the place of. Where neighbours on both sides were heard in the same
 * chunk, so was what stands between; between two chunks that follow one another each takes half.
 * What stands before all that was heard, or after it, takes as much speech as it needs. */
MODELLAB_MUST_CHECK static modellab_status fill_gap(placing *p, size_t from, size_t to,
                                                    size_t first, size_t last, modellab_error *err)
{
    double needed = (double)(to - from) * SECONDS_A_WORD;
    if (from == 0 && to < p->given->count) {
        for (first = last; first > 0 && needed > p->seconds[first]; first--)
            needed -= p->seconds[first];
    } else if (to == p->given->count && from > 0) {
        for (last = first; last + 1 < p->chunks && needed > p->seconds[last]; last++)
            needed -= p->seconds[last];
    } else if (from > 0 && last == first + 1) {
        for (size_t i = from; i < to; i++)
            p->given->items[i].chunk = i - from < (to - from + 1) / 2 ? first : last;
        return MODELLAB_OK;
    }
    return spread(p, from, to, first, last, err);
}

MODELLAB_MUST_CHECK static modellab_status fill_gaps(placing *p, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t gap = 0, last = 0;
    for (size_t i = 0; status == MODELLAB_OK && i <= p->given->count; i++) {
        if (must_end(p))
            return cancelled(err);
        if (i < p->given->count && p->partner[i] < 0)
            continue;
        size_t chunk = i < p->given->count ? p->heard->items[p->partner[i]].chunk : p->chunks - 1;
        if (gap < i)
            status = fill_gap(p, gap, i, last, chunk, err);
        if (i < p->given->count)
            p->given->items[i].chunk = chunk;
        gap = i + 1;
        last = chunk;
    }
    return status;
}

/* Heard words [from, to), which no given word stands for. */
MODELLAB_MUST_CHECK static modellab_status add_heard(placing *p, size_t from, size_t to,
                                                     mli_align_list *script, modellab_error *err)
{
    bool at_end = from == 0 || to == p->heard->count;
    for (size_t i = from; i < to && (at_end || to - from >= LEFT_OUT); i++) {
        script->items[script->count++] = p->heard->items[i];
        if (must_end(p))
            return cancelled(err);
    }
    return MODELLAB_OK;
}

/* In the order of the heard words. What has no partner stands right after the word before it, or
 * right before the first that has one. */
MODELLAB_MUST_CHECK static modellab_status write_script(placing *p, mli_align_list *script,
                                                        modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t next = 0, first = 0;
    while (first < p->given->count && p->partner[first] < 0)
        first++;
    if (first < p->given->count) {
        next = (size_t)p->partner[first];
        status = add_heard(p, 0, next, script, err);
    }
    for (size_t i = 0; status == MODELLAB_OK && i < p->given->count; i++) {
        if (p->partner[i] >= 0) {
            if (i != first)
                status = add_heard(p, next, (size_t)p->partner[i], script, err);
            next = (size_t)p->partner[i] + 1;
        }
        script->items[script->count++] = p->given->items[i];
        if (status == MODELLAB_OK && must_end(p))
            status = cancelled(err);
    }
    if (status == MODELLAB_OK && first < p->given->count)
        status = add_heard(p, next, p->heard->count, script, err);
    return status;
}

/* By chunk; within it the order stays. */
MODELLAB_MUST_CHECK static modellab_status sort_script(placing *p, const mli_align_list *raw,
                                                       mli_align_list *script, modellab_error *err)
{
    bool end = false;
    size_t *at = mli_alloc_zero(p->alloc, (p->chunks + 1) * sizeof *at); /* as many as in memory */
    if (at == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; !end && i < raw->count; i++) {
        at[raw->items[i].chunk + 1]++;
        end = must_end(p);
    }
    for (size_t c = 1; c <= p->chunks; c++)
        at[c] += at[c - 1];
    for (size_t i = 0; !end && i < raw->count; i++) {
        script->items[at[raw->items[i].chunk]++] = raw->items[i];
        end = must_end(p);
    }
    script->count = end ? 0 : raw->count;
    mli_free(p->alloc, at);
    return end ? cancelled(err) : MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status make_script(placing *p, mli_align_list *script,
                                                       modellab_error *err)
{
    mli_align_list raw = {NULL, 0, 0};
    size_t most = p->given->count + p->heard->count;
    modellab_status status = reserve(&raw, p->alloc, most, err);
    if (status == MODELLAB_OK)
        status = reserve(script, p->alloc, most, err);
    if (status == MODELLAB_OK)
        status = write_script(p, &raw, err);
    if (status == MODELLAB_OK)
        status = sort_script(p, &raw, script, err);
    mli_free(p->alloc, raw.items);
    return status;
}

modellab_status mli_align_place(const modellab_allocator *alloc, mli_align_list *given,
                                const mli_align_list *heard, const double *seconds, size_t chunks,
                                const mli_cancel_word *cancel, mli_align_list *script,
                                modellab_error *err)
{
    placing p = {alloc, given, heard, seconds, chunks, cancel, NULL, 0};
    p.partner = mli_alloc_array(alloc, given->count + 1, sizeof *p.partner);
    modellab_status status = p.partner != NULL ? pair(&p, err) : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = fill_gaps(&p, err);
    if (status == MODELLAB_OK)
        status = make_script(&p, script, err);
    mli_free(alloc, p.partner);
    return status;
}
