/* What a file is that none of the audio probes knows: clear words for common mistakes.
 * Containers with audio that cannot be decoded here are named as such. */
#include "check/probe_private.h"

#include "base/str.h"

static bool is_text(const probe_view *v)
{
    size_t count = v->bytes < 4096 ? v->bytes : 4096;

    for (size_t i = 0; i < count; i++) {
        unsigned char c = v->data[i];

        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') {
            return false;
        }
    }
    count = mli_utf8_prefix((const char *)v->data, count, count);
    return mli_utf8_valid((const char *)v->data, count);
}

void mli_probe_stranger(probe_view *v)
{
    static const struct {
        size_t at;
        const char *magic, *what;
        bool has_audio;
    } known[] = {{4, "ftyp", "an MP4 or M4A file", true},
                 {0, "\x1a\x45\xdf\xa3", "a WebM or Matroska file", true},
                 {0, "\x30\x26\xb2\x75", "a WMA or ASF file", true},
                 {0, "#!AMR", "an AMR file", true},
                 {0, "%PDF", "a PDF file", false},
                 {0, "PK\003\004", "a ZIP archive", false},
                 {0, "\x1f\x8b", "a gzip file", false},
                 {0, "\x89PNG", "a PNG picture", false},
                 {0, "\xff\xd8\xff", "a JPEG picture", false},
                 {0, "GIF8", "a GIF picture", false},
                 {0,
                  "\x7f"
                  "ELF",
                  "a program", false},
                 {0, "MThd", "a MIDI file, which holds notes and no sound", false}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (probe_tag(v, known[i].at, known[i].magic)) {
            mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR,
                             known[i].has_audio ? "probe.unsupported" : "probe.not_audio", "",
                             known[i].has_audio ? "The file is %s, which cannot be decoded here: "
                                                  "convert it to FLAC or WAV first."
                                                : "The file is %s, not audio.",
                             known[i].what);
            return;
        }
    }
    mli_findings_add(v->report, MODELLAB_SEVERITY_ERROR, "probe.not_audio", "",
                     is_text(v) ? "The file is text, not audio."
                                : "The file is not audio of a known format (WAV, FLAC, Ogg, Opus, "
                                  "MP3, AIFF, CAF, AU).");
}
