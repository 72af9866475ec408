/* Diarization: who spoke when. Voice activity finds the speech, an encoder of voices (GE2E) hears
 * each 1.6 s of it, and groups of like voices are the speakers. Results are deterministic: the same
 * bytes for any number of threads.
 *
 * What to expect: one speaker at a time by default, so that speech of several at once is missed in
 * part. The number of speakers is found well when voices differ; alike voices (and short
 * recordings) are often taken for one: say how many there are where you know it.
 * docs/diarization.md has figures. @since 0.1
 *
 * Example: examples/c/diarization.c */
#ifndef MODELLAB_DIARIZATION_H
#define MODELLAB_DIARIZATION_H

#include <modellab/audio.h>
#include <modellab/model.h>
#include <modellab/tracker.h>
#include <modellab/transcript.h>

/** Immutable, reference counted. */
typedef struct modellab_diarization modellab_diarization;

/** Numbers of a voice: a direction, so its length is 1. */
enum { MODELLAB_VOICE_SIZE = 256 };

typedef int32_t modellab_diarization_method;
enum {
    MODELLAB_DIARIZATION_MERGE_PATH = 0,   /**< merges one by one, with a fit after each */
    MODELLAB_DIARIZATION_AGGLOMERATIVE = 1 /**< joins the most alike until they are not alike */
};

/** Progress: fraction done, 0..1, on the calling thread. Return 0 to go on; anything else ends the
 * call with E_CALLBACK. */
typedef int32_t (*modellab_diarization_progress_fn)(void *user, double fraction);

typedef struct modellab_diarization_options {
    size_t size;                        /**< sizeof(modellab_diarization_options) */
    modellab_diarization_method method; /**< how voices are grouped */
    int32_t min_speakers;               /**< 0 = 1 */
    int32_t max_speakers; /**< 0 = as found; as min_speakers: exactly that many; at most 64 */
    int32_t overlapping;  /**< 1: a second speaker at the same time where its voice is near, too */
    int32_t threads;      /**< 0 = 1 */
    int32_t known_count;  /**< enrolled voices, at most 1,024 */
    const char *const *known_names; /**< known_count names */
    const float *known_voices;      /**< known_count * MODELLAB_VOICE_SIZE numbers */
    double known_least;             /**< a speaker less alike (cosine) is unknown; 0 = 0.80 */
    modellab_diarization_progress_fn progress;
    void *user;
    modellab_cancel *cancel;   /**< seen within 10 ms; the call ends with E_CANCELLED */
    modellab_tracker *tracker; /**< gets a span and audio seconds */
} modellab_diarization_options;

#define MODELLAB_DIARIZATION_OPTIONS_INIT                                                          \
    {                                                                                              \
        sizeof(modellab_diarization_options), 0, 0, 0, 0, 0, 0, NULL, NULL, 0.0, NULL, NULL, NULL, \
            NULL                                                                                   \
    }

/** Somebody speaks without a pause. */
typedef struct modellab_speaker_turn {
    size_t size; /**< sizeof(modellab_speaker_turn), set by the caller */
    int32_t speaker;
    int32_t reserved; /**< 0 */
    double start;     /**< seconds */
    double end;       /**< seconds, not beyond the audio */
    double score;     /**< how alike the turn and the speaker's voice are, cosine */
} modellab_speaker_turn;

typedef struct modellab_speaker {
    size_t size;      /**< sizeof(modellab_speaker), set by the caller */
    const char *name; /**< of the enrolled voice, else "speaker_1", ...; borrowed from the result */
    int32_t is_known; /**< 1: an enrolled voice */
    int32_t turn_count;
    double seconds; /**< of its turns */
    double
        known_score; /**< cosine with the enrolled voice; of an unknown speaker with the nearest */
    const float *voice; /**< MODELLAB_VOICE_SIZE numbers; borrowed from the result */
} modellab_speaker;

