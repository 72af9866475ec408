/* Forced alignment of some words with one chunk of speech. */
#include "speech/asr_align_chunk.h"

#include "base/alloc.h"
#include "base/error.h"
#include <math.h>
#include <string.h>

#define LEAST_SPEECH 0.08 /* seconds of a word in it */

typedef struct work {
    const mli_asr_run *run;
    const mli_asr_chunks *chunks;
    size_t chunk;
    const mli_align_speech *speech;
    mli_align_item *items; /* a copy; what was heard goes where there is no room for it */
    size_t count;
    int32_t *tokens;
    size_t token_count;
    size_t *first;             /* [count + 1] its first token */
    mli_transcript_word *made; /* [count] times within the chunk */
    mli_transcript_word *placed;
    char *texts; /* " word" of each, terminated */
} work;

MODELLAB_MUST_CHECK static modellab_status reserve(work *k, const mli_align_item *items,
                                                   size_t *bytes, modellab_error *err)
{
    const modellab_allocator *alloc = k->run->alloc;
    for (size_t i = 0; i < k->count; i++)
        *bytes += items[i].bytes + 2;
    k->items = mli_alloc_array(alloc, k->count, sizeof *k->items);
    k->texts = mli_alloc(alloc, *bytes);
    k->tokens = mli_alloc_array(alloc, *bytes, sizeof *k->tokens); /* at most one a byte */
    k->first = mli_alloc_array(alloc, k->count + 1, sizeof *k->first);
    k->made = mli_alloc_array(alloc, k->count, sizeof *k->made);
    k->placed = mli_alloc_array(alloc, k->count, sizeof *k->placed);
    if (k->items == NULL || k->texts == NULL || k->tokens == NULL || k->first == NULL ||
        k->made == NULL || k->placed == NULL)
        return mli_no_memory(err);
    memcpy(k->items, items, k->count * sizeof *items);
    return MODELLAB_OK;
}

/* No token is longer, so that it is known of a long word that there is no room for it. */
enum { TOKEN_BYTES = 128 };

/* " word" of each word, and its tokens, until those are more than `most`. */
MODELLAB_MUST_CHECK static modellab_status encode(work *k, size_t room, size_t most,
                                                  modellab_error *err)
{
    const char *language = mli_whisper_language_code(k->run->language);
    bool close = mli_whisper_without_spaces(language);
    char *at = k->texts;
    modellab_status status = MODELLAB_OK;
    k->token_count = 0;
    for (size_t i = 0; status == MODELLAB_OK && i < k->count; i++) {
        const mli_align_item *w = &k->items[i];
        size_t made = 0, space = w->joined ? 0 : 1;
        at[0] = ' ';
        memcpy(at + space, w->text, w->bytes);
        at[w->bytes + space] = '\0';
        k->made[i] = (mli_transcript_word){.text = at};
        k->first[i] = k->token_count;
        if (w->bytes / TOKEN_BYTES > most)
            k->token_count = most + 1;
        else if (k->token_count <= most)
            status = mli_whisper_encode(k->run->tokenizer, at + (close ? space : 0),
                                        w->bytes + (close ? 0 : space), k->tokens + k->token_count,
                                        room - k->token_count, &made, err);
        k->token_count += made;
        at += w->bytes + space + 1;
        if (status == MODELLAB_OK && mli_cancelled(k->run->cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while aligning words");
    }
    k->first[k->count] = k->token_count;
    return status;
}

static void forget_heard(work *k)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->count; i++)
        if (k->items[i].given)
            k->items[kept++] = k->items[i];
    k->count = kept;
}

/* In proportion to their letters, where attention cannot tell. */
static void spread(work *k)
{
    double seconds = (double)k->chunks->items[k->chunk].samples / MLI_AUDIO_RATE;
    size_t all = 0, before = 0;
    for (size_t i = 0; i < k->count; i++)
        all += k->items[i].bytes + 1;
    for (size_t i = 0; i < k->count; i++) {
        k->made[i].start = seconds * (double)before / (double)all;
        before += k->items[i].bytes + 1;
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

/* The first segment that ends after this second. */
static size_t first_after(const mli_align_speech *speech, double seconds)
{
    size_t low = 0, high = speech->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if ((double)speech->items[middle].end / MLI_AUDIO_RATE <= seconds)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The part of a word that is in the speech of which it has most; what is not in speech stays, it
 * may be said too softly for the detector. */
static void leave_silence(const mli_align_speech *speech, mli_transcript_word *words,
                          mli_transcript_segment *segment)
{
    for (size_t i = 0; i < segment->word_count; i++) {
        mli_transcript_word *w = &words[i];
        double best = 0, from = w->start, to = w->end;
        for (size_t n = first_after(speech, w->start); n < speech->count; n++) {
            double start = fmax((double)speech->items[n].start / MLI_AUDIO_RATE, w->start);
            double end = fmin((double)speech->items[n].end / MLI_AUDIO_RATE, w->end);
            if ((double)speech->items[n].start / MLI_AUDIO_RATE >= w->end)
                break;
            if (end - start > best) {
                best = end - start;
                from = start;
                to = end;
            }
        }
        if (best >= LEAST_SPEECH) {
            w->start = from;
            w->end = to;
        }
    }
    segment->start = words[0].start;
    segment->end = words[segment->word_count - 1].end;
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
        leave_silence(k->speech, k->placed, &segment);
        status = mli_transcript_add(t, &segment, err);
    }
    mli_buf_dispose(&text);
    return status;
}

/* Only the given words are asked for. */
static void keep_given(work *k)
{
    size_t kept = 0;
    for (size_t i = 0; i < k->count; i++)
        if (k->items[i].given)
            k->made[kept++] = k->made[i];
    k->count = kept;
}

MODELLAB_MUST_CHECK static modellab_status align(work *k, const mli_align_item *items,
                                                 modellab_error *err)
{
    mli_asr_run run;
    size_t bytes = 0, room = mli_asr_model_info_of(k->run->session->model).dims.text_ctx;
    modellab_status status = reserve(k, items, &bytes, err);
    if (status == MODELLAB_OK)
        status = encode(k, bytes, room, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_asr_chunk_run(k->run, k->run->options, k->chunks, k->chunk, NULL, &run, err);
    if (status == MODELLAB_OK && k->token_count + run.sot_count + 2 > room) {
        forget_heard(k);
        status = encode(k, bytes, room, err);
    }
    if (status == MODELLAB_OK && k->token_count + run.sot_count + 2 <= room &&
        run.content_frames >= 2)
        status = attend(k, &run, err);
    else if (status == MODELLAB_OK)
        spread(k);
    mli_asr_chunk_run_end(&run);
    keep_given(k);
    for (size_t i = 0, from = 0; status == MODELLAB_OK && i < k->count; i++)
        if (i + 1 == k->count || ends_sentence(&k->made[i])) {
            status = add(k, from, i + 1, err);
            from = i + 1;
        }
    return status;
}

modellab_status mli_asr_align_chunk(const mli_asr_run *run, const mli_asr_chunks *chunks,
                                    size_t chunk, const mli_align_item *items, size_t count,
                                    const mli_align_speech *speech, modellab_error *err)
{
    work k = {.run = run, .chunks = chunks, .chunk = chunk, .speech = speech, .count = count};
    modellab_status status = align(&k, items, err);
    mli_free(run->alloc, k.items);
    mli_free(run->alloc, k.tokens);
    mli_free(run->alloc, k.first);
    mli_free(run->alloc, k.made);
    mli_free(run->alloc, k.placed);
    mli_free(run->alloc, k.texts);
    return status;
}
