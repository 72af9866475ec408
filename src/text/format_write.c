/* Writers of the line formats: TXT, TSV, CTM; the choice of the writer; names of formats. */
#include "text/format.h"

#include "base/error.h"
#include "text/format_parts.h"
#include "text/format_time.h"
#include <string.h>

static const char *const names[] = {
    NULL,  "txt",      "json",      "verbose_json", "srt",           "vtt", "tsv",
    "ctm", "textgrid", "srt_words", "vtt_words",    "diarized_json", "stm", "rttm"};

mli_text_format mli_format_from_name(const char *name)
{
    for (int i = MLI_TEXT_TXT; name != NULL && i <= MLI_TEXT_LAST; i++)
        if (strcmp(name, names[i]) == 0)
            return (mli_text_format)i;
    return (mli_text_format)0;
}

const char *mli_format_name(mli_text_format format)
{
    return format >= MLI_TEXT_TXT && format <= MLI_TEXT_LAST ? names[format] : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}

/* One line: outer white space gone, tabs and line breaks inside are one space. */
void mli_format_line(mli_buf *out, const char *text)
{
    size_t bytes = strlen(text), at = 0;
    while (bytes > 0 && is_blank(text[bytes - 1]))
        bytes--;
    while (at < bytes && is_blank(text[at]))
        at++;
    while (at < bytes) {
        size_t run = at;
        while (run < bytes && (!is_blank(text[run]) || text[run] == ' '))
            run++;
        mli_buf_append(out, text + at, run - at);
        if (run < bytes)
            mli_buf_append_char(out, ' ');
        while (run < bytes && is_blank(text[run]) && text[run] != ' ')
            run++;
        at = run;
    }
}

bool mli_format_is_empty(const char *text)
{
    while (is_blank(*text))
        text++;
    return *text == '\0';
}

static void write_txt(const mli_transcript *t, mli_buf *out)
{
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        if (mli_format_is_empty(s->text))
            continue;
        if (s->speaker != NULL) {
            mli_format_line(out, s->speaker);
            mli_buf_append_text(out, ": ");
        }
        mli_format_line(out, s->text);
        mli_buf_append_char(out, '\n');
    }
}

static void write_tsv_cue(void *ctx, const mli_format_cue_text *cue)
{
    mli_buf *out = ctx;
    mli_buf_printf(out, "%lld\t%lld\t", (long long)cue->start_ms, (long long)cue->end_ms);
    mli_format_line(out, cue->text);
    mli_buf_append_char(out, '\n');
}

void mli_format_file_name(mli_buf *out, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *from = slash != NULL ? slash + 1 : name;
    const char *dot = strrchr(from, '.');
    size_t bytes = dot != NULL && dot != from ? (size_t)(dot - from) : strlen(from);
    if (bytes == 0)
        mli_buf_append_text(out, "audio");
    for (size_t i = 0; i < bytes; i++) {
        char c = from[i];
        bool breaks = (unsigned char)c <= ' ' || (i == 0 && (c == ';' || c == '#'));
        mli_buf_append_char(out, breaks ? '_' : c);
    }
}

/* Words have no spaces in CTM. */
static void write_ctm_word(mli_buf *out, const char *word)
{
    size_t bytes = strlen(word), at = 0;
    while (bytes > 0 && is_blank(word[bytes - 1]))
        bytes--;
    while (at < bytes && is_blank(word[at]))
        at++;
    for (; at < bytes; at++)
        mli_buf_append_char(out, (unsigned char)word[at] <= ' ' ? '_' : word[at]);
}

#define CTM_SHORTEST_MS 10

static void write_ctm(const mli_transcript *t, const char *name, mli_buf *out)
{
    mli_format_clock clock = {0};
    for (size_t i = 0; i < t->segment_count; i++) {
        for (size_t k = 0; k < t->segments[i].word_count; k++) {
            const mli_transcript_word *w = &t->segments[i].words[k];
            int64_t start, end;
            if (mli_format_is_empty(w->text))
                continue;
            mli_format_cue(&clock, w->start, w->end, 0, &start, &end);
            if (end == start) /* readers refuse a duration of 0, and many keep two digits */
                end = start + CTM_SHORTEST_MS;
            mli_format_file_name(out, name);
            mli_buf_append_text(out, " 1 ");
            mli_format_seconds(out, start);
            mli_buf_append_char(out, ' ');
            mli_format_seconds(out, end - start);
            mli_buf_append_char(out, ' ');
            write_ctm_word(out, w->text);
            mli_buf_append_char(out, ' ');
            mli_format_seconds(out, mli_format_ms(w->probability < 1.0 ? w->probability : 1.0));
            mli_buf_append_char(out, '\n');
        }
    }
}

