/* Listening: where there is speech, how loud it is, and the voices of its windows. */
#include "base/alloc.h"
#include "base/error.h"
#include "kernels/vector.h"
#include "speech/diarize_steps.h"
#include "speech/vad_source.h"
#include <math.h>
#include <string.h>

enum {
    BLOCK = 2 * MLI_AUDIO_RATE, /* samples at a time */
    WIDTH = MLI_VOICE_WIDTH,
    MELS = MLI_GE2E_MELS,
    ROWS = MLI_GE2E_ROWS,
    CELL_FRAMES = MLI_CELL_SAMPLES / MLI_MEL_HOP,
    FRAMES = MLI_GE2E_FRAMES
};

modellab_status mli_diarize_tell(const mli_diarize_options *o, double fraction, modellab_error *err)
{
    if (o->progress != NULL && o->progress(o->progress_user, fraction) != 0)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status tell_vad(void *user, int64_t done, int64_t all,
                                                    modellab_error *err)
{
    return mli_diarize_tell(user, MLI_DIARIZE_VAD_SHARE * (double)done / (double)all, err);
}

modellab_status mli_diarize_speech(const mli_diarize_tools *t, const mli_audio_source *source,
                                   const mli_diarize_options *o, mli_vad_segment **segments,
                                   size_t *count, modellab_error *err)
{
    mli_diarize_options told = *o;
    const mli_vad_tools tools = {t->vad, t->pool, t->alloc, t->cancel, tell_vad, &told};
    return mli_vad_find(&tools, source, &o->vad, segments, count, err);
}

modellab_status mli_diarize_level(const mli_diarize_tools *t, const mli_audio_source *source,
                                  const mli_diarize_options *o, const mli_vad_segment *segments,
                                  size_t count, float *scale, modellab_error *err)
{
    double sum = 0.0, samples = 0.0;
    float *block = mli_alloc_array(t->alloc, BLOCK, sizeof *block);
    modellab_status status = block != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        for (int64_t at = segments[i].start; status == MODELLAB_OK && at < segments[i].end;) {
            int64_t left = segments[i].end - at;
            size_t n = left < BLOCK ? (size_t)left : BLOCK;
            status = mli_audio_read(source, at, n, block, err);
            if (status == MODELLAB_OK)
                sum += (double)mli_dot(block, block, n);
            samples += (double)n;
            at += (int64_t)n;
            if (mli_cancelled(t->cancel))
                status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        }
    }
    mli_free(t->alloc, block);
    double power = samples > 0.0 ? sum / samples : 0.0;
    /* what is softer than -100 dB is taken to be of that level */
    *scale = (float)(pow(10.0, (double)o->level_db / 10.0) / fmax(power, 1e-10));
    return status;
}

/* First frame of a window that is centred on a cell: moved to lie inside the segment, or, when that
 * is too short, to have it in its middle; inside the recording where that is possible. */
static uint32_t first_frame(uint32_t cell, const mli_vad_segment *s, int64_t samples)
{
    int64_t frames = samples / MLI_MEL_HOP + 1;
    int64_t low = s->start / MLI_MEL_HOP, high = s->end / MLI_MEL_HOP - FRAMES;
    int64_t first = (int64_t)cell * CELL_FRAMES + CELL_FRAMES / 2 - FRAMES / 2;
    if (high < low)
        first = (low + high) / 2;
    else
        first = first < low ? low : first > high ? high : first;
    if (first > frames - FRAMES)
        first = frames - FRAMES;
    return first < 0 ? 0 : (uint32_t)first;
}

/* Counts cells and windows of the speech, and notes them when there is a place to (second pass). A
 * cell is speech when its middle is. Windows stand at multiples of `hop` cells of the recording,
 * those of a segment one at or before and one behind each of its cells. */
static void lay_out(const mli_vad_segment *segments, size_t count, uint32_t hop, int64_t samples,
                    mli_voice_track *out, bool note)
{
    const int64_t half = MLI_CELL_SAMPLES / 2;
    size_t cells = 0, windows = 0;
    uint32_t next = 0; /* cell */
    for (size_t i = 0; i < count; i++) {
        uint32_t cell = (uint32_t)((segments[i].start + half - 1) / MLI_CELL_SAMPLES);
        uint32_t first = 0, end = 0; /* windows of the segment, by number */
        size_t base = windows;
        for (cell = cell < next ? next : cell;
             (int64_t)cell * MLI_CELL_SAMPLES + half < segments[i].end; cell++) {
            uint32_t left = cell / hop, behind = left + (cell % hop != 0 ? 2 : 1);
            if (end == 0)
                first = end = left;
            for (; end < behind; end++, windows++) {
                if (note)
                    out->starts[windows] = first_frame(end * hop, &segments[i], samples);
            }
            if (note)
                out->items[cells] = (mli_cell){.at = cell,
                                               .window = (uint32_t)base + left - first,
                                               .left = 1.0f - (float)(cell % hop) / (float)hop,
                                               .right = (float)(cell % hop) / (float)hop};
            cells++;
        }
        next = cell;
    }
    out->cells.count = cells;
    out->cells.window_count = windows;
}

