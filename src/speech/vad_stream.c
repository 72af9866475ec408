/* Giving out segments of a stream that goes on. What a neighbour's padding may still take decides
 * how long one has to wait: until the next one's begin is certain, or too far away to matter. */
#include "speech/vad_stream.h"
#include "base/alloc.h"
#include <string.h>

void mli_vad_stream_init(mli_vad_stream *stream, const modellab_allocator *alloc,
                         const mli_vad_rules *rules)
{
    memset(stream, 0, sizeof *stream);
    mli_vad_cutter_init(&stream->cutter, alloc, rules);
}

void mli_vad_stream_dispose(mli_vad_stream *stream)
{
    mli_vad_cutter_dispose(&stream->cutter);
}

modellab_status mli_vad_stream_push(mli_vad_stream *stream, float probability, modellab_error *err)
{
    return mli_vad_cutter_push(&stream->cutter, &probability, 1, err);
}

modellab_status mli_vad_stream_finish(mli_vad_stream *stream, int64_t samples, modellab_error *err)
{
    mli_vad_rules rules = stream->cutter.rules;

    /* the padding is this file's */
    stream->cutter.rules.pad = 0;
    modellab_status status = mli_vad_cutter_finish(&stream->cutter, samples, err);
    stream->cutter.rules = rules;
    stream->cutter.in_speech = false;
    stream->ended = true;
    stream->samples = samples;
    return status;
}

/* What each of two neighbours gets of the silence between them. */
static int64_t share(const mli_vad_rules *rules, int64_t end, int64_t start)
{
    return start - end < 2 * rules->pad ? (start - end) / 2 : rules->pad;
}

static int64_t padded_start(const mli_vad_stream *s, int64_t start, bool has_before, int64_t before)
{
    const mli_vad_rules *rules = &s->cutter.rules;

    if (!has_before)
        return start > rules->pad ? start - rules->pad : 0;
    return start - share(rules, before, start);
}

/* Whether the speech that goes on will become a segment, whatever comes. */
static bool is_certain(const mli_vad_cutter *c)
{
    int64_t until = c->quiet != 0 ? c->quiet : c->at;

    return c->in_speech && until - c->start > c->rules.min_speech;
}

/* Whether the padding behind the first segment is known. */
static bool find_padding(const mli_vad_stream *s, int64_t *padding)
{
    const mli_vad_cutter *c = &s->cutter;
    int64_t end = c->segments[0].end;

    *padding = c->rules.pad;
    if (c->count > 1) {
        *padding = share(&c->rules, end, c->segments[1].start);
        return true;
    }
    if (s->ended)
        return true;
    if (c->in_speech) {
        *padding = share(&c->rules, end, c->start);
        return is_certain(c) || c->start - end >= 2 * c->rules.pad;
    }
    return c->at - end >= 2 * c->rules.pad;
}

bool mli_vad_stream_next(mli_vad_stream *stream, mli_vad_segment *out)
{
    mli_vad_cutter *c = &stream->cutter;
    int64_t padding;

    if (c->count == 0 || !find_padding(stream, &padding))
        return false;
    out->start = padded_start(stream, c->segments[0].start, stream->any, stream->last_end);
    out->end = c->segments[0].end + padding;
    if (stream->ended && out->end > stream->samples)
        out->end = stream->samples;
    stream->any = true;
    stream->last_end = c->segments[0].end;
    c->count--;
    memmove(c->segments, c->segments + 1, c->count * sizeof *c->segments);
    return true;
}

bool mli_vad_stream_open(const mli_vad_stream *stream, int64_t *start)
{
    const mli_vad_cutter *c = &stream->cutter;
    bool after = c->count > 0;

    if (!is_certain(c))
        return false;
    *start = padded_start(stream, c->start, after || stream->any,
                          after ? c->segments[c->count - 1].end : stream->last_end);
    return true;
}

int64_t mli_vad_stream_needed(const mli_vad_stream *stream)
{
    const mli_vad_cutter *c = &stream->cutter;
    int64_t first = c->count > 0 ? c->segments[0].start : c->in_speech ? c->start : c->at;

    return first > c->rules.pad ? first - c->rules.pad : 0;
}