/** Formats of modellab_diarization_write(). */
typedef int32_t modellab_diarization_format;
enum {
    MODELLAB_DIARIZATION_RTTM = 1, /**< NIST: a line a turn */
    MODELLAB_DIARIZATION_JSON = 2  /**< duration, speakers, turns */
};

MODELLAB_BEGIN_DECLS

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_diarization_options_init(modellab_diarization_options *options,
                                                    size_t size);

/** Finds out who speaks when in decoded audio. One hour takes about 30 s of one core and some 40 MB
 * beside the audio; memory grows by 10 MB an hour.
 * @param encoder   a model of voices ("ge2e-speaker")
 * @param vad       a detector of voice activity ("silero-vad-v6")
 * @param options   borrowed for the call; NULL = defaults
 * @param[out] out  new; modellab_diarization_unref(). No speech: no turns
 * @errors E_UNSUPPORTED_MODEL, E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_CANCELLED, E_CALLBACK,
 * E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_diarize_audio(
    modellab_model *encoder, modellab_model *vad, modellab_audio *audio,
    const modellab_diarization_options *options, modellab_diarization **out, modellab_error *err);
/** The same of a file, decoded in this process: for files that are not trusted submit a run
 * instead.
 * @errors as modellab_audio_decode_file() and modellab_diarize_audio() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_diarize_file(
    modellab_model *encoder, modellab_model *vad, const char *path,
    const modellab_diarization_options *options, modellab_diarization **out, modellab_error *err);
/** The voice of a clip in which one person speaks, for known_voices or to be compared by cosine.
 * With a detector its speech is brought to one level and nothing else is heard, as diarization does
 * it; without (NULL) all of it counts as it is, windows of 1.6 s each 0.77 s, as the encoder's
 * reference does it.
 * @param options   threads, progress, cancel and tracker are used; NULL = defaults
 * @param[out] voice  count = MODELLAB_VOICE_SIZE numbers
 * @errors as modellab_diarize_file(), and E_INVALID_AUDIO (no speech) @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_voice_of_file(
    modellab_model *encoder, modellab_model *vad, const char *path,
    const modellab_diarization_options *options, float *voice, size_t count, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_diarization *modellab_diarization_ref(modellab_diarization *diarization);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_diarization_unref(modellab_diarization *diarization);
/** Seconds of audio. @threads any @since 0.1 */
MODELLAB_API double modellab_diarization_duration(const modellab_diarization *diarization);
/** Turns, by start. @threads any @since 0.1 */
MODELLAB_API size_t modellab_diarization_turn_count(const modellab_diarization *diarization);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_diarization_turn_at(const modellab_diarization *diarization, size_t index,
                             modellab_speaker_turn *out, modellab_error *err);
/** Speakers, in the order in which they first speak. @threads any @since 0.1 */
MODELLAB_API size_t modellab_diarization_speaker_count(const modellab_diarization *diarization);
/** @errors E_NOT_FOUND (index), E_ABI_TOO_SMALL @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_diarization_speaker_at(const modellab_diarization *diarization, size_t index,
                                modellab_speaker *out, modellab_error *err);
/** Writes it in a format. Times are rounded once, to milliseconds, half to even.
 * @param name      of the audio; its folder and extension are left out; NULL = "audio"
 * @param[out] out  new; modellab_buffer_destroy()
 * @errors E_INVALID_ARGUMENT, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_diarization_write(
    const modellab_diarization *diarization, modellab_diarization_format format, const char *name,
    modellab_buffer **out, modellab_error *err);
/** Who said what: a transcript with a speaker at each word (with word times: the one who speaks
 * longest during it; a word outside of all turns goes to the nearest and says so), its segments cut
 * where the speaker changes. Without word times each segment gets a speaker as a whole.
 * @param cancel    optional
 * @param[out] out  new; modellab_transcript_unref()
 * @errors E_INVALID_ARGUMENT, E_CANCELLED, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_transcript_with_speakers(
    const modellab_transcript *transcript, const modellab_diarization *diarization,
    modellab_cancel *cancel, modellab_transcript **out, modellab_error *err);

MODELLAB_END_DECLS
#endif