static bool has_words(const mli_transcript *t)
{
    for (size_t i = 0; i < t->segment_count; i++)
        if (t->segments[i].word_count > 0)
            return true;
    return false;
}

void mli_format_each_cue(const mli_transcript *t, bool per_word, int64_t shortest,
                         mli_format_cue_fn each, void *ctx)
{
    mli_format_clock clock = {0};
    int64_t number = 0;
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        for (size_t k = 0; k < (per_word ? s->word_count : 1); k++) {
            const mli_transcript_word *w = per_word ? &s->words[k] : NULL;
            mli_format_cue_text cue = {.text = w != NULL ? w->text : s->text,
                                       .speaker = w != NULL && w->speaker != NULL ? w->speaker
                                                                                  : s->speaker};
            if (mli_format_is_empty(cue.text))
                continue;
            cue.number = ++number;
            mli_format_cue(&clock, w != NULL ? w->start : s->start, w != NULL ? w->end : s->end,
                           shortest, &cue.start_ms, &cue.end_ms);
            each(ctx, &cue);
        }
    }
}

modellab_status mli_format_write(const mli_transcript *t, mli_text_format format,
                                 const mli_format_options *given, mli_buf *out, modellab_error *err)
{
    const mli_format_options options = given != NULL ? *given : (mli_format_options){0};
    bool by_word = format == MLI_TEXT_SRT_WORDS || format == MLI_TEXT_VTT_WORDS;
    bool per_word =
        by_word || (options.cue_per_word && format >= MLI_TEXT_SRT && format <= MLI_TEXT_TSV);
    if ((per_word || format == MLI_TEXT_CTM) && t->segment_count > 0 && !has_words(t))
        return mli_fail(err, MODELLAB_E_STATE, "the transcript has no word times");
    bool by_speaker = format == MLI_TEXT_DIARIZED_JSON || format == MLI_TEXT_RTTM;
    for (size_t i = 0; by_speaker && i < t->segment_count; i++)
        if (t->segments[i].speaker == NULL)
            return mli_fail(err, MODELLAB_E_STATE, "segment %zu has no speaker", i);
    switch (format) {
    case MLI_TEXT_TXT:
        write_txt(t, out);
        break;
    case MLI_TEXT_JSON:
        mli_format_json(t, out);
        break;
    case MLI_TEXT_VERBOSE_JSON:
        mli_format_verbose_json(t, out);
        break;
    case MLI_TEXT_SRT:
    case MLI_TEXT_SRT_WORDS:
        mli_format_each_cue(t, per_word, 1, mli_format_srt_cue, out);
        break;
    case MLI_TEXT_VTT:
    case MLI_TEXT_VTT_WORDS:
        mli_buf_append_text(out, "WEBVTT\n\n");
        mli_format_each_cue(t, per_word, 1, mli_format_vtt_cue, out);
        break;
    case MLI_TEXT_TSV:
        mli_buf_append_text(out, "start\tend\ttext\n");
        mli_format_each_cue(t, per_word, 0, write_tsv_cue, out);
        break;
    case MLI_TEXT_DIARIZED_JSON:
        mli_format_diarized_json(t, out);
        break;
    case MLI_TEXT_CTM:
        write_ctm(t, options.name != NULL ? options.name : "audio", out);
        break;
    case MLI_TEXT_STM:
        mli_format_stm(t, options.name != NULL ? options.name : "audio", out);
        break;
    case MLI_TEXT_RTTM:
        mli_format_rttm(t, options.name != NULL ? options.name : "audio", out);
        break;
    case MLI_TEXT_TEXTGRID:
        mli_format_textgrid(t, out);
        break;
    default:
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%d is not a transcript format",
                        (int)format);
    }
    return mli_buf_status(out, err);
}
