/* Header probe: what a file says it is, by magic and header alone, from its first bytes and its
 * size. Own parser, no allocation, safe on hostile bytes: submit runs it in the host's process,
 * where foreign audio is never decoded. It tells what is declared; only decoding tells what is
 * there.
 *
 * WAV, RF64, W64 (RIFF, EBU Tech 3306, Sony Wave64), FLAC (RFC 9639), Ogg with Vorbis, Opus (RFC
 * 7845) or FLAC, MP3 (ISO 11172-3; ID3v2 skipped), AIFF and AIFF-C, CAF, AU. */
#ifndef MLI_CHECK_PROBE_H
#define MLI_CHECK_PROBE_H

#include "check/findings.h"
#include <stdbool.h>

/* Bytes from the start that a caller should give; fewer when the file is shorter. */
#define MLI_PROBE_BYTES 65536

enum { MLI_PROBE_MIN_RATE = 1000, MLI_PROBE_MAX_RATE = 768000, MLI_PROBE_MAX_CHANNELS = 64 };

typedef struct mli_probe {
    const char *
        container; /* "wav", "flac", "ogg", "mp3", "aiff", "caf", "au", or "" (not audio); static */
    const char
        *codec; /* "pcm", "float", "alaw", "ulaw", "adpcm", "flac", "vorbis", "opus", "mp3", "" */
    const char *media_type; /* "audio/wav" ...; "application/octet-stream" */
    int64_t rate_hz;        /* -1 = not said */
    int64_t channels;       /* -1 = not said */
    int64_t frames;         /* declared; -1 = not said */
    double seconds;   /* by the declared frames, or estimated from size and rate; -1 = unknown */
    bool is_estimate; /* of `seconds` */
} mli_probe;

/* Fills `out` and adds findings to `report`. Errors make the input unfit: probe.empty,
 * probe.not_audio (the text names what it is), probe.unsupported (a container that cannot be
 * decoded here: mp4, webm ...), probe.header (cut or contradictory), probe.rate, probe.channels,
 * probe.no_samples. Warnings do not: probe.truncated (the header claims more than the file holds).
 * @param data        the first `bytes` of the file
 * @param file_bytes  size of the whole file */
void mli_probe_header(const void *data, size_t bytes, int64_t file_bytes, mli_probe *out,
                      mli_findings *report);

#endif
