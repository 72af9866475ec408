/* Cutting a stream of probabilities into segments of speech. */
#include "speech/vad_segments.h"
#include "base/alloc.h"
#include "base/error.h"

#define RATE_MS 16 /* samples of a millisecond at 16 kHz */

void mli_vad_rules_init(mli_vad_rules *rules)
{
    *rules = (mli_vad_rules){.threshold = 0.5f,
                             .neg_threshold = 0.35f,
                             .step = 512,
                             .min_speech = 250 * RATE_MS,
                             .min_silence = 100 * RATE_MS,
                             .pad = 30 * RATE_MS,
                             .max_speech = INT64_MAX,
                             .min_pause = 98 * RATE_MS};
}

void mli_vad_cutter_init(mli_vad_cutter *cutter, const modellab_allocator *alloc,
                         const mli_vad_rules *rules)
{
    *cutter = (mli_vad_cutter){.alloc = alloc, .rules = *rules};
}

void mli_vad_cutter_dispose(mli_vad_cutter *cutter)
{
    mli_free(cutter->alloc, cutter->segments);
    cutter->segments = NULL;
    cutter->count = cutter->capacity = 0;
}

MODELLAB_MUST_CHECK static modellab_status add(mli_vad_cutter *c, int64_t end, modellab_error *err)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 64 : 2 * c->capacity;
        mli_vad_segment *more =
            mli_realloc_array(c->alloc, c->segments, capacity, sizeof *c->segments);
        if (more == NULL) {
            return mli_no_memory(err);
        }
        c->segments = more;
        c->capacity = capacity;
    }
    c->segments[c->count++] = (mli_vad_segment){c->start, end};
    return MODELLAB_OK;
}

static void leave_speech(mli_vad_cutter *c)
{
    c->in_speech = false;
    c->quiet = c->pause = c->pause_length = 0;
}

/* What may be said at once, without the padding that comes on both sides. */
static int64_t longest(const mli_vad_rules *r)
{
    return r->max_speech == INT64_MAX ? INT64_MAX : r->max_speech - r->step - 2 * r->pad;
}

/* The segment has become too long: it ends at its longest pause and goes on behind it, or is cut
 * here. */
MODELLAB_MUST_CHECK static modellab_status cut(mli_vad_cutter *c, modellab_error *err)
{
    bool at_pause = c->pause_length > 0;
    modellab_status status = add(c, at_pause ? c->pause : c->at, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    int64_t next = c->pause + c->pause_length;
    leave_speech(c);
    if (at_pause) {
        c->in_speech = true;
        c->start = next;
    }
    return MODELLAB_OK;
}

/* Silence within speech: a segment ends where it began, once it has lasted. */
MODELLAB_MUST_CHECK static modellab_status be_quiet(mli_vad_cutter *c, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (c->quiet == 0) {
        c->quiet = c->at;
    }
    if (c->at - c->quiet < c->rules.min_silence) {
        return MODELLAB_OK;
    }
    if (c->quiet - c->start > c->rules.min_speech) {
        status = add(c, c->quiet, err);
    }
    leave_speech(c);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status push(mli_vad_cutter *c, float p, modellab_error *err)
{
    bool loud = p >= c->rules.threshold;
    if (loud && c->quiet != 0) {
        int64_t length = c->at - c->quiet;
        if (length > c->rules.min_pause && length > c->pause_length) {
            c->pause = c->quiet;
            c->pause_length = length;
        }
        c->quiet = 0;
    }
    if (loud && !c->in_speech) {
        c->in_speech = true;
        c->start = c->at;
        return MODELLAB_OK;
    }
    if (c->in_speech && c->at - c->start > longest(&c->rules)) {
        modellab_status status = cut(c, err);
        if (status != MODELLAB_OK || !c->in_speech) {
            return status;
        }
    }
    return c->in_speech && p < c->rules.neg_threshold ? be_quiet(c, err) : MODELLAB_OK;
}

modellab_status mli_vad_cutter_push(mli_vad_cutter *cutter, const float *probabilities,
                                    size_t count, modellab_error *err)
{
    for (size_t i = 0; i < count; i++) {
        modellab_status status = push(cutter, probabilities[i], err);
        if (status != MODELLAB_OK) {
            return status;
        }
        cutter->at += cutter->rules.step;
    }
    return MODELLAB_OK;
}

/* Padding never overlaps: neighbours that are near share the silence between them. */
static void pad(mli_vad_cutter *c, int64_t samples)
{
    int64_t room = c->rules.pad;
    for (size_t i = 0; i < c->count; i++) {
        mli_vad_segment *s = &c->segments[i], *next = i + 1 < c->count ? s + 1 : NULL;
        int64_t half = room;
        if (i == 0) {
            s->start = s->start > room ? s->start - room : 0;
        }
        if (next != NULL && next->start - s->end < 2 * room) {
            half = (next->start - s->end) / 2;
        }
        if (next != NULL) {
            next->start -= half;
        }
        s->end += half;
        s->end = s->end < samples ? s->end : samples;
    }
}

modellab_status mli_vad_cutter_finish(mli_vad_cutter *cutter, int64_t samples, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    if (cutter->in_speech && samples - cutter->start > cutter->rules.min_speech) {
        status = add(cutter, samples, err);
    }
    if (status == MODELLAB_OK) {
        pad(cutter, samples);
    }
    return status;
}
