/* From checkpoints back to segments and to what the next window depends on. */
#include "base/alloc.h"
#include "base/error.h"
#include "base/str.h"
#include "lab/checkpoint_private.h"
#include <string.h>

enum { HISTORY_MOST = 4096, SEGMENTS_MOST = 4096, TOKENS_MOST = 65536 };

static bool read_bits(const char *text, size_t digits, uint64_t *out)
{
    unsigned char bytes[8];
    if (!mli_unhex(text, digits, bytes)) {
        return false;
    }
    *out = 0;
    for (size_t i = 0; i < digits / 2; i++) {
        *out = *out << 8 | bytes[i];
    }
    return true;
}

static bool read_double(const mli_json *value, double *out)
{
    uint64_t bits = 0;
    bool good =
        mli_json_string_bytes(value) == 16 && read_bits(mli_json_string(value, ""), 16, &bits);
    memcpy(out, &bits, sizeof(*out));
    return good;
}

static bool read_float_at(const char *digits, float *out)
{
    uint64_t bits = 0;
    bool good = read_bits(digits, 8, &bits);
    uint32_t half = (uint32_t)bits;
    memcpy(out, &half, sizeof(*out));
    return good;
}

static int64_t int_of(const mli_json *object, const char *key)
{
    return mli_json_int(mli_json_get(object, key), -1);
}

/* One segment while it is read: what it borrows. */
typedef struct reading {
    const modellab_allocator *alloc;
    mli_transcript_segment segment;
    int32_t *tokens;
    float *probabilities;
    mli_transcript_word *words;
    char **texts; /* of words and the segment (last) that were hex digits; NULL else */
    size_t text_count;
} reading;

MODELLAB_MUST_CHECK static modellab_status senseless(modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_JSON, "a checkpoint does not hold what it must");
}

