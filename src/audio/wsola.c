/* Pieces of 40 ms, half overlapped under a Hann window. The search runs on a mono mix that is
 * thinned out to about 8 kHz, then frame by frame around the best place. */
#include "audio/wsola.h"

#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include <math.h>
#include <string.h>

struct mli_wsola {
    const modellab_allocator *alloc;
    mli_pcm_format format;
    mli_pcm_sink sink;
    double factor;
    int64_t half, reach; /* frames: half a piece, farthest from the nominal place */
    int64_t thin;        /* frames that the coarse search takes as one */
    float *window;       /* 2 * half */
    float *tail;         /* second half of the last piece, under its window: half * channels */
    float *out;          /* half * channels */
    float *mono, *thinned, *goal; /* scratch of the search */
    float *in;                    /* what is held of the input, interleaved */
    size_t capacity;              /* frames */
    int64_t first, held;          /* frame that in[] begins with, and how many there are */
    int64_t piece, last;          /* number of the next piece; where the last one began */
    int64_t taken, given;
};

/* Frames before the first one are silence: the first piece begins half a piece early. */
static int64_t nominal(const mli_wsola *w, int64_t piece)
{
    return llrint((double)(piece * w->half) * w->factor) - w->half;
}

void mli_wsola_reset(mli_wsola *w)
{
    w->first = -w->half - w->reach;
    w->held = w->half + w->reach;
    memset(w->in, 0, (size_t)(w->held * w->format.channels) * sizeof *w->in);
    w->piece = w->last = w->taken = w->given = 0;
}

modellab_status mli_wsola_create(const modellab_allocator *alloc, mli_pcm_format format,
                                 double factor, mli_pcm_sink sink, mli_wsola **out,
                                 modellab_error *err)
{
    const size_t channels = (size_t)format.channels;
    mli_wsola *w = mli_alloc_zero(alloc, sizeof *w);

    *out = NULL;
    if (w == NULL)
        return mli_no_memory(err);
    w->alloc = alloc;
    w->format = format;
    w->sink = sink;
    w->factor = factor;
    w->half = format.rate_hz / 50;
    w->reach = format.rate_hz / 100;
    w->thin = format.rate_hz >= 12000 ? format.rate_hz / 8000 : 1;
    size_t half = (size_t)w->half, span = (size_t)(2 * w->half + 2 * w->reach);
    w->capacity = 4 * span + (size_t)(4.0 * factor * (double)half) + MLI_PCM_BLOCK;
    w->window = mli_alloc_array(alloc, 2 * half, sizeof(float));
    w->tail = mli_alloc_array(alloc, half * channels, sizeof(float));
    w->out = mli_alloc_array(alloc, half * channels, sizeof(float));
    w->mono = mli_alloc_array(alloc, span, sizeof(float));
    w->thinned = mli_alloc_array(alloc, span, sizeof(float));
    w->goal = mli_alloc_array(alloc, 4 * half, sizeof(float));
    w->in = mli_alloc_array(alloc, w->capacity * channels, sizeof(float));
    if (w->window == NULL || w->tail == NULL || w->out == NULL || w->mono == NULL ||
        w->thinned == NULL || w->goal == NULL || w->in == NULL) {
        mli_wsola_destroy(w);
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < 2 * half; i++)
        w->window[i] = (float)(0.5 - 0.5 * cos(3.14159265358979323846 * (double)i / (double)half));
    mli_wsola_reset(w);
    *out = w;
    return MODELLAB_OK;
}

void mli_wsola_destroy(mli_wsola *w)
{
    if (w == NULL)
        return;
    mli_free(w->alloc, w->window);
    mli_free(w->alloc, w->tail);
    mli_free(w->alloc, w->out);
    mli_free(w->alloc, w->mono);
    mli_free(w->alloc, w->thinned);
    mli_free(w->alloc, w->goal);
    mli_free(w->alloc, w->in);
    mli_free(w->alloc, w);
}

static const float *frame_at(const mli_wsola *w, int64_t frame)
{
    return w->in + (frame - w->first) * w->format.channels;
}

static void mix(const mli_wsola *w, int64_t start, int64_t count, float *mono)
{
    const size_t channels = (size_t)w->format.channels;
    const float *in = frame_at(w, start);

    for (size_t i = 0; i < (size_t)count; i++) {
        float sum = 0.0f;
        for (size_t c = 0; c < channels; c++)
            sum += in[i * channels + c];
        mono[i] = sum;
    }
}

static void thin_out(const float *in, int64_t count, int64_t by, float *out)
{
    for (int64_t i = 0; i < count / by; i++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < by; k++)
            sum += in[i * by + k];
        out[i] = sum;
    }
}

/* How well `at` goes on like `goal`: the correlation over the root of the energy; silence gives 0.
 */
static double likeness(const float *at, const float *goal, size_t count)
{
    double energy = (double)mli_dot(at, at, count);
    return energy > 1e-9 * (double)count ? (double)mli_dot(at, goal, count) / sqrt(energy) : 0.0;
}

/* The best of the places first..last of `in`, nearest to `middle` among equals. */
static int64_t best_place(const float *in, const float *goal, size_t count, int64_t first,
                          int64_t last, int64_t middle)
{
    int64_t best = middle;
    double best_likeness = likeness(in + middle, goal, count);
    int64_t farthest = middle - first > last - middle ? middle - first : last - middle;

    for (int64_t d = 1; d <= farthest; d++) {
        for (int side = -1; side <= 1; side += 2) {
            int64_t at = middle + side * d;
            if (at < first || at > last)
                continue;
            double like = likeness(in + at, goal, count);
            if (like > best_likeness) {
                best_likeness = like;
                best = at;
            }
        }
    }
    return best;
}