/* Shares such that each cell's direction has length 1. */
static void normalise_cells(mli_voice_track *out)
{
    for (size_t i = 0; i < out->cells.count; i++) {
        mli_cell *x = &out->items[i];
        const float *a = out->windows + (size_t)x->window * WIDTH;
        if (x->right == 0.0f)
            continue;
        float dot = mli_dot(a, a + WIDTH, WIDTH), aa = mli_dot(a, a, WIDTH),
              bb = mli_dot(a + WIDTH, a + WIDTH, WIDTH);
        float square =
            x->left * x->left * aa + x->right * x->right * bb + 2.0f * x->left * x->right * dot;
        if (square > 0.0f) {
            x->left /= sqrtf(square);
            x->right /= sqrtf(square);
        }
    }
}

/* Mel power of a batch of windows, once where they lie over each other. */
MODELLAB_MUST_CHECK static modellab_status fetch(const mli_diarize_tools *t,
                                                 const mli_audio_source *source,
                                                 const uint32_t *first, size_t rows, float *mel,
                                                 size_t *starts, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    size_t used = 0;
    for (size_t i = 0, next; status == MODELLAB_OK && i < rows; i = next) {
        size_t from = first[i], end = from + FRAMES;
        for (next = i; next < rows && first[next] >= from && first[next] <= end; next++) {
            starts[next] = used + (first[next] - from);
            end = first[next] + FRAMES > end ? first[next] + FRAMES : end;
        }
        status = mli_mel_power(mli_ge2e_bank(t->encoder), source, t->pool, t->cancel, (int64_t)from,
                               end - from, mel + used * MELS, 1, MELS, err);
        used += end - from;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status listen(const mli_diarize_tools *t,
                                                  const mli_audio_source *source,
                                                  const mli_diarize_options *o, float scale,
                                                  mli_voice_track *out, modellab_error *err)
{
    mli_ge2e_session *session = NULL;
    size_t starts[ROWS], all = out->cells.window_count;
    float *mel = mli_alloc_array(t->alloc, (size_t)ROWS * FRAMES * MELS, sizeof *mel);
    modellab_status status = mel != NULL ? MODELLAB_OK : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status = mli_ge2e_session_create(&session, t->encoder, t->pool, err);
    for (size_t done = 0, rows; status == MODELLAB_OK && done < all; done += rows) {
        rows = all - done < ROWS ? all - done : ROWS;
        status = fetch(t, source, out->starts + done, rows, mel, starts, err);
        if (status == MODELLAB_OK)
            status = mli_ge2e_run(session, mel, starts, rows, scale, out->windows + done * WIDTH,
                                  t->cancel, err);
        if (status == MODELLAB_OK)
            status = mli_diarize_tell(o,
                                      MLI_DIARIZE_VAD_SHARE + (1.0 - MLI_DIARIZE_VAD_SHARE) *
                                                                  (double)done / (double)all,
                                      err);
    }
    mli_ge2e_session_destroy(session);
    mli_free(t->alloc, mel);
    return status;
}

modellab_status mli_voice_track_make(const mli_diarize_tools *t, const mli_audio_source *source,
                                     const mli_diarize_options *o, const mli_vad_segment *segments,
                                     size_t count, float scale, mli_voice_track *out,
                                     modellab_error *err)
{
    *out = (mli_voice_track){.windows = NULL};
    lay_out(segments, count, (uint32_t)o->hop, mli_audio_samples(source), out, false);
    out->windows = mli_alloc_large(t->alloc, out->cells.window_count * WIDTH * sizeof(float));
    out->items = mli_alloc_array(t->alloc, out->cells.count, sizeof *out->items);
    out->starts = mli_alloc_array(t->alloc, out->cells.window_count, sizeof *out->starts);
    modellab_status status = out->windows != NULL && out->items != NULL && out->starts != NULL
                                 ? MODELLAB_OK
                                 : mli_no_memory(err);
    if (status == MODELLAB_OK) {
        lay_out(segments, count, (uint32_t)o->hop, mli_audio_samples(source), out, true);
        status = listen(t, source, o, scale, out, err);
    }
    if (status != MODELLAB_OK) {
        mli_voice_track_dispose(out, t->alloc);
        return status;
    }
    normalise_cells(out);
    out->cells.windows = out->windows;
    out->cells.items = out->items;
    return MODELLAB_OK;
}

void mli_voice_track_dispose(mli_voice_track *track, const modellab_allocator *alloc)
{
    mli_free_aligned(alloc, track->windows);
    mli_free(alloc, track->items);
    mli_free(alloc, track->starts);
    *track = (mli_voice_track){.windows = NULL};
}
