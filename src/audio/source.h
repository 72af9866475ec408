/* Decoded audio as everybody below speech reads it: mono float samples at 16 kHz, immutable and
 * shared. Short audio stays in memory; long audio is spooled to a file that the caller gave. */
#ifndef MLI_AUDIO_SOURCE_H
#define MLI_AUDIO_SOURCE_H

#include "base/cancel.h"
#include "os/file.h"
#include <modellab/alloc.h>
#include <modellab/status.h>
#include <stdbool.h>

enum { MLI_AUDIO_RATE = 16000 };

/* With a spool file one hour (230 MB) stays in memory; a day is the most that is taken at all. */
#define MLI_AUDIO_MEMORY_SAMPLES ((int64_t)3600 * MLI_AUDIO_RATE)
#define MLI_AUDIO_MAX_SAMPLES ((int64_t)24 * 3600 * MLI_AUDIO_RATE)

/* What the file said about itself; rate and channels are those before mixing and resampling. */
typedef struct mli_audio_info {
    char container[16]; /* "wav", "flac", "ogg", "mp3", ...; "samples" for a caller's array */
    char encoding[16];  /* "pcm_s16", "float", "vorbis", ... */
    int32_t channels;
    int32_t rate_hz;
    int64_t frames; /* frames that were decoded, before resampling */
} mli_audio_info;

typedef struct mli_audio_source mli_audio_source; /* atomically counted */

mli_audio_source *mli_audio_ref(mli_audio_source *source);
void mli_audio_unref(mli_audio_source *source); /* NULL accepted */

/* Gives a reference back and takes the spool file out of the source, when that was the last one:
 * the file can be used for another source, its content is of no interest. -1 = there is none. */
MODELLAB_MUST_CHECK int mli_audio_reclaim_spool(mli_audio_source *source);

/* Samples at 16 kHz. */
int64_t mli_audio_samples(const mli_audio_source *source);
/* Duration in milliseconds, of the samples, rounded half-even. */
int64_t mli_audio_duration_ms(const mli_audio_source *source);
const mli_audio_info *mli_audio_info_of(const mli_audio_source *source);

/* Copies samples [start, start + count) to dst. What lies before 0 or at and after the end is
 * silence (0.0), so that windows need no special case. Any thread. Fails only when a spool file
 * cannot be read. */
MODELLAB_MUST_CHECK modellab_status mli_audio_read(const mli_audio_source *source, int64_t start,
                                                   size_t count, float *dst, modellab_error *err);

/* --- building (src/audio only) --- */
typedef struct mli_audio_store mli_audio_store;

/* `spool_fd` -1 = memory only; otherwise an open read-write file (written from its start on), owned
 * by the store from here on, used once more than `memory_samples` have come. */
MODELLAB_MUST_CHECK modellab_status mli_audio_store_create(
    const modellab_allocator *alloc, const mli_os_files *files, int spool_fd,
    int64_t memory_samples, int64_t max_samples, mli_audio_store **out, modellab_error *err);
/* A store without a file makes one without a name in `folder` (borrowed until the store is
 * finished) once it needs it; where none can be made all stays in memory. NULL = never. */
void mli_audio_store_spool_in(mli_audio_store *store, const char *folder);
void mli_audio_store_destroy(mli_audio_store *store);
/* E_LIMIT beyond max_samples. */
MODELLAB_MUST_CHECK modellab_status mli_audio_store_append(mli_audio_store *store,
                                                           const float *samples, size_t count,
                                                           modellab_error *err);
int64_t mli_audio_store_samples(const mli_audio_store *store);
/* Turns the store into a source with one reference; the store is consumed in every case. */
MODELLAB_MUST_CHECK modellab_status mli_audio_store_finish(mli_audio_store *store,
                                                           const mli_audio_info *info,
                                                           mli_audio_source **out,
                                                           modellab_error *err);

#endif
