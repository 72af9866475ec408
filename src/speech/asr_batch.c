/* Decoding chunks of speech side by side. Each has a lane: it is encoded and prompted alone, says a
 * token at each common step, and leaves its lane to the next chunk when it has ended. What needs
 * more than a greedy attempt is finished alone, with the whole machine. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include "speech/whisper_lanes.h"
#include <string.h>

typedef struct lane {
    bool busy;
    size_t chunk;
    mli_asr_run run; /* of the chunk */
    mli_asr_attempts attempts;
    mli_whisper_sequence said;
    size_t most; /* tokens */
} lane;

typedef struct batch {
    mli_asr_run *run; /* of the recording */
    const mli_asr_chunks *chunks;
    mli_asr_options options; /* of the chunks' runs */
    mli_whisper_lanes *lanes;
    lane items[MLI_WHISPER_MAX_ROWS];
    size_t lane_count, next, delivered; /* chunks */
    mli_transcript **done;              /* [chunks]; NULL = not finished, or delivered */
    float *samples;
} batch;

modellab_status mli_asr_chunk_run(const mli_asr_run *whole, const mli_asr_options *options,
                                  const mli_asr_chunks *chunks, size_t chunk, float *samples,
                                  mli_asr_run *out, modellab_error *err)
{
    const mli_vad_segment *first = &chunks->segments[chunks->items[chunk].first];
    mli_audio_source *source = NULL;
    *out = *whole;
    out->options = options;
    out->source = NULL;
    out->transcript = NULL;
    out->history = NULL;
    out->history_count = out->history_capacity = 0;
    out->seek = 0;
    out->encoded_seek = -1;
    out->last_speech = 0;
    out->is_chunk = true;
    out->origin = first->start / MLI_MEL_HOP;
    modellab_status status = mli_asr_chunk_source(whole, chunks, chunk, samples, &source, err);
    out->source = source;
    if (status == MODELLAB_OK)
        status = mli_transcript_create(whole->alloc, &out->transcript, err);
    if (status == MODELLAB_OK && whole->history_count > 0)
        status = mli_asr_remember(out, whole->history, whole->history_count, err);
    if (status == MODELLAB_OK)
        status = mli_mel_max(mli_asr_model_mel(whole->session->model), source, whole->session->pool,
                             whole->cancel, &out->mel_max, err);
    if (status != MODELLAB_OK)
        return status;
    out->transcript->has_words = options->word_times;
    out->content_frames = mli_mel_content_frames(source);
    return MODELLAB_OK;
}

void mli_asr_chunk_run_end(mli_asr_run *run)
{
    mli_audio_unref((mli_audio_source *)run->source);
    mli_transcript_unref(run->transcript);
    mli_free(run->alloc, run->history);
    run->source = NULL;
    run->transcript = NULL;
    run->history = NULL;
}

static void leave(batch *b, lane *l)
{
    const modellab_allocator *alloc = b->run->alloc;
    mli_asr_attempts_end(&l->attempts);
    mli_whisper_sequence_dispose(&l->said, alloc);
    mli_asr_chunk_run_end(&l->run);
    memset(l, 0, sizeof *l);
}

MODELLAB_MUST_CHECK static modellab_status enter(batch *b, lane *l, size_t chunk,
                                                 modellab_error *err)
{
    l->chunk = chunk;
    l->busy = true;
    return mli_asr_chunk_run(b->run, &b->options, b->chunks, chunk, b->samples, &l->run, err);
}

/* Finished chunks, in their order, into the transcript of the recording. */
MODELLAB_MUST_CHECK static modellab_status deliver_segment(const batch *b, size_t chunk,
                                                           const mli_transcript_segment *said,
                                                           modellab_error *err)
{
    const mli_asr_run *run = b->run;
    const mli_asr_options *o = run->options;
    const mli_transcript *t = run->transcript;
    mli_transcript_segment segment = *said;
    double floor = t->segment_count > 0 ? t->segments[t->segment_count - 1].end : 0;
    mli_transcript_word *words = mli_alloc_array(run->alloc, said->word_count + 1, sizeof *words);
    if (words == NULL)
        return mli_no_memory(err);
    segment.id = (int64_t)t->segment_count;
    segment.seek =
        (int64_t)(mli_asr_chunk_time(b->chunks, chunk, (double)said->seek / 100.0, false) *
                  MLI_MEL_FRAMES_PER_SECOND);
    mli_asr_chunk_place(b->chunks, chunk, floor, &segment, words);
    modellab_status status = mli_transcript_add(run->transcript, &segment, err);
    mli_free(run->alloc, words);
    if (status == MODELLAB_OK && o->segment != NULL &&
        o->segment(o->user, &t->segments[t->segment_count - 1]) != 0)
        status = mli_fail(err, MODELLAB_E_CALLBACK, "the segment callback ended the work");
    return status;
}

