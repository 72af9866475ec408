/* Decoding one encoded window: prompt, search, and the ladder of temperatures when the result is
 * repetitive or improbable. */
#include "base/alloc.h"
#include "base/error.h"
#include "speech/asr_private.h"
#include "speech/whisper_math.h"
#include <math.h>
#include <string.h>

enum { SPARSE_SECONDS = 5 };

MODELLAB_MUST_CHECK static modellab_status step(void *user, const int32_t *tokens,
                                                const int32_t *parents, size_t rows, int32_t least,
                                                float **logits, modellab_error *err)
{
    mli_asr_run *run = user;
    if (run->options->pulse != NULL)
        run->options->pulse(run->options->user);
    return mli_whisper_state_step(run->session->state, tokens, parents, rows, least, run->cancel,
                                  logits, err);
}

/* What the model shall believe was said before, then the start sequence. */
static size_t build_prompt(const mli_asr_run *run, size_t context, int32_t *out, size_t *sot_index)
{
    size_t count = 0, keep = context / 2 - 1;
    size_t have = run->history_count < keep ? run->history_count : keep;
    if (have > 0) {
        out[count++] = run->special->sot_prev;
        memcpy(out + count, run->history + run->history_count - have, have * sizeof *out);
        count += have;
    }
    *sot_index = count;
    memcpy(out + count, run->sot, run->sot_count * sizeof *out);
    count += run->sot_count;
    if (!run->options->timestamps)
        out[count++] = run->special->no_timestamps;
    return count;
}

static void make_rules(mli_asr_attempts *w)
{
    const mli_asr_run *run = w->run;
    const mli_asr_options *o = run->options;
    const mli_whisper_special *sp = run->special;
    mli_whisper_rules *r = &w->rules;
    *r = (mli_whisper_rules){.n_vocab = sp->n_vocab,
                             .eot = sp->eot,
                             .no_timestamps = sp->no_timestamps,
                             .timestamp_begin = sp->timestamp_begin,
                             .timestamps = o->timestamps,
                             .max_initial_offset = -1};
    if (o->suppress_symbols)
        r->suppress = mli_whisper_suppressed(run->tokenizer, &r->suppress_count);
    mli_whisper_suppressed_begin(run->tokenizer, w->begin);
    r->begin = w->begin;
    r->begin_count = o->suppress_blank ? 2 : 0;
    if (o->max_initial_timestamp >= 0 && o->max_initial_timestamp < 30)
        r->max_initial_offset = (int32_t)lrint(o->max_initial_timestamp / 0.02);
    int64_t left = run->content_frames - run->seek, rest = mli_asr_rest_frames(o);
    if (run->is_chunk && left <= MLI_ASR_WINDOW_FRAMES && left > rest)
        r->must_say = (int32_t)(left - rest) / 2;
}

modellab_status mli_asr_attempts_begin(mli_asr_attempts *w, mli_asr_run *run, modellab_error *err)
{
    memset(w, 0, sizeof *w);
    w->run = run;
    mli_asr_model_info info = mli_asr_model_info_of(run->session->model);
    const float *at_sot = NULL, *last = NULL;
    size_t sot_index = 0;
    w->prompt = mli_alloc_array(run->alloc, info.dims.text_ctx + 8, sizeof(int32_t));
    w->kept_logits = mli_alloc_array(run->alloc, info.dims.vocab, sizeof(float));
    if (w->prompt == NULL || w->kept_logits == NULL)
        return mli_no_memory(err);
    w->prompt_count = build_prompt(run, info.dims.text_ctx, w->prompt, &sot_index);
    modellab_status status =
        mli_whisper_state_prompt(run->session->state, w->prompt, w->prompt_count, sot_index,
                                 run->cancel, &at_sot, &last, err);
    if (status != MODELLAB_OK)
        return status;
    int32_t no_speech = run->special->no_speech;
    w->no_speech_prob = NAN;
    if (no_speech >= 0 && (size_t)no_speech < info.dims.vocab)
        w->no_speech_prob =
            (double)expf(at_sot[no_speech] - mli_whisper_logsumexp(at_sot, info.dims.vocab));
    memcpy(w->kept_logits, last, info.dims.vocab * sizeof(float));
    make_rules(w);
    return MODELLAB_OK;
}

