/* Symbols of IPA as the ids of a voice, and IPA from elsewhere given to words. */
#include "speech/voice_text.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include <string.h>

void mli_utterance_init(mli_utterance *u, const modellab_allocator *alloc)
{
    memset(u, 0, sizeof *u);
    mli_buf_init(&u->ids, alloc);
    mli_buf_init(&u->words, alloc);
    mli_buf_init(&u->symbols, alloc);
    mli_buf_init(&u->ipa, alloc);
}

void mli_utterance_dispose(mli_utterance *u)
{
    mli_buf_dispose(&u->ids);
    mli_buf_dispose(&u->words);
    mli_buf_dispose(&u->symbols);
    mli_buf_dispose(&u->ipa);
}

static void put_ids(mli_utterance *u, const mli_piper_config *c, const mli_piper_symbol *s)
{
    mli_buf_append(&u->ids, c->ids + s->first, s->count * sizeof *c->ids);
}

static void frame(mli_utterance *u, const mli_piper_config *c, const char *sign)
{
    const mli_piper_symbol *s = mli_piper_find(c, sign, 1);
    if (s != NULL)
        put_ids(u, c, s);
}

void mli_utterance_begin(mli_utterance *u, const mli_piper_config *config)
{
    mli_buf_clear(&u->ids);
    mli_buf_clear(&u->words);
    mli_buf_clear(&u->symbols);
    mli_buf_clear(&u->ipa);
    frame(u, config, "^");
    frame(u, config, "_");
}

void mli_utterance_end(mli_utterance *u, const mli_piper_config *config)
{
    frame(u, config, "$");
}

void mli_utterance_add(mli_utterance *u, const mli_piper_config *config, const char *ipa,
                       size_t bytes, size_t *unknown, size_t *bad)
{
    const mli_piper_symbol *pad = mli_piper_find(config, "_", 1);
    for (size_t at = 0; at < bytes;) {
        uint32_t c;
        size_t n = mli_utf8_decode(ipa + at, bytes - at, &c);
        const mli_piper_symbol *s = n > 0 ? mli_piper_find(config, ipa + at, n) : NULL;
        if (s == NULL || s->count == 0) {
            if (bad != NULL && *unknown == 0)
                *bad = at;
            (*unknown)++;
            at += n > 0 ? n : 1;
            continue;
        }
        mli_voice_symbol symbol = {.at = (uint32_t)u->ipa.size,
                                   .bytes = (uint32_t)n,
                                   .first = (uint32_t)(u->ids.size / sizeof(int32_t))};
        put_ids(u, config, s);
        if (pad != NULL)
            put_ids(u, config, pad);
        symbol.end = (uint32_t)(u->ids.size / sizeof(int32_t));
        mli_buf_append(&u->ipa, ipa + at, n);
        mli_buf_append(&u->symbols, &symbol, sizeof symbol);
        at += n;
    }
}

enum { MOST_SYMBOLS = 8192 };

/* The symbols of a line without spaces and without (xx) for a change of language; which of them
 * begin a group. */
typedef struct flat {
    uint32_t at[MOST_SYMBOLS + 1];
    bool begins[MOST_SYMBOLS + 1];
    size_t symbols, groups;
} flat;

static bool is_gap(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void flatten(flat *f, const char *line, size_t bytes, mli_buf *text)
{
    bool fresh = true;
    f->symbols = f->groups = 0;
    for (size_t at = 0; at < bytes && f->symbols < MOST_SYMBOLS;) {
        if (is_gap(line[at])) {
            fresh = true;
            at++;
            continue;
        }
        if (line[at] == '(') {
            const char *end = memchr(line + at, ')', bytes - at);
            at = end != NULL ? (size_t)(end - line) + 1 : bytes;
            continue;
        }
        uint32_t c;
        size_t n = mli_utf8_decode(line + at, bytes - at, &c);
        n = n > 0 ? n : 1;
        f->at[f->symbols] = (uint32_t)text->size;
        f->begins[f->symbols++] = fresh;
        f->groups += fresh ? 1 : 0;
        fresh = false;
        mli_buf_append(text, line + at, n);
        at += n;
    }
    f->at[f->symbols] = (uint32_t)text->size;
    f->begins[f->symbols] = true;
}

/* The border of groups nearest to `want` within its reach and least..most, else `want` itself. */
static size_t snap(const flat *f, size_t want, size_t least, size_t most, size_t reach)
{
    want = want < least ? least : want > most ? most : want;
    for (size_t d = 0; d <= reach; d++) {
        if (want + d <= most && f->begins[want + d])
            return want + d;
        if (want >= least + d && f->begins[want - d])
            return want - d;
    }
    return want;
}

/* Symbols from..end-1, with the spaces that stood between groups, and behind the last if one did.
 */
static void give_symbols(const flat *f, const char *text, size_t from, size_t end, mli_buf *ipa)
{
    for (size_t k = from; k < end; k++) {
        mli_buf_append(ipa, text + f->at[k], f->at[k + 1] - f->at[k]);
        if (f->begins[k + 1])
            mli_buf_append_char(ipa, ' ');
    }
}

MODELLAB_MUST_CHECK static modellab_status spread(flat *f, const char *text,
                                                  const uint32_t *weights, size_t count,
                                                  mli_buf *ipa, mli_buf *ends, modellab_error *err)
{
    uint64_t all = 0, so_far = 0;
    size_t at = 0;

    for (size_t i = 0; i < count; i++)
        all += weights[i] + 1;
    for (size_t i = 0; i < count; i++) {
        const size_t from = at;
        so_far += weights[i] + 1;
        if (f->groups == count) { /* word by word */
            for (at++; at < f->symbols && !f->begins[at]; at++)
                ;
        } else {
            size_t want = (size_t)(so_far * f->symbols / all);
            size_t left = count - i - 1; /* words that want a symbol each */
            size_t most = f->symbols > at + left ? f->symbols - left : at;
            at = snap(f, want, at < most ? at + 1 : at, most, 1 + weights[i] / 3);
        }
        if (i + 1 == count || at > f->symbols)
            at = f->symbols;
        give_symbols(f, text, from, at, ipa);
        uint32_t end = (uint32_t)ipa->size;
        mli_buf_append(ends, &end, sizeof end);
    }
    modellab_status status = mli_buf_status(ipa, err);
    return status == MODELLAB_OK ? mli_buf_status(ends, err) : status;
}

modellab_status mli_g2p_spread(const char *line, size_t bytes, const uint32_t *weights,
                               size_t count, mli_buf *ipa, mli_buf *ends, modellab_error *err)
{
    flat *f = mli_alloc(ipa->alloc, sizeof *f);
    if (f == NULL)
        return mli_no_memory(err);
    mli_buf text;
    mli_buf_init(&text, ipa->alloc);
    flatten(f, line, bytes, &text);
    modellab_status status = mli_buf_status(&text, err);
    if (status == MODELLAB_OK)
        status = spread(f, mli_buf_text(&text), weights, count, ipa, ends, err);
    mli_buf_dispose(&text);
    mli_free(ipa->alloc, f);
    return status;
}
