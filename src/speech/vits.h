/* VITS voices (Kim, Kong, Son 2021) as Piper exports them: phoneme ids -> samples. Text encoder,
 * stochastic durations, flow and decoder are written by hand on the kernels; what comes out is
 * streamed: every layer keeps the frames that it will need again, nothing is computed twice, and
 * any size of the pieces gives the same bytes. Random numbers belong to a seed, an utterance, a
 * frame and a channel, whatever the order in which they are asked for. */
#ifndef MLI_SPEECH_VITS_H
#define MLI_SPEECH_VITS_H

#include "base/cancel.h"
#include "kernels/pool.h"
#include "models/piper.h"

enum {
    MLI_VITS_MAX_IDS = 4096,      /* of one utterance */
    MLI_VITS_MAX_ID_FRAMES = 1024 /* of one id: longer ones are cut (exp of a network's output) */
};

typedef struct mli_vits mli_vits;                 /* immutable; any number of sessions */
typedef struct mli_vits_session mli_vits_session; /* one thread at a time */

typedef struct mli_vits_info {
    int32_t ids;        /* ids are 0 .. ids - 1 */
    int32_t speakers;   /* 1 = no choice */
    int32_t hop;        /* samples of a frame */
    int64_t parameters; /* of the network */
    int64_t bytes;      /* of the packed weights */
} mli_vits_info;

/* Packs the weights; `voice` is not needed after. `pool` (NULL = this thread) is used for that.
 * `drop`: the voice lies in pages (mli_os_pages_map) that nobody reads any more: they are given
 * back one after the other, so that memory holds the weights once. */
MODELLAB_MUST_CHECK modellab_status mli_vits_create(mli_vits **out, const modellab_allocator *alloc,
                                                    const mli_piper *voice, bool drop,
                                                    mli_pool *pool, const mli_cancel_word *cancel,
                                                    modellab_error *err);
/* Packed weights as they lie in memory, to be kept and used again. */
typedef struct mli_vits_block {
    const float *floats; /* 64-byte aligned */
    size_t bytes;
    uint32_t walk; /* checksum of the layout */
} mli_vits_block;

/* The same model over weights that were packed before, which must stay; of `voice` shapes and small
 * values alone are read. E_INVALID_MODEL: they were laid out otherwise. */
MODELLAB_MUST_CHECK modellab_status mli_vits_bind(mli_vits **out, const modellab_allocator *alloc,
                                                  const mli_piper *voice,
                                                  const mli_vits_block *block, modellab_error *err);
mli_vits_block mli_vits_block_of(const mli_vits *model); /* borrowed from the model */
void mli_vits_destroy(mli_vits *model);                  /* NULL accepted */
mli_vits_info mli_vits_info_of(const mli_vits *model);

typedef struct mli_vits_options {
    double length;      /* factor on durations; 1 = as trained, smaller = faster */
    double noise;       /* deviation of the voice, 0 = none */
    double noise_w;     /* deviation of the durations, 0 = none */
    int32_t speaker;    /* 0 .. speakers - 1 */
    uint32_t utterance; /* number of the sentence: another one draws other numbers */
    uint64_t seed;
    size_t step; /* frames that the stages advance by; 0 = default, at most 64; same bytes */
    /* For comparisons with other engines: standard normal numbers [2][ids] and [channels][frames]
     * to be used instead of drawn ones; NULL = drawn. */
    const float *given_durations, *given_noise;
    size_t given_frames; /* length of a row of given_noise */
} mli_vits_options;

/* Samples (-1 .. 1) as they are made, in order; borrowed for the call. Anything but OK ends the
 * run with that status. Called on the thread of mli_vits_run. */
typedef modellab_status (*mli_vits_chunk_fn)(void *user, const float *samples, size_t count,
                                             modellab_error *err);

MODELLAB_MUST_CHECK modellab_status mli_vits_session_create(mli_vits_session **out,
                                                            const mli_vits *model, mli_pool *pool,
                                                            modellab_error *err);
void mli_vits_session_destroy(mli_vits_session *session);
/* One utterance. The frames of each id are known before the first chunk comes, and stay until the
 * next run. @errors E_INVALID_ARGUMENT (an id, no id), E_LIMIT (too many ids), E_INVALID_MODEL (a
 * network that gives no numbers), E_CANCELLED, E_NO_MEMORY, what `chunk` returned */
MODELLAB_MUST_CHECK modellab_status mli_vits_run(mli_vits_session *session, const int32_t *ids,
                                                 size_t count, const mli_vits_options *options,
                                                 mli_vits_chunk_fn chunk, void *user,
                                                 const mli_cancel_word *cancel,
                                                 modellab_error *err);
/* Frames (of info.hop samples) of each id of the last run; *count of them. Borrowed. */
const int32_t *mli_vits_frames(const mli_vits_session *session, size_t *count);
/* How many ids of the last run were cut to MLI_VITS_MAX_ID_FRAMES. */
size_t mli_vits_cut_ids(const mli_vits_session *session);

#endif
