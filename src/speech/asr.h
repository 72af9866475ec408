/* Whisper transcription: sessions on a shared model, and the long-form loop as the reference runs
 * it. */
#ifndef MLI_SPEECH_ASR_H
#define MLI_SPEECH_ASR_H

#include "audio/source.h"
#include "speech/asr_chunks.h"
#include "speech/asr_model.h"
#include "speech/silero.h"
#include "text/transcript.h"

/* Confined to one thread at a time; own threads and scratch memory. */
typedef struct mli_asr_session mli_asr_session;

struct mli_asr_window;

/* Where a transcription stands between two windows: all that the next window depends on (sampling
 * draws its numbers from the seed, the window and the attempt, so it has no state). A call that
 * goes on from here gives the bytes of one that was never interrupted: same model, audio, options
 * and instruction set. */
typedef struct mli_asr_mark {
    int64_t seek; /* mel frames of 10 ms: where the next window begins */
    float mel_max;
    int32_t language; /* index; 0 = English */
    double language_probability;
    double last_speech;     /* seconds, for the guard against invented words */
    const int32_t *history; /* tokens that the next prompt repeats; NULL when there are none */
    size_t history_count;
} mli_asr_mark;

typedef struct mli_asr_resume {
    mli_asr_mark mark;
    const mli_transcript *done; /* the segments until there */
} mli_asr_resume;

enum { MLI_ASR_BATCH = 8 };

/* Thresholds that are NaN are off. mli_asr_options_init gives the reference's defaults. */
typedef struct mli_asr_options {
    const char *language;       /* code, English name or alias; NULL or "auto" = detect */
    bool translate;             /* to English; multilingual models only */
    bool condition_on_previous; /* true */
    bool word_times;            /* false */
    bool suppress_blank;        /* true */
    bool suppress_symbols;      /* true: the non-speech tokens */
    bool timestamps;            /* true */
    int32_t beam_size;          /* 0 or 1 = greedy; at most 16 */
    int32_t best_of;            /* 5; at most 16 */
    const double *temperatures; /* the ladder; NULL = 0, 0.2, ... 1 */
    size_t temperature_count;
    double patience;                    /* 1 */
    double length_penalty;              /* -1 = divide by the length */
    double compression_ratio_threshold; /* 2.4 */
    double logprob_threshold;           /* -1 */
    double no_speech_threshold;         /* 0.6 */
    double max_initial_timestamp;       /* 1 s; negative = any */
    double hallucination_silence;       /* seconds; NaN = off; needs word_times */
    const char *initial_prompt;         /* NULL = none */
    uint64_t seed;
    int32_t max_tokens; /* a window; 0 = half the text context, as the reference */

    /* Speech only: it is looked for first, then decoded in chunks of at most 30 s that are cut at
     * silences, `batch` of them side by side (greedy; beams one after another). Each chunk stands
     * for itself: nothing is carried over from the one before, and the bits do not depend on
     * `batch`. Without speech there is no text. Memory: mli_whisper_lanes_create. */
    const mli_silero *vad; /* NULL = off */
    mli_vad_rules vad_rules;
    const mli_vad_segment *speech; /* alignment: found before, in order; NULL = by `vad` */
    size_t speech_count;
    const mli_asr_chunks *chunks; /* found before, instead of `vad`; NULL = none */
    int32_t batch;                /* 1 .. 16; MLI_ASR_BATCH */

    /* Called on the transcribing thread; non-zero ends the call with E_CALLBACK. NULL = none. */
    int32_t (*progress)(void *user, double done_seconds, double total_seconds);
    int32_t (*segment)(void *user, const mli_transcript_segment *segment);
    /* After each window, with its segments; all borrowed during the call. */
    int32_t (*mark)(void *user, const mli_asr_mark *mark, const mli_transcript_segment *segments,
                    size_t count);
    /* Called several times a second while a window is worked on (a sign of life for watchers: a
     * window may take many attempts). NULL = none. */
    void (*pulse)(void *user);
    void *user;
    const mli_cancel_word *cancel;
    const mli_asr_resume *resume; /* goes on from there; NULL = from the beginning */
    /* Conformance tools: for every window, what was decoded. NULL = none. */
    void (*window)(void *user, const struct mli_asr_window *window);
} mli_asr_options;

void mli_asr_options_init(mli_asr_options *options);

/* What a window's decoding gave, for options->window. */
typedef struct mli_asr_window {
    int64_t seek;
    const int32_t *prompt, *tokens;
    size_t prompt_count, count;
    const float *logprobs;
    const float *margins; /* greedy: count + 1 values, the last is eot's; else NULL */
    double temperature, avg_logprob, compression_ratio, no_speech_prob;
} mli_asr_window;

/* `threads` 0 = one a CPU. Takes a reference to the model. */
MODELLAB_MUST_CHECK modellab_status mli_asr_session_create(mli_asr_session **out,
                                                           const modellab_allocator *alloc,
                                                           mli_asr_model *model, int32_t threads,
                                                           modellab_error *err);
void mli_asr_session_destroy(mli_asr_session *session); /* NULL accepted */
/* CPU time of the session's own threads so far (the calling thread's is not in it). */
int64_t mli_asr_session_cpu_ns(mli_asr_session *session);

/* A new transcript. With E_CANCELLED and E_CALLBACK `out` holds what was finished until then
 * (marked partial) when memory allows; with other errors it is NULL. E_BUSY when called from a
 * callback of the same session. */
MODELLAB_MUST_CHECK modellab_status mli_asr_transcribe(mli_asr_session *session,
                                                       const mli_audio_source *source,
                                                       const mli_asr_options *options,
                                                       mli_transcript **out, modellab_error *err);

/* The normalised mel window at `seek` (frames of 10 ms) and the encoder's output for it, for
 * conformance tools: mel [frames][bands], audio [audio_ctx][audio_state]. Borrowed until the next
 * call. */
MODELLAB_MUST_CHECK modellab_status mli_asr_encode_window(mli_asr_session *session,
                                                          const mli_audio_source *source,
                                                          int64_t seek, const float **mel,
                                                          const float **audio, modellab_error *err);

#endif