/* Where the next piece begins: around `place`, like what follows the last piece. */
static int64_t search(mli_wsola *w, int64_t place)
{
    const int64_t size = 2 * w->half, span = size + 2 * w->reach, thin = w->thin;
    float *goal = w->goal, *thin_goal = w->goal + size;

    mix(w, w->last + w->half, size, goal);
    mix(w, place - w->reach, span, w->mono);
    int64_t first = 0, last = 2 * w->reach, middle = w->reach;
    if (thin > 1) {
        thin_out(goal, size, thin, thin_goal);
        thin_out(w->mono, span, thin, w->thinned);
        int64_t most = span / thin - size / thin;
        int64_t coarse =
            best_place(w->thinned, thin_goal, (size_t)(size / thin), 0, most, w->reach / thin) *
            thin;
        if (coarse == w->reach / thin * thin)
            coarse = w->reach;
        middle = coarse < last ? coarse : last;
        first = middle - thin > 0 ? middle - thin : 0;
        last = middle + thin < last ? middle + thin : last;
    }
    return place - w->reach + best_place(w->mono, goal, (size_t)size, first, last, middle);
}

/* Adds the piece that begins at `at` and gives the half that is done. */
MODELLAB_MUST_CHECK static modellab_status lay(mli_wsola *w, int64_t at, int64_t limit,
                                               modellab_error *err)
{
    const size_t channels = (size_t)w->format.channels, half = (size_t)w->half;
    const float *in = frame_at(w, at);
    modellab_status status = MODELLAB_OK;

    if (w->piece > 0) {
        for (size_t i = 0; i < half; i++)
            for (size_t c = 0; c < channels; c++)
                w->out[i * channels + c] =
                    w->tail[i * channels + c] + in[i * channels + c] * w->window[i];
        int64_t count = limit - w->given < w->half ? limit - w->given : w->half;
        for (int64_t done = 0; status == MODELLAB_OK && done < count;) {
            int64_t part = count - done < MLI_PCM_BLOCK ? count - done : MLI_PCM_BLOCK;
            status =
                w->sink.take(w->sink.user, w->out + done * w->format.channels, (size_t)part, err);
            done += part;
        }
        w->given += count;
    }
    for (size_t i = 0; i < half; i++)
        for (size_t c = 0; c < channels; c++)
            w->tail[i * channels + c] = in[(half + i) * channels + c] * w->window[half + i];
    w->last = at;
    w->piece++;
    return status;
}

/* Frame behind the last one that the next piece may need. */
static int64_t needed(const mli_wsola *w)
{
    int64_t search_end = nominal(w, w->piece) + w->reach + 2 * w->half;
    int64_t goal_end = w->last + 3 * w->half;
    return w->piece > 0 && goal_end > search_end ? goal_end : search_end;
}

MODELLAB_MUST_CHECK static modellab_status next_piece(mli_wsola *w, int64_t limit,
                                                      modellab_error *err)
{
    int64_t place = nominal(w, w->piece);
    return lay(w, w->piece == 0 ? place : search(w, place), limit, err);
}

/* Forgets what no piece needs any more. */
static void forget(mli_wsola *w)
{
    int64_t keep = nominal(w, w->piece) - w->reach;
    if (w->piece > 0 && w->last + w->half < keep)
        keep = w->last + w->half;
    int64_t gone = keep - w->first < w->held ? keep - w->first : w->held;
    if (gone <= 0)
        return;
    memmove(w->in, w->in + gone * w->format.channels,
            (size_t)((w->held - gone) * w->format.channels) * sizeof *w->in);
    w->first += gone;
    w->held -= gone;
}

/* Takes `frames` (NULL = silence), gives what can be given of at most `limit` frames in all. */
MODELLAB_MUST_CHECK static modellab_status take(mli_wsola *w, const float *in, size_t frames,
                                                int64_t limit, modellab_error *err)
{
    const size_t channels = (size_t)w->format.channels;

    while (frames > 0) {
        size_t room = w->capacity - (size_t)w->held, part = frames < room ? frames : room;
        float *to = w->in + (size_t)w->held * channels;
        if (in != NULL)
            memcpy(to, in, part * channels * sizeof *in);
        else
            memset(to, 0, part * channels * sizeof *to);
        in = in != NULL ? in + part * channels : NULL;
        w->held += (int64_t)part;
        frames -= part;
        while (w->given < limit && needed(w) <= w->first + w->held) {
            modellab_status status = next_piece(w, limit, err);
            if (status != MODELLAB_OK)
                return status;
        }
        forget(w);
        if (w->given >= limit)
            return MODELLAB_OK;
    }
    return MODELLAB_OK;
}

modellab_status mli_wsola_push(mli_wsola *w, const float *interleaved, size_t frames,
                               modellab_error *err)
{
    w->taken += (int64_t)frames;
    return take(w, interleaved, frames, INT64_MAX, err);
}

modellab_status mli_wsola_finish(mli_wsola *w, modellab_error *err)
{
    int64_t all = llrint((double)w->taken / w->factor);
    modellab_status status = MODELLAB_OK;

    if (all == 0 && w->taken > 0)
        all = 1;
    while (status == MODELLAB_OK && w->given < all)
        status = take(w, NULL, (size_t)w->half, all, err);
    return status;
}
