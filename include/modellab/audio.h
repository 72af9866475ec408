/* Audio: files and samples decoded to one form, mono f32 at 16 kHz, immutable and shared.
 *
 * Ten minutes stay in memory (38 MB), more goes to a file without a name in TMPDIR, else /tmp (64
 * KB a second); what has no room there (disk, quota, RLIMIT_FSIZE: also all) stays in memory.
 *
 * Reads WAV, RF64, W64, AIFF, CAF, AU, FLAC, Ogg Vorbis, Opus and MP3. A decoder is a large
 * surface, and libsndfile 1.2.0 can crash when memory runs out while it opens a file: for files
 * that are not trusted submit a run, whose worker decodes them in a process of its own. libmpg123,
 * which libsndfile uses for MP3, warns on stderr about damaged files. @since 0.1
 *
 * Example: examples/c/audio.c */
#ifndef MODELLAB_AUDIO_H
#define MODELLAB_AUDIO_H

#include <modellab/report.h>
#include <modellab/types.h>

/** Reference counted, immutable. */
typedef struct modellab_audio modellab_audio;

/** Progress of decoding: seconds of audio made, and the fraction (0..1) of the input's bytes read.
 * Called on the decoding thread, between blocks. Return 0 to go on; anything else ends the call
 * with E_CALLBACK. */
typedef int32_t (*modellab_audio_progress_fn)(void *user, double seconds, double fraction);

typedef struct modellab_audio_options {
    size_t size;                         /**< sizeof(modellab_audio_options) */
    const modellab_allocator *allocator; /**< copied; NULL = C heap */
    modellab_cancel *cancel;             /**< seen within 10 ms; the call ends with E_CANCELLED */
    double max_seconds;                  /**< of the result; 0 = 24 hours */
    int64_t max_bytes;                   /**< of the input; 0 = 4 GiB */
    int32_t allow_truncated; /**< 1: keep what can be decoded of a file that lost its end */
    int32_t reserved;        /**< 0 */
    modellab_audio_progress_fn progress;
    void *user; /**< for the callback */
} modellab_audio_options;

#define MODELLAB_AUDIO_OPTIONS_INIT                                                                \
    {                                                                                              \
        sizeof(modellab_audio_options), NULL, NULL, 0.0, 0, 0, 0, NULL, NULL                       \
    }

/** What was decoded. Strings are borrowed from the audio. */
typedef struct modellab_audio_info {
    size_t size;           /**< sizeof(modellab_audio_info), set by the caller */
    const char *container; /**< "wav", "flac", "ogg", "mp3", ...; "samples" for a caller's array */
    const char *encoding;  /**< "pcm_s16", "float", "vorbis", ... */
    int32_t channels;      /**< before mixing */
    int32_t rate_hz;       /**< before resampling */
    int64_t frames;        /**< before resampling */
    int64_t samples;       /**< at 16 kHz, as modellab_audio_read() gives them */
    double duration;       /**< seconds: samples / 16000 */
} modellab_audio_info;

/** What a file says it is, by its header alone. Strings are static. */
typedef struct modellab_audio_probe_info {
    size_t size;            /**< sizeof(modellab_audio_probe_info), set by the caller */
    const char *container;  /**< "wav", "flac", "ogg", "mp3", "aiff", "caf", "au"; "" = not audio */
    const char *codec;      /**< "pcm", "float", "vorbis", ...; "" = not said */
    const char *media_type; /**< "audio/wav", ...; "application/octet-stream" */
    int64_t rate_hz;        /**< -1 = not said */
    int64_t channels;       /**< -1 = not said */
    int64_t frames;         /**< -1 = not said */
    double seconds;         /**< declared or estimated; -1 = unknown */
    int32_t is_estimate;    /**< of `seconds` */
    int32_t reserved;       /**< 0 */
} modellab_audio_probe_info;

MODELLAB_BEGIN_DECLS

/** Reads a header without decoding anything: own parser, no allocation but the report's, safe on
 * bytes that are not trusted. What it says is a claim of the file; only decoding tells what is
 * there.
 * @param data        the first bytes of the file (64 KiB are enough)
 * @param file_bytes  size of the whole file, at least `bytes`
 * @param allocator   of the report; NULL = C heap
 * @param[in,out] out `out->size` must be set
 * @param[out] report new; modellab_report_unref(); NULL = not wanted. An error in it means that the
 * file is not fit to be decoded, a warning that it probably lost its end
 * @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_audio_probe(
    const void *data, size_t bytes, int64_t file_bytes, const modellab_allocator *allocator,
    modellab_audio_probe_info *out, modellab_report **report, modellab_error *err);

/** Fills the struct like its INIT macro, for callers without macros. `size` is the caller's sizeof.
 * @threads any @since 0.1 */
MODELLAB_API void modellab_audio_options_init(modellab_audio_options *options, size_t size);

/** Decodes a regular file in this process, mixes it to mono, resamples to 16 kHz and clips to
 * -1..1. Nothing that the header declares is believed.
 * @param options   NULL = defaults
 * @param[out] out  new; modellab_audio_unref()
 * @errors E_NOT_FOUND, E_PERMISSION, E_INVALID_ARGUMENT (a directory, a pipe), E_INVALID_AUDIO
 * (empty, no samples, cut or damaged, a sample that is not finite: detail is its frame; not 1-64
 * channels or 1-768 kHz), E_UNSUPPORTED_FORMAT, E_LIMIT, E_CANCELLED, E_CALLBACK, E_IO, E_NO_MEMORY
 * @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_audio_decode_file(const char *path, const modellab_audio_options *options,
                           modellab_audio **out, modellab_error *err);

/** The same for a file that is in memory; the bytes are not kept.
 * @param[out] out new @errors as modellab_audio_decode_file() @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_audio_decode_memory(const void *data, size_t bytes, const modellab_audio_options *options,
                             modellab_audio **out, modellab_error *err);

/** Takes interleaved samples of any rate (1-768 kHz) and 1-64 channels; copied, then as for files.
 * @param[out] out new @errors E_INVALID_ARGUMENT, E_INVALID_AUDIO, E_LIMIT, E_CANCELLED,
 * E_CALLBACK, E_NO_MEMORY @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_audio_from_samples(
    const float *samples, size_t frames, int32_t channels, int32_t rate_hz,
    const modellab_audio_options *options, modellab_audio **out, modellab_error *err);

/** Takes another reference; returns its argument. @threads any @since 0.1 */
MODELLAB_API modellab_audio *modellab_audio_ref(modellab_audio *audio);
/** Gives a reference back; NULL is accepted. @threads any @since 0.1 */
MODELLAB_API void modellab_audio_unref(modellab_audio *audio);

/** @param out size is set by the caller @errors E_INVALID_ARGUMENT, E_ABI_TOO_SMALL @threads any
 * @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status
modellab_audio_get_info(const modellab_audio *audio, modellab_audio_info *out, modellab_error *err);

/** Copies samples [start, start + count) to the caller's `dst`; before the start and after the end
 * there is silence. @errors E_INVALID_ARGUMENT, E_IO @threads any @since 0.1 */
MODELLAB_API MODELLAB_MUST_CHECK modellab_status modellab_audio_read(const modellab_audio *audio,
                                                                     int64_t start, size_t count,
                                                                     float *dst,
                                                                     modellab_error *err);

MODELLAB_END_DECLS
#endif
