/* The way from text to utterances: one sentence at a time, or a batch of them where a foreign
 * pronunciation costs a process each time. */
#include "speech/voice_text.h"

#include "base/alloc.h"
#include "base/error.h"
#include "text/sentences.h"
#include <string.h>

enum { BATCH_BYTES = 16384 }; /* of spoken text for one call of a foreign pronunciation */

struct mli_voice_text {
    modellab_allocator alloc;
    const mli_piper_config *config;
    mli_voice_text_source source;
    mli_sentences sentences;
    mli_sentence sentence;
    mli_spoken spoken;
    mli_pronounced said;
    size_t next;      /* spoken word that was not given out */
    bool open;        /* the sentence has such words */
    mli_buf lines;    /* answer of the foreign pronunciation for the batch */
    size_t line_at;   /* its part that was not used */
    size_t batch_end; /* sentences before this offset of the text are in the batch */
    mli_buf scratch;
    mli_voice_text_counts counts;
};

modellab_status mli_voice_text_create(mli_voice_text **out, const modellab_allocator *alloc,
                                      const mli_piper_config *config,
                                      const mli_voice_text_source *source, const char *text,
                                      size_t bytes, modellab_error *err)
{
    *out = NULL;
    if (bytes > MLI_VOICE_TEXT_MAX_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "a text has at most %d bytes, this one has %zu",
                        MLI_VOICE_TEXT_MAX_BYTES, bytes);
    if (mli_piper_find(config, "^", 1) == NULL || mli_piper_find(config, "$", 1) == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL,
                        "the voice's phoneme_id_map lacks ^ or $, which frame an utterance");
    mli_voice_text *t = mli_alloc_zero(alloc, sizeof *t);
    if (t == NULL)
        return mli_no_memory(err);
    if (alloc != NULL)
        t->alloc = *alloc;
    t->config = config;
    t->source = *source;
    t->sentences = (mli_sentences){text, bytes, 0};
    mli_spoken_init(&t->spoken, &t->alloc);
    mli_pronounced_init(&t->said, &t->alloc);
    mli_buf_init(&t->lines, &t->alloc);
    mli_buf_init(&t->scratch, &t->alloc);
    *out = t;
    return MODELLAB_OK;
}

void mli_voice_text_destroy(mli_voice_text *t)
{
    if (t != NULL) {
        modellab_allocator alloc = t->alloc;
        mli_spoken_dispose(&t->spoken);
        mli_pronounced_dispose(&t->said);
        mli_buf_dispose(&t->lines);
        mli_buf_dispose(&t->scratch);
        mli_free(&alloc, t);
    }
}

mli_voice_text_counts mli_voice_text_counts_of(const mli_voice_text *t)
{
    return t->counts;
}

/* The spoken words as clauses, a line each. */
static void add_clauses(const mli_spoken *s, mli_buf *out)
{
    for (size_t i = 0; i < mli_spoken_count(s); i++) {
        const mli_spoken_word *w = mli_spoken_at(s, i);
        const bool letters = (w->flags & MLI_SPOKEN_LETTERS) != 0;
        for (uint32_t k = 0; k < w->bytes; k++) {
            char c = s->text.data[w->at + k];
            if (letters && k > 0 && c != '\'' && s->text.data[w->at + k - 1] != '\'')
                mli_buf_append_char(out, ' ');
            mli_buf_append_char(out, letters && c >= 'a' ? (char)(c - 32) : c);
        }
        mli_buf_append_char(out, w->mark != 0 || i + 1 == mli_spoken_count(s) ? '\n' : ' ');
    }
}

