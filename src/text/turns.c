/* Writers of turns: RTTM and JSON. */
#include "text/turns.h"
#include "base/json.h"
#include "text/format_parts.h"
#include "text/format_time.h"
#include <math.h>
#include <string.h>

/* A field of a line: no blanks, not empty. */
static void write_field(mli_buf *out, const char *text)
{
    if (text[0] == '\0')
        mli_buf_append_text(out, "_");
    for (; *text != '\0'; text++)
        mli_buf_append_char(out, (unsigned char)*text <= ' ' ? '_' : *text);
}

void mli_turns_rttm(const mli_text_turn *turns, size_t count, const char *name, mli_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t start = mli_format_ms(turns[i].start), end = mli_format_ms(turns[i].end);
        mli_buf_append_text(out, "SPEAKER ");
        mli_format_file_name(out, name != NULL ? name : "audio");
        mli_buf_append_text(out, " 1 ");
        mli_format_seconds(out, start);
        mli_buf_append_char(out, ' ');
        mli_format_seconds(out, end - start);
        mli_buf_append_text(out, " <NA> <NA> ");
        write_field(out, turns[i].speaker);
        mli_buf_append_text(out, " <NA> <NA>\n");
    }
}

static void put_seconds(mli_jw *w, const char *key, int64_t ms)
{
    mli_jw_key(w, key);
    mli_jw_real(w, (double)ms / 1000.0);
}

void mli_turns_json(const mli_text_turn *turns, size_t count, const mli_text_speaker *speakers,
                    size_t speaker_count, bool with_known, double duration, mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    put_seconds(&w, "duration", mli_format_ms(duration));
    mli_jw_key(&w, "speakers");
    mli_jw_array(&w);
    for (size_t s = 0; s < speaker_count; s++) {
        int64_t ms = 0;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(turns[i].speaker, speakers[s].name) == 0)
                ms += mli_format_ms(turns[i].end) - mli_format_ms(turns[i].start);
        }
        mli_jw_object(&w);
        mli_jw_kstring(&w, "name", speakers[s].name);
        put_seconds(&w, "seconds", ms);
        if (with_known) {
            mli_jw_kbool(&w, "known", speakers[s].known);
            mli_jw_kreal(&w, "score", round(speakers[s].score * 1e4) / 1e4);
        }
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_key(&w, "turns");
    mli_jw_array(&w);
    for (size_t i = 0; i < count; i++) {
        mli_jw_object(&w);
        put_seconds(&w, "start", mli_format_ms(turns[i].start));
        put_seconds(&w, "end", mli_format_ms(turns[i].end));
        mli_jw_kstring(&w, "speaker", turns[i].speaker);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
}
