/* Writers of SRT and WebVTT cues. */
#include "text/format_parts.h"
#include "text/format_time.h"

#include <string.h>

/* A cue's arrow inside of text would end the cue for many players: it and longer ones become "->".
 */
static void srt_text(mli_buf *out, const char *text)
{
    while (*text != '\0') {
        size_t dashes = strspn(text, "-");
        if (dashes >= 2 && text[dashes] == '>') {
            mli_buf_append_char(out, '-');
        } else {
            dashes += text[dashes] != '\0';
            mli_buf_append(out, text, dashes);
        }
        text += dashes;
    }
}

static void vtt_text(mli_buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&')
            mli_buf_append_text(out, "&amp;");
        else if (*text == '<')
            mli_buf_append_text(out, "&lt;");
        else if (*text == '>')
            mli_buf_append_text(out, "&gt;");
        else
            mli_buf_append_char(out, *text);
    }
}

typedef void (*escape_fn)(mli_buf *out, const char *text);

static void escaped_line(mli_buf *out, const char *text, escape_fn escape)
{
    mli_buf line;
    mli_buf_init(&line, out->alloc);
    mli_format_line(&line, text);
    if (line.status == MODELLAB_OK)
        escape(out, mli_buf_text(&line));
    else
        out->status = line.status;
    mli_buf_dispose(&line);
}

static void times(mli_buf *out, const mli_format_cue_text *cue, char mark)
{
    mli_format_stamp(out, cue->start_ms, mark);
    mli_buf_append_text(out, " --> ");
    mli_format_stamp(out, cue->end_ms, mark);
    mli_buf_append_char(out, '\n');
}

void mli_format_srt_cue(void *ctx, const mli_format_cue_text *cue)
{
    mli_buf *out = ctx;
    mli_buf_printf(out, "%lld\n", (long long)cue->number);
    times(out, cue, ',');
    if (cue->speaker != NULL) {
        escaped_line(out, cue->speaker, srt_text);
        mli_buf_append_text(out, ": ");
    }
    escaped_line(out, cue->text, srt_text);
    mli_buf_append_text(out, "\n\n");
}

void mli_format_vtt_cue(void *ctx, const mli_format_cue_text *cue)
{
    mli_buf *out = ctx;
    times(out, cue, '.');
    if (cue->speaker != NULL) {
        mli_buf_append_text(out, "<v ");
        escaped_line(out, cue->speaker, vtt_text);
        mli_buf_append_char(out, '>');
    }
    escaped_line(out, cue->text, vtt_text);
    mli_buf_append_text(out, "\n\n");
}