/* Asks the foreign pronunciation for the sentences from the present one on. */
MODELLAB_MUST_CHECK static modellab_status ask(mli_voice_text *t, modellab_error *err)
{
    mli_sentences ahead = t->sentences;
    mli_sentence one;
    mli_spoken s;
    mli_buf *text = &t->scratch;
    modellab_status status = MODELLAB_OK;

    mli_buf_clear(text);
    add_clauses(&t->spoken, text);
    mli_spoken_init(&s, &t->alloc);
    t->batch_end = t->sentences.at;
    while (status == MODELLAB_OK && text->size < BATCH_BYTES && mli_sentence_next(&ahead, &one)) {
        status = mli_spoken_set(&s, ahead.text + one.from, one.bytes, one.from, err);
        add_clauses(&s, text);
        t->batch_end = ahead.at;
    }
    mli_spoken_dispose(&s);
    if (status == MODELLAB_OK)
        status = mli_buf_status(text, err);
    mli_buf_clear(&t->lines);
    t->line_at = 0;
    if (status == MODELLAB_OK)
        status = t->source.g2p(t->source.user, mli_buf_text(text), text->size, &t->lines, err);
    return status == MODELLAB_OK ? mli_buf_status(&t->lines, err) : status;
}

/* The next line of the answer. */
static bool take_line(mli_voice_text *t, const char **line, size_t *bytes)
{
    if (t->line_at >= t->lines.size)
        return false;
    *line = t->lines.data + t->line_at;
    const char *end = memchr(*line, '\n', t->lines.size - t->line_at);
    *bytes = end != NULL ? (size_t)(end - *line) : t->lines.size - t->line_at;
    t->line_at += *bytes + 1;
    return true;
}

