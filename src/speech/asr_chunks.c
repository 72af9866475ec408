/* Joining segments of speech to chunks, and placing what was said in them. */
#include "speech/asr_chunks.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

enum { RATE = 16000, FRAME = 160, RATE_MS = 16 };

void mli_asr_vad_rules_init(mli_vad_rules *rules)
{
    mli_vad_rules_init(rules);
    rules->min_speech = 0;
    rules->min_silence = 160 * RATE_MS;
    rules->pad = 400 * RATE_MS;
    rules->max_speech = MLI_ASR_CHUNK_SAMPLES;
}

/* Segments no longer than a chunk: how many they become, and into `to` unless it is NULL. */
static size_t cut_long(const mli_vad_segment *from, size_t count, mli_vad_segment *to)
{
    size_t made = 0;
    for (size_t i = 0; i < count; i++)
        for (int64_t at = from[i].start; at < from[i].end; at += MLI_ASR_CHUNK_SAMPLES) {
            int64_t end = at + MLI_ASR_CHUNK_SAMPLES;
            if (to != NULL)
                to[made] = (mli_vad_segment){at, end < from[i].end ? end : from[i].end};
            made++;
        }
    return made;
}

static void join(mli_asr_chunks *c)
{
    int64_t last = 0;
    for (size_t i = 0; i < c->segment_count; i++) {
        const mli_vad_segment *s = &c->segments[i];
        int64_t length = s->end - s->start;
        mli_asr_chunk *chunk = c->count > 0 ? &c->items[c->count - 1] : NULL;
        if (chunk == NULL || chunk->samples + length > MLI_ASR_CHUNK_SAMPLES) {
            last = chunk != NULL ? chunk->mark : 0;
            chunk = &c->items[c->count++];
            *chunk = (mli_asr_chunk){.first = i};
        }
        chunk->count++;
        chunk->samples += length;
        chunk->mark = (s->end + FRAME - 1) / FRAME;
        if (chunk->mark <= last)
            chunk->mark = last + 1;
    }
}

modellab_status mli_asr_chunks_make(const modellab_allocator *alloc,
                                    const mli_vad_segment *segments, size_t count,
                                    mli_asr_chunks *out, modellab_error *err)
{
    *out = (mli_asr_chunks){.alloc = alloc};
    size_t pieces = cut_long(segments, count, NULL);
    out->segments = mli_alloc_array(alloc, pieces + 1, sizeof *out->segments);
    out->items = mli_alloc_array(alloc, pieces + 1, sizeof *out->items);
    if (out->segments == NULL || out->items == NULL)
        return mli_no_memory(err);
    out->segment_count = cut_long(segments, count, out->segments);
    join(out);
    return MODELLAB_OK;
}

/* A short silence goes half to the speech on either side (the last: all to the one before it), if
 * both stay as long as a chunk may be; others are segments of their own. `end`: of the speech
 * behind. */
static size_t add_silence(mli_vad_segment *made, size_t count, int64_t from, int64_t to,
                          int64_t end, int64_t *next)
{
    int64_t middle = end > to ? from + (to - from) / 2 : to;
    *next = to;
    if (to - from > MLI_ASR_CHUNK_SAMPLES)
        return count;
    if (count > 0 && to - from <= RATE && middle - made[count - 1].start <= MLI_ASR_CHUNK_SAMPLES &&
        end - middle <= MLI_ASR_CHUNK_SAMPLES) {
        made[count - 1].end = middle;
        *next = middle;
        return count;
    }
    if (to > from)
        made[count++] = (mli_vad_segment){from, to};
    return count;
}

modellab_status mli_asr_chunks_cover(const modellab_allocator *alloc, const mli_vad_segment *speech,
                                     size_t count, int64_t samples, mli_asr_chunks *out,
                                     modellab_error *err)
{
    mli_vad_segment *made = mli_alloc_array(alloc, count + 1, 2 * sizeof *made);
    size_t all = 0;
    int64_t at = 0, next = 0;
    *out = (mli_asr_chunks){.alloc = alloc};
    if (made == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; i < count; i++) {
        all = add_silence(made, all, at, speech[i].start, speech[i].end, &next);
        made[all++] = (mli_vad_segment){next, speech[i].end};
        at = speech[i].end;
    }
    if (samples > at)
        all = add_silence(made, all, at, samples, samples, &next);
    modellab_status status = mli_asr_chunks_make(alloc, made, all, out, err);
    mli_free(alloc, made);
    return status;
}

void mli_asr_chunks_seconds(const mli_asr_chunks *chunks, const mli_vad_segment *speech,
                            size_t count, double *seconds)
{
    size_t at = 0;
    for (size_t c = 0; c < chunks->count; c++) {
        int64_t samples = 0;
        for (size_t i = 0; i < chunks->items[c].count; i++) {
            const mli_vad_segment *s = &chunks->segments[chunks->items[c].first + i];
            while (at < count && speech[at].end <= s->start)
                at++;
            for (size_t n = at; n < count && speech[n].start < s->end; n++) {
                int64_t start = speech[n].start > s->start ? speech[n].start : s->start;
                int64_t end = speech[n].end < s->end ? speech[n].end : s->end;
                samples += end - start;
            }
        }
        seconds[c] = (double)samples / RATE;
    }
}

void mli_asr_chunks_dispose(mli_asr_chunks *chunks)
{
    mli_free(chunks->alloc, chunks->segments);
    mli_free(chunks->alloc, chunks->items);
    *chunks = (mli_asr_chunks){.alloc = chunks->alloc};
}

/* A segment of a chunk, and the samples of the chunk before it. */
typedef struct place {
    const mli_vad_segment *segment;
    int64_t before;
} place;

static place find(const mli_asr_chunks *chunks, size_t chunk, double samples, bool is_end)
{
    const mli_asr_chunk *c = &chunks->items[chunk];
    place p = {&chunks->segments[c->first], 0};
    for (size_t i = 1; i < c->count; i++) {
        double border = (double)(p.before + (p.segment->end - p.segment->start));
        if (samples < border || (is_end && samples <= border))
            break;
        p.before += p.segment->end - p.segment->start;
        p.segment++;
    }
    return p;
}

static double seconds_in(const place *p, double samples)
{
    double at = (double)p->segment->start + samples - (double)p->before;
    at = fmax(fmin(at, (double)p->segment->end), (double)p->segment->start);
    return at / RATE;
}

double mli_asr_chunk_time(const mli_asr_chunks *chunks, size_t chunk, double seconds, bool is_end)
{
    place p = find(chunks, chunk, seconds * RATE, is_end);
    return seconds_in(&p, seconds * RATE);
}

void mli_asr_chunk_place(const mli_asr_chunks *chunks, size_t chunk, double floor,
                         mli_transcript_segment *segment, mli_transcript_word *words)
{
    double first = segment->start, last = segment->end;
    segment->start = fmax(mli_asr_chunk_time(chunks, chunk, first, false), floor);
    segment->end = fmax(mli_asr_chunk_time(chunks, chunk, last, true), segment->start);
    double before = floor;
    for (size_t i = 0; i < segment->word_count; i++) {
        mli_transcript_word *w = &words[i];
        *w = segment->words[i];
        place p = find(chunks, chunk, (w->start + w->end) / 2 * RATE, false);
        w->start = fmax(seconds_in(&p, w->start * RATE), before);
        w->end = fmax(seconds_in(&p, w->end * RATE), w->start);
        before = w->end;
    }
    if (segment->word_count > 0) {
        segment->start = fmin(segment->start, words[0].start);
        segment->end = fmax(segment->end, before);
        segment->words = words;
    }
}
