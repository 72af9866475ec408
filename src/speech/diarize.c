/* Diarization as a whole: the steps one after another. */
#include "speech/diarize.h"
#include "base/alloc.h"
#include "base/error.h"
#include "speech/diarize_private.h"
#include "speech/diarize_steps.h"
#include <string.h>

enum { WIDTH = MLI_VOICE_WIDTH };

void mli_diarize_options_init(mli_diarize_options *options)
{
    *options = (mli_diarize_options){
        .level_db = -17.0f, .hop = 4, .second_margin = 0.03f, .known_least = 0.80f};
    mli_cluster_rules_init(&options->cluster);
    mli_vad_rules_init(&options->vad);
    options->vad.threshold = 0.25f; /* for far-field speech */
    options->vad.neg_threshold = 0.10f;
    options->vad.min_speech = MLI_AUDIO_RATE / 4;
    options->vad.min_silence = MLI_AUDIO_RATE * 3 / 10;
    options->vad.pad = MLI_AUDIO_RATE / 10;
}

typedef struct heard {
    mli_vad_segment *segments;
    size_t segment_count;
    mli_voice_track track;
} heard;

static void forget(heard *h, const modellab_allocator *alloc)
{
    mli_free(alloc, h->segments);
    mli_voice_track_dispose(&h->track, alloc);
}

/* Speech, level and voices of a recording. */
MODELLAB_MUST_CHECK static modellab_status hear(const mli_diarize_tools *t,
                                                const mli_audio_source *source,
                                                const mli_diarize_options *o, heard *h,
                                                modellab_error *err)
{
    float scale = 1.0f;
    *h = (heard){.segments = NULL};
    modellab_status status = mli_diarize_speech(t, source, o, &h->segments, &h->segment_count, err);
    if (status == MODELLAB_OK && h->segment_count > 0)
        status = mli_diarize_level(t, source, o, h->segments, h->segment_count, &scale, err);
    if (status == MODELLAB_OK && h->segment_count > 0)
        status = mli_voice_track_make(t, source, o, h->segments, h->segment_count, scale, &h->track,
                                      err);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status decide(const mli_diarize_tools *t,
                                                  const mli_diarize_options *o, const heard *h,
                                                  mli_diarization *out, modellab_error *err)
{
    const mli_cells *cells = &h->track.cells;
    int32_t speakers = 0;
    uint8_t *labels = mli_alloc_array(t->alloc, cells->count, sizeof *labels);
    float *voices = mli_alloc_array(t->alloc, (size_t)MLI_SPEAKERS_MOST * WIDTH, sizeof *voices);
    modellab_status status = labels != NULL && voices != NULL ? MODELLAB_OK : mli_no_memory(err);
    if (status == MODELLAB_OK)
        status =
            mli_cluster(cells, &o->cluster, t->alloc, labels, voices, &speakers, t->cancel, err);
    if (status == MODELLAB_OK)
        status = mli_diarize_turns(t, o, h->segments, h->segment_count, cells, labels, voices,
                                   speakers, out, err);
    mli_free(t->alloc, labels);
    mli_free(t->alloc, voices);
    return status;
}

modellab_status mli_diarize(const mli_diarize_tools *tools, const mli_audio_source *source,
                            const mli_diarize_options *options, mli_diarization *out,
                            modellab_error *err)
{
    heard h;
    *out = (mli_diarization){.samples = mli_audio_samples(source)};
    if (tools->alloc != NULL)
        out->alloc = *tools->alloc;
    modellab_status status = hear(tools, source, options, &h, err);
    for (size_t i = 0; status == MODELLAB_OK && i < h.segment_count; i++)
        out->speech += h.segments[i].end - h.segments[i].start;
    if (status == MODELLAB_OK && h.track.cells.count > 0)
        status = decide(tools, options, &h, out, err);
    if (status == MODELLAB_OK) {
        mli_diarize_recognise(options, out);
        status = mli_diarize_tell(options, 1.0, err);
    }
    forget(&h, tools->alloc);
    if (status != MODELLAB_OK)
        mli_diarization_dispose(out);
    return status;
}

void mli_diarization_dispose(mli_diarization *d)
{
    const modellab_allocator alloc = d->alloc;
    const modellab_allocator *a = alloc.alloc != NULL ? &alloc : NULL;
    mli_free(a, d->turns);
    mli_free(a, d->speakers);
    *d = (mli_diarization){.alloc = alloc};
}

modellab_status mli_diarize_voice(const mli_diarize_tools *tools, const mli_audio_source *source,
                                  const mli_diarize_options *options, float voice[MLI_VOICE_WIDTH],
                                  modellab_error *err)
{
    heard h;
    modellab_status status = hear(tools, source, options, &h, err);
    memset(voice, 0, WIDTH * sizeof *voice);
    if (status == MODELLAB_OK && h.track.cells.count == 0)
        status = mli_fail(err, MODELLAB_E_INVALID_AUDIO, "there is no speech in the recording");
    for (size_t i = 0; status == MODELLAB_OK && i < h.track.cells.count; i++) {
        const mli_cell *x = &h.track.items[i];
        mli_voice_add(voice, x->left, h.track.windows + (size_t)x->window * WIDTH);
        if (x->right != 0.0f)
            mli_voice_add(voice, x->right, h.track.windows + ((size_t)x->window + 1) * WIDTH);
    }
    if (status == MODELLAB_OK)
        mli_voice_normalise(voice);
    forget(&h, tools->alloc);
    return status;
}