MODELLAB_MUST_CHECK static modellab_status take_answer(mli_voice_text *t, modellab_error *err)
{
    const size_t count = mli_spoken_count(&t->spoken);
    modellab_status status = MODELLAB_OK;

    mli_buf_clear(&t->said.ipa);
    mli_buf_clear(&t->said.ends);
    for (size_t from = 0; status == MODELLAB_OK && from < count;) {
        size_t end = from;
        const char *line = "";
        size_t bytes = 0;
        mli_buf_clear(&t->scratch);
        do {
            uint32_t weight = mli_spoken_at(&t->spoken, end)->bytes;
            if ((mli_spoken_at(&t->spoken, end)->flags & MLI_SPOKEN_LETTERS) != 0)
                weight *= 3;
            mli_buf_append(&t->scratch, &weight, sizeof weight);
        } while (mli_spoken_at(&t->spoken, end++)->mark == 0 && end < count);
        status = mli_buf_status(&t->scratch, err);
        if (status == MODELLAB_OK && !take_line(t, &line, &bytes))
            status = mli_fail(err, MODELLAB_E_CALLBACK,
                              "the pronunciation gave fewer lines than it was asked for");
        if (status == MODELLAB_OK)
            status = mli_g2p_spread(line, bytes, (const uint32_t *)(const void *)t->scratch.data,
                                    end - from, &t->said.ipa, &t->said.ends, err);
        from = end;
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status pronounce(mli_voice_text *t, modellab_error *err)
{
    modellab_status status;
    if (t->source.lexicon != NULL) {
        status = mli_pronounce(&t->said, t->source.lexicon, &t->spoken, err);
        for (int i = 0; i < MLI_BY_KINDS; i++)
            t->counts.by[i] += t->said.by[i];
        return status;
    }
    status = t->sentences.at > t->batch_end || t->batch_end == 0 ? ask(t, err) : MODELLAB_OK;
    return status == MODELLAB_OK ? take_answer(t, err) : status;
}

/* Opens the next sentence that has words; false at the end. */
MODELLAB_MUST_CHECK static modellab_status
open_sentence(mli_voice_text *t, bool *more, const mli_cancel_word *cancel, modellab_error *err)
{
    *more = false;
    while (mli_sentence_next(&t->sentences, &t->sentence)) {
        if (mli_cancelled(cancel))
            return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
        modellab_status status = mli_spoken_set(&t->spoken, t->sentences.text + t->sentence.from,
                                                t->sentence.bytes, t->sentence.from, err);
        if (status != MODELLAB_OK)
            return status;
        t->counts.unsaid += t->spoken.unsaid;
        if (mli_spoken_count(&t->spoken) == 0)
            continue;
        t->counts.words += mli_spoken_count(&t->spoken);
        t->next = 0;
        t->open = true;
        *more = true;
        return pronounce(t, err);
    }
    return MODELLAB_OK;
}

/* A word's IPA; it joins the word before when the caller wrote them as one. */
static void add_word(mli_voice_text *t, mli_utterance *u, uint32_t from, uint32_t to,
                     const char *ipa, size_t bytes, size_t *bad)
{
    mli_voice_word w = {.from = from, .to = to, .first = (uint32_t)(u->ids.size / sizeof(int32_t))};
    mli_utterance_add(u, t->config, ipa, bytes, &t->counts.unknown, bad);
    w.end = (uint32_t)(u->ids.size / sizeof(int32_t));
    mli_voice_word *last = u->words.size > 0 && u->words.status == MODELLAB_OK
                               ? (mli_voice_word *)(void *)(u->words.data + u->words.size) - 1
                               : NULL;
    if (last != NULL && last->from == from && last->to == to)
        last->end = w.end;
    else
        mli_buf_append(&u->words, &w, sizeof w);
}

MODELLAB_MUST_CHECK static modellab_status finish(const mli_utterance *u, modellab_error *err)
{
    modellab_status status = mli_buf_status(&u->ids, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&u->words, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&u->symbols, err);
    return status == MODELLAB_OK ? mli_buf_status(&u->ipa, err) : status;
}

/* How many of the open words make the next utterance: all, or up to a pause (else a word) before it
 * gets too long. */
static size_t words_that_fit(const mli_voice_text *t)
{
    const size_t count = mli_spoken_count(&t->spoken);
    size_t ids = 4, end = t->next, pause = 0;
    for (; end < count; end++) {
        size_t bytes;
        (void)mli_pronounced_word(&t->said, end, &bytes);
        ids += 2 * (bytes + 3); /* at most: a byte a symbol */
        if (ids > MLI_VOICE_TEXT_MAX_IDS && end > t->next)
            break;
        if (mli_spoken_at(&t->spoken, end)->mark != 0)
            pause = end + 1;
    }
    return end < count && pause > t->next ? pause : end;
}

MODELLAB_MUST_CHECK static modellab_status fill(mli_voice_text *t, mli_utterance *u,
                                                modellab_error *err)
{
    const size_t count = mli_spoken_count(&t->spoken), end = words_that_fit(t);

    mli_utterance_begin(u, t->config);
    for (size_t i = t->next; i < end; i++) {
        const mli_spoken_word *w = mli_spoken_at(&t->spoken, i);
        size_t bytes;
        const char *ipa = mli_pronounced_word(&t->said, i, &bytes);
        bool space = t->source.lexicon != NULL || w->mark != 0;
        for (; bytes > 0 && ipa[bytes - 1] == ' '; bytes--)
            space = true;
        add_word(t, u, w->from, w->to, ipa, bytes, NULL);
        if (w->mark != 0)
            mli_utterance_add(u, t->config, &w->mark, 1, &t->counts.unknown, NULL);
        if (i + 1 < end && space)
            mli_utterance_add(u, t->config, " ", 1, &t->counts.unknown, NULL);
    }
    mli_utterance_end(u, t->config);
    t->next = end;
    t->open = end < count;
    u->cut = t->open || t->sentence.cut;
    u->paragraph = !t->open && t->sentence.paragraph;
    return finish(u, err);
}

/* A line of the caller's IPA. */
MODELLAB_MUST_CHECK static modellab_status fill_ipa(mli_voice_text *t, mli_utterance *u, bool *more,
                                                    modellab_error *err)
{
    mli_sentences *s = &t->sentences;
    *more = false;
    while (s->at < s->bytes && !*more) {
        const char *line = s->text + s->at;
        const char *stop = memchr(line, '\n', s->bytes - s->at);
        const size_t from = s->at;
        const size_t bytes = stop != NULL ? (size_t)(stop - line) : s->bytes - s->at;
        s->at += bytes + (stop != NULL ? 1 : 0);
        mli_utterance_begin(u, t->config);
        for (size_t at = 0; at < bytes;) {
            size_t begin_word = at, bad = 0, unknown = t->counts.unknown;
            if (line[at] == ' ' || line[at] == '\t' || line[at] == '\r') {
                at++;
                continue;
            }
            while (at < bytes && line[at] != ' ' && line[at] != '\t' && line[at] != '\r')
                at++;
            if (mli_utterance_words(u) > 0)
                mli_utterance_add(u, t->config, " ", 1, &unknown, NULL);
            t->counts.unknown = 0;
            add_word(t, u, (uint32_t)(from + begin_word), (uint32_t)(from + at), line + begin_word,
                     at - begin_word, &bad);
            if (t->counts.unknown > 0)
                return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT,
                                   (int64_t)(from + begin_word + bad),
                                   "the voice has no sound for the symbol at byte %zu of the IPA",
                                   from + begin_word + bad);
            t->counts.words++;
            *more = true;
            if (u->ids.size / sizeof(int32_t) > 4096 - 8)
                return mli_fail(err, MODELLAB_E_LIMIT,
                                "a line of IPA has more than 4096 phoneme ids: cut it into lines");
        }
    }
    mli_utterance_end(u, t->config);
    u->cut = false;
    u->paragraph = s->at >= s->bytes;
    return finish(u, err);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The number at *at, which goes behind it. Ids that the network lacks are found by it. */
MODELLAB_MUST_CHECK static modellab_status take_id(const mli_sentences *s, size_t *at, int32_t *id,
                                                   modellab_error *err)
{
    const size_t from = *at;
    int64_t value = 0;
    for (; *at < s->bytes && s->text[*at] >= '0' && s->text[*at] <= '9' && value <= INT32_MAX;
         (*at)++)
        value = 10 * value + (s->text[*at] - '0');
    if (*at == from || value > INT32_MAX || (*at < s->bytes && !is_blank(s->text[*at])))
        return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)from,
                           "what stands at byte %zu is no phoneme id", from);
    *id = (int32_t)value;
    return MODELLAB_OK;
}

