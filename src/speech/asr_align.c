/* Aligning a text: what is heard in each chunk says which words belong there, then the words of
 * each chunk are aligned, together with what was heard beside them. */
#include "speech/asr_align.h"

#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_align_chunk.h"
#include "speech/asr_align_keep.h"
#include "speech/asr_align_speech.h"
#include "speech/asr_private.h"
#include <stdatomic.h>
#include <string.h>

#define HEARING 0.6 /* of the work: recognition */

typedef struct alignment {
    mli_asr_session *session;
    const modellab_allocator *alloc;
    const mli_asr_options *options; /* the caller's */
    const char *text;
    size_t bytes;
    mli_vad_segment *speech; /* the detector's */
    size_t speech_count;
    mli_asr_chunks chunks; /* of all of the audio */
    mli_asr_chunks kept;   /* what of them words are aligned with */
    double *seconds;       /* [chunks] of speech */
    size_t *ends;          /* [chunks] heard segments until there */
    size_t marks;
    mli_transcript *heard;
    mli_align_list given, said, script;
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
    const alignment *a = user;
    const mli_asr_options *o = a->options;
    return o->progress != NULL ? o->progress(o->user, done * HEARING, total) : 0;
}

static void pulse(void *user)
{
    const alignment *a = user;
    if (a->options->pulse != NULL)
        a->options->pulse(a->options->user);
}

/* Once a chunk, in their order. */
static int32_t chunk_heard(void *user, const mli_asr_mark *mark,
                           const mli_transcript_segment *segments, size_t count)
{
    alignment *a = user;
    (void)mark;
    (void)segments;
    if (a->marks >= a->chunks.count)
        return 1;
    a->ends[a->marks] = count + (a->marks > 0 ? a->ends[a->marks - 1] : 0);
    a->marks++;
    return 0;
}

/* What is said, roughly: greedy. */
MODELLAB_MUST_CHECK static modellab_status hear(alignment *a, const mli_asr_run *run,
                                                modellab_error *err)
{
    const mli_asr_options *o = a->options;
    mli_asr_options plain;
    mli_asr_options_init(&plain);
    plain.language = run->options->language;
    plain.chunks = &a->chunks;
    plain.batch = o->batch;
    plain.word_times = true;
    plain.cancel = o->cancel;
    plain.progress = hearing;
    plain.pulse = pulse;
    plain.mark = chunk_heard;
    plain.user = a;
    return mli_asr_transcribe_held(a->session, run->source, &plain, &a->heard, err);
}

/* The words of both texts. */
MODELLAB_MUST_CHECK static modellab_status list_words(alignment *a, const mli_asr_run *run,
                                                      modellab_error *err)
{
    const char *language = mli_whisper_language_code(run->language);
    size_t chunk = 0, count = 0;
    mli_align_word *words = NULL;
    modellab_status status = mli_align_split(a->alloc, run->tokenizer, language, a->text, a->bytes,
                                             run->cancel, &words, &count, err);
    if (status == MODELLAB_OK)
        status = mli_align_list_add(&a->given, a->alloc, a->text, words, count, 0, true, err);
    mli_free(a->alloc, words);
    for (size_t i = 0; status == MODELLAB_OK && i < a->heard->segment_count; i++) {
        const char *text = a->heard->segments[i].text;
        while (chunk + 1 < a->marks && i >= a->ends[chunk])
            chunk++;
        status = mli_align_split(a->alloc, run->tokenizer, language, text, strlen(text),
                                 run->cancel, &words, &count, err);
        if (status == MODELLAB_OK)
            status = mli_align_list_add(&a->said, a->alloc, text, words, count, chunk, false, err);
        mli_free(a->alloc, words);
        words = NULL;
    }
    return status;
}

