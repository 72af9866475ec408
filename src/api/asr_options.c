/* modellab_asr_options as the engine has them: defaults, checks, callbacks. */
#include "api/asr_options.h"

#include "api/cancel.h"
#include "api/transcript.h"
#include "api/vad.h"
#include "base/error.h"
#include "base/sized.h"
#include <math.h>
#include <string.h>

/* First shipped size. */
enum { OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_asr_options, tracker), MOST_BEAMS = 16 };

void modellab_asr_options_init(modellab_asr_options *options, size_t size)
{
    const modellab_asr_options init = MODELLAB_ASR_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

static bool choice(modellab_choice given, bool fallback)
{
    return given == MODELLAB_CHOICE_DEFAULT ? fallback : given == MODELLAB_CHOICE_YES;
}

static bool is_choice(modellab_choice given)
{
    return given >= MODELLAB_CHOICE_DEFAULT && given <= MODELLAB_CHOICE_NO;
}

/* A threshold: 0 = the default, beyond `off` (by its sign) = off. */
static double threshold(double given, double fallback, bool off)
{
    return given == 0.0 ? fallback : off ? NAN : given;
}

MODELLAB_MUST_CHECK static modellab_status check_options(const modellab_asr_options *o,
                                                         modellab_error *err)
{
    if (o->task < 0 || o->task > MODELLAB_ASR_TRANSLATE)
        return bad("task has no such value", err);
    if (o->beam_size < 0 || o->beam_size > MOST_BEAMS || o->best_of < 0 || o->best_of > MOST_BEAMS)
        return bad("beam_size and best_of must be 0 to 16", err);
    if (!is_choice(o->condition_on_previous) || !is_choice(o->word_times) ||
        !is_choice(o->suppress_blank) || !is_choice(o->timestamps))
        return bad("a choice has no such value", err);
    if (o->temperature_count < 0 || o->temperature_count > MLI_ASR_CALL_TEMPERATURES ||
        (o->temperature_count > 0 && o->temperatures == NULL))
        return bad("temperatures must be 0 to 16 values", err);
    for (int32_t i = 0; i < o->temperature_count; i++)
        if (!(o->temperatures[i] >= 0.0 && o->temperatures[i] <= 2.0))
            return bad("a temperature must be 0 to 2", err);
    if (!(o->patience >= 0.0 && o->patience <= 100.0))
        return bad("patience must be 0 to 100", err);
    if (!(o->hallucination_silence_seconds >= 0.0))
        return bad("hallucination_silence_seconds must not be negative", err);
    if (o->threads < 0)
        return bad("threads must not be negative", err);
    return MODELLAB_OK;
}

static int32_t forward_segment(void *user, const mli_transcript_segment *segment)
{
    const mli_asr_call *c = user;
    modellab_segment shown = mli_segment_public(segment);

    return c->given.segment(c->given.user, &shown);
}

static int32_t forward_progress(void *user, double done_seconds, double total_seconds)
{
    const mli_asr_call *c = user;

    return c->given.progress(c->given.user, done_seconds, total_seconds);
}

static void translate(mli_asr_call *c)
{
    const modellab_asr_options *o = &c->given;

    mli_asr_options_init(&c->inner);
    c->inner.language = o->language;
    c->inner.translate = o->task == MODELLAB_ASR_TRANSLATE;
    c->inner.condition_on_previous = choice(o->condition_on_previous, true);
    c->inner.word_times = choice(o->word_times, false);
    c->inner.suppress_blank = choice(o->suppress_blank, true);
    c->inner.timestamps = choice(o->timestamps, true);
    c->inner.beam_size = o->beam_size;
    c->inner.best_of = o->best_of == 0 ? c->inner.best_of : o->best_of;
    if (o->temperature_count > 0) {
        memcpy(c->temperatures, o->temperatures, (size_t)o->temperature_count * sizeof(double));
        c->inner.temperatures = c->temperatures;
        c->inner.temperature_count = (size_t)o->temperature_count;
    }
    c->inner.patience = o->patience == 0.0 ? c->inner.patience : o->patience;
    c->inner.length_penalty = isnan(o->length_penalty) ? -1.0 : o->length_penalty;
    c->inner.compression_ratio_threshold =
        threshold(o->compression_ratio_threshold, c->inner.compression_ratio_threshold,
                  o->compression_ratio_threshold < 0.0);
    c->inner.logprob_threshold =
        threshold(o->logprob_threshold, c->inner.logprob_threshold, o->logprob_threshold > 0.0);
    c->inner.no_speech_threshold = threshold(o->no_speech_threshold, c->inner.no_speech_threshold,
                                             o->no_speech_threshold < 0.0);
    c->inner.hallucination_silence =
        o->hallucination_silence_seconds > 0.0 ? o->hallucination_silence_seconds : NAN;
    c->inner.initial_prompt = o->initial_prompt;
    c->inner.seed = o->seed;
    c->inner.progress = o->progress != NULL ? forward_progress : NULL;
    c->inner.segment = o->segment != NULL ? forward_segment : NULL;
    c->inner.user = c;
    c->inner.cancel = mli_cancel_word_of(o->cancel);
}

/* The detector and its rules; a chunk is the most that may be said at once. */
MODELLAB_MUST_CHECK static modellab_status take_vad(mli_asr_call *c, modellab_error *err)
{
    const modellab_asr_options *o = &c->given;
    modellab_vad_options vad;
    modellab_status status;

    if (o->batch_size < 0 || o->batch_size > MOST_BEAMS)
        return bad("batch_size must be 0 to 16", err);
    if (o->vad == NULL)
        return MODELLAB_OK;
    if (o->vad->vad == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL,
                        "vad is a model that is no detector of voice activity");
    status = mli_vad_rules_of(o->vad_options, &vad, &c->inner.vad_rules, err);
    if (c->inner.vad_rules.max_speech > MLI_ASR_CHUNK_SAMPLES)
        c->inner.vad_rules.max_speech = MLI_ASR_CHUNK_SAMPLES;
    c->inner.vad = o->vad->vad;
    c->inner.batch = o->batch_size == 0 ? c->inner.batch : o->batch_size;
    return status;
}

modellab_status mli_asr_call_prepare(mli_asr_call *c, const modellab_asr_options *options,
                                     modellab_error *err)
{
    modellab_status status;

    memset(c, 0, sizeof *c);
    c->given = (modellab_asr_options)MODELLAB_ASR_OPTIONS_INIT;
    status = mli_sized_in(&c->given, sizeof c->given, OPTIONS_FIRST, options, err);
    if (status == MODELLAB_OK)
        status = check_options(&c->given, err);
    if (status == MODELLAB_OK) {
        translate(c);
        status = take_vad(c, err);
    }
    return status;
}
