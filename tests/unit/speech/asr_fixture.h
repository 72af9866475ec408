/* A made-up model on disk and made-up audio, for whole transcriptions without any download. */
#ifndef TESTS_UNIT_SPEECH_ASR_FIXTURE_H
#define TESTS_UNIT_SPEECH_ASR_FIXTURE_H

#include "audio/decode.h"
#include "base/random.h"
#include "models/model_files.h"
#include "speech/asr.h"
#include "speech/whisper_pack.h"
#include "unit/models/synthetic.h"
#include "unit/temp_folder.h"

/* As synthetic_small, with so many words that special tokens are seldom the best choice. */
static const synthetic_shape fixture_shape = {5608, 80, 20, 64, 2, 2, 16};

static inline void write_file(const char *folder, const char *name, const mli_buf *content)
{
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(
        mli_os_replace_file(&mli_os_system_files, path, content->data, content->size, 0600), 0);
}

/* A CTranslate2 folder with f16 matrices. */
static inline void fixture_ct2(const char *folder)
{
    mli_buf b;
    mli_buf_init(&b, NULL);
    synthetic_ct2(&fixture_shape, MLI_WEIGHT_F16, &b);
    write_file(folder, "model.bin", &b);
    mli_buf_clear(&b);
    synthetic_vocabulary(&fixture_shape, &b);
    write_file(folder, "vocabulary.txt", &b);
    mli_buf_dispose(&b);
}

static inline void fixture_ggml(const char *folder)
{
    mli_buf b;
    mli_buf_init(&b, NULL);
    synthetic_ggml(&fixture_shape, MLI_WEIGHT_F16, &b);
    write_file(folder, "ggml-made-up.bin", &b);
    mli_buf_dispose(&b);
}

static inline mli_asr_model *fixture_open(const char *folder, const char *cache,
                                          mli_asr_weights weights)
{
    mli_model_files files;
    mli_asr_model *model = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_asr_open_options options = {.cache_directory = cache, .weights = weights, .verify = true};
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, folder, &err),
                     MODELLAB_OK);
    modellab_status status = mli_asr_model_open(&model, &files, &options, &err);
    mli_model_files_dispose(&files);
    if (status != MODELLAB_OK)
        print_message("%s\n", err.message);
    assert_int_equal(status, MODELLAB_OK);
    return model;
}

/* The layout in the key of a folder's image. */
static inline void fixture_layout(const char *folder, char *out, size_t bytes)
{
    mli_model_files files;
    assert_int_equal(mli_model_files_open(&files, NULL, &mli_os_system_files, folder, NULL),
                     MODELLAB_OK);
    (void)snprintf(out, bytes, "%s-%08x", mli_whisper_layout, mli_model_files_beside(&files));
    mli_model_files_dispose(&files);
}

/* Noise whose loudness changes, so that windows differ. */
static inline mli_audio_source *fixture_audio(size_t seconds)
{
    size_t count = seconds * MLI_AUDIO_RATE;
    float *samples = calloc(count + 1, sizeof *samples);
    mli_audio_source *source = NULL;
    assert_non_null(samples);
    for (size_t i = 0; i < count; i++) {
        uint32_t counter[4] = {(uint32_t)i, 0, 0, 0}, random[4];
        mli_philox(1, counter, random);
        float loudness = (float)(i / 3000 % 7) / 7;
        samples[i] = loudness * (float)(mli_philox_uniform(random[0], random[1]) - 0.5);
    }
    assert_int_equal(mli_audio_from_samples(samples, count, 1, MLI_AUDIO_RATE, NULL, &source, NULL),
                     MODELLAB_OK);
    free(samples);
    return source;
}

/* Everything of a transcript as text, to compare two of them. */
static inline void fixture_print(const mli_transcript *t, mli_buf *out)
{
    mli_buf_printf(out, "%s %s %a %a %s\n", t->task, t->language, t->language_probability,
                   t->duration, t->text);
    for (size_t i = 0; i < t->segment_count; i++) {
        const mli_transcript_segment *s = &t->segments[i];
        mli_buf_printf(out, "%lld %a %a %a %a %a %a %s:", (long long)s->seek, s->start, s->end,
                       s->temperature, s->avg_logprob, s->compression_ratio, s->no_speech_prob,
                       s->text);
        for (size_t k = 0; k < s->token_count; k++)
            mli_buf_printf(out, " %d %a", (int)s->tokens[k], (double)s->token_probabilities[k]);
        for (size_t k = 0; k < s->word_count; k++)
            mli_buf_printf(out, " [%s %a %a %a]", s->words[k].text, s->words[k].start,
                           s->words[k].end, s->words[k].probability);
        mli_buf_append_text(out, "\n");
    }
}

static inline void fixture_transcribe(mli_asr_model *model, int32_t threads,
                                      const mli_audio_source *audio, const mli_asr_options *options,
                                      mli_buf *out)
{
    mli_asr_session *session = NULL;
    mli_transcript *t = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    assert_int_equal(mli_asr_session_create(&session, NULL, model, threads, &err), MODELLAB_OK);
    modellab_status status = mli_asr_transcribe(session, audio, options, &t, &err);
    if (status != MODELLAB_OK)
        print_message("%s\n", err.message);
    assert_int_equal(status, MODELLAB_OK);
    mli_buf_init(out, NULL);
    fixture_print(t, out);
    mli_transcript_unref(t);
    mli_asr_session_destroy(session);
}

#endif
