/* The long-form loop: window after window, each beginning where the last one's speech ended. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

void mli_asr_options_init(mli_asr_options *o)
{
    memset(o, 0, sizeof *o);
    o->condition_on_previous = o->suppress_blank = o->suppress_symbols = o->timestamps = true;
    o->best_of = 5;
    o->patience = 1;
    o->length_penalty = -1;
    o->compression_ratio_threshold = 2.4;
    o->logprob_threshold = -1;
    o->no_speech_threshold = 0.6;
    o->max_initial_timestamp = 1;
    o->hallucination_silence = NAN;
    mli_asr_vad_rules_init(&o->vad_rules);
    o->batch = MLI_ASR_BATCH;
}

MODELLAB_MUST_CHECK static modellab_status check(const mli_asr_options *o, modellab_error *err)
{
    if (o->beam_size < 0 || o->beam_size > MLI_WHISPER_MAX_ROWS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "beam size must be 0 to %d",
                        MLI_WHISPER_MAX_ROWS);
    if (o->best_of < 1 || o->best_of > MLI_WHISPER_MAX_ROWS)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "best-of must be 1 to %d",
                        MLI_WHISPER_MAX_ROWS);
    if (!(o->patience >= 0) || o->patience > 16)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "patience must be 0 to 16");
    if (o->temperatures != NULL && o->temperature_count > 64)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "at most 64 temperatures");
    for (size_t i = 0; o->temperatures != NULL && i < o->temperature_count; i++)
        if (!(o->temperatures[i] >= 0 && o->temperatures[i] <= 16))
            return mli_fail_at(err, MODELLAB_E_INVALID_ARGUMENT, (int64_t)i,
                               "temperatures must be 0 to 16");
    if (o->max_tokens < 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the most tokens must not be negative");
    if (o->hallucination_silence >= 0 && !o->word_times)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                        "the guard against invented words needs word times");
    if ((o->vad != NULL || o->chunks != NULL) && (o->batch < 1 || o->batch > MLI_WHISPER_MAX_ROWS))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "a batch must be 1 to %d chunks",
                        MLI_WHISPER_MAX_ROWS);
    return MODELLAB_OK;
}

static size_t rows_needed(const mli_asr_options *o)
{
    size_t rows = o->beam_size > 1 ? (size_t)o->beam_size : 1;
    bool samples = o->temperatures == NULL || o->temperature_count == 0;
    for (size_t i = 0; o->temperatures != NULL && i < o->temperature_count; i++)
        samples = samples || o->temperatures[i] > 0;
    return samples && (size_t)o->best_of > rows ? (size_t)o->best_of : rows;
}

/* The caller's text before the audio, as " text". */
MODELLAB_MUST_CHECK static modellab_status add_initial_prompt(mli_asr_run *run, modellab_error *err)
{
    const char *prompt = run->options->initial_prompt;
    size_t first = 0, size = 0, count = 0;
    if (prompt == NULL || prompt[0] == '\0')
        return MODELLAB_OK;
    mli_asr_strip(prompt, strlen(prompt), &first, &size);
    if (size > 65536)
        return mli_fail(err, MODELLAB_E_LIMIT, "the initial prompt is longer than 64 KiB");
    char *text = mli_alloc(run->alloc, size + 1);
    int32_t *ids = mli_alloc_array(run->alloc, size + 1, sizeof *ids);
    modellab_status status = MODELLAB_OK;
    if (text == NULL || ids == NULL) {
        status = mli_no_memory(err);
    } else {
        text[0] = ' ';
        memcpy(text + 1, prompt + first, size);
        status = mli_whisper_encode(run->tokenizer, text, size + 1, ids, size + 1, &count, err);
    }
    if (status == MODELLAB_OK)
        status = mli_asr_remember(run, ids, count, err);
    mli_free(run->alloc, text);
    mli_free(run->alloc, ids);
    return status;
}

modellab_status mli_asr_tell_progress(const mli_asr_run *run, modellab_error *err)
{
    int64_t done = run->seek < run->content_frames ? run->seek : run->content_frames;
    if (run->options->progress != NULL &&
        run->options->progress(run->options->user, (double)done / 100.0,
                               (double)run->content_frames / 100.0) != 0)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the progress callback ended the work");
    return MODELLAB_OK;
}

