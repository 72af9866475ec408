/* Audio files and sample arrays to mono 16 kHz float (libsndfile reads, libsoxr resamples), in
 * blocks of 64 Ki samples. Nothing that a header declares is believed; each cap has its own
 * message.
 *
 * libsndfile 1.2.0 crashes when memory runs out inside its open call, leaks on some bad Ogg
 * headers, and its MP3 decoder (libmpg123) warns on stderr about damaged files: foreign files are
 * decoded in a worker, and in a host's process only when the host itself asks. */
#ifndef MLI_AUDIO_DECODE_H
#define MLI_AUDIO_DECODE_H

#include "audio/source.h"

enum {
    MLI_AUDIO_MAX_CHANNELS = 64,
    MLI_AUDIO_MIN_RATE = 1000,
    MLI_AUDIO_MAX_RATE = 768000,
    MLI_AUDIO_BLOCK =
        65536 /* samples (frames * channels) decoded between two looks at the cancel word */
};
#define MLI_AUDIO_MAX_BYTES ((int64_t)4 << 30)

typedef struct mli_audio_options {
    const modellab_allocator *alloc; /* copied; NULL = C heap */
    const mli_os_files *files;       /* NULL = the system's; kept by a source that spools */
    const mli_cancel_word *cancel;   /* NULL = never */
    int64_t max_samples;             /* of the result; 0 = 24 h */
    int64_t max_input_bytes;         /* 0 = 4 GiB */
    int64_t memory_samples;          /* with a spool file: most samples kept in memory; 0 = 1 h */
    int spool_fd;                    /* -1 = none; owned by the call in every case */
    const char *spool_folder;        /* NULL = none; mli_audio_store_spool_in() */
    bool allow_truncated;            /* keep what could be decoded of a file that ends early */
    /* Called between blocks with the samples (16 kHz) made so far, and the fraction of the input's
     * bytes read, 0..1; not 0 ends the call with E_CALLBACK. NULL = none. */
    int32_t (*progress)(void *user, int64_t samples, double fraction);
    void *progress_user;
} mli_audio_options;

/* All defaults; spool_fd -1. */
void mli_audio_options_init(mli_audio_options *options);

/* Errors of the three: E_INVALID_AUDIO (not finite: detail = frame; no samples; cut short;
 * damaged), E_UNSUPPORTED_FORMAT (not a format that can be read), E_LIMIT (channels, rate,
 * duration, bytes), E_CANCELLED, E_NO_MEMORY, E_IO and what opening gives. Messages hold no path.
 * `options` NULL = defaults. `out` has one reference. */
MODELLAB_MUST_CHECK modellab_status mli_audio_decode_path(const char *path,
                                                          const mli_audio_options *options,
                                                          mli_audio_source **out,
                                                          modellab_error *err);
/* `fd` must be a regular file; read by pread, its offset is not used; stays the caller's. */
MODELLAB_MUST_CHECK modellab_status mli_audio_decode_fd(int fd, const mli_audio_options *options,
                                                        mli_audio_source **out,
                                                        modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_audio_decode_memory(const void *data, size_t bytes,
                                                            const mli_audio_options *options,
                                                            mli_audio_source **out,
                                                            modellab_error *err);
/* Interleaved samples of any rate and up to 64 channels; copied. */
MODELLAB_MUST_CHECK modellab_status mli_audio_from_samples(const float *interleaved, size_t frames,
                                                           int32_t channels, int32_t rate_hz,
                                                           const mli_audio_options *options,
                                                           mli_audio_source **out,
                                                           modellab_error *err);

#endif
