/* Speech synthesis: phonemes become samples, at once and as they are made. */
#include "example.h"

static int32_t take(void *user, const float *samples, size_t count)
{
    (void)samples; /* to a sound card, a socket ... */
    *(size_t *)user += count;
    return 0;
}

int main(void)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_tts_options options = MODELLAB_TTS_OPTIONS_INIT;
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_model *model = NULL;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    static const int32_t ids[] = {1, 0, 20, 0, 59, 0, 24, 0, 27, 0, 100, 0, 2}; /* həloʊ */
    const modellab_tts_span word = {2, 10};
    size_t count = 0, streamed = 0;

    model_options.models_root = models_root_or_skip();
    must(modellab_model_open("piper-en_US-joe-medium", &model_options, &model, &err), &err,
         "model");
    modellab_tts_options_init(&options, sizeof options);
    options.seed = 7;
    options.output_rate_hz = 16000;
    must(modellab_tts_session_create(model, &options, &session, &err), &err, "session");
    must(modellab_tts_speak_ipa(session, "h\xc9\x99l\xcb\x88o\xca\x8a w\xcb\x88\xc9\x9c\xcb\x90ld.",
                                &result, &err),
         &err, "ipa");
    const float *samples = modellab_tts_result_samples(result, &count);
    must(modellab_tts_result_get_info(result, &info, &err), &err, "info");
    printf("%.2f s, %zu samples at %d Hz, %d phonemes, the first %.4f\n", info.duration, count,
           info.rate_hz, info.phonemes, count > 0 ? (double)samples[0] : 0.0);
    for (int32_t i = 0; i < info.words; i++) {
        modellab_tts_time t = {.size = sizeof t};
        must(modellab_tts_result_word_at(result, (size_t)i, &t, &err), &err, "word");
        printf("word %d: %.3f %.3f\n", i, t.start, t.end);
    }
    modellab_tts_result *shared = modellab_tts_result_ref(result); /* results are shared, too */
    modellab_tts_result_unref(result);
    modellab_tts_result_unref(shared);
    modellab_tts_session_destroy(session);

    options.chunk = take;
    options.user = &streamed;
    must(modellab_tts_session_create(model, &options, &session, &err), &err, "session");
    must(modellab_tts_speak_ids(session, ids, sizeof ids / sizeof ids[0], &word, 1, &result, &err),
         &err, "ids");
    modellab_tts_time t = {.size = sizeof t};
    must(modellab_tts_result_phoneme_at(result, 2, &t, &err), &err, "phoneme");
    printf("%zu samples as they were made; id %d from %.3f to %.3f\n", streamed, t.id, t.start,
           t.end);
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);

    /* Text: words of the dictionary and others, numbers, abbreviations; streamed sentence by
     * sentence. */
    static const char text[] = "Dr. Smith paid $3.50 in 2024.";
    modellab_tts_text_options text_options = MODELLAB_TTS_TEXT_OPTIONS_INIT;
    modellab_model *dictionary = NULL;
    must(modellab_model_open("cmudict", &model_options, &dictionary, &err), &err, "dictionary");
    modellab_tts_text_options_init(&text_options, sizeof text_options);
    text_options.lexicon = dictionary;
    options.chunk = NULL;
    must(modellab_tts_session_create(model, &options, &session, &err), &err, "session");
    must(modellab_tts_speak_text(session, text, strlen(text), &text_options, &result, &err), &err,
         "text");
    printf("%s\n", modellab_tts_result_ipa(result));
    must(modellab_tts_result_get_info(result, &info, &err), &err, "info");
    for (int32_t i = 0; i < info.words; i++) {
        modellab_tts_text_word w = {.size = sizeof w};
        must(modellab_tts_result_text_word_at(result, (size_t)i, &w, &err), &err, "word");
        printf("%.*s: %.3f %.3f\n", (int)w.bytes, text + w.from, w.start, w.end);
    }
    modellab_tts_symbol symbol = {.size = sizeof symbol};
    must(modellab_tts_result_symbol_at(result, modellab_tts_result_symbol_count(result) - 1,
                                       &symbol, &err),
         &err, "symbol");
    printf("%d words of the dictionary, %d parts, %d by letters; the last sound ends at %.3f\n",
           info.from_lexicon, info.from_parts, info.from_letters, symbol.end);
    modellab_tts_result_unref(result);
    /* The same by the user's own espeak-ng, if there is one. */
    text_options.lexicon = NULL;
    text_options.g2p_program = "espeak-ng";
    modellab_status status =
        modellab_tts_speak_text(session, text, strlen(text), &text_options, &result, &err);
    if (status != MODELLAB_E_NOT_FOUND)
        must(status, &err, "espeak-ng");
    printf("espeak-ng: %s\n",
           status == MODELLAB_OK ? modellab_tts_result_ipa(result) : err.message);
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(dictionary);
    modellab_model_unref(model);
    return 0;
}
