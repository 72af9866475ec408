/* Step tts: a text as speech (speech.wav) by a Piper voice, and when each word and each symbol of
 * its IPA is heard (spoken.json). */
#include "lab/handoff.h"
#include "lab/step_kinds.h"
#include "lab/step_schemas.h"
#include "lab/worker.h"

#include "audio/encode.h"
#include "base/alloc.h"
#include "base/error.h"
#include "log/logger.h"
#include "speech/g2p_program.h"
#include "speech/voice.h"
#include "speech/voice_text.h"
#include <string.h>

enum { VERSION = 1, QUIET = 1024 };
#define MOST_SAMPLES ((int64_t)1 << 28) /* three hours */

typedef struct spoken_part {
    uint32_t at, bytes; /* word: the caller's text; symbol: the IPA */
    double start, end;
} spoken_part;

typedef struct tts_work {
    mli_worker *w;
    const mli_voice *voice;
    mli_pool *pool;
    mli_vits_session *session;
    mli_vits_options options;
    mli_voice_text *text;
    const char *written; /* the text */
    size_t bytes;
    mli_buf words, symbols, ipa;
    mli_worker_stream speech; /* speech.wav, written while it is made */
    mli_wav_writer wav;
    int64_t made; /* samples */
    double pause;
    size_t utterances;
} tts_work;

MODELLAB_MUST_CHECK static modellab_status open_voice(mli_model_files *files,
                                                      const modellab_allocator *alloc,
                                                      const mli_cancel_word *cancel, void **out,
                                                      int64_t *bytes, modellab_error *err)
{
    mli_voice *voice = NULL;
    modellab_status status = mli_voice_create(&voice, alloc, files, NULL, cancel, err);
    if (status == MODELLAB_OK) {
        *bytes = mli_vits_info_of(voice->net).bytes;
    }
    *out = voice;
    return status;
}

static void close_voice(void *model)
{
    mli_voice_destroy(model);
}

MODELLAB_MUST_CHECK static modellab_status open_lexicon(mli_model_files *files,
                                                        const modellab_allocator *alloc,
                                                        const mli_cancel_word *cancel, void **out,
                                                        int64_t *bytes, modellab_error *err)
{
    mli_lexicon *lexicon = NULL;
    modellab_status status = mli_model_files_load(files, cancel, err);
    if (status == MODELLAB_OK) {
        status =
            mli_lexicon_create(&lexicon, alloc, files->weights, files->weights_bytes, cancel, err);
        *bytes = (int64_t)files->weights_bytes;
    }
    mli_model_files_unload(files);
    *out = lexicon;
    return status;
}

static void close_lexicon(void *model)
{
    mli_lexicon_destroy(model);
}

static const mli_model_opener voices = {"tts", open_voice, close_voice};
static const mli_model_opener lexicons = {"lexicon", open_lexicon, close_lexicon};

