/* The waveform of audio for drawing: the lowest and highest sample of each stretch as 8-bit
 * numbers, at a fixed number of points a second, bounded for the longest audio. As JSON in the form
 * that BBC's audiowaveform has, so that players read it. */
#ifndef MLI_AUDIO_PEAKS_H
#define MLI_AUDIO_PEAKS_H

#include "audio/source.h"
#include "base/buf.h"

enum {
    MLI_PEAKS_STEP = MLI_AUDIO_RATE / 100, /* samples of a point: this, or a multiple of it */
    MLI_PEAKS_MOST = 360000                /* points: an hour at 100 a second, ten at 10 */
};
#define MLI_PEAKS_JSON_MOST ((size_t)8 * 1024 * 1024)

typedef struct mli_peaks {
    const modellab_allocator *alloc;
    int64_t samples;
    int64_t samples_per_point;
    size_t count;
    int8_t *low, *high; /* one block */
} mli_peaks;

/* Samples of a point for audio of so many samples. */
int64_t mli_peaks_step(int64_t samples);
/* E_CANCELLED; E_IO when a spool cannot be read. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_peaks_make(const mli_audio_source *audio,
                                                   const modellab_allocator *alloc,
                                                   const mli_cancel_word *cancel, mli_peaks *out,
                                                   modellab_error *err);
/* Appends {"version":2,"channels":1,"sample_rate":16000,"samples_per_pixel","bits":8,"length",
 * "duration_seconds","data":[low,high,...]}. */
MODELLAB_MUST_CHECK modellab_status mli_peaks_write(const mli_peaks *peaks,
                                                    const mli_cancel_word *cancel, mli_buf *out,
                                                    modellab_error *err);
/* Reads what was written; anybody may have. E_SCHEMA, E_LIMIT. */
MODELLAB_MUST_CHECK modellab_status mli_peaks_read(const char *json, size_t bytes,
                                                   const modellab_allocator *alloc, mli_peaks *out,
                                                   modellab_error *err);
void mli_peaks_dispose(mli_peaks *peaks);
/* Appends {"points","duration_seconds","min":[...],"max":[...]} with `points` points (or as many as
 * there are), from -1 to 1: each the extremes of the points that it covers. */
MODELLAB_MUST_CHECK modellab_status mli_peaks_draw(const mli_peaks *peaks, size_t points,
                                                   mli_buf *out, modellab_error *err);

#endif