/* The detector's speech, and all of the audio in chunks. */
MODELLAB_MUST_CHECK static modellab_status cut_audio(alignment *a, const mli_asr_run *run,
                                                     modellab_error *err)
{
    modellab_status status = mli_asr_chunks_cover(a->alloc, a->speech, a->speech_count,
                                                  mli_audio_samples(run->source), &a->chunks, err);
    if (status != MODELLAB_OK)
        return status;
    a->seconds = mli_alloc_array(a->alloc, a->chunks.count, sizeof *a->seconds);
    a->ends = mli_alloc_array(a->alloc, a->chunks.count, sizeof *a->ends);
    if (a->seconds == NULL || a->ends == NULL)
        return mli_no_memory(err);
    mli_asr_chunks_seconds(&a->chunks, a->speech, a->speech_count, a->seconds);
    return MODELLAB_OK;
}

/* The language, of the first speech. */
MODELLAB_MUST_CHECK static modellab_status choose_language(alignment *a, mli_asr_run *run,
                                                           modellab_error *err)
{
    mli_asr_chunks speech;
    modellab_status status =
        mli_asr_chunks_make(a->alloc, a->speech, a->speech_count, &speech, err);
    if (status == MODELLAB_OK)
        status = mli_asr_need_state(run->session, 1, err);
    if (status == MODELLAB_OK)
        status = mli_asr_choose_by_speech(run, &speech, err);
    mli_asr_chunks_dispose(&speech);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status align_chunks(alignment *a, const mli_asr_run *run,
                                                        modellab_error *err)
{
    const mli_align_speech speech = {a->speech, a->speech_count};
    double total = (double)mli_audio_samples(run->source) / MLI_AUDIO_RATE;
    modellab_status status = MODELLAB_OK;
    for (size_t i = 0; status == MODELLAB_OK && i < a->script.count;) {
        size_t chunk = a->script.items[i].chunk, to = i;
        bool any = false;
        for (; to < a->script.count && a->script.items[to].chunk == chunk; to++)
            any = any || a->script.items[to].given;
        if (any)
            status = mli_asr_align_chunk(run, &a->kept, chunk, a->script.items + i, to - i, &speech,
                                         err);
        double done = (double)a->chunks.items[chunk].mark / 100;
        done = done < total ? done : total;
        if (status == MODELLAB_OK && mli_cancelled(run->cancel))
            status = mli_fail(err, MODELLAB_E_CANCELLED, "cancelled while aligning words");
        if (status == MODELLAB_OK)
            status = tell(a->options, total * HEARING + done * (1 - HEARING), total, err);
        i = to;
    }
    return status == MODELLAB_OK ? tell(a->options, total, total, err) : status;
}

/* Speech that was found before; the detector cuts what of it no chunk can hold. */
MODELLAB_MUST_CHECK static modellab_status take_speech(alignment *a, const mli_asr_run *run,
                                                       modellab_error *err)
{
    const mli_asr_options *o = a->options;
    const mli_align_given given = {o->speech, o->speech_count, o->vad_rules.pad,
                                   mli_audio_samples(run->source)};
    mli_vad_segment *found = NULL;
    size_t count = 0;
    modellab_status status = MODELLAB_OK;
    if (mli_align_speech_is_long(&given))
        status = mli_asr_detect_speech(run, &found, &count, err);
    if (status == MODELLAB_OK)
        status = mli_align_speech_take(a->alloc, &given, found, count, &a->speech, &a->speech_count,
                                       err);
    mli_free(a->alloc, found);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status work(alignment *a, mli_asr_run *run,
                                                mli_asr_options *options, modellab_error *err)
{
    modellab_status status = a->options->speech != NULL
                                 ? take_speech(a, run, err)
                                 : mli_asr_detect_speech(run, &a->speech, &a->speech_count, err);
    if (status == MODELLAB_OK && a->speech_count == 0)
        status = mli_fail(err, MODELLAB_E_INVALID_AUDIO, "there is no speech in the audio");
    if (status == MODELLAB_OK)
        status = choose_language(a, run, err);
    if (status != MODELLAB_OK)
        return status;
    options->language = mli_whisper_language_code(run->language);
    status = cut_audio(a, run, err);
    if (status == MODELLAB_OK)
        status = hear(a, run, err);
    if (status == MODELLAB_OK)
        status = list_words(a, run, err);
    if (status == MODELLAB_OK)
        status = mli_align_keep(a->alloc, &a->chunks, a->speech, a->speech_count, a->heard,
                                &a->kept, err);
    if (status == MODELLAB_OK)
        status = mli_align_place(a->alloc, &a->given, &a->said, a->seconds, a->chunks.count,
                                 run->cancel, &a->script, err);
    return status == MODELLAB_OK ? align_chunks(a, run, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status run_session(alignment *a, const mli_audio_source *source,
                                                       bool any, mli_transcript **out,
                                                       modellab_error *err)
{
    const mli_whisper_tokenizer *tokenizer = mli_asr_model_tokenizer(a->session->model);
    mli_asr_options options = *a->options;
    const char *language = options.language;
    options.word_times = true;
    options.resume = NULL;
    mli_asr_run run = {.session = a->session,
                       .alloc = a->alloc,
                       .options = &options,
                       .source = source,
                       .tokenizer = tokenizer,
                       .special = mli_whisper_tokenizer_special(tokenizer),
                       .cancel = options.cancel,
                       .encoded_seek = -1};
    modellab_status status = mli_transcript_create(a->alloc, &run.transcript, err);
    if (status != MODELLAB_OK)
        return status;
    run.transcript->has_words = true;
    if (any)
        status = work(a, &run, &options, err);
    if (any)
        language = options.language;
    if (status == MODELLAB_OK)
        status = mli_transcript_set_info(run.transcript, "transcribe",
                                         language != NULL ? language : "", run.language_probability,
                                         (double)mli_audio_samples(source) / MLI_AUDIO_RATE, err);
    if (status == MODELLAB_OK)
        status = mli_transcript_finish(run.transcript, err);
    if (status == MODELLAB_OK)
        *out = run.transcript;
    else
        mli_transcript_unref(run.transcript);
    return status;
}

/* Whether there is anything but white space. */
MODELLAB_MUST_CHECK static modellab_status look_at_text(const alignment *a, bool *any,
                                                        modellab_error *err)
{
    mli_align_word *words = NULL;
    size_t count = 0;
    modellab_status status =
        mli_align_words(a->alloc, a->text, a->bytes, a->options->cancel, &words, &count, err);
    *any = count > 0;
    mli_free(a->alloc, words);
    return status;
}

modellab_status mli_asr_align(mli_asr_session *session, const mli_audio_source *source,
                              const char *text, size_t bytes, const mli_asr_options *options,
                              mli_transcript **out, modellab_error *err)
{
    alignment a = {.session = session,
                   .alloc = session->alloc,
                   .options = options,
                   .text = text,
                   .bytes = bytes};
    uint32_t idle = 0;
    bool any = false;
    *out = NULL;
    if (options->vad == NULL)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "alignment needs a detector of speech");
    if (bytes > MLI_ASR_ALIGN_TEXT_BYTES)
        return mli_fail(err, MODELLAB_E_LIMIT, "the text is longer than %zu MiB",
                        MLI_ASR_ALIGN_TEXT_BYTES >> 20);
    a.chunks.alloc = a.kept.alloc = a.alloc;
    modellab_status status = look_at_text(&a, &any, err);
    if (status == MODELLAB_OK && !atomic_compare_exchange_strong(&session->busy, &idle, 1)) {
        status = mli_fail(err, MODELLAB_E_BUSY, "the session is in use");
    } else if (status == MODELLAB_OK) {
        status = run_session(&a, source, any, out, err);
        atomic_store(&session->busy, 0);
    }
    mli_free(a.alloc, a.speech);
    mli_asr_chunks_dispose(&a.chunks);
    mli_asr_chunks_dispose(&a.kept);
    mli_transcript_unref(a.heard);
    mli_free(a.alloc, a.seconds);
    mli_free(a.alloc, a.ends);
    mli_free(a.alloc, a.given.items);
    mli_free(a.alloc, a.said.items);
    mli_free(a.alloc, a.script.items);
    return status;
}
