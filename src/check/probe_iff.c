/* Probes of the chunk formats with big-endian headers: AIFF, AIFF-C, CAF and AU.
 * AIFF's sample rate is an 80-bit extended float (IEEE 754 of 1985, SANE). */
#include "check/probe_private.h"

/* Integer part of an 80-bit extended float; -1 when it is not a sane rate. */
static int64_t read_extended(const probe_view *v, size_t at)
{
    int exponent = (int)(probe_be(v, at, 2) & 0x7fff) - 16383;
    uint64_t mantissa = probe_be(v, at + 2, 8);

    if ((v->data[at] & 0x80) != 0 || exponent > 62) {
        return INT64_MAX;
    }
    return exponent < 0 ? 0 : (int64_t)(mantissa >> (63 - exponent));
}

static void read_common(probe_view *v, size_t at, uint64_t size, bool compressed)
{
    if (size < 18 || !probe_has(v, at, 18)) {
        mli_probe_bad_header(v, "its common chunk is cut");
        return;
    }
    v->out->channels = (int64_t)probe_be(v, at, 2);
    v->out->frames = (int64_t)probe_be(v, at + 2, 4);
    v->out->rate_hz = read_extended(v, at + 8);
    v->out->codec = "pcm";
    if (compressed && size >= 22 && probe_has(v, at + 18, 4)) {
        bool is_float = probe_tag(v, at + 18, "fl32") || probe_tag(v, at + 18, "FL32") ||
                        probe_tag(v, at + 18, "fl64");

        v->out->codec = is_float                        ? "float"
                        : probe_tag(v, at + 18, "ima4") ? "adpcm"
                        : probe_tag(v, at + 18, "alaw") ? "alaw"
                        : probe_tag(v, at + 18, "ulaw") ? "ulaw"
                                                        : "pcm";
    }
}

bool mli_probe_aiff(probe_view *v)
{
    bool compressed = probe_tag(v, 8, "AIFC"), has_common = false;
    size_t at = 12;

    if (!probe_tag(v, 0, "FORM") || (!probe_tag(v, 8, "AIFF") && !compressed)) {
        return false;
    }
    v->out->container = "aiff";
    v->out->media_type = "audio/aiff";
    while (probe_has(v, at, 8)) {
        uint64_t size = probe_be(v, at + 4, 4), step = 8 + size + (size & 1);

        if (probe_tag(v, at, "COMM")) {
            read_common(v, at + 8, size, compressed);
            has_common = true;
        } else if (probe_tag(v, at, "SSND") && v->file_bytes >= 0 &&
                   at + size > (uint64_t)v->file_bytes) {
            mli_findings_add(v->report, MODELLAB_SEVERITY_WARNING, "probe.truncated", "",
                             "The header promises %llu bytes of samples, the file is shorter.",
                             (unsigned long long)size);
        }
        if (step > v->bytes) {
            break;
        }
        at += (size_t)step;
    }
    if (!has_common && (int64_t)v->bytes == v->file_bytes) {
        mli_probe_bad_header(v, "it has no common chunk");
    }
    return true;
}

bool mli_probe_caf(probe_view *v)
{
    uint64_t bits, packet_bytes, rate_bits;
    double rate;

    if (!probe_tag(v, 0, "caff")) {
        return false;
    }
    v->out->container = "caf";
    v->out->media_type = "audio/x-caf";
    if (!probe_tag(v, 8, "desc") || !probe_has(v, 20, 32)) {
        mli_probe_bad_header(v, "its description chunk is missing");
        return true;
    }
    rate_bits = probe_be(v, 20, 8);
    memcpy(&rate, &rate_bits, sizeof rate);
    v->out->rate_hz = rate >= 0.0 && rate < 1e15 ? (int64_t)rate : 0;
    packet_bytes = probe_be(v, 36, 4);
    v->out->channels = (int64_t)probe_be(v, 44, 4);
    bits = probe_be(v, 48, 4);
    v->out->codec = probe_tag(v, 28, "lpcm")   ? (probe_be(v, 32, 4) & 1) != 0 ? "float" : "pcm"
                    : probe_tag(v, 28, "alac") ? "alac"
                    : probe_tag(v, 28, "alaw") ? "alaw"
                    : probe_tag(v, 28, "ulaw") ? "ulaw"
                                               : "";
    if (packet_bytes > 0 && bits > 0 && v->file_bytes > 64) {
        v->out->frames =
            (v->file_bytes - 64) / (int64_t)packet_bytes; /* at most: other chunks count too */
        v->out->is_estimate = true;
    }
    if (v->out->codec[0] == '\0') {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.unsupported", "",
                         "This CAF file holds a codec that is not supported.");
    }
    return true;
}

bool mli_probe_au(probe_view *v)
{
    uint64_t start, size, encoding;

    if (!probe_tag(v, 0, ".snd")) {
        return false;
    }
    v->out->container = "au";
    v->out->media_type = "audio/basic";
    if (!probe_has(v, 4, 20)) {
        mli_probe_bad_header(v, "it is cut");
        return true;
    }
    start = probe_be(v, 4, 4);
    size = probe_be(v, 8, 4);
    encoding = probe_be(v, 12, 4);
    v->out->rate_hz = (int64_t)probe_be(v, 16, 4);
    v->out->channels = (int64_t)probe_be(v, 20, 4);
    v->out->codec = encoding == 1                    ? "ulaw"
                    : encoding == 6 || encoding == 7 ? "float"
                    : encoding == 27                 ? "alaw"
                                                     : "pcm";
    if (encoding >= 1 && encoding <= 5 && v->out->channels > 0) {
        uint64_t sample_bytes = encoding == 1 ? 1 : encoding - 1;

        if (size == 0xffffffff) { /* unknown: up to the end */
            size = v->file_bytes > (int64_t)start ? (uint64_t)v->file_bytes - start : 0;
        }
        mli_probe_pcm(v, size, start, sample_bytes * (uint64_t)v->out->channels);
    }
    return true;
}