modellab_status mli_asr_attempts_again(mli_asr_attempts *w, modellab_error *err)
{
    mli_asr_run *run = w->run;
    const float *last = NULL;
    return mli_whisper_state_prompt(run->session->state, w->prompt, w->prompt_count, 0, run->cancel,
                                    NULL, &last, err);
}

size_t mli_asr_attempts_most(const mli_asr_attempts *w)
{
    const mli_asr_options *o = w->run->options;
    size_t context = mli_asr_model_info_of(w->run->session->model).dims.text_ctx;
    size_t most = o->max_tokens > 0 ? (size_t)o->max_tokens : context / 2;
    size_t room = context + 1 - w->prompt_count;
    return most < room ? most : room;
}

modellab_status mli_asr_attempts_judge(const mli_asr_attempts *w, double temperature,
                                       mli_asr_decoded *out, modellab_error *err)
{
    const mli_asr_run *run = w->run;
    size_t first = 0, size = 0;
    mli_buf_clear(&out->text);
    mli_whisper_decode_text(run->tokenizer, out->found.tokens, out->found.count, &out->text);
    modellab_status status = mli_buf_status(&out->text, err);
    mli_asr_strip(mli_buf_text(&out->text), out->text.size, &first, &size);
    if (status == MODELLAB_OK)
        status = mli_asr_compression_ratio(run->alloc, mli_buf_text(&out->text) + first, size,
                                           &out->compression_ratio, err);
    out->temperature = temperature;
    out->ended = out->found.count < mli_asr_attempts_most(w);
    out->no_speech_prob = w->no_speech_prob;
    return status;
}

MODELLAB_MUST_CHECK static modellab_status attempt(mli_asr_attempts *w, size_t number,
                                                   double temperature, mli_asr_decoded *out,
                                                   modellab_error *err)
{
    mli_asr_run *run = w->run;
    const mli_asr_options *o = run->options;
    mli_whisper_lm lm = {run, step};
    mli_whisper_search_options search = {
        .temperature = (float)temperature,
        .beam_size = o->beam_size > 1 ? o->beam_size : 0,
        .best_of = o->best_of,
        .patience = o->patience,
        .length_penalty = o->length_penalty,
        .max_tokens = mli_asr_attempts_most(w),
        .seed = o->seed,
        .stream = {(uint32_t)(run->origin + run->seek), (uint32_t)number}};
    mli_whisper_state_rewind(run->session->state);
    mli_whisper_found_dispose(run->alloc, &out->found);
    modellab_status status = mli_whisper_search(run->alloc, &lm, &w->rules, &search, w->kept_logits,
                                                run->cancel, &out->found, err);
    return status == MODELLAB_OK ? mli_asr_attempts_judge(w, temperature, out, err) : status;
}

/* Comparisons with NaN (a threshold that is off) are false. */
bool mli_asr_needs_another(const mli_asr_options *o, const mli_asr_decoded *d)
{
    bool improbable = d->found.avg_logprob < o->logprob_threshold;
    bool silent = d->no_speech_prob > o->no_speech_threshold;
    if (improbable && silent)
        return false;
    return improbable || d->compression_ratio > o->compression_ratio_threshold;
}

static const double *ladder_of(const mli_asr_options *o, size_t *count)
{
    static const double ladder[] = {0.0, 0.2, 0.4, 0.6, 0.8, 1.0};
    bool given = o->temperatures != NULL && o->temperature_count > 0;
    *count = given ? o->temperature_count : sizeof ladder / sizeof ladder[0];
    return given ? o->temperatures : ladder;
}

bool mli_asr_begins_greedy(const mli_asr_options *o)
{
    size_t count = 0;
    return o->beam_size <= 1 && ladder_of(o, &count)[0] <= 0;
}

