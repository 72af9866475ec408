/* modellab_tts_speak_text: text, sentence by sentence, into one result, a file or a callback. */
#include "api/tts_text.h"

#include "api/cancel.h"
#include "api/enhance_output.h"
#include "base/alloc.h"
#include "base/config.h"
#include "base/error.h"
#include "base/sized.h"
#include "speech/g2p_program.h"
#include <string.h>

enum {
    OPTIONS_FIRST = MLI_SIZE_UP_TO(modellab_tts_text_options, output_format),
    MOST_PAUSE_MS = 10000,
    QUIET_SAMPLES = 1024,
    FIRST_IPA = 4096
};

void modellab_tts_text_options_init(modellab_tts_text_options *options, size_t size)
{
    const modellab_tts_text_options init = MODELLAB_TTS_TEXT_OPTIONS_INIT;

    mli_sized_init(options, size, &init, sizeof init);
}

/* One call: what is made of the text so far. */
typedef struct speaking {
    modellab_tts_session *s;
    const modellab_tts_text_options *o;
    modellab_enhance_options file; /* names of the output */
    mli_enhance_output output;
    mli_tts_collected c;
    double offset; /* seconds before the present utterance */
    double pause;  /* seconds of silence before the next one */
    bool wanted;   /* a result is wanted: else nothing is collected, however long the text is */
} speaking;

MODELLAB_MUST_CHECK static modellab_status bad(const char *what, modellab_error *err)
{
    return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "%s", what);
}

MODELLAB_MUST_CHECK static modellab_status take_options(const modellab_tts_text_options *given,
                                                        modellab_tts_text_options *o,
                                                        modellab_error *err)
{
    *o = (modellab_tts_text_options)MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_status status = mli_sized_in(o, sizeof *o, OPTIONS_FIRST, given, err);
    if (status != MODELLAB_OK)
        return status;
    int ways = (o->lexicon != NULL) + (o->g2p != NULL) + (o->g2p_program != NULL) +
               (o->is_ipa == 1) + (o->is_ids == 1);
    if (o->is_ipa < 0 || o->is_ipa > 1 || o->is_ids < 0 || o->is_ids > 1)
        return bad("is_ipa and is_ids must be 0 or 1", err);
    if (ways != 1)
        return bad("one of lexicon, g2p, g2p_program, is_ipa and is_ids says how words are "
                   "pronounced",
                   err);
    if (o->lexicon != NULL && o->lexicon->lexicon == NULL)
        return mli_fail(err, MODELLAB_E_UNSUPPORTED_MODEL, "the lexicon is no dictionary");
    if (o->sentence_pause_ms > MOST_PAUSE_MS || o->paragraph_pause_ms > MOST_PAUSE_MS)
        return bad("a pause is at most 10,000 ms", err);
    return MODELLAB_OK;
}

static double pause_of(int32_t given, double usual)
{
    return given == 0 ? usual : given < 0 ? 0.0 : given / 1000.0;
}

/* Samples at the output rate. */
MODELLAB_MUST_CHECK static modellab_status take(void *user, const float *samples, size_t count,
                                                modellab_error *err)
{
    speaking *k = user;
    const modellab_tts_options *o = &k->s->options;
    modellab_status status = MODELLAB_OK;

    if (k->o->output_path != NULL)
        status = mli_enhance_output_take(&k->output, samples, count, err);
    if (status == MODELLAB_OK && o->chunk != NULL && o->chunk(o->user, samples, count) != 0)
        status = mli_fail(err, MODELLAB_E_CALLBACK, "the callback ended the work");
    if (k->o->output_path == NULL && o->chunk == NULL)
        mli_buf_append(&k->c.samples, samples, count * sizeof *samples);
    return status == MODELLAB_OK ? mli_buf_status(&k->c.samples, err) : status;
}

