/* Clips of known voices, out of the request's text. */
#include "lab/known_voice.h"

#include "base/base64.h"
#include "base/error.h"
#include <string.h>

/* What stands behind the head of a data URL; a text without one is taken whole. */
static const char *payload_of(const char *text)
{
    const char *comma;

    if (strncmp(text, "data:", 5) != 0) {
        return text;
    }
    comma = strchr(text, ',');
    return comma != NULL && comma - text >= 12 && memcmp(comma - 7, ";base64", 7) == 0 ? comma + 1
                                                                                       : NULL;
}

modellab_status mli_known_clip_read(const mli_json *entry, const modellab_allocator *alloc,
                                    mli_known_clip *out, modellab_error *err)
{
    const char *text = payload_of(mli_json_string(mli_json_get(entry, "clip"), ""));

    *out = (mli_known_clip){.name = mli_json_string(mli_json_get(entry, "name"), "")};
    mli_buf_init(&out->audio, alloc);
    if (text == NULL || !mli_base64_decode(text, strlen(text), &out->audio)) {
        return mli_fail(err, MODELLAB_E_SCHEMA, "a clip must be base64, or a data URL with base64");
    }
    return mli_buf_status(&out->audio, err);
}

void mli_known_clip_dispose(mli_known_clip *clip)
{
    mli_buf_dispose(&clip->audio);
}
