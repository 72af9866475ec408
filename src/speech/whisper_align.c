/* Normalising attention and dynamic time warping. */
#include "speech/whisper_align.h"

#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

static void renormalise(float *row, size_t frames)
{
    double sum = 0;
    for (size_t t = 0; t < frames; t++)
        sum += (double)row[t];
    if (!(sum > 0))
        return;
    float factor = (float)(1.0 / sum);
    for (size_t t = 0; t < frames; t++)
        row[t] *= factor;
}

/* Mean 0 and deviation 1 over the tokens, for one frame. */
static void standardise_frame(float *column, size_t tokens, size_t stride)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < tokens; i++)
        sum += (double)column[i * stride];
    double mean = sum / (double)tokens;
    for (size_t i = 0; i < tokens; i++) {
        double d = (double)column[i * stride] - mean;
        squares += d * d;
    }
    double deviation = sqrt(squares / (double)tokens);
    for (size_t i = 0; i < tokens; i++) {
        double d = (double)column[i * stride] - mean;
        column[i * stride] = deviation > 0 ? (float)(d / deviation) : 0.0f;
    }
}

static float median7(const float *x)
{
    float s[MLI_WHISPER_MEDIAN_WIDTH];
    for (int i = 0; i < MLI_WHISPER_MEDIAN_WIDTH; i++) {
        int at = i;
        while (at > 0 && s[at - 1] > x[i]) {
            s[at] = s[at - 1];
            at--;
        }
        s[at] = x[i];
    }
    return s[MLI_WHISPER_MEDIAN_WIDTH / 2];
}

/* Adds the medians of a row, reflected at its ends; rows of 3 or fewer frames stay as they are. */
static void add_smoothed(const float *row, size_t frames, float *sum)
{
    const size_t half = MLI_WHISPER_MEDIAN_WIDTH / 2;
    for (size_t t = 0; t < frames; t++) {
        float window[MLI_WHISPER_MEDIAN_WIDTH];
        for (size_t k = 0; k < MLI_WHISPER_MEDIAN_WIDTH; k++) {
            size_t at = t + k < half ? half - (t + k) : t + k - half;
            if (at >= frames && frames > half)
                at = 2 * (frames - 1) - at;
            window[k] = frames > half ? row[at] : row[t];
        }
        sum[t] += median7(window);
    }
}

void mli_whisper_align_head(float *attention, size_t tokens, size_t stride, size_t frames,
                            const mli_cancel_word *cancel, float *matrix)
{
    for (size_t i = 0; i < tokens && !mli_cancelled(cancel); i++)
        renormalise(attention + i * stride, frames);
    for (size_t t = 0; t < frames && !mli_cancelled(cancel); t++)
        standardise_frame(attention + t, tokens, stride);
    for (size_t i = 0; i < tokens && !mli_cancelled(cancel); i++)
        add_smoothed(attention + i * stride, frames, matrix + i * frames);
}

enum { DIAGONAL = 0, UP = 1, LEFT = 2 };

typedef struct warp {
    size_t rows, columns;
    float *before, *now;  /* costs of two neighbouring columns, rows + 1 values */
    unsigned char *trace; /* [columns + 1][rows + 1] */
} warp;

static void fill_column(warp *w, const float *weights, size_t stride, size_t column)
{
    unsigned char *trace = w->trace + column * (w->rows + 1);
    w->now[0] = INFINITY;
    for (size_t i = 1; i <= w->rows; i++) {
        float diagonal = w->before[i - 1], up = w->now[i - 1], left = w->before[i];
        float cost = left;
        trace[i] = LEFT;
        if (diagonal < up && diagonal < left) {
            cost = diagonal;
            trace[i] = DIAGONAL;
        } else if (up < diagonal && up < left) {
            cost = up;
            trace[i] = UP;
        }
        w->now[i] = cost - weights[(i - 1) * stride + column - 1];
    }
}

static void walk_back(const warp *w, int32_t *start)
{
    size_t i = w->rows, j = w->columns;
    while (i > 0 || j > 0) {
        if (i > 0)
            start[i - 1] = j > 0 ? (int32_t)(j - 1) : 0;
        int step = j == 0 ? UP : i == 0 ? LEFT : w->trace[j * (w->rows + 1) + i];
        if (step != LEFT)
            i--;
        if (step != UP)
            j--;
    }
}

modellab_status mli_whisper_dtw(const modellab_allocator *alloc, const float *weights, size_t rows,
                                size_t columns, size_t stride, const mli_cancel_word *cancel,
                                int32_t *start, modellab_error *err)
{
    size_t cells = 0;
    if (rows == 0 || columns == 0 || mli_mul_overflow(rows + 1, columns + 1, &cells))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "nothing to align");
    warp w = {.rows = rows, .columns = columns};
    w.before = mli_alloc_array(alloc, rows + 1, sizeof(float));
    w.now = mli_alloc_array(alloc, rows + 1, sizeof(float));
    w.trace = mli_alloc(alloc, cells);
    modellab_status status = MODELLAB_OK;
    if (w.before == NULL || w.now == NULL || w.trace == NULL)
        status = mli_no_memory(err);
    for (size_t i = 1; status == MODELLAB_OK && i <= rows; i++)
        w.before[i] = INFINITY;
    for (size_t j = 1; status == MODELLAB_OK && j <= columns; j++) {
        if (mli_cancelled(cancel)) {
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while aligning words");
            break;
        }
        fill_column(&w, weights, stride, j);
        float *old = w.before;
        w.before = w.now;
        w.now = old;
    }
    if (status == MODELLAB_OK)
        walk_back(&w, start);
    mli_free(alloc, w.before);
    mli_free(alloc, w.now);
    mli_free(alloc, w.trace);
    return status;
}
