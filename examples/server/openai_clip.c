/* References of known speakers: data URLs whose audio is two to ten seconds long, by its header.
 * The audio itself is decoded by the worker of the run only. */
#include "openai_form.h"

#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES ((size_t)64 << 10)
#define SHORTEST 1.9 /* what encoders cut off at the ends is not counted */
#define LONGEST 10.5

static int digit_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

/* The first bytes of base64 text; what is none ends them. */
static size_t decode_head(const char *text, unsigned char *out)
{
    uint32_t bits = 0;
    int held = 0;
    size_t bytes = 0;
    for (; bytes < HEAD_BYTES && digit_of(*text) >= 0; text++) {
        bits = bits << 6 | (uint32_t)digit_of(*text);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[bytes++] = (unsigned char)(bits >> held & 0xff);
        }
    }
    return bytes;
}

static bool refuse(call *c, const char *why)
{
    openai_refuse(c, 400, "known_speaker_references", "invalid_value",
                  "A known speaker reference %s.", why);
    return false;
}

bool openai_clip_check(call *c, const char *url)
{
    modellab_audio_probe_info info = {.size = sizeof info};
    modellab_report *report = NULL;
    const char *comma = strchr(url, ',');
    if (comma == NULL || comma - url < 12 || memcmp(comma - 7, ";base64", 7) != 0)
        return refuse(c, "must be a data: URL in base64");
    unsigned char *head = malloc(HEAD_BYTES);
    if (head == NULL)
        return refuse(c, "could not be read: out of memory");
    size_t bytes = decode_head(comma + 1, head);
    int64_t whole = (int64_t)(strlen(comma + 1) / 4 * 3);
    modellab_status status = modellab_audio_probe(
        head, bytes, whole > (int64_t)bytes ? whole : (int64_t)bytes, NULL, &info, &report, NULL);
    bool bad = status != MODELLAB_OK || modellab_report_worst(report) == MODELLAB_SEVERITY_ERROR ||
               info.container[0] == '\0';
    modellab_report_unref(report);
    free(head);
    if (bad)
        return refuse(c, "holds no audio that can be decoded");
    if (info.seconds >= 0 && (info.seconds < SHORTEST || info.seconds > LONGEST))
        return refuse(c, "must be 2 to 10 seconds long");
    return true;
}
