/* Known voices of a request (config.diarization.known): what a schema cannot say about names and
 * clips. Clips are not decoded here, only their headers are looked at. */
#include "base/error.h"
#include "check/probe.h"
#include "lab/known_voice.h"
#include "lab/pipeline.h"
#include "lab/request_private.h"
#include "os/locale.h"
#include <string.h>

static void place_of(size_t index, const char *key, char out[64])
{
    (void)mli_os_format(out, 64, "/config/diarization/known/%zu/%s", index, key);
}

/* A name as it stands in RTTM, where a field has no blanks (mli_turns_rttm()). */
static char spelled(char c)
{
    return (unsigned char)c <= ' ' ? '_' : c;
}

static bool is_same(const char *a, const char *b)
{
    while (*a != '\0' && *b != '\0' && spelled(*a) == spelled(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Names stand in lines of text, and must not be taken for those of unknown speakers. */
static void check_name(const mli_json *known, size_t index, mli_findings *report)
{
    const char *name = mli_json_string(mli_json_get(mli_json_at(known, index), "name"), "");
    char place[64];
    bool twice = false;

    place_of(index, "name", place);
    for (size_t i = 0; i < index; i++) {
        const mli_json *other = mli_json_get(mli_json_at(known, i), "name");
        twice = twice || is_same(mli_json_string(other, ""), name);
    }
    if (twice) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_name", place,
                         "Two known voices have this name (a blank counts as \"_\", as in RTTM).");
    }
    if (name[0] == ' ' && name[strspn(name, " ")] == '\0') {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_name", place,
                         "A name must not be blank.");
    }
    if (strncmp(name, "speaker", 7) == 0 && spelled(name[7]) == '_') {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_name", place,
                         "Names that begin with \"speaker_\" are those of unknown speakers.");
    }
    for (const char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_name", place,
                             "A name must not hold control characters.");
            break;
        }
    }
}

static void check_header(const mli_known_clip *clip, const char *place, mli_findings *report)
{
    mli_findings heard;
    mli_probe probe;
    size_t bytes = clip->audio.size < MLI_PROBE_BYTES ? clip->audio.size : MLI_PROBE_BYTES;

    mli_findings_begin(&heard, clip->audio.alloc);
    mli_probe_header(mli_buf_text(&clip->audio), bytes, (int64_t)clip->audio.size, &probe, &heard);
    for (size_t i = 0; i < mli_report_count(heard.report); i++) {
        const modellab_finding *f = mli_report_finding(heard.report, i);
        if (f->severity >= MODELLAB_SEVERITY_ERROR) {
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_clip", place, "%s",
                             f->text);
        }
    }
    if (probe.seconds > MLI_KNOWN_SECONDS) {
        mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_clip", place,
                         "A clip is at most %d seconds long.", MLI_KNOWN_SECONDS);
    }
    mli_findings_dispose(&heard);
}

void mli_request_check_known(mli_request *r, mli_findings *report)
{
    const mli_json *known =
        mli_json_get(mli_json_get(mli_json_get(r->given, "config"), "diarization"), "known");

    for (size_t i = 0; known != NULL && i < mli_json_count(known); i++) {
        modellab_error err = MODELLAB_ERROR_INIT;
        mli_known_clip clip;
        char place[64];

        check_name(known, i, report);
        place_of(i, "clip", place);
        modellab_status status =
            mli_known_clip_read(mli_json_at(known, i), r->steps.alloc, &clip, &err);
        if (status == MODELLAB_OK) {
            check_header(&clip, place, report);
        } else if (status == MODELLAB_E_NO_MEMORY) {
            r->steps.status = status; /* nothing is wrong with the request */
        } else {
            mli_findings_add(report, MODELLAB_SEVERITY_ERROR, "request.known_clip", place, "%s.",
                             err.message);
        }
        mli_known_clip_dispose(&clip);
    }
}