/* Clauses to the user's espeak-ng, each as a paragraph of its own, so that each gives a line. */
MODELLAB_MUST_CHECK static modellab_status ask_espeak(void *user, const char *text, size_t bytes,
                                                      mli_buf *ipa, modellab_error *err)
{
    const tts_work *t = user;
    mli_buf input, answer;
    mli_buf_init(&input, t->w->alloc);
    mli_buf_init(&answer, t->w->alloc);
    size_t clauses = mli_g2p_paragraphs(text, bytes, &input);
    modellab_status status = mli_buf_status(&input, err);
    if (status == MODELLAB_OK) {
        status = mli_worker_program(t->w, "espeak-ng", t->voice->config.voice, input.data,
                                    input.size, &answer, MLI_G2P_MOST_ANSWER, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_g2p_lines(answer.data, answer.size, clauses, ipa, err);
    }
    mli_buf_dispose(&input);
    mli_buf_dispose(&answer);
    return status;
}

MODELLAB_MUST_CHECK static modellab_status take(void *user, const float *samples, size_t count,
                                                modellab_error *err)
{
    tts_work *t = user;
    t->made += (int64_t)count;
    if (t->made > MOST_SAMPLES) {
        return mli_fail(err, MODELLAB_E_LIMIT, "a run says at most %lld samples",
                        (long long)MOST_SAMPLES);
    }
    return mli_wav_write(&t->wav, samples, count, err);
}

MODELLAB_MUST_CHECK static modellab_status be_quiet(tts_work *t, modellab_error *err)
{
    static const float zeros[QUIET];
    int64_t left = (int64_t)(t->pause * t->voice->config.sample_rate + 0.5);
    modellab_status status = MODELLAB_OK;
    for (; status == MODELLAB_OK && left > 0; left -= QUIET) {
        status = take(t, zeros, left < QUIET ? (size_t)left : QUIET, err);
    }
    return status;
}

/* Seconds at which each id of the last utterance ends, from where it began. */
static double end_of(const tts_work *t, int64_t begin, uint32_t id)
{
    size_t count;
    const int32_t *frames = mli_vits_frames(t->session, &count);
    int64_t at = 0;
    for (size_t i = 0; i < id && i < count; i++) {
        at += frames[i];
    }
    return (double)(begin + at * mli_vits_info_of(t->voice->net).hop) /
           t->voice->config.sample_rate;
}

static void note_times(tts_work *t, const mli_utterance *u, int64_t begin)
{
    const uint32_t ipa = (uint32_t)t->ipa.size;
    for (size_t i = 0; i < mli_utterance_words(u); i++) {
        const mli_voice_word *w = mli_utterance_word(u, i);
        spoken_part part = {w->from, w->to - w->from, end_of(t, begin, w->first),
                            end_of(t, begin, w->end)};
        mli_buf_append(&t->words, &part, sizeof(part));
    }
    for (size_t i = 0; i < u->symbols.size / sizeof(mli_voice_symbol); i++) {
        const mli_voice_symbol *s = mli_utterance_symbol(u, i);
        spoken_part part = {ipa + s->at, s->bytes, end_of(t, begin, s->first),
                            end_of(t, begin, s->end)};
        mli_buf_append(&t->symbols, &part, sizeof(part));
    }
    mli_buf_append(&t->ipa, u->ipa.data, u->ipa.size);
    mli_buf_append_char(&t->ipa, '\n');
}

MODELLAB_MUST_CHECK static modellab_status say(tts_work *t, const mli_utterance *u,
                                               modellab_error *err)
{
    const mli_json *config = mli_worker_config(t->w);
    modellab_status status = t->utterances > 0 ? be_quiet(t, err) : MODELLAB_OK;
    int64_t begin = t->made;
    if (status == MODELLAB_OK) {
        t->options.utterance = (uint32_t)t->utterances++;
        status = mli_vits_run(t->session, (const int32_t *)(const void *)u->ids.data,
                              u->ids.size / sizeof(int32_t), &t->options, take, t,
                              &t->w->page->stop, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    note_times(t, u, begin);
    const char *key = u->paragraph ? "paragraph_pause_ms" : "sentence_pause_ms";
    t->pause =
        u->cut ? 0.0
               : (double)mli_json_int(mli_json_get(config, key), u->paragraph ? 500 : 150) / 1000.0;
    double done = (double)t->made / t->voice->config.sample_rate;
    const mli_voice_word *last = mli_utterance_word(u, mli_utterance_words(u) - 1);
    mli_worker_progress(t->w, done, done * (double)t->bytes / (double)last->to);
    return MODELLAB_OK;
}

MODELLAB_MUST_CHECK static modellab_status say_all(tts_work *t, modellab_error *err)
{
    mli_utterance u;
    bool more = true;
    modellab_status status = MODELLAB_OK;
    mli_utterance_init(&u, t->w->alloc);
    while (status == MODELLAB_OK && more) {
        status = mli_voice_text_next(t->text, &u, &more, &t->w->page->stop, err);
        if (status == MODELLAB_OK && more) {
            status = say(t, &u, err);
        }
    }
    mli_utterance_dispose(&u);
    if (status == MODELLAB_OK && t->utterances == 0) {
        status =
            mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the text has nothing that can be said");
    }
    return status;
}

static void write_parts(mli_jw *json, const char *name, const char *label, const char *text,
                        const mli_buf *parts, bool places)
{
    const spoken_part *list = (const spoken_part *)(const void *)parts->data;
    mli_jw_key(json, name);
    mli_jw_array(json);
    for (size_t i = 0; i < parts->size / sizeof(*list); i++) {
        mli_jw_object(json);
        mli_jw_key(json, label);
        mli_jw_string_n(json, text + list[i].at, list[i].bytes);
        if (places) {
            mli_jw_kint(json, "at", list[i].at);
        }
        mli_jw_kreal(json, "start", list[i].start);
        mli_jw_kreal(json, "end", list[i].end);
        mli_jw_end_object(json);
    }
    mli_jw_end_array(json);
}

static void write_times(const tts_work *t, mli_buf *out)
{
    mli_voice_text_counts counts = mli_voice_text_counts_of(t->text);
    mli_jw json;
    mli_jw_init(&json, out);
    mli_jw_object(&json);
    mli_jw_kreal(&json, "duration_seconds", (double)t->made / t->voice->config.sample_rate);
    mli_jw_kint(&json, "rate_hz", t->voice->config.sample_rate);
    mli_jw_kint(&json, "utterances", (int64_t)t->utterances);
    mli_jw_kint(&json, "unsaid", (int64_t)counts.unsaid);
    mli_jw_kint(&json, "unknown_symbols", (int64_t)counts.unknown);
    mli_jw_kint(&json, "from_lexicon", (int64_t)counts.by[MLI_BY_LEXICON]);
    mli_jw_kint(&json, "from_parts", (int64_t)counts.by[MLI_BY_PARTS]);
    mli_jw_kint(&json, "from_letters", (int64_t)counts.by[MLI_BY_LETTERS]);
    mli_jw_key(&json, "ipa");
    mli_jw_string_n(&json, mli_buf_text(&t->ipa), t->ipa.size);
    write_parts(&json, "words", "word", t->written, &t->words, true);
    write_parts(&json, "phonemes", "symbol", mli_buf_text(&t->ipa), &t->symbols, false);
    mli_jw_end_object(&json);
    mli_buf_append_char(out, '\n');
}

MODELLAB_MUST_CHECK static modellab_status to_buffer(void *user, const void *data, size_t bytes,
                                                     modellab_error *err)
{
    mli_buf_append(user, data, bytes);
    return mli_buf_status(user, err);
}

MODELLAB_MUST_CHECK static modellab_status to_artifact(void *user, const void *data, size_t bytes,
                                                       modellab_error *err)
{
    tts_work *t = user;
    return mli_worker_stream_write(t->w, &t->speech, data, bytes, err);
}

/* Opens speech.wav; the header says how long it is when that is known. */
MODELLAB_MUST_CHECK static modellab_status begin_speech(tts_work *t, modellab_error *err)
{
    modellab_status status = mli_worker_stream_begin(t->w, "speech.wav", &t->speech, err);
    return status == MODELLAB_OK ? mli_wav_begin(&t->wav, to_artifact, t, MLI_WAV_S16, 1,
                                                 t->voice->config.sample_rate, -1, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status end_speech(tts_work *t, mli_buf *head,
                                                      modellab_error *err)
{
    mli_wav_writer header;
    modellab_status status = mli_wav_end(&t->wav, err);
    if (status == MODELLAB_OK) {
        status = mli_wav_begin(&header, to_buffer, head, MLI_WAV_S16, 1,
                               t->voice->config.sample_rate, t->made, err);
    }
    return status == MODELLAB_OK ? mli_worker_stream_end(t->w, &t->speech, head->data, head->size,
                                                         "audio/wav", "result", err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status keep(tts_work *t, modellab_error *err)
{
    mli_buf out;
    mli_buf_init(&out, t->w->alloc);
    modellab_status status = end_speech(t, &out, err);
    mli_buf_clear(&out);
    const mli_buf *parts[] = {&t->words, &t->symbols, &t->ipa};
    for (size_t i = 0; status == MODELLAB_OK && i < 3; i++) {
        status = mli_buf_status(parts[i], err);
    }
    if (status == MODELLAB_OK) {
        write_times(t, &out);
        status = mli_buf_status(&out, err);
    }
    if (status == MODELLAB_OK) {
        status = mli_worker_artifact(t->w, "spoken.json", "application/json", "result", out.data,
                                     out.size, err);
    }
    mli_buf_dispose(&out);
    return status;
}

static double number_of(const mli_json *config, const char *key, double fallback)
{
    return mli_json_number(mli_json_get(config, key), fallback);
}

MODELLAB_MUST_CHECK static modellab_status begin(tts_work *t, const mli_lexicon *lexicon,
                                                 modellab_error *err)
{
    const mli_json *config = mli_worker_config(t->w), *text = mli_json_get(config, "text");
    const char *g2p = mli_json_string(mli_json_get(config, "g2p"), "lexicon");
    mli_voice_text_source source = {.lexicon = lexicon,
                                    .g2p = strcmp(g2p, "espeak") == 0 ? ask_espeak : NULL,
                                    .user = t,
                                    .is_ipa = strcmp(g2p, "ipa") == 0,
                                    .is_ids = strcmp(g2p, "ids") == 0};
    t->options =
        (mli_vits_options){.length = t->voice->config.length / number_of(config, "speed", 1),
                           .noise = number_of(config, "noise", t->voice->config.noise),
                           .noise_w = number_of(config, "noise_w", t->voice->config.noise_w),
                           .speaker = (int32_t)mli_json_int(mli_json_get(config, "speaker"), 0),
                           .seed = (uint64_t)mli_json_int(mli_json_get(config, "seed"), 0)};
    if (t->options.speaker >= mli_vits_info_of(t->voice->net).speakers) {
        return mli_fail(err, MODELLAB_E_INVALID_ARGUMENT, "the voice has no speaker %d",
                        (int)t->options.speaker);
    }
    t->written = mli_json_string(text, "");
    t->bytes = mli_json_string_bytes(text);
    modellab_status status = mli_voice_text_create(&t->text, t->w->alloc, &t->voice->config,
                                                   &source, t->written, t->bytes, err);
    if (status == MODELLAB_OK) {
        status = mli_pool_create(mli_worker_threads(t->w), t->w->alloc, &t->pool, err);
    }
    return status == MODELLAB_OK ? mli_vits_session_create(&t->session, t->voice->net, t->pool, err)
                                 : status;
}

MODELLAB_MUST_CHECK static modellab_status run(mli_worker *w, modellab_error *err)
{
    const char *g2p = mli_json_string(mli_json_get(mli_worker_config(w), "g2p"), "lexicon");
    void *voice = NULL, *lexicon = NULL;
    modellab_status status = mli_worker_model(w, "voice", &voices, &voice, err);
    if (status == MODELLAB_OK && strcmp(g2p, "lexicon") == 0) {
        status = mli_worker_model(w, "lexicon", &lexicons, &lexicon, err);
    }
    if (status != MODELLAB_OK) {
        return status;
    }
    tts_work *t = mli_alloc_zero(w->alloc, sizeof(*t));
    if (t == NULL) {
        return mli_no_memory(err);
    }
    t->w = w;
    t->voice = voice;
    if (t->voice->reason[0] != '\0') {
        mli_log_text(w->log, MODELLAB_LOG_WARN, "model.image_not_used", t->voice->reason);
    }
    mli_buf_init(&t->words, w->alloc);
    mli_buf_init(&t->symbols, w->alloc);
    mli_buf_init(&t->ipa, w->alloc);
    status = begin(t, lexicon, err);
    if (status == MODELLAB_OK) {
        status = begin_speech(t, err);
    }
    if (status == MODELLAB_OK) {
        status = say_all(t, err);
    }
    if (status == MODELLAB_OK) {
        status = keep(t, err);
    }
    mli_vits_session_destroy(t->session);
    mli_pool_destroy(t->pool);
    mli_voice_text_destroy(t->text);
    mli_buf_dispose(&t->words);
    mli_buf_dispose(&t->symbols);
    mli_buf_dispose(&t->ipa);
    mli_free(w->alloc, t);
    return status;
}

/* espeak-ng is whatever the user has: its results are not taken over. */
MODELLAB_MUST_CHECK static modellab_status key(mli_worker *w, char out[65], modellab_error *err)
{
    const char *g2p = mli_json_string(mli_json_get(mli_worker_config(w), "g2p"), "lexicon");
    if (strcmp(g2p, "espeak") == 0) {
        out[0] = '\0';
        return MODELLAB_OK;
    }
    return mli_worker_step_key(w, VERSION, NULL, out, err);
}

const mli_step_kind mli_step_kind_tts = {
    .name = "tts",
    .text = "Says a text.",
    .needs = "",
    .outputs = "speech.wav,spoken.json",
    .streams = "speech.wav",
    .schema = MLI_SCHEMA_tts,
    .text_key = "text",
    .models = {{"voice", "tts", "piper-en_US-joe-medium"},
               {"lexicon", "lexicon", "cmudict", "g2p=lexicon"}},
    .run = run,
    .key = key,
    .needs_programs = true};