MODELLAB_MUST_CHECK static modellab_status deliver(batch *b, modellab_error *err)
{
    mli_asr_run *run = b->run;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && b->delivered < b->chunks->count &&
           b->done[b->delivered] != NULL) {
        size_t chunk = b->delivered++, first = run->transcript->segment_count;
        mli_transcript *said = b->done[chunk];
        for (size_t i = 0; status == MODELLAB_OK && i < said->segment_count; i++)
            status = deliver_segment(b, chunk, &said->segments[i], err);
        b->done[chunk] = NULL;
        mli_transcript_unref(said);
        run->seek = b->chunks->items[chunk].mark;
        if (status == MODELLAB_OK)
            status = mli_asr_tell_mark(run, first, err);
        if (status == MODELLAB_OK)
            status = mli_asr_tell_progress(run, err);
    }
    return status;
}

/* What was decoded becomes segments of the chunk. */
MODELLAB_MUST_CHECK static modellab_status keep(lane *l, const mli_asr_decoded *decoded,
                                                modellab_error *err)
{
    int64_t size = l->run.content_frames - l->run.seek, next = 0;
    size = size < MLI_ASR_WINDOW_FRAMES ? size : MLI_ASR_WINDOW_FRAMES;
    modellab_status status = mli_asr_keep_window(&l->run, decoded, size, &next, err);
    l->run.seek = next > l->run.seek ? next : l->run.seek + size;
    return status;
}

/* The end of the greedy attempt: further ones, if it was not good enough. */
MODELLAB_MUST_CHECK static modellab_status finish_window(batch *b, lane *l, modellab_error *err)
{
    const modellab_allocator *alloc = b->run->alloc;
    mli_asr_decoded decoded;
    mli_asr_decoded_init(&l->run, &decoded);
    mli_whisper_lanes_take(b->lanes, (size_t)(l - b->items));
    modellab_status status = mli_whisper_found_make(alloc, &l->said, &decoded.found, err);
    if (status == MODELLAB_OK)
        status = mli_asr_attempts_judge(&l->attempts, 0, &decoded, err);
    if (status == MODELLAB_OK && mli_asr_needs_another(&b->options, &decoded)) {
        status = mli_asr_attempts_again(&l->attempts, err);
        if (status == MODELLAB_OK)
            status = mli_asr_attempts_climb(&l->attempts, 1, &decoded, err);
    }
    if (status == MODELLAB_OK)
        status = mli_asr_attempts_fill(&l->attempts, &decoded, err);
    if (status == MODELLAB_OK) {
        mli_asr_attempts_show(&l->attempts, &decoded);
        status = keep(l, &decoded, err);
    }
    mli_asr_decoded_dispose(&l->run, &decoded);
    mli_asr_attempts_end(&l->attempts);
    mli_whisper_sequence_dispose(&l->said, alloc);
    return status;
}

/* The first token, from the prompt; then the window waits in its lane for the common steps. */
MODELLAB_MUST_CHECK static modellab_status begin_greedy(batch *b, lane *l, modellab_error *err)
{
    modellab_status status = mli_asr_attempts_begin(&l->attempts, &l->run, err);
    if (status != MODELLAB_OK)
        return status;
    l->most = mli_asr_attempts_most(&l->attempts);
    status = mli_whisper_sequence_init(&l->said, b->run->alloc, l->most + 1, true, err);
    if (status != MODELLAB_OK)
        return status;
    float *logits =
        mli_alloc_array(b->run->alloc, (size_t)l->attempts.rules.n_vocab, sizeof *logits);
    if (logits == NULL)
        return mli_no_memory(err);
    memcpy(logits, l->attempts.kept_logits, (size_t)l->attempts.rules.n_vocab * sizeof *logits);
    mli_whisper_say_best(&l->attempts.rules, &l->said, logits);
    mli_free(b->run->alloc, logits);
    mli_whisper_lanes_put(b->lanes, (size_t)(l - b->items));
    return status;
}

MODELLAB_MUST_CHECK static modellab_status decode_alone(lane *l, modellab_error *err)
{
    mli_asr_decoded decoded;
    modellab_status status = mli_asr_decode(&l->run, &decoded, err);
    if (status == MODELLAB_OK) {
        status = keep(l, &decoded, err);
        mli_asr_decoded_dispose(&l->run, &decoded);
    }
    return status;
}

static bool has_ended(const lane *l)
{
    return l->said.done || l->said.count >= l->most;
}

/* Windows of the chunk until one waits in the lane, or none is left: then the lane is free. */
MODELLAB_MUST_CHECK static modellab_status go_on(batch *b, lane *l, modellab_error *err)
{
    const mli_asr_options *o = &b->options;
    modellab_status status = MODELLAB_OK;
    while (status == MODELLAB_OK && l->run.seek < l->run.content_frames) {
        status = mli_asr_encode(&l->run, l->run.seek, err);
        l->run.encoded_seek = -1; /* the state will hold others' windows */
        if (o->pulse != NULL)
            o->pulse(o->user);
        if (status != MODELLAB_OK)
            return status;
        if (!mli_asr_begins_greedy(o)) {
            status = decode_alone(l, err);
            continue;
        }
        status = begin_greedy(b, l, err);
        if (status == MODELLAB_OK && !has_ended(l))
            return MODELLAB_OK;
        if (status == MODELLAB_OK)
            status = finish_window(b, l, err);
    }
    if (status != MODELLAB_OK)
        return status;
    b->done[l->chunk] = l->run.transcript;
    l->run.transcript = NULL;
    leave(b, l);
    return deliver(b, err);
}

