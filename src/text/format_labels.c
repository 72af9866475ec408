/* Writers of NIST's label files: STM (who said what when) and RTTM (who spoke when), as the readers
 * of labels.h and other people's tools take them. */
#include "text/format.h"
#include "text/format_parts.h"
#include "text/format_time.h"
#include <string.h>

#define NOBODY "unknown"
#define SHORTEST_MS 1 /* readers refuse a segment that has no length */

/* A field: blanks are what separates fields. */
static void write_field(mli_buf *out, const char *text)
{
    if (mli_format_is_empty(text)) {
        mli_buf_append_text(out, NOBODY);
        return;
    }
    for (; *text != '\0'; text++)
        mli_buf_append_char(out, (unsigned char)*text <= ' ' ? '_' : *text);
}

void mli_format_stm(const mli_transcript *t, const char *name, mli_buf *out)
{
    mli_format_clock clock = {0};
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        int64_t start, end;
        if (mli_format_is_empty(s->text))
            continue;
        mli_format_cue(&clock, s->start, s->end, SHORTEST_MS, &start, &end);
        mli_format_file_name(out, name);
        mli_buf_append_text(out, " 1 ");
        write_field(out, s->speaker != NULL ? s->speaker : NOBODY);
        mli_buf_append_char(out, ' ');
        mli_format_seconds(out, start);
        mli_buf_append_char(out, ' ');
        mli_format_seconds(out, end);
        mli_buf_append_text(out, " <NA> "); /* the label: a text that begins with "<" stays text */
        mli_format_line(out, s->text);
        mli_buf_append_char(out, '\n');
    }
}

static void write_turn(const char *name, const char *speaker, int64_t start, int64_t end,
                       mli_buf *out)
{
    mli_buf_append_text(out, "SPEAKER ");
    mli_format_file_name(out, name);
    mli_buf_append_text(out, " 1 ");
    mli_format_seconds(out, start);
    mli_buf_append_char(out, ' ');
    mli_format_seconds(out, end - start);
    mli_buf_append_text(out, " <NA> <NA> ");
    write_field(out, speaker);
    mli_buf_append_text(out, " <NA> <NA>\n");
}

void mli_format_rttm(const mli_transcript *t, const char *name, mli_buf *out)
{
    mli_format_clock clock = {0};
    const char *speaker = NULL;
    int64_t from = 0, to = 0;
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        int64_t start, end;
        mli_format_cue(&clock, s->start, s->end, SHORTEST_MS, &start, &end);
        if (speaker != NULL && strcmp(speaker, s->speaker) == 0 && start <= to) {
            to = end > to ? end : to;
            continue;
        }
        if (speaker != NULL)
            write_turn(name, speaker, from, to, out);
        speaker = s->speaker;
        from = start;
        to = end;
    }
    if (speaker != NULL)
        write_turn(name, speaker, from, to, out);
}