/* A line of the caller's ids, as they are. */
MODELLAB_MUST_CHECK static modellab_status fill_ids(mli_voice_text *t, mli_utterance *u, bool *more,
                                                    modellab_error *err)
{
    mli_sentences *s = &t->sentences;
    mli_voice_word word = {.first = 0};
    modellab_status status = MODELLAB_OK;

    mli_utterance_begin(u, t->config);
    mli_buf_clear(&u->ids);
    while (s->at < s->bytes && is_blank(s->text[s->at]))
        s->at++;
    word.from = (uint32_t)s->at;
    while (status == MODELLAB_OK && s->at < s->bytes && s->text[s->at] != '\n') {
        int32_t id = 0;
        if (is_blank(s->text[s->at])) {
            s->at++;
            continue;
        }
        if (word.end == 4096)
            return mli_fail(err, MODELLAB_E_LIMIT, "a line has more than 4096 phoneme ids");
        status = take_id(s, &s->at, &id, err);
        mli_buf_append(&u->ids, &id, sizeof id);
        word.to = (uint32_t)s->at;
        word.end++;
    }
    *more = word.end > 0;
    t->counts.words += *more;
    mli_buf_append(&u->words, &word, sizeof word);
    u->cut = false;
    u->paragraph = s->at >= s->bytes;
    return status == MODELLAB_OK ? finish(u, err) : status;
}

modellab_status mli_voice_text_next(mli_voice_text *t, mli_utterance *u, bool *more,
                                    const mli_cancel_word *cancel, modellab_error *err)
{
    *more = false;
    if (mli_cancelled(cancel))
        return mli_fail(err, MODELLAB_E_CANCELLED, "cancelled");
    if (t->source.is_ipa)
        return fill_ipa(t, u, more, err);
    if (t->source.is_ids)
        return fill_ids(t, u, more, err);
    modellab_status status = MODELLAB_OK;
    *more = t->open;
    if (!t->open)
        status = open_sentence(t, more, cancel, err);
    return status == MODELLAB_OK && *more ? fill(t, u, err) : status;
}
