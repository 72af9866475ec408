/* What an upload must fulfil before its bytes are read: type, size, disk, the share and the caps of
 * its user. */
#include "base/error.h"
#include "lab/admission.h"
#include "lab/uploads.h"
#include <string.h>
#include <strings.h>

#define WORKS "WAV, FLAC, Ogg, Opus, MP3, AIFF, CAF and AU work"

/* "Audio/WebM; codecs=opus" begins with "audio/webm" as a whole word. */
static bool is_type(const char *declared, size_t bytes, const char *type)
{
    return strlen(type) == bytes && strncasecmp(declared, type, bytes) == 0;
}

modellab_status mli_upload_check_type(const char *media_type, modellab_error *err)
{
    static const char *const containers[] = {
        "audio/webm",     "video/webm", "audio/mp4",       "video/mp4",        "audio/x-m4a",
        "audio/m4a",      "audio/aac",  "video/quicktime", "audio/x-matroska", "video/x-matroska",
        "audio/x-ms-wma", "audio/amr",  "audio/3gpp",      "video/3gpp"};
    static const char *const others[] = {"application/pdf", "application/zip", "application/json",
                                         "application/gzip", "application/xml"};
    static const char *const families[] = {"text/", "image/", "font/", "model/", "message/"};
    size_t bytes = media_type != NULL ? strcspn(media_type, "; \t") : 0;

    for (size_t i = 0; i < sizeof containers / sizeof *containers; i++) {
        if (is_type(media_type != NULL ? media_type : "", bytes, containers[i])) {
            return mli_fail(err, MODELLAB_E_UNSUPPORTED_FORMAT,
                            "%s cannot be decoded here: convert it to FLAC or WAV first (" WORKS
                            ")",
                            containers[i]);
        }
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (is_type(media_type != NULL ? media_type : "", bytes, others[i])) {
            return mli_fail(err, MODELLAB_E_UNSUPPORTED_FORMAT, "%s is not audio (" WORKS ")",
                            others[i]);
        }
    }
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        size_t family = strlen(families[i]);

        if (bytes >= family && strncasecmp(media_type, families[i], family) == 0) {
            return mli_fail(err, MODELLAB_E_UNSUPPORTED_FORMAT, "%s... is not audio (" WORKS ")",
                            families[i]);
        }
    }
    return MODELLAB_OK;
}

modellab_status mli_upload_check_size(const mli_lab *lab, int64_t bytes, modellab_error *err)
{
    int64_t most = lab->settings.max_upload_bytes;

    return bytes <= most ? MODELLAB_OK
                         : mli_fail_at(err, MODELLAB_E_LIMIT, bytes,
                                       "the upload has %lld bytes, at most %lld are accepted",
                                       (long long)bytes, (long long)most);
}

modellab_status mli_upload_check_share(const mli_lab *lab, int64_t bytes, modellab_error *err)
{
    int64_t most = lab->settings.upload_user_bytes;

    return most == 0 || bytes <= most
               ? MODELLAB_OK
               : mli_fail_at(err, MODELLAB_E_CAP_EXCEEDED, 0,
                             "the user's uploads would take %lld MiB, at most %lld MiB may wait; "
                             "delete some, or wait until their time is over",
                             (long long)(bytes >> 20), (long long)(most >> 20));
}

modellab_status mli_upload_check_caps(const mli_lab *lab, const char *user, const mli_probe *probe,
                                      mli_findings *report, modellab_error *err)
{
    modellab_estimate estimate = MODELLAB_ESTIMATE_INIT;
    mli_amounts need = {{0}};
    mli_cap_verdict none;
    mli_run_caps ceilings;
    mli_cap_set set;
    modellab_status status;

    if (probe->seconds < 0 || probe->is_estimate) {
        return MODELLAB_OK;
    }
    need.of[MLI_MEASURE_AUDIO_MS] = mli_seconds_to_ms_up(probe->seconds);
    status = mli_store_cap_room(lab->store, user, mli_lab_now_ms(lab), &(mli_amounts){{0}}, &set,
                                &none, err);
    if (status != MODELLAB_OK) {
        return status;
    }
    mli_admission_ceilings(&set, &ceilings);
    if (ceilings.audio_ms > 0 && need.of[MLI_MEASURE_AUDIO_MS] > ceilings.audio_ms) {
        return mli_fail_at(err, MODELLAB_E_CAP_EXCEEDED, MODELLAB_CAP_AUDIO_SECONDS,
                           "the audio has %.9g seconds, a run of this user may have %.9g",
                           probe->seconds, (double)ceilings.audio_ms / 1000.0);
    }
    estimate.basis = MODELLAB_ESTIMATE_HISTORY; /* the length is no guess */
    return mli_admission_check_user(lab, user, &set, false, &estimate, &need, report, err);
}
