/* Voices that a request knows by name: config.diarization.known, clips of audio in base64. They are
 * part of the request, and so kept, sealed, bundled and imported with it. */
#ifndef MLI_LAB_KNOWN_VOICE_H
#define MLI_LAB_KNOWN_VOICE_H

#include "base/buf.h"
#include "base/json.h"

enum { MLI_KNOWN_MOST = 16, MLI_KNOWN_SECONDS = 60 };

typedef struct mli_known_clip {
    const char *name; /* the request's */
    mli_buf audio;    /* a file as it was given */
} mli_known_clip;

/* The clip of one entry ({"name", "clip"}): base64, or a URL "data:...;base64,...". E_SCHEMA: it is
 * neither. Dispose of it in every case. */
MODELLAB_MUST_CHECK modellab_status mli_known_clip_read(const mli_json *entry,
                                                        const modellab_allocator *alloc,
                                                        mli_known_clip *out, modellab_error *err);
void mli_known_clip_dispose(mli_known_clip *clip);

#endif
