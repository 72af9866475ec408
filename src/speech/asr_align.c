/* Aligning a text: which chunk of speech each word belongs to, then the words of each chunk. */
#include "speech/asr_align.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/align_pair.h"
#include "speech/asr_align_chunk.h"
#include "speech/asr_private.h"
#include <stdatomic.h>
#include <string.h>

#define HEARING 0.6 /* of the work: recognition */

typedef struct alignment {
    const modellab_allocator *alloc;
    const mli_asr_options *options; /* the caller's */
    mli_align_word *words;
    size_t count;
    size_t *chunk_of; /* [count] rising */
    mli_transcript *heard;
    uint64_t *heard_keys;
    size_t *heard_chunks;
    size_t heard_count;
} alignment;

MODELLAB_MUST_CHECK static modellab_status tell(const mli_asr_options *o, double done, double total,
                                                modellab_error *err)
{
    if (o->progress != NULL && o->progress(o->user, done, total) != 0)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the progress callback ended the work");
    return MODELLAB_OK;
}

static int32_t hearing(void *user, double done, double total)
{
    const mli_asr_options *o = user;
    return o->progress(o->user, done * HEARING, total);
}

static void pulse(void *user)
{
    const mli_asr_options *o = user;
    o->pulse(o->user);
}

/* What is said, roughly: greedy, without word times. */
MODELLAB_MUST_CHECK static modellab_status hear(alignment *a, mli_asr_session *session,
                                                const mli_audio_source *source, modellab_error *err)
{
    const mli_asr_options *o = a->options;
    mli_asr_options plain;
    mli_asr_options_init(&plain);
    plain.language = o->language;
    plain.vad = o->vad;
    plain.vad_rules = o->vad_rules;
    plain.batch = o->batch;
    plain.cancel = o->cancel;
    plain.progress = o->progress != NULL ? hearing : NULL;
    plain.pulse = o->pulse != NULL ? pulse : NULL;
    plain.user = (void *)o;
    return mli_asr_transcribe(session, source, &plain, &a->heard, err);
}

/* The words of the recognised text, and the chunk of each. */
MODELLAB_MUST_CHECK static modellab_status list_heard(alignment *a, const mli_asr_chunks *chunks,
                                                      modellab_error *err)
{
    size_t room = 0, chunk = 0;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; i < a->heard->segment_count; i++)
        room += strlen(a->heard->segments[i].text) / 2 + 1;
    a->heard_keys = mli_alloc_array(a->alloc, room + 1, sizeof *a->heard_keys);
    a->heard_chunks = mli_alloc_array(a->alloc, room + 1, sizeof *a->heard_chunks);
    if (a->heard_keys == NULL || a->heard_chunks == NULL)
        return mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < a->heard->segment_count; i++) {
        const mli_transcript_segment *s = &a->heard->segments[i];
        mli_align_word *words = NULL;
        size_t count = 0;
        while (chunk + 1 < chunks->count && s->start * 100 >= (double)chunks->items[chunk].mark)
            chunk++;
        status = mli_align_words(a->alloc, s->text, strlen(s->text), a->options->cancel, &words,
                                 &count, err);
        for (size_t k = 0; status == MODELLAB_OK && k < count; k++) {
            a->heard_keys[a->heard_count] = words[k].key;
            a->heard_chunks[a->heard_count++] = chunk;
        }
        mli_free(a->alloc, words);
    }
    return status;
}

/* Words [from, to) stand somewhere in the speech of chunks first to last: spread by its length. */
static void spread(alignment *a, const mli_asr_chunks *chunks, size_t from, size_t to, size_t first,
                   size_t last)
{
    int64_t all = 0, before = 0;
    size_t chunk = first;
    for (size_t c = first; c <= last; c++)
        all += chunks->items[c].samples;
    for (size_t i = from; i < to; i++) {
        double at = ((double)(i - from) + 0.5) / (double)(to - from) * (double)all;
        while (chunk < last && at >= (double)(before + chunks->items[chunk].samples))
            before += chunks->items[chunk++].samples;
        a->chunk_of[i] = chunk;
    }
}

/* Where neighbours on both sides were heard in the same chunk, so was what stands between. Between
 * two chunks that follow one another each takes half. */
static void fill_gap(alignment *a, const mli_asr_chunks *chunks, size_t from, size_t to,
                     size_t first, size_t last)
{
    if (last > first + 1 || from == 0 || to == a->count) {
        spread(a, chunks, from, to, first, last);
        return;
    }
    for (size_t i = from; i < to; i++)
        a->chunk_of[i] = i - from < (to - from + 1) / 2 ? first : last;
}

