/* Transcripts as text: what is written for people and programs, and read back. Times are rounded
 * once, to integer milliseconds, half to even, and then kept in order: a start is never before an
 * earlier start, an end never before its start. */
#ifndef MLI_TEXT_FORMAT_H
#define MLI_TEXT_FORMAT_H

#include "base/buf.h"
#include "text/transcript.h"

/* Numbers as in <modellab/transcript.h>. */
typedef enum mli_text_format {
    MLI_TEXT_TXT = 1,  /* a line a segment */
    MLI_TEXT_JSON = 2, /* {"text": ...} */
    MLI_TEXT_VERBOSE_JSON =
        3, /* the OpenAI audio API's shape; words, when known, at the top level */
    MLI_TEXT_SRT = 4,
    MLI_TEXT_VTT = 5,
    MLI_TEXT_TSV = 6,       /* start, end (ms), text; with a header line */
    MLI_TEXT_CTM = 7,       /* NIST: file channel start duration word confidence */
    MLI_TEXT_TEXTGRID = 8,  /* Praat's, long form: tiers "segments" and, when known, "words" */
    MLI_TEXT_SRT_WORDS = 9, /* a cue for each word */
    MLI_TEXT_VTT_WORDS = 10,
    MLI_TEXT_DIARIZED_JSON = 11, /* segments with speakers, the OpenAI audio API's shape */
    MLI_TEXT_STM = 12,           /* NIST: file channel speaker start end text */
    MLI_TEXT_RTTM = 13,          /* NIST: SPEAKER file channel start duration, a turn a line */
    MLI_TEXT_LAST = MLI_TEXT_RTTM
} mli_text_format;

typedef struct mli_format_options {
    const char *name; /* of the audio, for CTM, STM and RTTM; its folder and extension are left out;
                         NULL = "audio" */
    bool cue_per_word; /* SRT, VTT, TSV: a cue for each word instead of each segment */
} mli_format_options;

/* Largest text that the readers take. */
enum { MLI_FORMAT_MAX_BYTES = 64 * 1024 * 1024 };

/* Appends to `out`. `options` NULL = defaults. E_STATE: words are asked for and there are no word
 * times, or speakers and a segment has none. Speakers are written where they are known (TXT, SRT:
 * "NAME: text", VTT: voice tags, JSON: a key). */
MODELLAB_MUST_CHECK modellab_status mli_format_write(const mli_transcript *transcript,
                                                     mli_text_format format,
                                                     const mli_format_options *options,
                                                     mli_buf *out, modellab_error *err);

/* Reads VERBOSE_JSON (all of it; other keys are ignored), SRT, VTT, TSV (a segment a cue; texts
 * without outer spaces), CTM (one segment with all words) and TextGrid (its tier "segments", or the
 * first of intervals, with the words of "words"). Errors: E_SCHEMA (a line or key is
 * not as the format has it; detail = line number, from 1, or -1), E_INVALID_JSON, E_LIMIT,
 * E_UNSUPPORTED (other formats). */
MODELLAB_MUST_CHECK modellab_status mli_format_read(mli_text_format format, const char *text,
                                                    size_t bytes, const modellab_allocator *alloc,
                                                    mli_transcript **out, modellab_error *err);

/* "srt" and so on; 0 / NULL when unknown. */
mli_text_format mli_format_from_name(const char *name);
const char *mli_format_name(mli_text_format format);

#endif
