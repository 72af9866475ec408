/* Probes of the chunk formats with little-endian headers: WAV, RF64 and W64.
 * A `data` chunk may claim any size; only what the file holds counts. */
#include "check/probe_private.h"

static const char *format_name(uint64_t tag)
{
    switch (tag) {
    case 1:
        return "pcm";
    case 3:
        return "float";
    case 6:
        return "alaw";
    case 7:
        return "ulaw";
    case 2:
    case 0x11:
    case 0x38: /* NMS */
    case 0x40: /* G.721 */
        return "adpcm";
    case 0x31:
        return "gsm";
    case 0x55:
        return "mp3";
    default:
        return "";
    }
}

/* The fmt chunk's payload at `at`. Returns the bytes of a frame, 0 when the header is bad. */
static uint64_t read_format(probe_view *v, size_t at, uint64_t size)
{
    uint64_t tag;

    if (size < 16 || !probe_has(v, at, 16)) {
        mli_probe_bad_header(v, "its format chunk is cut");
        return 0;
    }
    tag = probe_le(v, at, 2);
    if (tag == 0xfffe && size >= 40 &&
        probe_has(v, at, 40)) { /* extensible: the sub-format's number */
        tag = probe_le(v, at + 24, 2);
    }
    v->out->codec = format_name(tag);
    v->out->channels = (int64_t)probe_le(v, at + 2, 2);
    v->out->rate_hz = (int64_t)probe_le(v, at + 4, 4);
    if (v->out->codec[0] == '\0') {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.unsupported", "",
                         "WAV format number %llu is not supported.", (unsigned long long)tag);
    }
    return probe_le(v, at + 12, 2);
}

static bool is_pcm(const probe_view *v)
{
    const char *codec = v->out->codec;

    return strcmp(codec, "pcm") == 0 || strcmp(codec, "float") == 0 || strcmp(codec, "alaw") == 0 ||
           strcmp(codec, "ulaw") == 0;
}

/* A recorder that was stopped by force leaves a length of 0. The decoder takes what stands behind
 * it when the file's own size is that of an empty form; its length is told by decoding. */
static bool was_not_closed(const probe_view *v, uint64_t size, uint64_t start)
{
    return size == 0 && probe_tag(v, 0, "RIFF") && v->file_bytes >= 0 &&
           (uint64_t)v->file_bytes > start + 8;
}

static void say_not_closed(probe_view *v, uint64_t start)
{
    if (probe_le(v, 4, 4) == 8) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_WARNING, "probe.not_closed", "",
                         "The header tells no length: the recording was not closed.");
    } else {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.not_closed", "",
                         "The header says that there are no samples, but %llu bytes follow it: the "
                         "recording was not closed. Repair it with a sound editor.",
                         (unsigned long long)((uint64_t)v->file_bytes - start));
    }
}

static void data_chunk(probe_view *v, uint64_t size, uint64_t start, uint64_t frame_bytes,
                       bool has_format)
{
    if (!has_format) {
        mli_probe_bad_header(v, "samples come before the format chunk");
    } else if (was_not_closed(v, size, start)) {
        say_not_closed(v, start);
    } else if (size == 0) {
        v->out->frames = 0;
    } else if (is_pcm(v)) {
        mli_probe_pcm(v, size, start, frame_bytes);
    }
}

bool mli_probe_wav(probe_view *v)
{
    bool is64 = probe_tag(v, 0, "RF64"), has_format = false;
    uint64_t frame_bytes = 0, data64 = 0;
    size_t at = 12;

    if ((!probe_tag(v, 0, "RIFF") && !is64) || !probe_tag(v, 8, "WAVE")) {
        return false;
    }
    v->out->container = "wav";
    v->out->media_type = "audio/wav";
    while (probe_has(v, at, 8)) {
        uint64_t size = probe_le(v, at + 4, 4), step;

        if (probe_tag(v, at, "data")) {
            data_chunk(v, is64 && size == 0xffffffff ? data64 : size, at + 8, frame_bytes,
                       has_format);
            return true;
        }
        if (probe_tag(v, at, "ds64") && probe_has(v, at + 8, 16)) {
            data64 = probe_le(v, at + 16, 8);
        } else if (probe_tag(v, at, "fmt ")) {
            frame_bytes = read_format(v, at + 8, size);
            has_format = true;
        }
        step = 8 + size + (size & 1);
        if (step > v->bytes) {
            break;
        }
        at += (size_t)step;
    }
    if ((int64_t)v->bytes == v->file_bytes) { /* the whole file was seen */
        mli_probe_bad_header(v, has_format ? "it has no samples chunk" : "it has no format chunk");
    }
    return true;
}

bool mli_probe_w64(probe_view *v)
{
    static const unsigned char riff[16] = {'r',  'i',  'f',  'f',  0x2e, 0x91, 0xcf, 0x11,
                                           0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0,    0};
    bool has_format = false;
    uint64_t frame_bytes = 0;
    size_t at = 40;

    if (!probe_has(v, 0, 40) || memcmp(v->data, riff, sizeof riff) != 0) {
        return false;
    }
    v->out->container = "w64";
    v->out->media_type = "audio/x-w64";
    while (probe_has(v, at, 24)) {
        uint64_t size = probe_le(v, at + 16, 8);

        if (size < 24) {
            mli_probe_bad_header(v, "a chunk is smaller than its own header");
            return true;
        }
        if (probe_tag(v, at, "data")) {
            data_chunk(v, size - 24, at + 24, frame_bytes, has_format);
            return true;
        }
        if (probe_tag(v, at, "fmt ")) {
            frame_bytes = read_format(v, at + 24, size - 24);
            has_format = true;
        }
        if (size > v->bytes) {
            break;
        }
        at += (size_t)((size + 7) & ~(uint64_t)7);
    }
    return true;
}
