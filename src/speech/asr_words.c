/* Word times of a window: cross-attention of its text, warping, words, and the repairs. */
#include "base/alloc.h"
#include "base/checked.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include "speech/whisper_align.h"
#include <string.h>

typedef struct aligning {
    mli_asr_run *run;
    const mli_whisper_head *heads;
    size_t head_count;
    size_t context;            /* frames of the encoder's output */
    size_t frames;             /* of them with audio */
    int32_t *tokens;           /* start sequence, <|notimestamps|>, text, eot */
    size_t lead, text, count;  /* tokens before the text (without <|notimestamps|>); text; all */
    float *attention, *matrix; /* [heads][count][context]; [count][frames] */
    float *probabilities;      /* [count] of the token after each */
    int32_t *starts;           /* [text + 1] frame at which each text token begins; eot's */
    mli_whisper_word *words;   /* [text + 1] */
    size_t word_count;
} aligning;

MODELLAB_MUST_CHECK static modellab_status gather(aligning *a, const mli_asr_decoded *decoded,
                                                  const mli_whisper_piece *pieces,
                                                  size_t piece_count, modellab_error *err)
{
    const mli_asr_run *run = a->run;
    size_t most = run->sot_count + 2 + decoded->found.count;
    a->tokens = mli_alloc_array(run->alloc, most, sizeof *a->tokens);
    if (a->tokens == NULL)
        return mli_no_memory(err);
    memcpy(a->tokens, run->sot, run->sot_count * sizeof *a->tokens);
    a->lead = run->sot_count;
    a->count = a->lead;
    a->tokens[a->count++] = run->special->no_timestamps;
    for (size_t p = 0; p < piece_count; p++)
        for (size_t i = 0; i < pieces[p].count; i++) {
            int32_t id = decoded->found.tokens[pieces[p].first + i];
            if (id < run->special->eot)
                a->tokens[a->count++] = id;
        }
    a->text = a->count - a->lead - 1;
    a->tokens[a->count++] = run->special->eot;
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status reserve(aligning *a, modellab_error *err)
{
    const modellab_allocator *alloc = a->run->alloc;
    size_t plane = 0, all = 0, bytes = 0;
    if (mli_mul_overflow(a->count, a->context, &plane) ||
        mli_mul_overflow(plane, a->head_count, &all) ||
        mli_mul_overflow(all, sizeof(float), &bytes))
        return mli_fail(err, MODELLAB_E_LIMIT, "too many alignment heads");
    a->attention = mli_alloc(alloc, bytes);
    a->matrix = mli_alloc_array(alloc, a->count * a->frames, sizeof(float));
    a->probabilities = mli_alloc_array(alloc, a->count, sizeof(float));
    a->starts = mli_alloc_array(alloc, a->count, sizeof(int32_t));
    a->words = mli_alloc_array(alloc, a->text + 1, sizeof *a->words);
    if (a->attention == NULL || a->matrix == NULL || a->probabilities == NULL ||
        a->starts == NULL || a->words == NULL)
        return mli_no_memory(err);
    return MODELLAB_OK;
}

static void dispose(aligning *a)
{
    const modellab_allocator *alloc = a->run->alloc;
    mli_free(alloc, a->tokens);
    mli_free(alloc, a->attention);
    mli_free(alloc, a->matrix);
    mli_free(alloc, a->probabilities);
    mli_free(alloc, a->starts);
    mli_free(alloc, a->words);
}

MODELLAB_MUST_CHECK static modellab_status warp(aligning *a, modellab_error *err)
{
    mli_asr_run *run = a->run;
    modellab_status status = mli_whisper_state_attend(
        run->session->state, a->tokens, a->count, a->heads, a->head_count, a->attention, a->lead,
        run->special->eot, a->probabilities, run->cancel, err);
    for (size_t h = 0; status == MODELLAB_OK && h < a->head_count; h++) {
        mli_whisper_align_head(a->attention + h * a->count * a->context, a->count, a->context,
                               a->frames, run->cancel, a->matrix);
        if (mli_cancelled(run->cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while aligning words");
    }
    /* Rows of <|notimestamps|> and the text: each predicts the token after it. The scale of the sum
     * over heads does not change the path. */
    if (status == MODELLAB_OK)
        status = mli_whisper_dtw(run->alloc, a->matrix + a->lead * a->frames, a->text + 1,
                                 a->frames, a->frames, run->cancel, a->starts, err);
    return status;
}

static double mean(const float *values, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i];
    return count > 0 ? sum / (double)count : 0;
}

/* The last word is eot: it only gives the end of the one before. */
MODELLAB_MUST_CHECK static modellab_status to_timings(aligning *a, mli_asr_words *out,
                                                      modellab_error *err)
{
    const mli_asr_run *run = a->run;
    const char *language = mli_whisper_language_code(run->language);
    modellab_status status = mli_whisper_split_words(
        run->tokenizer, a->tokens + a->lead + 1, a->text + 1, language != NULL ? language : "en",
        a->words, &a->word_count, &out->text, err);
    if (status == MODELLAB_OK)
        status = mli_buf_status(&out->text, err);
    if (status != MODELLAB_OK || a->word_count <= 1)
        return status;
    size_t count = a->word_count - 1;
    out->items = mli_alloc_array(run->alloc, count, sizeof *out->items);
    if (out->items == NULL)
        return mli_no_memory(err);
    out->count = count;
    for (size_t i = 0; i < count; i++) {
        const mli_whisper_word *w = &a->words[i];
        out->items[i] = (mli_whisper_timing){
            .text = w->text,
            .text_bytes = w->text_bytes,
            .first = w->first,
            .count = w->count,
            .start = (double)a->starts[w->first] / 50.0,
            .end = (double)a->starts[w->first + w->count] / 50.0,
            .probability = mean(a->probabilities + a->lead + w->first, w->count)};
    }
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status align(aligning *a, const mli_asr_decoded *decoded,
                                                 const mli_whisper_piece *pieces,
                                                 size_t piece_count, mli_asr_words *out,
                                                 modellab_error *err)
{
    modellab_status status = gather(a, decoded, pieces, piece_count, err);
    if (status != MODELLAB_OK || a->text == 0 || a->frames == 0)
        return status;
    a->heads = mli_asr_model_heads(a->run->session->model, &a->head_count);
    if (a->head_count == 0)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED, "the model has no alignment heads");
    status = reserve(a, err);
    if (status == MODELLAB_OK)
        status = warp(a, err);
    return status == MODELLAB_OK ? to_timings(a, out, err) : status;
}

modellab_status mli_asr_time_words(mli_asr_run *run, const mli_asr_decoded *decoded,
                                   mli_whisper_piece *pieces, size_t piece_count, int64_t size,
                                   mli_asr_words *out, modellab_error *err)
{
    aligning a = {.run = run};
    a.context = mli_asr_model_info_of(run->session->model).dims.audio_ctx;
    a.frames = (size_t)(size / 2) < a.context ? (size_t)(size / 2) : a.context;
    memset(out, 0, sizeof *out);
    mli_buf_init(&out->text, run->alloc);
    modellab_status status = align(&a, decoded, pieces, piece_count, out, err);
    dispose(&a);
    if (status != MODELLAB_OK) {
        mli_asr_words_dispose(run, out);
        return status;
    }
    const char *text = mli_buf_text(&out->text);
    double median = mli_whisper_words_trim(out->items, out->count, text);
    mli_whisper_words_merge(out->items, out->count, text, mli_whisper_prepended,
                            mli_whisper_appended);
    double last_speech =
        run->last_speech; /* the window's own; the run's is settled by its caller */
    out->count = mli_whisper_words_place(out->items, out->count, pieces, piece_count,
                                         (double)run->seek / 100.0, median, &last_speech);
    return MODELLAB_OK;
}

void mli_asr_words_dispose(mli_asr_run *run, mli_asr_words *words)
{
    mli_free(run->alloc, words->items);
    mli_buf_dispose(&words->text);
    words->items = NULL;
    words->count = 0;
}
