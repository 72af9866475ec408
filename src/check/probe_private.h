/* What the probes of single formats share: a bounded view of the first bytes, and the findings. */
#ifndef MLI_CHECK_PROBE_PRIVATE_H
#define MLI_CHECK_PROBE_PRIVATE_H

#include "check/probe.h"

#include <string.h>

typedef struct probe_view {
    const unsigned char *data;
    size_t bytes;
    int64_t file_bytes;
    mli_probe *out;
    mli_findings *report;
} probe_view;

/* True when [at, at + count) lies in the view. */
static inline bool probe_has(const probe_view *v, size_t at, size_t count)
{
    return at <= v->bytes && count <= v->bytes - at;
}

static inline bool probe_tag(const probe_view *v, size_t at, const char *tag)
{
    size_t count = strlen(tag);

    return probe_has(v, at, count) && memcmp(v->data + at, tag, count) == 0;
}

/* `count` 1..8 bytes; the caller has asked probe_has(). */
static inline uint64_t probe_le(const probe_view *v, size_t at, size_t count)
{
    uint64_t value = 0;

    for (size_t i = count; i > 0; i--) {
        value = value << 8 | v->data[at + i - 1];
    }
    return value;
}

static inline uint64_t probe_be(const probe_view *v, size_t at, size_t count)
{
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        value = value << 8 | v->data[at + i];
    }
    return value;
}

/* "probe.header": the header is cut or contradicts itself. */
void mli_probe_bad_header(probe_view *v, const char *what);
/* Declared PCM bytes -> frames; warns when the file holds fewer. `start` = offset of the data. */
void mli_probe_pcm(probe_view *v, uint64_t data_bytes, uint64_t start, uint64_t frame_bytes);

/* Each fills v->out when the magic is its own and returns true, whatever findings it had. */
bool mli_probe_wav(probe_view *v);
bool mli_probe_w64(probe_view *v);
bool mli_probe_aiff(probe_view *v);
bool mli_probe_caf(probe_view *v);
bool mli_probe_au(probe_view *v);
bool mli_probe_flac(probe_view *v);
bool mli_probe_ogg(probe_view *v);
bool mli_probe_mp3(probe_view *v);
bool mli_probe_rare(probe_view *v);
/* Names what is not audio, or a container that cannot be decoded here. */
void mli_probe_stranger(probe_view *v);

#endif
