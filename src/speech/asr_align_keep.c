/* Speech, and words outside of it, as segments of chunks. */
#include "speech/asr_align_keep.h"

#include "base/alloc.h"
#include "base/error.h"

enum { RATE = 16000, AROUND = RATE / 2 /* of a word outside of speech */ };

typedef struct keeping {
    const mli_asr_chunks *chunks;
    const mli_vad_segment *speech;
    size_t speech_count;
    mli_vad_segment *kept;
    size_t count;
} keeping;

/* In the order of their starts; what overlaps is joined. */
static void add(keeping *k, mli_vad_segment s)
{
    mli_vad_segment *last = k->count > 0 ? &k->kept[k->count - 1] : NULL;
    if (last != NULL && s.start <= last->end)
        last->end = s.end > last->end ? s.end : last->end;
    else
        k->kept[k->count++] = s;
}

/* Speech until this sample; `*at` is the next segment of it. */
static void add_speech(keeping *k, size_t *at, int64_t until)
{
    for (; *at < k->speech_count && k->speech[*at].start <= until; (*at)++)
        add(k, k->speech[*at]);
}

/* Whether more than half of a word lies outside; `*at` is the first speech that may hold it. */
static bool is_outside(const keeping *k, const mli_transcript_word *word, size_t *at)
{
    double start = word->start * RATE, end = word->end * RATE, inside = 0;
    while (*at < k->speech_count && (double)k->speech[*at].end < start)
        (*at)++;
    for (size_t i = *at; i < k->speech_count && (double)k->speech[i].start <= end; i++) {
        double from = start, to = end;
        if (start >= end)
            return false; /* no time at all, in speech */
        from = (double)k->speech[i].start > from ? (double)k->speech[i].start : from;
        to = (double)k->speech[i].end < to ? (double)k->speech[i].end : to;
        inside += to > from ? to - from : 0;
    }
    return 2 * inside < end - start || start >= end;
}

static void collect(keeping *k, const mli_transcript *heard)
{
    size_t next = 0, look = 0;
    for (size_t s = 0; s < heard->segment_count; s++)
        for (size_t i = 0; i < heard->segments[s].word_count; i++) {
            const mli_transcript_word *w = &heard->segments[s].words[i];
            int64_t start = (int64_t)(w->start * RATE) - AROUND;
            if (!is_outside(k, w, &look))
                continue;
            start = start > 0 ? start : 0;
            add_speech(k, &next, start);
            add(k, (mli_vad_segment){start, (int64_t)(w->end * RATE) + AROUND});
        }
    add_speech(k, &next, INT64_MAX);
}

/* What of a chunk is kept. */
static void cut(const keeping *k, size_t index, size_t *at, mli_asr_chunks *out)
{
    const mli_asr_chunk *from = &k->chunks->items[index];
    mli_asr_chunk *chunk = &out->items[out->count++];
    *chunk = (mli_asr_chunk){.first = out->segment_count, .mark = from->mark};
    for (size_t i = 0; i < from->count; i++) {
        const mli_vad_segment *s = &k->chunks->segments[from->first + i];
        while (*at < k->count && k->kept[*at].end <= s->start)
            (*at)++;
        for (size_t n = *at; n < k->count && k->kept[n].start < s->end; n++) {
            int64_t start = k->kept[n].start > s->start ? k->kept[n].start : s->start;
            int64_t end = k->kept[n].end < s->end ? k->kept[n].end : s->end;
            out->segments[out->segment_count++] = (mli_vad_segment){start, end};
            chunk->samples += end - start;
            chunk->count++;
        }
    }
    for (size_t i = 0; chunk->samples == 0 && i < from->count; i++) {
        out->segments[out->segment_count++] = k->chunks->segments[from->first + i];
        chunk->count++;
    }
    chunk->samples = chunk->samples == 0 ? from->samples : chunk->samples;
}

modellab_status mli_align_keep(const modellab_allocator *alloc, const mli_asr_chunks *chunks,
                               const mli_vad_segment *speech, size_t count,
                               const mli_transcript *heard, mli_asr_chunks *out,
                               modellab_error *err)
{
    keeping k = {.chunks = chunks, .speech = speech, .speech_count = count};
    size_t room = count + heard->word_count + 1, at = 0; /* of lists in memory: no overflow */
    modellab_status status = MODELLAB_OK;
    *out = (mli_asr_chunks){.alloc = alloc};
    k.kept = mli_alloc_array(alloc, room, sizeof *k.kept);
    out->items = mli_alloc_array(alloc, chunks->count + 1, sizeof *out->items);
    out->segments = mli_alloc_array(alloc, chunks->segment_count + room, sizeof *out->segments);
    if (k.kept == NULL || out->items == NULL || out->segments == NULL) {
        status = mli_no_memory(err);
    } else {
        collect(&k, heard);
        for (size_t c = 0; c < chunks->count; c++)
            cut(&k, c, &at, out);
    }
    mli_free(alloc, k.kept);
    return status;
}