modellab_status mli_asr_attempts_climb(mli_asr_attempts *w, size_t from, mli_asr_decoded *out,
                                       modellab_error *err)
{
    const mli_asr_options *o = w->run->options;
    size_t count = 0;
    const double *temperatures = ladder_of(o, &count);
    for (size_t i = from; i < count; i++) {
        modellab_status status = attempt(w, i, temperatures[i], out, err);
        if (status != MODELLAB_OK)
            return status;
        if (!mli_asr_needs_another(o, out))
            break;
    }
    return MODELLAB_OK;
}

/* Speech of a word a second and less is rather speech that was passed over. */
static bool is_sparse(const mli_asr_attempts *w, const mli_asr_decoded *d)
{
    size_t text = 0;
    for (size_t i = 0; i < d->found.count; i++)
        text += d->found.tokens[i] < w->rules.eot;
    double seconds = w->rules.must_say * 0.02;
    return d->temperature <= 0 && seconds > SPARSE_SECONDS && (double)text < seconds;
}

modellab_status mli_asr_attempts_fill(mli_asr_attempts *w, mli_asr_decoded *d, modellab_error *err)
{
    const mli_asr_options *o = w->run->options;
    mli_asr_decoded other;
    if (!o->timestamps || !is_sparse(w, d) || mli_asr_is_silence(o, d))
        return MODELLAB_OK;
    mli_asr_decoded_init(w->run, &other);
    w->rules.dense = true;
    modellab_status status = mli_asr_attempts_again(w, err);
    if (status == MODELLAB_OK)
        status = attempt(w, 0, 0, &other, err);
    w->rules.dense = false;
    if (status == MODELLAB_OK && !mli_asr_needs_another(o, &other) &&
        other.found.avg_logprob > d->found.avg_logprob) {
        mli_asr_decoded kept = *d;
        *d = other;
        other = kept;
    }
    mli_asr_decoded_dispose(w->run, &other);
    return status;
}

void mli_asr_attempts_show(const mli_asr_attempts *w, const mli_asr_decoded *d)
{
    const mli_asr_run *run = w->run;
    if (run->options->window == NULL)
        return;
    mli_asr_window shown = {.seek = run->seek,
                            .prompt = w->prompt,
                            .tokens = d->found.tokens,
                            .prompt_count = w->prompt_count,
                            .count = d->found.count,
                            .logprobs = d->found.logprobs,
                            .margins = d->found.margins,
                            .temperature = d->temperature,
                            .avg_logprob = d->found.avg_logprob,
                            .compression_ratio = d->compression_ratio,
                            .no_speech_prob = d->no_speech_prob};
    run->options->window(run->options->user, &shown);
}

void mli_asr_attempts_end(mli_asr_attempts *w)
{
    if (w->run != NULL) {
        mli_free(w->run->alloc, w->prompt);
        mli_free(w->run->alloc, w->kept_logits);
    }
    memset(w, 0, sizeof *w);
}

modellab_status mli_asr_decode(mli_asr_run *run, mli_asr_decoded *out, modellab_error *err)
{
    mli_asr_attempts w;
    mli_asr_decoded_init(run, out);
    modellab_status status = mli_asr_attempts_begin(&w, run, err);
    if (status == MODELLAB_OK)
        status = mli_asr_attempts_climb(&w, 0, out, err);
    if (status == MODELLAB_OK)
        status = mli_asr_attempts_fill(&w, out, err);
    if (status == MODELLAB_OK)
        mli_asr_attempts_show(&w, out);
    mli_asr_attempts_end(&w);
    if (status != MODELLAB_OK)
        mli_asr_decoded_dispose(run, out);
    return status;
}

void mli_asr_decoded_init(const mli_asr_run *run, mli_asr_decoded *d)
{
    memset(d, 0, sizeof *d);
    mli_buf_init(&d->text, run->alloc);
}

void mli_asr_decoded_dispose(const mli_asr_run *run, mli_asr_decoded *d)
{
    mli_whisper_found_dispose(run->alloc, &d->found);
    mli_buf_dispose(&d->text);
}