MODELLAB_MUST_CHECK static modellab_status read_tokens(const modellab_allocator *alloc,
                                                       const mli_json *list, size_t most,
                                                       int32_t **out, size_t *count,
                                                       modellab_error *err)
{
    *count = list != NULL ? mli_json_count(list) : 0;
    *out = NULL;
    if (*count > most) {
        return senseless(err);
    }
    *out = mli_alloc_array(alloc, *count + 1, sizeof(**out));
    if (*out == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < *count; i++) {
        int64_t token = mli_json_int(mli_json_at(list, i), -1);
        if (token < 0 || token > INT32_MAX) {
            return senseless(err);
        }
        (*out)[i] = (int32_t)token;
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_probabilities(reading *r, const mli_json *list,
                                                              modellab_error *err)
{
    if (list == NULL) {
        return MODELLAB_OK;
    }
    size_t count = r->segment.token_count;
    if (mli_json_count(list) != count) {
        return senseless(err);
    }
    r->probabilities = mli_alloc_array(r->alloc, count + 1, sizeof(*r->probabilities));
    if (r->probabilities == NULL) {
        return mli_no_memory(err);
    }
    for (size_t i = 0; i < count; i++) {
        const mli_json *item = mli_json_at(list, i);
        if (mli_json_string_bytes(item) != 8 ||
            !read_float_at(mli_json_string(item, ""), &r->probabilities[i])) {
            return senseless(err);
        }
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_text(reading *r, const mli_json *object,
                                                     const char **out, modellab_error *err)
{
    const mli_json *plain = mli_json_get(object, "text");
    const mli_json *digits = mli_json_get(object, "text_hex");
    if (plain != NULL) {
        *out = mli_json_string(plain, "");
        return MODELLAB_OK;
    }
    size_t bytes = mli_json_string_bytes(digits) / 2;
    char *text = mli_alloc(r->alloc, bytes + 1);
    if (text == NULL) {
        return mli_no_memory(err);
    }
    r->texts[r->text_count++] = text;
    if (!mli_unhex(mli_json_string(digits, ""), 2 * bytes, text)) {
        return senseless(err);
    }
    text[bytes] = '\0';
    *out = text;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status read_words(reading *r, const mli_json *list,
                                                      modellab_error *err)
{
    size_t count = list != NULL ? mli_json_count(list) : 0;
    if (count > TOKENS_MOST) {
        return senseless(err);
    }
    r->words = mli_alloc_array(r->alloc, count + 1, sizeof(*r->words));
    r->texts = mli_alloc_array(r->alloc, count + 1, sizeof(*r->texts));
    if (r->words == NULL || r->texts == NULL) {
        return mli_no_memory(err);
    }
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        const mli_json *item = mli_json_at(list, i);
        mli_transcript_word *word = &r->words[i];
        memset(word, 0, sizeof(*word));
        if (!read_double(mli_json_get(item, "s"), &word->start) ||
            !read_double(mli_json_get(item, "e"), &word->end) ||
            !read_double(mli_json_get(item, "p"), &word->probability)) {
            return senseless(err);
        }
        status = read_text(r, item, &word->text, err);
    }
    r->segment.words = r->words;
    r->segment.word_count = count;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status read_segment(reading *r, const mli_json *object,
                                                        modellab_error *err)
{
    mli_transcript_segment *s = &r->segment;
    bool good = true;
#define READ(name) good = read_double(mli_json_get(object, #name), &s->name) && good;
    MLI_CHECKPOINT_NUMBERS(READ)
#undef READ
    if (!good) {
        return senseless(err);
    }
    s->seek = int_of(object, "seek");
    modellab_status status = read_tokens(r->alloc, mli_json_get(object, "tokens"), TOKENS_MOST,
                                         &r->tokens, &s->token_count, err);
    s->tokens = r->tokens;
    if (status == MODELLAB_OK) {
        status = read_probabilities(r, mli_json_get(object, "p"), err);
    }
    s->token_probabilities = r->probabilities;
    if (status == MODELLAB_OK) {
        status = read_words(r, mli_json_get(object, "words"), err);
    }
    return status == MODELLAB_OK ? read_text(r, object, &s->text, err) : status;
}

static void end_reading(reading *r)
{
    for (size_t i = 0; i < r->text_count; i++) {
        mli_free(r->alloc, r->texts[i]);
    }
    mli_free(r->alloc, r->texts);
    mli_free(r->alloc, r->words);
    mli_free(r->alloc, r->probabilities);
    mli_free(r->alloc, r->tokens);
}

MODELLAB_MUST_CHECK static modellab_status
parse_window(const mli_checkpoint_chain *chain, size_t index, mli_json **out, modellab_error *err)
{
    const mli_checkpoint_window *window = &chain->windows[index];
    return mli_json_parse(chain->text.data + window->text, window->text_bytes,
                          2 * MLI_JOURNAL_LINE_BYTES, out, err);
}

MODELLAB_MUST_CHECK static modellab_status add_segments(const mli_checkpoint_chain *chain,
                                                        const mli_json *list, mli_transcript *to,
                                                        modellab_error *err)
{
    size_t count = list != NULL ? mli_json_count(list) : 0;
    modellab_status status = count > SEGMENTS_MOST ? senseless(err) : MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < count; i++) {
        reading r = {.alloc = chain->alloc};
        status = read_segment(&r, mli_json_at(list, i), err);
        r.segment.id = (int64_t)to->segment_count;
        if (status == MODELLAB_OK) {
            status = mli_transcript_add(to, &r.segment, err);
        }
        end_reading(&r);
    }
    return status;
}

MODELLAB_MUST_CHECK static modellab_status add_windows(const mli_checkpoint_chain *chain,
                                                       size_t first, bool original,
                                                       mli_transcript *to, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = first; status == MODELLAB_OK && i < chain->count; i++) {
        mli_json *window = NULL;
        status = parse_window(chain, i, &window, err);
        if (status == MODELLAB_OK) {
            const mli_json *moved = original ? mli_json_get(window, "original") : NULL;
            const mli_json *list = moved != NULL ? moved : mli_json_get(window, "segments");
            status = add_segments(chain, list, to, err);
        }
        mli_json_free(window);
    }
    return status;
}

modellab_status mli_checkpoint_segments(const mli_checkpoint_chain *chain, mli_transcript *to,
                                        modellab_error *err)
{
    return add_windows(chain, 0, false, to, err);
}

modellab_status mli_checkpoint_original(const mli_checkpoint_chain *chain, size_t first,
                                        mli_transcript *to, modellab_error *err)
{
    return add_windows(chain, first, true, to, err);
}

MODELLAB_MUST_CHECK static modellab_status read_mark(const mli_checkpoint_chain *chain,
                                                     const mli_json *state, mli_asr_mark *out,
                                                     int32_t **history, modellab_error *err)
{
    const mli_json *level = mli_json_get(state, "mel_max");
    int64_t language = int_of(state, "language");
    if (mli_json_string_bytes(level) != 8 ||
        !read_float_at(mli_json_string(level, ""), &out->mel_max) || language < 0 ||
        language > 1000 ||
        !read_double(mli_json_get(state, "language_probability"), &out->language_probability) ||
        !read_double(mli_json_get(state, "last_speech"), &out->last_speech)) {
        return senseless(err);
    }
    out->language = (int32_t)language;
    modellab_status status = read_tokens(chain->alloc, mli_json_get(state, "history"), HISTORY_MOST,
                                         history, &out->history_count, err);
    out->history = *history;
    return status;
}

modellab_status mli_checkpoint_mark(const mli_checkpoint_chain *chain, mli_asr_mark *out,
                                    int32_t **history, modellab_error *err)
{
    mli_json *window = NULL;
    memset(out, 0, sizeof(*out));
    *history = NULL;
    modellab_status status = parse_window(chain, chain->count - 1, &window, err);
    if (status == MODELLAB_OK) {
        out->seek = chain->windows[chain->count - 1].to;
        status = read_mark(chain, mli_json_get(window, "state"), out, history, err);
    }
    mli_json_free(window);
    if (status != MODELLAB_OK) {
        mli_free(chain->alloc, *history);
        *history = NULL;
    }
    return status;
}
