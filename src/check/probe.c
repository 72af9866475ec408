/* Header probe: tries the formats one after the other, then judges what they declared.
 * Declared numbers are attacker's data: they are compared, never used as a size. */
#include "check/probe_private.h"

void mli_probe_bad_header(probe_view *v, const char *what)
{
    mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.header", "",
                     "The %s header is damaged: %s.", v->out->container, what);
}

void mli_probe_pcm(probe_view *v, uint64_t data_bytes, uint64_t start, uint64_t frame_bytes)
{
    uint64_t size = v->file_bytes < 0 ? 0 : (uint64_t)v->file_bytes;
    uint64_t held = size > start ? size - start : 0;

    if (frame_bytes == 0) {
        mli_probe_bad_header(v, "its frames have no bytes");
        return;
    }
    if (data_bytes > held) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_WARNING, "probe.truncated", "",
                         "The header promises %llu bytes of samples, the file holds %llu.",
                         (unsigned long long)data_bytes, (unsigned long long)held);
        data_bytes = held;
    }
    v->out->frames = (int64_t)(data_bytes / frame_bytes);
}

static void judge(probe_view *v)
{
    mli_probe *p = v->out;

    if (p->rate_hz >= 0 && (p->rate_hz < MLI_PROBE_MIN_RATE || p->rate_hz > MLI_PROBE_MAX_RATE)) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.rate", "",
                         "A sample rate of %lld Hz is outside %d..%d Hz.", (long long)p->rate_hz,
                         MLI_PROBE_MIN_RATE, MLI_PROBE_MAX_RATE);
    }
    if (p->channels >= 0 && (p->channels < 1 || p->channels > MLI_PROBE_MAX_CHANNELS)) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.channels", "",
                         "%lld channels are outside 1..%d.", (long long)p->channels,
                         MLI_PROBE_MAX_CHANNELS);
    }
    if (p->frames == 0) {
        mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.no_samples", "",
                         "The file holds no samples.");
    }
    if (p->frames > 0 && p->rate_hz >= MLI_PROBE_MIN_RATE && p->seconds < 0) {
        p->seconds = (double)p->frames / (double)p->rate_hz;
    }
}

void mli_probe_header(const void *data, size_t bytes, int64_t file_bytes, mli_probe *out,
                      mli_findings *report)
{
    static bool (*const formats[])(probe_view *) = {mli_probe_wav, mli_probe_w64, mli_probe_aiff,
                                                    mli_probe_caf, mli_probe_au,  mli_probe_flac,
                                                    mli_probe_ogg, mli_probe_mp3, mli_probe_rare};
    probe_view v = {data, bytes, file_bytes, out, report};

    *out = (mli_probe){"", "", "application/octet-stream", -1, -1, -1, -1.0, false};
    if (bytes == 0 || file_bytes == 0) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "probe.empty", "", "The file is empty.");
        return;
    }
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (formats[i](&v)) {
            judge(&v);
            return;
        }
    }
    mli_probe_stranger(&v);
}
