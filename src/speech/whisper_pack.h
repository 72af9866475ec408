/* Packing Whisper's tensors into sections, and binding a network to stored sections. */
#ifndef MLI_SPEECH_WHISPER_PACK_H
#define MLI_SPEECH_WHISPER_PACK_H

#include "base/cancel.h"
#include "speech/whisper_dims.h"
#include <modellab/alloc.h>

typedef struct mli_whisper_net mli_whisper_net;

/* Part of an image's key: changes when sections or their layout do. */
extern const char *const mli_whisper_layout;

/* Bytes of all sections, each at a multiple of 64. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_pack_bytes(const modellab_allocator *alloc,
                                                           const mli_whisper_dims *dims, bool half,
                                                           size_t *bytes, modellab_error *err);
/* Reads, packs and hands over section after section; no more than a few MB at a time. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_pack(const modellab_allocator *alloc,
                                                     const mli_whisper_dims *dims, bool half,
                                                     const mli_whisper_reader *reader,
                                                     const mli_whisper_sink *sink,
                                                     const mli_cancel_word *cancel,
                                                     modellab_error *err);
/* A new network over stored sections, which must outlive it; freed with mli_free. */
MODELLAB_MUST_CHECK modellab_status mli_whisper_bind(const modellab_allocator *alloc,
                                                     const mli_whisper_dims *dims, bool half,
                                                     const mli_whisper_store *store,
                                                     mli_whisper_net **out, modellab_error *err);

#endif
