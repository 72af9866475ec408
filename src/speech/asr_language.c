/* The language of a run: given, fixed by the model, or heard in the first 30 seconds. */
#include "base/error.h"
#include "speech/asr_private.h"
#include "speech/whisper_math.h"
#include <string.h>

/* The language token that is likeliest right after the start token. */
MODELLAB_MUST_CHECK static modellab_status detect(mli_asr_run *run, modellab_error *err)
{
    const mli_whisper_special *sp = run->special;
    const float *logits = NULL;
    float probabilities[MLI_WHISPER_LANGUAGES];
    size_t count = (size_t)sp->language_count;
    if (count < 1 || count > MLI_WHISPER_LANGUAGES)
        return mli_fail(err, MODELLAB_E_INVALID_MODEL, "the model has no language tokens");
    modellab_status status = mli_asr_encode(run, 0, err);
    if (status == MODELLAB_OK)
        status = mli_whisper_state_prompt(run->session->state, &sp->sot, 1, 0, run->cancel, NULL,
                                          &logits, err);
    if (status != MODELLAB_OK)
        return status;
    memcpy(probabilities, logits + sp->language_begin, count * sizeof(float));
    mli_whisper_softmax(probabilities, count);
    size_t best = mli_whisper_argmax(probabilities, count);
    run->language = (int32_t)best;
    run->language_probability = (double)probabilities[best];
    return MODELLAB_OK;
}

static void make_start(mli_asr_run *run)
{
    const mli_whisper_special *sp = run->special;
    run->sot_count = 0;
    run->sot[run->sot_count++] = sp->sot;
    if (!sp->multilingual)
        return;
    run->sot[run->sot_count++] = mli_whisper_language_token(sp, run->language);
    run->sot[run->sot_count++] = run->options->translate ? sp->translate : sp->transcribe;
}

modellab_status mli_asr_choose_language(mli_asr_run *run, modellab_error *err)
{
    const mli_asr_options *o = run->options;
    bool given = o->language != NULL && strcmp(o->language, "auto") != 0;
    int32_t language = given ? mli_whisper_language_find(o->language) : 0;
    run->language_probability = 1;
    run->language = 0;
    if (given && language < 0)
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the language is not known");
    if (!run->special->multilingual) {
        if (given && language != 0)
            return mli_fail(err, MODELLAB_E_UNSUPPORTED, "the model knows English only");
        if (o->translate)
            return mli_fail(err, MODELLAB_E_UNSUPPORTED, "an English-only model cannot translate");
    } else if (given) {
        run->language = language;
        if (mli_whisper_language_token(run->special, language) < 0)
            return mli_fail(err, MODELLAB_E_UNSUPPORTED, "the model does not know this language");
    } else if (o->resume != NULL) {
        const mli_asr_mark *mark = &o->resume->mark;
        if (mli_whisper_language_token(run->special, mark->language) < 0)
            return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT,
                            "there is nothing to go on from here");
        run->language = mark->language;
        run->language_probability = mark->language_probability;
    } else if (run->content_frames > 0) {
        modellab_status status = detect(run, err);
        if (status != MODELLAB_OK)
            return status;
    } else {
        run->language_probability = 0;
    }
    make_start(run);
    return MODELLAB_OK;
}
