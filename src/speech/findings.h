/* What is odd about a transcript: things that a reader would want to look at before trusting it. A
 * pure function of the transcript and of where there was sound. Texts are sentences about it,
 * never of it. */
#ifndef MLI_SPEECH_FINDINGS_H
#define MLI_SPEECH_FINDINGS_H

#include "base/cancel.h"
#include "base/json.h"
#include "speech/vad_segments.h"
#include "text/transcript.h"

/* Rules, with their numbers, are in docs/manifest.md. A window is what was decoded at once, at most
 * 30 s: its segments have one `seek`. Whether there is speech says a detector where one ran, else
 * loudness (sound.h), which takes music for speech: then `empty_output` and `truncated` are no more
 * than notes. Without either `empty_output` is a note of every text without a word;
 * `truncated` and `text_over_silence` are not looked for. */
typedef enum mli_asr_finding_kind {
    MLI_ASR_FINDING_EMPTY = 1,
    MLI_ASR_FINDING_TRUNCATED,
    MLI_ASR_FINDING_TOKEN_LIMIT,
    MLI_ASR_FINDING_REPETITION,
    MLI_ASR_FINDING_SILENCE,
    MLI_ASR_FINDING_CONFIDENCE,
    MLI_ASR_FINDING_FALLBACK
} mli_asr_finding_kind;

typedef enum mli_asr_finding_severity {
    MLI_ASR_FINDING_INFO = 1,
    MLI_ASR_FINDING_WARNING,
    MLI_ASR_FINDING_ERROR
} mli_asr_finding_severity;

typedef struct mli_asr_finding {
    mli_asr_finding_kind kind;
    mli_asr_finding_severity severity;
    double start, end;   /* seconds */
    int64_t segment;     /* index of the first one that it is about; -1 = none */
    const char *measure; /* what `value` is: "speech_seconds", "tokens", "repeats" ... */
    double value, limit;
    int64_t words; /* repetition: of the part that is repeated; else 0 */
} mli_asr_finding;

typedef struct mli_asr_findings_view {
    const mli_transcript *transcript;
    const mli_vad_segment *speech; /* samples at 16 kHz, in order */
    size_t speech_count;
    bool speech_known, by_loudness; /* the latter: sound that may be speech */
    const mli_vad_segment *sound;   /* by loudness, beside a detector: NULL = none */
    size_t sound_count;
    size_t token_limit;       /* most tokens of a window; 0 = not known */
    double first_temperature; /* what is decoded above it was decoded again */
    const modellab_allocator *alloc;
    const mli_cancel_word *cancel;
} mli_asr_findings_view;

enum { MLI_ASR_FINDINGS_MOST = 100 };

typedef struct mli_asr_findings {
    mli_asr_finding list[MLI_ASR_FINDINGS_MOST];
    size_t count; /* that are listed */
    int64_t all;  /* that there are */
    double speech_seconds;
} mli_asr_findings;

/* By kind, then by time. E_CANCELLED, E_NO_MEMORY. */
MODELLAB_MUST_CHECK modellab_status mli_asr_findings_make(const mli_asr_findings_view *view,
                                                          mli_asr_findings *out,
                                                          modellab_error *err);
const char *mli_asr_finding_name(mli_asr_finding_kind kind);
/* An object: id, kind, severity, start, end, segment, text, measure, value, limit, words. */
void mli_asr_finding_write(const mli_asr_finding *finding, int64_t id, mli_jw *w);

#endif
