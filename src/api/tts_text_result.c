/* Results of texts: words on the caller's text, symbols of the IPA, their times. */
#include "api/tts_text.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/sized.h"
#include <string.h>

enum {
    WORD_FIRST = MLI_SIZE_UP_TO(modellab_tts_text_word, end),
    SYMBOL_FIRST = MLI_SIZE_UP_TO(modellab_tts_symbol, end)
};

void mli_tts_collected_init(mli_tts_collected *c, const modellab_allocator *alloc)
{
    mli_buf *bufs[] = {&c->samples, &c->ids, &c->ends, &c->words, &c->places, &c->symbols, &c->ipa};

    c->utterances = 0;
    c->cut = 0;
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        mli_buf_init(bufs[i], alloc);
}

void mli_tts_collected_dispose(mli_tts_collected *c)
{
    mli_buf *bufs[] = {&c->samples, &c->ids, &c->ends, &c->words, &c->places, &c->symbols, &c->ipa};

    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++)
        mli_buf_dispose(bufs[i]);
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_tts_collected *c, modellab_error *err)
{
    const mli_buf *bufs[] = {&c->ids, &c->ends, &c->words, &c->places, &c->symbols, &c->ipa};
    modellab_status status = MODELLAB_OK;

    for (size_t i = 0; status == MODELLAB_OK && i < sizeof bufs / sizeof *bufs; i++)
        status = mli_buf_status(bufs[i], err);
    return status;
}

modellab_status mli_tts_collect(mli_tts_collected *c, const modellab_tts_result *one,
                                const mli_utterance *u, double offset, modellab_error *err)
{
    const int32_t before = (int32_t)(c->ids.size / sizeof(int32_t));
    const size_t ipa = c->utterances > 0 ? c->ipa.size + 1 : 0;

    mli_buf_append(&c->ids, u->ids.data, u->ids.size);
    for (int32_t i = 0; i < one->info.phonemes; i++) {
        double end = offset + one->ends[i];
        mli_buf_append(&c->ends, &end, sizeof end);
    }
    for (size_t i = 0; i < mli_utterance_words(u); i++) {
        const mli_voice_word *w = mli_utterance_word(u, i);
        modellab_tts_span span = {before + (int32_t)w->first, (int32_t)(w->end - w->first)};
        mli_tts_place place = {w->from, w->to};
        mli_buf_append(&c->words, &span, sizeof span);
        mli_buf_append(&c->places, &place, sizeof place);
    }
    for (size_t i = 0; i < u->symbols.size / sizeof(mli_voice_symbol); i++) {
        const mli_voice_symbol *y = mli_utterance_symbol(u, i);
        mli_tts_symbol symbol = {ipa + y->at, y->bytes, before + (int32_t)y->first,
                                 before + (int32_t)y->end};
        mli_buf_append(&c->symbols, &symbol, sizeof symbol);
    }
    if (c->utterances > 0)
        mli_buf_append_char(&c->ipa, '\n');
    mli_buf_append(&c->ipa, u->ipa.data, u->ipa.size);
    c->cut += one->info.cut;
    return check(c, err);
}

static void *move(mli_buf *b)
{
    size_t bytes;
    return b->data != NULL ? mli_buf_take(b, &bytes) : NULL;
}

modellab_status mli_tts_collected_result(mli_tts_collected *c, const modellab_tts_session *s,
                                         mli_voice_text_counts counts, double duration,
                                         modellab_tts_result **out, modellab_error *err)
{
    modellab_tts_result *r = mli_alloc_zero(&s->model->alloc, sizeof *r);

    if (r == NULL)
        return mli_no_memory(err);
    r->alloc = s->model->alloc;
    atomic_init(&r->references, 1);
    r->info.rate_hz = s->rate_hz;
    r->info.phonemes = (int32_t)(c->ids.size / sizeof(int32_t));
    r->info.words = (int32_t)(c->words.size / sizeof(modellab_tts_span));
    r->info.skipped = (int32_t)counts.unknown;
    r->info.cut = (int32_t)c->cut;
    r->info.duration = duration;
    r->info.utterances = (int32_t)c->utterances;
    r->info.unsaid = (int32_t)counts.unsaid;
    r->info.from_lexicon = (int32_t)counts.by[MLI_BY_LEXICON];
    r->info.from_parts = (int32_t)counts.by[MLI_BY_PARTS];
    r->info.from_letters = (int32_t)counts.by[MLI_BY_LETTERS];
    r->count = c->samples.size / sizeof(float);
    r->symbol_count = c->symbols.size / sizeof(mli_tts_symbol);
    r->samples = move(&c->samples);
    r->ids = move(&c->ids);
    r->ends = move(&c->ends);
    r->words = move(&c->words);
    r->places = move(&c->places);
    r->symbols = move(&c->symbols);
    r->ipa = move(&c->ipa);
    *out = r;
    return MODELLAB_OK;
}

const char *modellab_tts_result_ipa(const modellab_tts_result *result)
{
    return result == NULL || result->ipa == NULL ? "" : result->ipa;
}

/* From the beginning of id `first` to that of id `end`. */
static void times_of(const modellab_tts_result *r, int32_t first, int32_t end, double *start,
                     double *stop)
{
    *start = first > 0 ? r->ends[first - 1] : 0.0;
    *stop = end > 0 ? r->ends[end - 1] : 0.0;
    if (*stop < *start)
        *stop = *start;
}

modellab_status modellab_tts_result_text_word_at(const modellab_tts_result *result, size_t index,
                                                 modellab_tts_text_word *out, modellab_error *err)
{
    modellab_tts_text_word word = {.size = sizeof word};

    if (result == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        result == NULL ? "result" : "out");
    if (result->places == NULL || index >= (size_t)result->info.words)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no word %zu of a text", index);
    word.from = result->places[index].from;
    word.bytes = result->places[index].to - result->places[index].from;
    times_of(result, result->words[index].first,
             result->words[index].first + result->words[index].count, &word.start, &word.end);
    return mli_sized_out(out, &word, sizeof word, WORD_FIRST, err);
}

size_t modellab_tts_result_symbol_count(const modellab_tts_result *result)
{
    return result == NULL ? 0 : result->symbol_count;
}

modellab_status modellab_tts_result_symbol_at(const modellab_tts_result *result, size_t index,
                                              modellab_tts_symbol *out, modellab_error *err)
{
    modellab_tts_symbol symbol = {.size = sizeof symbol};

    if (result == NULL || out == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s must not be NULL",
                        result == NULL ? "result" : "out");
    if (index >= result->symbol_count)
        return mli_fail(err, MODELLAB_E_NOT_FOUND, "there is no symbol %zu of IPA", index);
    const mli_tts_symbol *s = &result->symbols[index];
    symbol.at = s->at;
    symbol.bytes = s->bytes;
    times_of(result, s->first, s->end, &symbol.start, &symbol.end);
    return mli_sized_out(out, &symbol, sizeof symbol, SYMBOL_FIRST, err);
}
