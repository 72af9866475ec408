/* Chains of operators over audio of any rate and number of channels: samples go through in blocks,
 * memory stays bounded whatever the length. Operators with two passes make the audio before them be
 * read once more each; nothing is spooled. What comes out does not depend on the sizes of blocks.
 */
#ifndef MLI_SPEECH_ENHANCE_H
#define MLI_SPEECH_ENHANCE_H

#include "audio/pcm.h"
#include "base/cancel.h"
#include "speech/enhance_effect.h"
#include "speech/enhance_ops.h"
#include "speech/time_map.h"

/* Audio that can be read from its start as often as is asked. */
typedef struct mli_enhance_source {
    mli_pcm_format format;
    modellab_status (*rewind)(void *user, modellab_error *err);
    /* Up to `frames` frames; *got = 0 is the end. */
    modellab_status (*read)(void *user, float *interleaved, size_t frames, size_t *got,
                            modellab_error *err);
    void *user;
} mli_enhance_source;

typedef struct mli_enhancer mli_enhancer;

/* A chain for audio of one format; it is run once. E_INVALID_ARGUMENT, E_UNSUPPORTED when an
 * operator does not fit what comes to it. `alloc` and `cancel` (NULL = never) are borrowed. */
MODELLAB_MUST_CHECK modellab_status mli_enhancer_create(const mli_enhance_chain *chain,
                                                        mli_pcm_format format,
                                                        const modellab_allocator *alloc,
                                                        const mli_cancel_word *cancel,
                                                        mli_enhancer **out, modellab_error *err);
void mli_enhancer_destroy(mli_enhancer *enhancer);                /* NULL accepted */
mli_pcm_format mli_enhancer_format(const mli_enhancer *enhancer); /* of what comes out */
size_t mli_enhancer_passes(const mli_enhancer *enhancer);         /* readings of the source */

/* Reads all of the source, as often as is needed, and hands the result to `sink`. `progress` (NULL
 * = none) is called between blocks with the pass from 0 on and the frames read in it; not 0 ends
 * with E_CALLBACK. E_INVALID_AUDIO: a sample that is not a number or beyond a million (detail =
 * frame); E_CANCELLED; what source and sink give. */
typedef int32_t (*mli_enhance_progress)(void *user, size_t pass, int64_t frames);
MODELLAB_MUST_CHECK modellab_status mli_enhancer_run(mli_enhancer *enhancer,
                                                     const mli_enhance_source *source,
                                                     mli_pcm_sink sink,
                                                     mli_enhance_progress progress,
                                                     void *progress_user, modellab_error *err);

/* After a run. Frames that came and went, what operator `index` did and found. */
int64_t mli_enhancer_frames_in(const mli_enhancer *enhancer);
int64_t mli_enhancer_frames_out(const mli_enhancer *enhancer);
const mli_enhance_note *mli_enhancer_notes(const mli_enhancer *enhancer, size_t index);
/* The map from the result's times to those of the source. Disposed by the caller. */
MODELLAB_MUST_CHECK modellab_status mli_enhancer_map(const mli_enhancer *enhancer,
                                                     mli_time_map *out, modellab_error *err);

#endif