MODELLAB_MUST_CHECK static modellab_status place_words(alignment *a, const mli_asr_chunks *chunks,
                                                       modellab_error *err)
{
    uint64_t *keys = mli_alloc_array(a->alloc, a->count, sizeof *keys);
    int32_t *partner = mli_alloc_array(a->alloc, a->count, sizeof *partner);
    a->chunk_of = mli_alloc_array(a->alloc, a->count, sizeof *a->chunk_of);
    modellab_status status =
        keys != NULL && partner != NULL && a->chunk_of != NULL ? MODELLAB_OK : mli_no_memory(err);
    for (size_t i = 0; status == MODELLAB_OK && i < a->count; i++)
        keys[i] = a->words[i].key;
    if (status == MODELLAB_OK)
        status = mli_align_pair(a->alloc, keys, a->count, a->heard_keys, a->heard_count,
                                a->options->cancel, partner, err);
    size_t gap = 0, last = 0;
    for (size_t i = 0; status == MODELLAB_OK && i <= a->count; i++) {
        if (i < a->count && partner[i] < 0)
            continue;
        size_t chunk = i < a->count ? a->heard_chunks[partner[i]] : chunks->count - 1;
        if (gap < i)
            fill_gap(a, chunks, gap, i, last, chunk);
        if (i < a->count)
            a->chunk_of[i] = chunk;
        gap = i + 1;
        last = chunk;
    }
    mli_free(a->alloc, keys);
    mli_free(a->alloc, partner);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status align_chunks(alignment *a, mli_asr_run *run,
                                                        const mli_asr_chunks *chunks,
                                                        const char *text, modellab_error *err)
{
    double total = (double)mli_audio_samples(run->source) / MLI_AUDIO_RATE;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < a->count;) {
        size_t chunk = a->chunk_of[i], to = i;
        while (to < a->count && a->chunk_of[to] == chunk)
            to++;
        status = mli_asr_align_chunk(run, chunks, chunk, text, a->words + i, to - i, err);
        double done = (double)chunks->items[chunk].mark / 100;
        done = done < total ? done : total;
        if (status == MODELLAB_OK)
            status = tell(a->options, total * HEARING + done * (1 - HEARING), total, err);
        i = to;
    }
    return status == MODELLAB_OK ? tell(a->options, total, total, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status work(alignment *a, mli_asr_run *run, const char *text,
                                                modellab_error *err)
{
    mli_asr_chunks chunks;
    const char *language = a->heard != NULL ? a->heard->language : a->options->language;
    modellab_status status =
        mli_transcript_set_info(run->transcript, "transcribe", language != NULL ? language : "",
                                a->heard != NULL ? a->heard->language_probability : 0,
                                (double)mli_audio_samples(run->source) / MLI_AUDIO_RATE, err);
    if (status != MODELLAB_OK || a->count == 0)
        return status;
    status = mli_asr_find_speech(run, &chunks, err);
    if (status == MODELLAB_OK && chunks.count == 0)
        status = mli_fail(err, MODELLAB_E_INVALID_AUDIO, "there is no speech in the audio");
    if (status == MODELLAB_OK)
        status = mli_asr_choose_language(run, err);
    if (status == MODELLAB_OK)
        status = list_heard(a, &chunks, err);
    if (status == MODELLAB_OK)
        status = place_words(a, &chunks, err);
    if (status == MODELLAB_OK)
        status = align_chunks(a, run, &chunks, text, err);
    mli_asr_chunks_dispose(&chunks);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status run_session(alignment *a, mli_asr_session *s,
                                                       const mli_audio_source *source,
                                                       const char *text, mli_transcript **out,
                                                       modellab_error *err)
{
    const mli_whisper_tokenizer *tokenizer = mli_asr_model_tokenizer(s->model);
    mli_asr_options options = *a->options;
    options.word_times = true;
    options.resume = NULL;
    if (a->heard != NULL)
        options.language = a->heard->language;
    mli_asr_run run = {.session = s,
                       .alloc = s->alloc,
                       .options = &options,
                       .source = source,
                       .tokenizer = tokenizer,
                       .special = mli_whisper_tokenizer_special(tokenizer),
                       .cancel = options.cancel,
                       .encoded_seek = -1};
    modellab_status status = mli_transcript_create(s->alloc, &run.transcript, err);
    if (status == MODELLAB_OK) {
        run.transcript->has_words = true;
        status = work(a, &run, text, err);
    }
    if (status == MODELLAB_OK)
        status = mli_transcript_finish(run.transcript, err);
    if (status == MODELLAB_OK)
        *out = run.transcript;
    else
        mli_transcript_unref(run.transcript);
    return status;
}

modellab_status mli_asr_align(mli_asr_session *session, const mli_audio_source *source,
                              const char *text, size_t bytes, const mli_asr_options *options,
                              mli_transcript **out, modellab_error *err)
{
    alignment a = {.alloc = session->alloc, .options = options};
    uint32_t idle = 0;
    *out = NULL;
    if (options->vad == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "alignment needs a detector of speech");
    if (bytes > MLI_ASR_ALIGN_TEXT_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text is longer than %zu MiB",
                        MLI_ASR_ALIGN_TEXT_BYTES >> 20);
    modellab_status status =
        mli_align_words(a.alloc, text, bytes, options->cancel, &a.words, &a.count, err);
    if (status == MODELLAB_OK && a.count > 0)
        status = hear(&a, session, source, err);
    if (status == MODELLAB_OK && !atomic_compare_exchange_strong(&session->busy, &idle, 1)) {
        status = mli_fail(err, MODELLAB_E_BUSY, "the session is in use");
    } else if (status == MODELLAB_OK) {
        status = run_session(&a, session, source, text, out, err);
        atomic_store(&session->busy, 0);
    }
    mli_transcript_unref(a.heard);
    mli_free(a.alloc, a.words);
    mli_free(a.alloc, a.chunk_of);
    mli_free(a.alloc, a.heard_keys);
    mli_free(a.alloc, a.heard_chunks);
    return status;
}
