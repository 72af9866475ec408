/* A finished window as a line of the journal, exact to the bit. */
#include "base/error.h"
#include "base/str.h"
#include "lab/checkpoint_private.h"
#include <string.h>

static void hex_of(uint64_t bits, size_t digits, char *out)
{
    for (size_t i = 0; i < digits; i++) {
        out[i] = "0123456789abcdef"[bits >> (4 * (digits - 1 - i)) & 15u];
    }
    out[digits] = '\0';
}

static void put_double(mli_jw *w, double value)
{
    uint64_t bits;
    char text[17];
    memcpy(&bits, &value, sizeof(bits));
    hex_of(bits, 16, text);
    mli_jw_string_n(w, text, 16);
}

static void put_float(mli_jw *w, float value)
{
    uint32_t bits;
    char text[9];
    memcpy(&bits, &value, sizeof(bits));
    hex_of(bits, 8, text);
    mli_jw_string_n(w, text, 8);
}

/* Text that is no UTF-8 would not come back as it was: it goes as hex digits. */
static void put_text(mli_jw *w, const char *key, const char *text)
{
    size_t bytes = strlen(text);
    char name[32];
    if (mli_utf8_valid(text, bytes)) {
        mli_jw_kstring(w, key, text);
        return;
    }
    (void)mli_str_copy(name, sizeof(name), key);
    size_t end = strlen(name);
    (void)mli_str_copy(name + end, sizeof(name) - end, "_hex");
    mli_jw_key(w, name);
    mli_buf digits;
    mli_buf_init(&digits, w->out->alloc);
    char *room = mli_buf_extend(&digits, 2 * bytes + 1);
    if (room == NULL) {
        w->out->status = digits.status;
    } else {
        mli_hex(text, bytes, room);
        mli_jw_string_n(w, room, 2 * bytes);
    }
    mli_buf_dispose(&digits);
}

static void put_tokens(mli_jw *w, const char *key, const int32_t *tokens, size_t count)
{
    mli_jw_key(w, key);
    mli_jw_array(w);
    for (size_t i = 0; i < count; i++) {
        mli_jw_int(w, tokens[i]);
    }
    mli_jw_end_array(w);
}

static void put_probabilities(mli_jw *w, const mli_transcript_segment *s)
{
    if (s->token_probabilities == NULL) {
        return;
    }
    mli_jw_key(w, "p");
    mli_jw_array(w);
    for (size_t i = 0; i < s->token_count; i++) {
        put_float(w, s->token_probabilities[i]);
    }
    mli_jw_end_array(w);
}

static void put_words(mli_jw *w, const mli_transcript_segment *s)
{
    if (s->word_count == 0) {
        return;
    }
    mli_jw_key(w, "words");
    mli_jw_array(w);
    for (size_t i = 0; i < s->word_count; i++) {
        mli_jw_object(w);
        mli_jw_key(w, "s");
        put_double(w, s->words[i].start);
        mli_jw_key(w, "e");
        put_double(w, s->words[i].end);
        mli_jw_key(w, "p");
        put_double(w, s->words[i].probability);
        put_text(w, "text", s->words[i].text);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
}

static void put_segment(mli_jw *w, const mli_transcript_segment *s)
{
    mli_jw_object(w);
#define PUT(name)                                                                                  \
    mli_jw_key(w, #name);                                                                          \
    put_double(w, s->name);
    MLI_CHECKPOINT_NUMBERS(PUT)
#undef PUT
    mli_jw_kint(w, "seek", s->seek);
    put_text(w, "text", s->text);
    put_tokens(w, "tokens", s->tokens, s->token_count);
    put_probabilities(w, s);
    put_words(w, s);
    mli_jw_end_object(w);
}

static void put_segments(mli_jw *line, const char *key, const mli_transcript_segment *segments,
                         size_t count)
{
    mli_jw_key(line, key);
    mli_jw_array(line);
    for (size_t i = 0; i < count; i++) {
        put_segment(line, &segments[i]);
    }
    mli_jw_end_array(line);
}

void mli_checkpoint_write_original(mli_jw *line, const mli_transcript_segment *segments,
                                   size_t count)
{
    put_segments(line, "original", segments, count);
}

void mli_checkpoint_write(mli_jw *line, const char *key, size_t window, int64_t from,
                          const mli_asr_mark *mark, const mli_transcript_segment *segments,
                          size_t count)
{
    mli_jw_kstring(line, "key", key);
    mli_jw_kint(line, "window", (int64_t)window);
    mli_jw_kint(line, "from", from);
    mli_jw_kint(line, "to", mark->seek);
    mli_jw_key(line, "state");
    mli_jw_object(line);
    mli_jw_key(line, "mel_max");
    put_float(line, mark->mel_max);
    mli_jw_kint(line, "language", mark->language);
    mli_jw_key(line, "language_probability");
    put_double(line, mark->language_probability);
    mli_jw_key(line, "last_speech");
    put_double(line, mark->last_speech);
    put_tokens(line, "history", mark->history, mark->history_count);
    mli_jw_end_object(line);
    put_segments(line, "segments", segments, count);
}
