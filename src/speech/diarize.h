/* Who spoke when in a recording: voice activity, level of the speech, voices of 1.6 s windows,
 * groups of them, turns. */
#ifndef MLI_SPEECH_DIARIZE_H
#define MLI_SPEECH_DIARIZE_H

#include "audio/source.h"
#include "speech/diarize_cluster.h"
#include "speech/ge2e.h"
#include "speech/silero.h"
#include "speech/vad_segments.h"

/* A turn of a speaker; samples. */
typedef struct mli_turn {
    int64_t start, end;
    int32_t speaker;
    float score; /* mean cosine of the turn's cells with the speaker's voice */
} mli_turn;

typedef struct mli_speaker {
    float voice[MLI_VOICE_WIDTH];
    int64_t speech;    /* samples of its turns */
    int32_t known;     /* index of the enrolled voice, -1 = none */
    float known_score; /* cosine with the nearest enrolled voice; 0 without any */
} mli_speaker;

typedef struct mli_diarization {
    modellab_allocator alloc;
    mli_turn *turns; /* by start */
    mli_speaker *speakers;
    size_t turn_count, speaker_count;
    int64_t samples; /* of the recording */
    int64_t speech;  /* where somebody speaks */
} mli_diarization;

typedef struct mli_diarize_options {
    mli_cluster_rules cluster;
    mli_vad_rules vad;
    float level_db;      /* of the speech, in dB below full scale */
    int32_t hop;         /* cells between windows */
    bool overlapping;    /* a second speaker where its voice is nearly as near */
    float second_margin; /* by how much less near */
    const float *known;  /* [known_count][MLI_VOICE_WIDTH] enrolled voices */
    size_t known_count;
    float known_least; /* cosine below which a speaker is unknown */
    /* Fraction done, 0..1; not 0 ends the work with E_CALLBACK. NULL = none. */
    int32_t (*progress)(void *user, double fraction);
    void *progress_user;
} mli_diarize_options;

void mli_diarize_options_init(mli_diarize_options *options);

/* Models and pool are borrowed for the call. A recording without speech has no turns. */
typedef struct mli_diarize_tools {
    const mli_silero *vad;
    const mli_ge2e *encoder;
    mli_pool *pool;
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_diarize_tools;
MODELLAB_MUST_CHECK modellab_status mli_diarize(const mli_diarize_tools *tools,
                                                const mli_audio_source *source,
                                                const mli_diarize_options *options,
                                                mli_diarization *out, modellab_error *err);
void mli_diarization_dispose(mli_diarization *d);

/* The voice of a recording in which one person speaks, as the above hears it; E_INVALID_AUDIO when
 * there is no speech in it. */
MODELLAB_MUST_CHECK modellab_status mli_diarize_voice(const mli_diarize_tools *tools,
                                                      const mli_audio_source *source,
                                                      const mli_diarize_options *options,
                                                      float voice[MLI_VOICE_WIDTH],
                                                      modellab_error *err);

#endif