MODELLAB_MUST_CHECK static modellab_status be_quiet(speaking *k, modellab_error *err)
{
    static const float zeros[QUIET_SAMPLES];
    int64_t left = (int64_t)(k->pause * k->s->rate_hz + 0.5);
    modellab_status status = MODELLAB_OK;

    k->offset += (double)left / k->s->rate_hz;
    for (; status == MODELLAB_OK && left > 0; left -= QUIET_SAMPLES)
        status = take(k, zeros, left < QUIET_SAMPLES ? (size_t)left : QUIET_SAMPLES, err);
    return status;
}

/* The host's pronunciation, called again when the room was too small. */
MODELLAB_MUST_CHECK static modellab_status ask_host(void *user, const char *text, size_t bytes,
                                                    mli_buf *ipa, modellab_error *err)
{
    const speaking *k = user;
    size_t room = bytes * 2 + FIRST_IPA, needed = 0;

    for (int round = 0; round < 2; round++) {
        mli_buf_clear(ipa);
        char *place = mli_buf_extend(ipa, room);
        if (place == NULL)
            return mli_buf_status(ipa, err);
        if (k->o->g2p(k->o->g2p_user, text, place, room, &needed) != 0)
            return mli_fail(err, MODELLAB_E_CALLBACK, "the pronunciation failed");
        if (needed <= room)
            break;
        if (needed > MLI_TTS_MOST_IPA || round == 1)
            return mli_fail(err, MODELLAB_E_CALLBACK, "the pronunciation wants %zu bytes", needed);
        room = needed;
    }
    ipa->size = needed > 0 ? needed - 1 : 0; /* without its NUL */
    if (memchr(ipa->data, '\0', ipa->size) != NULL)
        return mli_fail(err, MODELLAB_E_CALLBACK, "the pronunciation holds a NUL");
    return MODELLAB_OK;
}

