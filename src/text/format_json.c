/* Writers of JSON and verbose JSON. The latter has the keys of the OpenAI audio API, with the
 * language as English name, and a few more: language_code, language_probability, partial,
 * token_probabilities, and in words the text as it was decoded, its probability and the id of its
 * segment. */
#include "text/format_parts.h"

#include "base/json.h"
#include "text/format_time.h"
#include "text/whisper_tokenizer.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A time rounded once to milliseconds. */
static void put_seconds(mli_jw *w, const char *key, double seconds)
{
    mli_jw_kreal(w, key, (double)mli_format_ms(seconds) / 1000.0);
}

/* Six decimals: more than a probability means, and short text. */
static double six_decimals(double p)
{
    return isfinite(p) ? floor(p * 1e6 + 0.5) / 1e6 : 0.0;
}

static const char *language_name(const char *code)
{
    const char *name = mli_whisper_language_name(mli_whisper_language_find(code));
    return name != NULL ? name : code;
}

void mli_format_json(const mli_transcript *t, mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "text", t->text);
    mli_jw_end_object(&w);
    mli_buf_append_char(out, '\n');
}

/* Speakers without a name of their own are A, B, ... Z, AA, ... as they first speak. */
enum { LETTERED_MOST = 26 + 26 * 26 };
typedef struct lettered {
    const char *names[LETTERED_MOST];
    size_t count;
} lettered;

static void put_lettered(mli_jw *w, lettered *l, const char *name)
{
    char letters[3] = "";
    size_t i = 0;
    while (name != NULL && i < l->count && strcmp(l->names[i], name) != 0)
        i++;
    if (name == NULL || strncmp(name, "speaker_", 8) != 0 || i == LETTERED_MOST) {
        mli_jw_kstring(w, "speaker", name != NULL ? name : "");
        return;
    }
    if (i == l->count)
        l->names[l->count++] = name;
    if (i >= 26)
        letters[0] = (char)('A' + i / 26 - 1);
    letters[i >= 26] = (char)('A' + i % 26);
    mli_jw_kstring(w, "speaker", letters);
}

void mli_format_diarized_json(const mli_transcript *t, mli_buf *out)
{
    mli_jw w;
    lettered l = {.count = 0};
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "task", t->task);
    put_seconds(&w, "duration", t->duration);
    mli_jw_kstring(&w, "text", t->text);
    mli_jw_key(&w, "segments");
    mli_jw_array(&w);
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        char id[32];
        (void)snprintf(id, sizeof id, "seg_%zu", i);
        mli_jw_object(&w);
        mli_jw_kstring(&w, "type", "transcript.text.segment");
        mli_jw_kstring(&w, "id", id);
        put_seconds(&w, "start", s->start);
        put_seconds(&w, "end", s->end);
        put_lettered(&w, &l, s->speaker);
        mli_jw_kstring(&w, "text", s->text);
        mli_jw_end_object(&w);
    }
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    mli_buf_append_char(out, '\n');
}

static void put_tokens(mli_jw *w, const mli_transcript_segment *s)
{
    mli_jw_key(w, "tokens");
    mli_jw_array(w);
    for (size_t i = 0; i < s->token_count; i++)
        mli_jw_int(w, s->tokens[i]);
    mli_jw_end_array(w);
    if (s->token_probabilities == NULL)
        return;
    mli_jw_key(w, "token_probabilities");
    mli_jw_array(w);
    for (size_t i = 0; i < s->token_count; i++)
        mli_jw_real(w, six_decimals((double)s->token_probabilities[i]));
    mli_jw_end_array(w);
}

static void put_segment(mli_jw *w, const mli_transcript_segment *s)
{
    mli_jw_object(w);
    mli_jw_kint(w, "id", s->id);
    mli_jw_kint(w, "seek", s->seek);
    put_seconds(w, "start", s->start);
    put_seconds(w, "end", s->end);
    mli_jw_kstring(w, "text", s->text);
    if (s->speaker != NULL)
        mli_jw_kstring(w, "speaker", s->speaker);
    if (s->speaker_nearest)
        mli_jw_kbool(w, "speaker_nearest", true);
    put_tokens(w, s);
    mli_jw_kreal(w, "temperature", s->temperature);
    mli_jw_kreal(w, "avg_logprob", s->avg_logprob);
    mli_jw_kreal(w, "compression_ratio", s->compression_ratio);
    mli_jw_kreal(w, "no_speech_prob", s->no_speech_prob);
    mli_jw_end_object(w);
}

static void put_word(mli_jw *w, const mli_transcript_word *word, int64_t segment)
{
    const char *text = word->text;
    size_t bytes = strlen(text);
    while (bytes > 0 && text[0] == ' ') {
        text++;
        bytes--;
    }
    while (bytes > 0 && text[bytes - 1] == ' ')
        bytes--;
    mli_jw_object(w);
    mli_jw_key(w, "word");
    mli_jw_string_n(w, text, bytes);
    put_seconds(w, "start", word->start);
    put_seconds(w, "end", word->end);
    mli_jw_kstring(w, "text", word->text);
    mli_jw_kreal(w, "probability", six_decimals(word->probability));
    mli_jw_kint(w, "segment", segment);
    if (word->speaker != NULL)
        mli_jw_kstring(w, "speaker", word->speaker);
    if (word->speaker_nearest)
        mli_jw_kbool(w, "speaker_nearest", true);
    mli_jw_end_object(w);
}

static void put_words(mli_jw *w, const mli_transcript *t)
{
    size_t words = 0;
    for (size_t i = 0; i < t->segment_count; i++)
        words += t->segments[i].word_count;
    if (words == 0)
        return;
    mli_jw_key(w, "words");
    mli_jw_array(w);
    for (size_t i = 0; i < t->segment_count; i++)
        for (size_t k = 0; k < t->segments[i].word_count; k++)
            put_word(w, &t->segments[i].words[k], t->segments[i].id);
    mli_jw_end_array(w);
}

void mli_format_verbose_json(const mli_transcript *t, mli_buf *out)
{
    mli_jw w;
    mli_jw_init(&w, out);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "task", t->task);
    mli_jw_kstring(&w, "language", language_name(t->language));
    put_seconds(&w, "duration", t->duration);
    mli_jw_kstring(&w, "text", t->text);
    mli_jw_key(&w, "segments");
    mli_jw_array(&w);
    for (size_t i = 0; i < t->segment_count; i++)
        put_segment(&w, &t->segments[i]);
    mli_jw_end_array(&w);
    put_words(&w, t);
    mli_jw_kstring(&w, "language_code", t->language);
    mli_jw_kreal(&w, "language_probability", six_decimals(t->language_probability));
    if (t->partial)
        mli_jw_kbool(&w, "partial", true);
    mli_jw_end_object(&w);
    mli_buf_append_char(out, '\n');
}
