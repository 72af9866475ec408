/* Forced alignment of some words with one chunk of speech. */
#include "speech/asr_align_chunk.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

typedef struct work {
    const mli_asr_run *run;
    const mli_asr_chunks *chunks;
    size_t chunk;
    const char *text;
    const mli_align_word *words;
    size_t count;
    int32_t *tokens;
    size_t token_count;
    size_t *first;             /* [count + 1] its first token */
    mli_transcript_word *made; /* [count] times within the chunk */
    mli_transcript_word *placed;
    char *texts; /* " word" of each, terminated */
} work;

/* " word" of each word, and its tokens. */
MODELLAB_MUST_CHECK static modellab_status prepare(work *k, modellab_error *err)
{
    const modellab_allocator *alloc = k->run->alloc;
    size_t bytes = 0;
    for (size_t i = 0; i < k->count; i++)
        bytes += k->words[i].bytes + 2;
    k->texts = mli_alloc(alloc, bytes);
    k->tokens = mli_alloc_array(alloc, bytes, sizeof *k->tokens); /* at most one a byte */
    k->first = mli_alloc_array(alloc, k->count + 1, sizeof *k->first);
    k->made = mli_alloc_array(alloc, k->count, sizeof *k->made);
    k->placed = mli_alloc_array(alloc, k->count, sizeof *k->placed);
    if (k->texts == NULL || k->tokens == NULL || k->first == NULL || k->made == NULL ||
        k->placed == NULL)
        return mli_no_memory(err);
    char *at = k->texts;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < k->count; i++) {
        const mli_align_word *w = &k->words[i];
        size_t made = 0;
        at[0] = ' ';
        memcpy(at + 1, k->text + w->text, w->bytes);
        at[w->bytes + 1] = '\0';
        k->made[i] = (mli_transcript_word){.text = at};
        k->first[i] = k->token_count;
        status = mli_whisper_encode(k->run->tokenizer, at, w->bytes + 1, k->tokens + k->token_count,
                                    bytes - k->token_count, &made, err);
        k->token_count += made;
        at += w->bytes + 2;
        if (status == MODELLAB_OK && mli_cancelled(k->run->cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while aligning words");
    }
    k->first[k->count] = k->token_count;
    return status;
}

/* In proportion to their letters, where attention cannot tell. */
static void spread(work *k)
{
    double seconds = (double)k->chunks->items[k->chunk].samples / MLI_AUDIO_RATE;
    size_t all = 0, before = 0;
    for (size_t i = 0; i < k->count; i++)
        all += k->words[i].bytes + 1;
    for (size_t i = 0; i < k->count; i++) {
        k->made[i].start = seconds * (double)before / (double)all;
        before += k->words[i].bytes + 1;
        k->made[i].end = seconds * (double)before / (double)all;
    }
}

/* Words of the model are pieces of those of the text, or two of them joined. */
static void take_times(work *k, const mli_asr_words *found)
{
    size_t item = 0;
    double last = 0;
    for (size_t i = 0; i < k->count; i++) {
        mli_transcript_word *w = &k->made[i];
        double sum = 0;
        size_t used = 0;
        while (item < found->count &&
               found->items[item].first + found->items[item].count <= k->first[i])
            item++;
        w->start = w->end = last;
        for (size_t n = item; n < found->count && found->items[n].first < k->first[i + 1]; n++) {
            if (used++ == 0)
                w->start = found->items[n].start;
            w->end = found->items[n].end;
            sum += found->items[n].probability;
        }
        w->probability = used > 0 ? sum / (double)used : 0;
        last = w->end;
    }
}

MODELLAB_MUST_CHECK static modellab_status attend(work *k, mli_asr_run *run, modellab_error *err)
{
    mli_asr_decoded decoded;
    mli_asr_words found;
    mli_whisper_piece piece = {.end = (double)run->content_frames / 100,
                               .count = k->token_count,
                               .text_tokens = k->token_count};
    modellab_status status = mli_asr_encode(run, 0, err);
    if (run->options->pulse != NULL)
        run->options->pulse(run->options->user);
    if (status != MODELLAB_OK)
        return status;
    memset(&decoded, 0, sizeof decoded);
    decoded.found.tokens = k->tokens;
    decoded.found.count = k->token_count;
    status = mli_asr_time_words(run, &decoded, &piece, 1, run->content_frames, &found, err);
    if (status != MODELLAB_OK)
        return status;
    take_times(k, &found);
    mli_asr_words_dispose(run, &found);
    return MODELLAB_OK;
}

static bool ends_sentence(const mli_transcript_word *word)
{
    size_t at = strlen(word->text);
    while (at > 0 && strchr("\"')]", word->text[at - 1]) != NULL)
        at--;
    return at > 0 && strchr(".?!", word->text[at - 1]) != NULL;
}

MODELLAB_MUST_CHECK static modellab_status add(work *k, size_t from, size_t to, modellab_error *err)
{
    mli_transcript *t = k->run->transcript;
    double floor = t->segment_count > 0 ? t->segments[t->segment_count - 1].end : 0, sum = 0;
    mli_buf text;
    mli_buf_init(&text, k->run->alloc);
    for (size_t i = from; i < to; i++) {
        mli_buf_append_text(&text, k->made[i].text);
        sum += k->made[i].probability;
    }
    modellab_status status = mli_buf_status(&text, err);
    mli_transcript_segment segment = {.id = (int64_t)t->segment_count,
                                      .start = k->made[from].start,
                                      .end = k->made[to - 1].end,
                                      .text = mli_buf_text(&text),
                                      .words = k->made + from,
                                      .word_count = to - from,
                                      .avg_logprob = log(fmax(sum / (double)(to - from), 1e-6))};
    if (status == MODELLAB_OK) {
        mli_asr_chunk_place(k->chunks, k->chunk, floor, &segment, k->placed);
        status = mli_transcript_add(t, &segment, err);
    }
    mli_buf_dispose(&text);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status align(work *k, modellab_error *err)
{
    mli_asr_run run;
    size_t room = mli_asr_model_info_of(k->run->session->model).dims.text_ctx;
    modellab_status status = prepare(k, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_asr_chunk_run(k->run, k->run->options, k->chunks, k->chunk, NULL, &run, err);
    if (status == MODELLAB_OK && k->token_count + run.sot_count + 2 <= room &&
        run.content_frames >= 2)
        status = attend(k, &run, err);
    else if (status == MODELLAB_OK)
        spread(k);
    mli_asr_chunk_run_end(&run);
    for (size_t i = 0, from = 0; status == MODELLAB_OK && i < k->count; i++)
        if (i + 1 == k->count || ends_sentence(&k->made[i])) {
            status = add(k, from, i + 1, err);
            from = i + 1;
        }
    return status;
}

modellab_status mli_asr_align_chunk(const mli_asr_run *run, const mli_asr_chunks *chunks,
                                    size_t chunk, const char *text, const mli_align_word *words,
                                    size_t count, modellab_error *err)
{
    work k = {
        .run = run, .chunks = chunks, .chunk = chunk, .text = text, .words = words, .count = count};
    modellab_status status = align(&k, err);
    mli_free(run->alloc, k.tokens);
    mli_free(run->alloc, k.first);
    mli_free(run->alloc, k.made);
    mli_free(run->alloc, k.placed);
    mli_free(run->alloc, k.texts);
    return status;
}