modellab_status mli_asr_tell_mark(const mli_asr_run *run, size_t first, modellab_error *err)
{
    const mli_transcript *t = run->transcript;
    mli_asr_mark mark = {.seek = run->seek,
                         .mel_max = run->mel_max,
                         .language = run->language,
                         .language_probability = run->language_probability,
                         .last_speech = run->last_speech,
                         .history = run->history,
                         .history_count = run->history_count};
    const mli_transcript_segment *segments = t->segment_count > first ? t->segments + first : NULL;
    if (run->options->mark != NULL &&
        run->options->mark(run->options->user, &mark, segments, t->segment_count - first) != 0)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the mark callback ended the work");
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status one_window(mli_asr_run *run, modellab_error *err)
{
    mli_asr_decoded decoded;
    int64_t left = run->content_frames - run->seek;
    int64_t size = left < MLI_ASR_WINDOW_FRAMES ? left : MLI_ASR_WINDOW_FRAMES;
    int64_t next = run->seek + size;
    size_t first = run->transcript->segment_count;
    modellab_status status = mli_asr_encode(run, run->seek, err);
    if (status == MODELLAB_OK && run->options->pulse != NULL)
        run->options->pulse(run->options->user);
    if (status == MODELLAB_OK)
        status = mli_asr_decode(run, &decoded, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_asr_keep_window(run, &decoded, size, &next, err);
    mli_asr_decoded_dispose(run, &decoded);
    if (status != MODELLAB_OK)
        return status;
    /* Each window goes forward, whatever the word times say. */
    run->seek = next > run->seek ? next : run->seek + size;
    status = mli_asr_tell_mark(run, first, err);
    return status == MODELLAB_OK ? mli_asr_tell_progress(run, err) : status;
}

static bool is_sound(const mli_asr_run *run, const mli_asr_mark *mark)
{
    mli_whisper_dims dims = mli_asr_model_info_of(run->session->model).dims;
    bool sound = mark->seek > 0 && mark->seek <= run->content_frames + MLI_ASR_WINDOW_FRAMES &&
                 mark->history_count < dims.text_ctx / 2 && mark->language >= 0 &&
                 mark->language < MLI_WHISPER_LANGUAGES && isfinite(mark->mel_max) &&
                 isfinite(mark->last_speech);
    for (size_t i = 0; sound && i < mark->history_count; i++)
        sound = mark->history[i] >= 0 && (size_t)mark->history[i] < dims.vocab;
    return sound;
}

/* Puts everything back as the last finished window left it. */
MODELLAB_MUST_CHECK static modellab_status go_on(mli_asr_run *run, const mli_asr_resume *resume,
                                                 modellab_error *err)
{
    const mli_asr_mark *mark = &resume->mark;
    modellab_status status = MODELLAB_OK;
    if (!is_sound(run, mark))
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "there is nothing to go on from here");
    run->seek = mark->seek;
    run->last_speech = mark->last_speech;
    if (mark->history_count > 0)
        status = mli_asr_remember(run, mark->history, mark->history_count, err);
    for (size_t i = 0; status == MODELLAB_OK && i < resume->done->segment_count; i++)
        status = mli_transcript_add(run->transcript, &resume->done->segments[i], err);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status find_mel_max(mli_asr_run *run, modellab_error *err)
{
    mli_asr_session *s = run->session;
    if (run->options->resume != NULL) {
        run->mel_max = run->options->resume->mark.mel_max;
        return MODELLAB_OK;
    }
    return mli_mel_max(mli_asr_model_mel(s->model), run->source, s->pool, run->cancel,
                       &run->mel_max, err);
}

/* What stands before the first window of the recording, or of each chunk. */
MODELLAB_MUST_CHECK static modellab_status begin(mli_asr_run *run, modellab_error *err)
{
    modellab_status status = mli_transcript_set_info(
        run->transcript, run->options->translate ? "translate" : "transcribe",
        mli_whisper_language_code(run->language), run->language_probability,
        (double)mli_audio_samples(run->source) / MLI_AUDIO_RATE, err);
    if (status == MODELLAB_OK)
        status = run->options->resume != NULL ? go_on(run, run->options->resume, err)
                                              : add_initial_prompt(run, err);
    return status == MODELLAB_OK ? mli_asr_tell_progress(run, err) : status;
}

modellab_status mli_asr_choose_by_speech(mli_asr_run *run, const mli_asr_chunks *chunks,
                                         modellab_error *err)
{
    mli_asr_run first = *run;
    mli_audio_source *source = NULL;
    modellab_status status = MODELLAB_OK;
    first.content_frames = 0;
    if (chunks->count > 0)
        status = mli_asr_chunk_source(run, chunks, 0, NULL, &source, err);
    if (status == MODELLAB_OK && source != NULL) {
        first.source = source;
        first.content_frames = mli_mel_content_frames(source);
        status = mli_mel_max(mli_asr_model_mel(run->session->model), source, run->session->pool,
                             run->cancel, &first.mel_max, err);
    }
    if (status == MODELLAB_OK)
        status = mli_asr_choose_language(&first, err);
    mli_audio_unref(source);
    run->language = first.language;
    run->language_probability = first.language_probability;
    memcpy(run->sot, first.sot, sizeof run->sot);
    run->sot_count = first.sot_count;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status transcribe_speech(mli_asr_run *run, modellab_error *err)
{
    mli_asr_chunks found = {.alloc = run->alloc};
    const mli_asr_chunks *chunks = run->options->chunks;
    modellab_status status = MODELLAB_OK;
    if (chunks == NULL) {
        status = mli_asr_find_speech(run, &found, err);
        chunks = &found;
    }
    if (status == MODELLAB_OK)
        status = mli_asr_choose_by_speech(run, chunks, err);
    if (status == MODELLAB_OK)
        status = begin(run, err);
    if (status == MODELLAB_OK)
        status = mli_asr_decode_chunks(run, chunks, err);
    mli_asr_chunks_dispose(&found);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status transcribe(mli_asr_run *run, modellab_error *err)
{
    modellab_status status = mli_asr_need_state(run->session, rows_needed(run->options), err);
    run->content_frames = mli_mel_content_frames(run->source);
    if (status == MODELLAB_OK && (run->options->vad != NULL || run->options->chunks != NULL))
        return transcribe_speech(run, err);
    if (status == MODELLAB_OK)
        status = find_mel_max(run, err);
    if (status == MODELLAB_OK)
        status = mli_asr_choose_language(run, err);
    if (status == MODELLAB_OK)
        status = begin(run, err);
    while (status == MODELLAB_OK && run->seek < run->content_frames)
        status = one_window(run, err);
    return status;
}

modellab_status mli_asr_transcribe_held(mli_asr_session *s, const mli_audio_source *source,
                                        const mli_asr_options *options, mli_transcript **out,
                                        modellab_error *err)
{
    const mli_whisper_tokenizer *tokenizer = mli_asr_model_tokenizer(s->model);
    mli_asr_run run = {.session = s,
                       .alloc = s->alloc,
                       .options = options,
                       .source = source,
                       .tokenizer = tokenizer,
                       .special = mli_whisper_tokenizer_special(tokenizer),
                       .cancel = options->cancel,
                       .encoded_seek = -1};
    modellab_status status = mli_transcript_create(s->alloc, &run.transcript, err);
    if (status != MODELLAB_OK)
        return status;
    run.transcript->has_words = options->word_times;
    status = transcribe(&run, err);
    bool partial = status == MODELLAB_E_CANCELLED || status == MODELLAB_E_CALLBACK;
    run.transcript->partial = partial;
    mli_free(s->alloc, run.history);
    modellab_status finished = MODELLAB_OK;
    if (status == MODELLAB_OK || partial)
        finished = mli_transcript_finish(run.transcript, status == MODELLAB_OK ? err : NULL);
    if ((status == MODELLAB_OK || partial) && finished == MODELLAB_OK)
        *out = run.transcript;
    else
        mli_transcript_unref(run.transcript);
    return status == MODELLAB_OK ? finished : status;
}

modellab_status mli_asr_transcribe(mli_asr_session *session, const mli_audio_source *source,
                                   const mli_asr_options *options, mli_transcript **out,
                                   modellab_error *err)
{
    *out = NULL;
    modellab_status status = check(options, err);
    if (status != MODELLAB_OK)
        return status;
    uint32_t idle = 0;
    if (!atomic_compare_exchange_strong(&session->busy, &idle, 1))
        return mli_fail(err, MODELLAB_E_BUSY, "the session is in use");
    status = mli_asr_transcribe_held(session, source, options, out, err);
    atomic_store(&session->busy, 0);
    return status;
}