/* One utterance with the session's machinery; its times are added to those before. */
MODELLAB_MUST_CHECK static modellab_status speak_one(speaking *k, const mli_utterance *u,
                                                     modellab_error *err)
{
    modellab_tts_result *one = NULL;
    modellab_status status = k->c.utterances > 0 ? be_quiet(k, err) : MODELLAB_OK;

    if (status == MODELLAB_OK)
        status = mli_tts_speak(k->s, (const int32_t *)(const void *)u->ids.data,
                               u->ids.size / sizeof(int32_t), &one, err);
    if (status == MODELLAB_OK)
        status = k->wanted ? mli_tts_collect(&k->c, one, u, k->offset, err) : MODELLAB_OK;
    if (status == MODELLAB_OK) {
        k->c.utterances++;
        k->offset += one->info.duration;
        k->pause = u->cut         ? 0.0
                   : u->paragraph ? pause_of(k->o->paragraph_pause_ms, 0.5)
                                  : pause_of(k->o->sentence_pause_ms, 0.15);
    }
    modellab_tts_result_unref(one);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status speak_all(speaking *k, mli_voice_text *t,
                                                     modellab_error *err)
{
    mli_utterance u;
    bool more = true;
    modellab_status status = MODELLAB_OK;

    mli_utterance_init(&u, &k->s->model->alloc);
    while (status == MODELLAB_OK && more) {
        status = mli_voice_text_next(t, &u, &more, mli_cancel_word_of(k->s->cancel), err);
        if (status == MODELLAB_OK && more)
            status = speak_one(k, &u, err);
    }
    mli_utterance_dispose(&u);
    if (status == MODELLAB_OK && k->c.utterances == 0)
        status = bad("the text has nothing that can be said", err);
    return status;
}

/* The user's own program: the one that the options name, or that is configured. `own` is to be
 * freed. */
MODELLAB_MUST_CHECK static modellab_status find_program(const speaking *k, mli_g2p_program *g,
                                                        char **own, modellab_error *err)
{
    const modellab_tts_session *s = k->s;
    *g = (mli_g2p_program){.alloc = &s->model->alloc,
                           .name = k->o->g2p_program,
                           .voice = s->model->voice->config.voice,
                           .cancel = mli_cancel_word_of(s->cancel)};
    if (g->name == NULL || g->name[0] != '\0')
        return MODELLAB_OK;
    modellab_status status = mli_config_get(g->alloc, "MODEL_LAB_ESPEAK_NG", own, NULL, err);
    g->name = *own != NULL && (*own)[0] != '\0' ? *own : "espeak-ng";
    return status;
}

MODELLAB_MUST_CHECK static modellab_status speak(speaking *k, const char *text, size_t bytes,
                                                 modellab_tts_result **out, modellab_error *err)
{
    modellab_tts_session *s = k->s;
    mli_g2p_program program;
    char *own = NULL;
    const modellab_allocator *alloc = &s->model->alloc;
    const mli_pcm_format format = {1, s->rate_hz};
    mli_voice_text *t = NULL;
    mli_voice_text_source source = {.lexicon =
                                        k->o->lexicon != NULL ? k->o->lexicon->lexicon : NULL,
                                    .g2p = k->o->g2p != NULL           ? ask_host
                                           : k->o->g2p_program != NULL ? mli_g2p_program_ask
                                                                       : NULL,
                                    .user = k->o->g2p_program != NULL ? (void *)&program : k,
                                    .is_ipa = k->o->is_ipa == 1,
                                    .is_ids = k->o->is_ids == 1};
    modellab_status status = find_program(k, &program, &own, err);
    if (status == MODELLAB_OK)
        status =
            mli_voice_text_create(&t, alloc, &s->model->voice->config, &source, text, bytes, err);
    if (status != MODELLAB_OK) {
        mli_free(alloc, own);
        return status;
    }
    status = mli_enhance_output_begin(&k->output, &k->file, alloc, format, err);
    if (status == MODELLAB_OK) {
        s->sink = take;
        s->sink_user = k;
        s->busy = true;
        status = speak_all(k, t, err);
        s->busy = false;
        s->sink = NULL;
    }
    status = mli_enhance_output_end(&k->output, status, err);
    if (status == MODELLAB_OK && out != NULL)
        status =
            mli_tts_collected_result(&k->c, s, mli_voice_text_counts_of(t), k->offset, out, err);
    mli_voice_text_destroy(t);
    mli_free(alloc, own);
    return status;
}

modellab_status modellab_tts_speak_text(modellab_tts_session *session, const char *text,
                                        size_t bytes, const modellab_tts_text_options *options,
                                        modellab_tts_result **out, modellab_error *err)
{
    modellab_tts_text_options o;
    modellab_status status;

    if (out != NULL)
        *out = NULL;
    if (session == NULL || (text == NULL && bytes > 0))
        return bad(session == NULL ? "session must not be NULL" : "text must not be NULL", err);
    status = take_options(options, &o, err);
    if (status != MODELLAB_OK)
        return status;
    if (out == NULL && session->options.chunk == NULL && o.output_path == NULL)
        return bad("out must not be NULL without a chunk callback or an output", err);
    if (session->options.normalize == 1)
        return bad("normalize is for single utterances: not with modellab_tts_speak_text()", err);
    if (session->busy)
        return mli_fail(err, MODELLAB_E_BUSY, "the session is speaking");
    speaking *k = mli_alloc_zero(&session->model->alloc, sizeof *k);
    if (k == NULL)
        return mli_no_memory(err);
    k->s = session;
    k->o = &o;
    k->wanted = out != NULL;
    k->file = (modellab_enhance_options)MODELLAB_ENHANCE_OPTIONS_INIT;
    k->file.output_path = o.output_path;
    k->file.output_format = o.output_format;
    mli_tts_collected_init(&k->c, &session->model->alloc);
    status = mli_enhance_output_check(&k->file, err);
    if (status == MODELLAB_OK)
        status = speak(k, text, bytes, out, err);
    mli_tts_collected_dispose(&k->c);
    mli_free(&session->model->alloc, k);
    return status;
}
