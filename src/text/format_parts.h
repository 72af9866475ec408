/* What the writers and readers of the formats share with each other; not for others. */
#ifndef MLI_TEXT_FORMAT_PARTS_H
#define MLI_TEXT_FORMAT_PARTS_H

#include "base/buf.h"
#include "text/lines.h"
#include "text/transcript.h"
#include <stdbool.h>

typedef struct mli_format_cue_text {
    int64_t number; /* from 1 */
    int64_t start_ms, end_ms;
    const char *text, *speaker; /* speaker: NULL = unknown */
} mli_format_cue_text;

typedef void (*mli_format_cue_fn)(void *ctx, const mli_format_cue_text *cue);

/* Cues of all segments (or words) that have text, with times in order. */
void mli_format_each_cue(const mli_transcript *t, bool per_word, int64_t shortest,
                         mli_format_cue_fn each, void *ctx);
/* Appends text as one line without outer white space. */
void mli_format_line(mli_buf *out, const char *text);
bool mli_format_is_empty(const char *text);

/* ctx is the mli_buf */
void mli_format_srt_cue(void *ctx, const mli_format_cue_text *cue);
void mli_format_vtt_cue(void *ctx, const mli_format_cue_text *cue);
void mli_format_json(const mli_transcript *t, mli_buf *out);
void mli_format_textgrid(const mli_transcript *t, mli_buf *out);
void mli_format_diarized_json(const mli_transcript *t, mli_buf *out);
/* A file's name without folder and extension; what would end the field becomes '_'. */
void mli_format_file_name(mli_buf *out, const char *name);
void mli_format_verbose_json(const mli_transcript *t, mli_buf *out);

/* --- reading --- */
MODELLAB_MUST_CHECK modellab_status mli_format_read_json(const char *text, size_t bytes,
                                                         const modellab_allocator *alloc,
                                                         mli_transcript *t, modellab_error *err);
/* Bytes as in the file: UTF-8 or UTF-16, long or short form. */
MODELLAB_MUST_CHECK modellab_status mli_format_read_textgrid(const char *text, size_t bytes,
                                                             const modellab_allocator *alloc,
                                                             mli_transcript *t,
                                                             modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_format_read_srt(mli_lines *lines,
                                                        const modellab_allocator *alloc,
                                                        mli_transcript *t, modellab_error *err);
MODELLAB_MUST_CHECK modellab_status mli_format_read_vtt(mli_lines *lines,
                                                        const modellab_allocator *alloc,
                                                        mli_transcript *t, modellab_error *err);
/* format_labels.c: NIST's lines of segments and turns. Of RTTM each segment has its speaker. */
void mli_format_stm(const mli_transcript *t, const char *name, mli_buf *out);
void mli_format_rttm(const mli_transcript *t, const char *name, mli_buf *out);

#endif
