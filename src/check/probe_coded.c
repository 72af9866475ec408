/* Probes of coded audio: FLAC, Ogg (Vorbis, Opus, FLAC) and MP3.
 * Where no length is declared it is estimated from the size, and said to be an estimate. */
#include "check/probe_private.h"

/* STREAMINFO's 34 bytes at `at`. */
static void read_streaminfo(probe_view *v, size_t at)
{
    if (!probe_has(v, at, 34)) {
        mli_probe_bad_header(v, "its stream information is cut");
        return;
    }
    v->out->rate_hz = (int64_t)(probe_be(v, at + 10, 3) >> 4);
    v->out->channels = (int64_t)((v->data[at + 12] >> 1) & 7) + 1;
    v->out->frames = (int64_t)(probe_be(v, at + 13, 5) & 0xfffffffffULL);
    if (v->out->frames == 0) {
        v->out->frames = -1; /* RFC 9639: 0 = not known */
    }
    /* Silence packs 1,000:1 and more, but not a million: 68 G frames in 10 KB are a lie. */
    if (v->out->frames > 0 && v->file_bytes >= 0 && v->out->frames / 4096 / 4 > v->file_bytes) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_WARNING, "probe.truncated", "",
                         "The header promises %lld frames, far more than the file can hold.",
                         (long long)v->out->frames);
        v->out->frames = -1;
    }
}

bool mli_probe_flac(probe_view *v)
{
    if (!probe_tag(v, 0, "fLaC")) {
        return false;
    }
    v->out->container = "flac";
    v->out->media_type = "audio/flac";
    v->out->codec = "flac";
    if (!probe_has(v, 4, 4) || (v->data[4] & 0x7f) != 0 || probe_be(v, 5, 3) != 34) {
        mli_probe_bad_header(v, "it does not begin with stream information");
        return true;
    }
    read_streaminfo(v, 8);
    return true;
}

bool mli_probe_ogg(probe_view *v)
{
    size_t at;

    if (!probe_tag(v, 0, "OggS")) {
        return false;
    }
    v->out->container = "ogg";
    v->out->media_type = "audio/ogg";
    if (!probe_has(v, 0, 28) || !probe_has(v, 27, v->data[26])) {
        mli_probe_bad_header(v, "its first page is cut");
        return true;
    }
    at = 27 + (size_t)v->data[26];
    if (probe_tag(v, at, "OpusHead") && probe_has(v, at, 19)) {
        v->out->codec = "opus";
        v->out->channels = v->data[at + 9];
        v->out->rate_hz = 48000; /* RFC 7845: what it decodes to */
    } else if (probe_tag(v, at, "\001vorbis") && probe_has(v, at, 16)) {
        v->out->codec = "vorbis";
        v->out->channels = v->data[at + 11];
        v->out->rate_hz = (int64_t)probe_le(v, at + 12, 4);
    } else if (probe_tag(v, at, "\177FLAC") && probe_tag(v, at + 9, "fLaC")) {
        v->out->codec = "flac";
        read_streaminfo(v, at + 17);
    } else {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.unsupported", "",
                         "This Ogg file holds neither Vorbis, Opus nor FLAC.");
    }
    return true;
}

/* Bit rate (kbit/s) by MPEG version (1, else 2/2.5) and layer III, II, I (index 1..14). */
static int bit_rate(bool version1, int layer, int index)
{
    static const short rates[2][3][15] = {
        {{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
         {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
         {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}},
        {{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
         {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
         {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}}};

    return rates[version1 ? 1 : 0][layer - 1][index];
}

/* A frame header at `at`: fills rate, channels and an estimate of the length. */
static bool read_mp3_frame(probe_view *v, size_t at)
{
    static const int base[3] = {44100, 48000, 32000};
    int version, layer, index, rate;

    if (!probe_has(v, at, 4) || v->data[at] != 0xff || (v->data[at + 1] & 0xe0) != 0xe0) {
        return false;
    }
    version = (v->data[at + 1] >> 3) & 3; /* 0 = 2.5, 2 = 2, 3 = 1 */
    layer = (v->data[at + 1] >> 1) & 3;   /* 1 = III, 2 = II, 3 = I */
    index = v->data[at + 2] >> 4;
    rate = (v->data[at + 2] >> 2) & 3;
    if (version == 1 || layer == 0 || index == 0 || index == 15 || rate == 3) {
        return false;
    }
    v->out->rate_hz = base[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    v->out->channels = (v->data[at + 3] >> 6) == 3 ? 1 : 2;
    v->out->seconds = (double)(v->file_bytes - (int64_t)at) * 8.0 /
                      (1000.0 * bit_rate(version == 3, layer, index));
    v->out->is_estimate = true;
    return true;
}

bool mli_probe_mp3(probe_view *v)
{
    bool tagged = probe_tag(v, 0, "ID3") && probe_has(v, 0, 10);
    uint64_t at = 0;

    if (tagged) { /* a size of four times seven bits */
        at = 10 + ((uint64_t)(v->data[6] & 0x7f) << 21 | (uint64_t)(v->data[7] & 0x7f) << 14 |
                   (uint64_t)(v->data[8] & 0x7f) << 7 | (uint64_t)(v->data[9] & 0x7f));
    }
    if (!tagged && !read_mp3_frame(v, 0)) {
        return false;
    }
    v->out->container = "mp3";
    v->out->media_type = "audio/mpeg";
    v->out->codec = "mp3";
    if (tagged && at < v->bytes) {
        for (size_t skip = 0; skip < 4096; skip++) { /* padding may stand before the first frame */
            if (read_mp3_frame(v, (size_t)at + skip)) {
                return true;
            }
        }
        mli_probe_bad_header(v, "no frame follows its tag");
    }
    return true;
}
