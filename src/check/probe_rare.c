/* Formats that the decoder reads and that are seldom met: known by their first bytes alone, their
 * rate, channels and length are told by decoding. */
#include "check/probe_private.h"

bool mli_probe_rare(probe_view *v)
{
    static const struct {
        size_t at;
        const char *magic;
        const char *container, *media_type;
    } known[] = {{0, "NIST_1A\n", "nist", "audio/x-nist"},
                 {0, "RIFX", "rifx", "audio/wav"},
                 {0, "Creative Voice File\x1a", "voc", "audio/x-voc"},
                 {0, "\x64\xa3", "ircam", "audio/x-ircam"},
                 {2, "\xa3\x64", "ircam", "audio/x-ircam"},
                 {8, "8SVX", "svx", "audio/x-svx"},
                 {8, "16SV", "svx", "audio/x-svx"},
                 {0, "2BIT", "avr", "audio/x-avr"},
                 {0, " paf", "paf", "audio/x-paf"},
                 {0, "fap ", "paf", "audio/x-paf"},
                 {0, "PVF1\n", "pvf", "audio/x-pvf"},
                 {0, "MATLAB 5.0 MAT-file", "mat5", "application/x-matlab-data"}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (probe_tag(v, known[i].at, known[i].magic)) {
            v->out->container = known[i].container;
            v->out->media_type = known[i].media_type;
            return true;
        }
    }
    return false;
}
