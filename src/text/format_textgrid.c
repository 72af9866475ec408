/* Praat's TextGrid: tiers whose intervals follow one another without gaps, blank where nothing is
 * said. Times are whole milliseconds; an interval has at least one. */
#include "text/format_parts.h"

#include "text/format_time.h"

/* One tier while it is counted (out NULL) or written. */
typedef struct tier {
    mli_buf *out;
    mli_buf line;
    int64_t at; /* ms until which there are intervals */
    int64_t count;
} tier;

static void put_time(mli_buf *out, const char *before, int64_t ms)
{
    mli_buf_append_text(out, before);
    mli_format_seconds(out, ms);
    mli_buf_append_char(out, '\n');
}

static void put_text(tier *t, const char *text)
{
    mli_buf_clear(&t->line);
    mli_format_line(&t->line, text);
    mli_buf_append_text(t->out, "            text = \"");
    for (size_t i = 0; i < t->line.size; i++) {
        if (t->line.data[i] == '"')
            mli_buf_append_char(t->out, '"');
        mli_buf_append_char(t->out, t->line.data[i]);
    }
    mli_buf_append_text(t->out, "\"\n");
}

static void put_interval(tier *t, int64_t end, const char *text)
{
    t->count++;
    if (t->out != NULL) {
        mli_buf_printf(t->out, "        intervals [%lld]:\n", (long long)t->count);
        put_time(t->out, "            xmin = ", t->at);
        put_time(t->out, "            xmax = ", end);
        put_text(t, text);
    }
    t->at = end;
}

static void put_cue(void *ctx, const mli_format_cue_text *cue)
{
    tier *t = ctx;
    if (cue->start_ms > t->at)
        put_interval(t, cue->start_ms, "");
    put_interval(t, cue->end_ms > t->at ? cue->end_ms : t->at + 1, cue->text);
}

/* Intervals of a tier up to `end` (0 = as far as its cues go). */
static tier fill(const mli_transcript *t, bool words, int64_t end, mli_buf *out)
{
    tier made = {.out = out};
    if (out != NULL)
        mli_buf_init(&made.line, out->alloc);
    mli_format_each_cue(t, words, 1, put_cue, &made);
    if (made.at < end)
        put_interval(&made, end, "");
    if (out != NULL) {
        if (made.line.status != MODELLAB_OK && out->status == MODELLAB_OK)
            out->status = made.line.status;
        mli_buf_dispose(&made.line);
    }
    return made;
}

static void put_tier(const mli_transcript *t, int number, bool words, int64_t end, mli_buf *out)
{
    mli_buf_printf(out, "    item [%d]:\n        class = \"IntervalTier\"\n        name = \"%s\"\n",
                   number, words ? "words" : "segments");
    put_time(out, "        xmin = ", 0);
    put_time(out, "        xmax = ", end);
    mli_buf_printf(out, "        intervals: size = %lld\n",
                   (long long)fill(t, words, end, NULL).count);
    (void)fill(t, words, end, out);
}

void mli_format_textgrid(const mli_transcript *t, mli_buf *out)
{
    int64_t end = mli_format_ms(t->duration), segments = fill(t, false, 0, NULL).at;
    int64_t words = t->word_count > 0 ? fill(t, true, 0, NULL).at : 0;
    end = end > segments ? end : segments;
    end = end > words ? end : words;
    end = end > 0 ? end : 1;
    mli_buf_append_text(out, "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n");
    put_time(out, "xmin = ", 0);
    put_time(out, "xmax = ", end);
    mli_buf_printf(out, "tiers? <exists>\nsize = %d\nitem []:\n", t->word_count > 0 ? 2 : 1);
    put_tier(t, 1, false, end, out);
    if (t->word_count > 0)
        put_tier(t, 2, true, end, out);
}