MODELLAB_MUST_CHECK static modellab_status fill_lanes(batch *b, modellab_error *err)
{
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < b->lane_count; i++)
        while (status == MODELLAB_OK && !b->items[i].busy && b->next < b->chunks->count) {
            status = enter(b, &b->items[i], b->next++, err);
            if (status == MODELLAB_OK)
                status = go_on(b, &b->items[i], err);
        }
    return status;
}

/* A token in every lane. */
MODELLAB_MUST_CHECK static modellab_status step(batch *b, size_t *rows, modellab_error *err)
{
    const mli_asr_options *o = &b->options;
    size_t which[MLI_WHISPER_MAX_ROWS];
    int32_t tokens[MLI_WHISPER_MAX_ROWS], least = b->run->special->n_vocab;
    float *logits = NULL;
    *rows = 0;
    for (size_t i = 0; i < b->lane_count; i++) {
        const lane *l = &b->items[i];
        if (!l->busy)
            continue;
        int32_t own = mli_whisper_rules_least(&l->attempts.rules, l->said.tokens, l->said.count);
        least = own < least ? own : least;
        tokens[*rows] = l->said.tokens[l->said.count - 1];
        which[(*rows)++] = i;
    }
    if (*rows == 0)
        return MODELLAB_OK;
    if (o->pulse != NULL)
        o->pulse(o->user);
    modellab_status status =
        mli_whisper_lanes_step(b->lanes, which, tokens, *rows, least, b->run->cancel, &logits, err);
    for (size_t r = 0; status == MODELLAB_OK && r < *rows; r++) {
        lane *l = &b->items[which[r]];
        mli_whisper_say_best(&l->attempts.rules, &l->said,
                             logits + r * (size_t)l->attempts.rules.n_vocab);
    }
    /* The logits are not needed any more: other work may use their memory. */
    for (size_t r = 0; status == MODELLAB_OK && r < *rows; r++) {
        lane *l = &b->items[which[r]];
        if (!has_ended(l))
            continue;
        status = finish_window(b, l, err);
        if (status == MODELLAB_OK)
            status = go_on(b, l, err);
    }
    return status;
}

/* Chunks that an earlier attempt has finished are passed over. */
MODELLAB_MUST_CHECK static modellab_status prepare(batch *b, modellab_error *err)
{
    const mli_asr_run *run = b->run;
    while (b->next < b->chunks->count && b->chunks->items[b->next].mark <= run->seek)
        b->next++;
    b->delivered = b->next;
    size_t left = b->chunks->count - b->next;
    b->lane_count = left < (size_t)run->options->batch ? left : (size_t)run->options->batch;
    b->options = *run->options;
    b->options.condition_on_previous = false;
    b->options.segment = NULL;
    b->options.mark = NULL;
    b->options.progress = NULL;
    b->options.resume = NULL;
    if (!mli_asr_begins_greedy(&b->options))
        b->lane_count = b->lane_count > 1 ? 1 : b->lane_count;
    b->done = mli_alloc_array(run->alloc, b->chunks->count + 1, sizeof(*b->done));
    b->samples = mli_alloc_array(run->alloc, MLI_ASR_CHUNK_SAMPLES, sizeof *b->samples);
    if (b->done == NULL || b->samples == NULL)
        return mli_no_memory(err);
    memset(b->done, 0, (b->chunks->count + 1) * sizeof(*b->done));
    if (b->lane_count == 0)
        return MODELLAB_OK;
    return mli_whisper_lanes_create(&b->lanes, run->alloc, run->session->state, b->lane_count, err);
}

modellab_status mli_asr_decode_chunks(mli_asr_run *run, const mli_asr_chunks *chunks,
                                      modellab_error *err)
{
    batch b = {.run = run, .chunks = chunks};
    size_t rows = 1;
    modellab_status status = prepare(&b, err);
    while (status == MODELLAB_OK && (rows > 0 || b.next < chunks->count)) {
        status = fill_lanes(&b, err);
        if (status == MODELLAB_OK)
            status = step(&b, &rows, err);
    }
    if (status == MODELLAB_OK) {
        run->seek = run->content_frames; /* the silence at the end */
        status = mli_asr_tell_progress(run, err);
    }
    for (size_t i = 0; i < b.lane_count; i++)
        leave(&b, &b.items[i]);
    for (size_t i = 0; b.done != NULL && i < chunks->count; i++)
        mli_transcript_unref(b.done[i]);
    mli_free(run->alloc, b.done);
    mli_free(run->alloc, b.samples);
    mli_whisper_lanes_destroy(b.lanes);
    return status;
}
