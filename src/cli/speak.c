/* `modellab speak`: text to a sound file, or as raw samples to stdout while it is made. */
#include "cli/commands.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/signals.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_TEXT = 1 << 20 };

typedef struct speech {
    cli_call *call;
    cli_progress progress;
    modellab_tts_options options;
    modellab_tts_text_options text;
    bool raw, broken; /* samples go to stdout; it does not take them any more */
} speech;

static int real_option(const cli_call *call, cli_option_id id, double least, double most,
                       double *out)
{
    const char *value = cli_value(call, id);
    if (value == NULL)
        return CLI_EXIT_OK;
    if (!cli_parse_real(value, out) || !(*out >= least && *out <= most))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--%s must be a number from %g to %g",
                             cli_options[id].name, least, most);
    return CLI_EXIT_OK;
}

static int whole_option(const cli_call *call, cli_option_id id, int64_t most, int64_t *out)
{
    const char *value = cli_value(call, id);
    if (value != NULL && !cli_parse_int(value, 0, most, out))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--%s must be a whole number, not negative",
                             cli_options[id].name);
    return CLI_EXIT_OK;
}

/* Little-endian 16-bit samples, as every player takes them raw. */
static int32_t play(void *user, const float *samples, size_t count)
{
    speech *s = user;
    unsigned char block[2048];
    for (size_t at = 0; at < count;) {
        size_t n = 0;
        for (; n + 2 <= sizeof block && at < count; at++, n += 2) {
            float x = samples[at] * 32768.0f;
            long value = x <= -32768.0f ? -32768 : x >= 32767.0f ? 32767 : lrintf(x);
            block[n] = (unsigned char)(value & 0xff);
            block[n + 1] = (unsigned char)((value >> 8) & 0xff);
        }
        if (!cli_print((const char *)block, n)) {
            s->broken = true;
            return 1;
        }
    }
    if (fflush(stdout) != 0)
        s->broken = true;
    return s->broken ? 1 : 0;
}

static int32_t tell_progress(void *user, double done, double total)
{
    speech *s = user;
    char text[48];
    (void)total; /* of this sentence only */
    snprintf(text, sizeof text, "%.1f s of this sentence", done);
    cli_progress_text(&s->progress, text);
    return 0;
}

/* 0 and an own value differ: noise 0 is none. */
static double noise_of(const cli_call *call, cli_option_id id, double given)
{
    return cli_has(call, id) && given == 0.0 ? -1.0 : given;
}

static int take_options(speech *s)
{
    cli_call *call = s->call;
    const char *output = cli_value(call, CLI_OPT_OUTPUT);
    const char *format = cli_value(call, CLI_OPT_AUDIO_FORMAT);
    int64_t seed = 0, speaker = 0, rate = 0, threads = 0;
    double noise = 0, noise_w = 0;
    int code = real_option(call, CLI_OPT_SPEED, 0.1, 10, &s->options.speed);
    if (code == CLI_EXIT_OK)
        code = real_option(call, CLI_OPT_NOISE, 0, 10, &noise);
    if (code == CLI_EXIT_OK)
        code = real_option(call, CLI_OPT_NOISE_W, 0, 10, &noise_w);
    if (code == CLI_EXIT_OK)
        code = whole_option(call, CLI_OPT_SEED, INT64_MAX, &seed);
    if (code == CLI_EXIT_OK)
        code = whole_option(call, CLI_OPT_SPEAKER, 65535, &speaker);
    if (code == CLI_EXIT_OK)
        code = whole_option(call, CLI_OPT_RATE, 192000, &rate);
    if (code == CLI_EXIT_OK)
        code = whole_option(call, CLI_OPT_THREADS, 1024, &threads);
    if (code != CLI_EXIT_OK)
        return code;
    if (output == NULL)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--output says where the sound goes: a file, or - for raw samples");
    s->raw = strcmp(output, "-") == 0;
    if (s->raw && format != NULL && strcmp(format, "raw") != 0)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "to stdout go raw samples only (16 bits, one channel)");
    if (!s->raw && format != NULL && strcmp(format, "raw") == 0)
        return cli_fail_text(call, CLI_EXIT_USAGE, "raw samples go to stdout: --output -");
    if (s->raw && cli_has(call, CLI_OPT_JSON))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--json has no place beside samples on stdout");
    const size_t n = strlen(output);
    const bool opus = format != NULL ? strcmp(format, "opus") == 0
                                     : n > 5 && strcmp(output + n - 5, ".opus") == 0;
    s->options.noise = noise_of(call, CLI_OPT_NOISE, noise);
    s->options.noise_w = noise_of(call, CLI_OPT_NOISE_W, noise_w);
    s->options.seed = (uint64_t)seed;
    s->options.speaker = (int32_t)speaker;
    s->options.threads = (int32_t)threads;
    s->options.output_rate_hz = rate == 0 && opus ? 24000 : (int32_t)rate;
    s->options.chunk = s->raw ? play : NULL;
    s->options.progress = tell_progress;
    s->options.user = s;
    s->text.output_path = s->raw ? NULL : output;
    s->text.output_format = s->raw ? NULL : format;
    const char *g2p = cli_value(call, CLI_OPT_G2P);
    if (cli_has(call, CLI_OPT_IPA) && g2p != NULL && strcmp(g2p, "ipa") != 0)
        return cli_fail_text(call, CLI_EXIT_USAGE, "--ipa and --g2p %s do not go together", g2p);
    g2p = g2p != NULL ? g2p : "lexicon";
    s->text.is_ipa = cli_has(call, CLI_OPT_IPA) || strcmp(g2p, "ipa") == 0 ? 1 : 0;
    s->text.is_ids = strcmp(g2p, "ids") == 0 ? 1 : 0;
    s->text.g2p_program = strcmp(g2p, "exec") == 0 ? "" : NULL;
    return CLI_EXIT_OK;
}

/* The text of the command line, of a file, or of stdin. */
static int read_text(cli_call *call, cli_text *out)
{
    const char *path = cli_value(call, CLI_OPT_TEXT_FILE);
    const char *given = call->argument_count > 0 ? call->arguments[0] : NULL;
    if ((path != NULL) == (given != NULL))
        return cli_fail_text(call, CLI_EXIT_USAGE, "give the text, or - for stdin, or --text-file");
    const char *name = path != NULL ? path : given;
    const bool standard = strcmp(name, "-") == 0;
    if (path == NULL && !standard) {
        cli_text_add(out, given);
        return CLI_EXIT_OK;
    }
    return cli_read_file(call, name, MOST_TEXT, out);
}

static void put_words(cli_json *j, const modellab_tts_result *result, const char *text)
{
    modellab_tts_text_word word = {.size = sizeof word};
    cli_json_key(j, "words");
    cli_json_open(j, '[');
    for (size_t i = 0; modellab_tts_result_text_word_at(result, i, &word, NULL) == MODELLAB_OK;
         i++) {
        cli_text part = CLI_TEXT_INIT;
        cli_text_add_n(&part, text + word.from, word.bytes);
        cli_json_open(j, '{');
        cli_json_kstring(j, "word", cli_text_get(&part));
        cli_json_kint(j, "at", (int64_t)word.from);
        cli_json_kreal(j, "start", word.start);
        cli_json_kreal(j, "end", word.end);
        cli_json_close(j, '}');
        cli_text_free(&part);
    }
    cli_json_close(j, ']');
}

static void put_phonemes(cli_json *j, const modellab_tts_result *result)
{
    modellab_tts_symbol symbol = {.size = sizeof symbol};
    cli_json_key(j, "phonemes");
    cli_json_open(j, '[');
    for (size_t i = 0; modellab_tts_result_symbol_at(result, i, &symbol, NULL) == MODELLAB_OK;
         i++) {
        char text[16];
        snprintf(text, sizeof text, "%.*s", (int)symbol.bytes,
                 modellab_tts_result_ipa(result) + symbol.at);
        cli_json_open(j, '{');
        cli_json_kstring(j, "symbol", text);
        cli_json_kreal(j, "start", symbol.start);
        cli_json_kreal(j, "end", symbol.end);
        cli_json_close(j, '}');
    }
    cli_json_close(j, ']');
}

static int tell(const speech *s, const modellab_tts_result *result, const char *text)
{
    modellab_tts_result_info info = {.size = sizeof info};
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_tts_result_get_info(result, &info, &err);
    if (status != MODELLAB_OK)
        return cli_fail(s->call, NULL, NULL, status, &err);
    if (info.unsaid > 0)
        cli_note(s->call, "%d characters of the text have no words and were left out",
                 (int)info.unsaid);
    if (!cli_has(s->call, CLI_OPT_JSON)) {
        cli_note(s->call, "%.2f s of speech, %d sentences, %d words", info.duration,
                 (int)info.utterances, (int)info.words);
        return CLI_EXIT_OK;
    }
    cli_json j = {.depth = 0};
    cli_json_open(&j, '{');
    cli_json_kstring(&j, "output", s->text.output_path);
    cli_json_kint(&j, "rate_hz", info.rate_hz);
    cli_json_kreal(&j, "duration_seconds", info.duration);
    cli_json_kint(&j, "utterances", info.utterances);
    cli_json_kint(&j, "unsaid", info.unsaid);
    cli_json_kint(&j, "from_lexicon", info.from_lexicon);
    cli_json_kint(&j, "from_parts", info.from_parts);
    cli_json_kint(&j, "from_letters", info.from_letters);
    cli_json_kstring(&j, "ipa", modellab_tts_result_ipa(result));
    put_words(&j, result, text);
    put_phonemes(&j, result);
    cli_json_close(&j, '}');
    return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* Opens voice and dictionary; speaks. */
static int speak(speech *s, const cli_text *text)
{
    const char *voice = cli_value(s->call, CLI_OPT_VOICE);
    modellab_model_options model_options = MODELLAB_MODEL_OPTIONS_INIT;
    modellab_model *model = NULL, *lexicon = NULL;
    modellab_tts_session *session = NULL;
    modellab_tts_result *result = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *subject = voice != NULL ? voice : "piper-en_US-joe-medium";
    model_options.cancel = s->options.cancel;
    modellab_status status = modellab_model_open(subject, &model_options, &model, &err);
    if (status == MODELLAB_OK && s->text.is_ipa == 0 && s->text.is_ids == 0 &&
        s->text.g2p_program == NULL) {
        status = modellab_model_open("cmudict", &model_options, &lexicon, &err);
        subject = status != MODELLAB_OK ? "cmudict" : subject;
    }
    if (status == MODELLAB_OK)
        status = modellab_tts_session_create(model, &s->options, &session, &err);
    if (status == MODELLAB_OK) {
        s->text.lexicon = lexicon;
        status = modellab_tts_speak_text(session, cli_text_get(text), text->size, &s->text, &result,
                                         &err);
        subject = NULL;
    }
    cli_progress_end(&s->progress);
    int code;
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        code = cli_signal_exit();
    else if (s->broken)
        code = cli_fail_text(s->call, CLI_EXIT_FAILURE, "stdout takes no more samples");
    else
        code = status == MODELLAB_OK ? tell(s, result, cli_text_get(text))
                                     : cli_fail(s->call, subject, NULL, status, &err);
    modellab_tts_result_unref(result);
    modellab_tts_session_destroy(session);
    modellab_model_unref(lexicon);
    modellab_model_unref(model);
    return code;
}

int cli_speak(cli_call *call)
{
    speech s = {
        .call = call, .options = MODELLAB_TTS_OPTIONS_INIT, .text = MODELLAB_TTS_TEXT_OPTIONS_INIT};
    cli_text text = CLI_TEXT_INIT;
    int code = take_options(&s);
    if (code == CLI_EXIT_OK)
        code = read_text(call, &text);
    if (code == CLI_EXIT_OK) {
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status = modellab_blas_use_single_thread(&err);
        if (status != MODELLAB_OK)
            code = cli_fail(call, NULL, NULL, status, &err);
    }
    if (code == CLI_EXIT_OK) {
        cli_progress_begin(&s.progress, call, "speech");
        s.options.cancel = cli_cancel_begin();
        code = speak(&s, &text);
        cli_cancel_end(s.options.cancel);
    }
    cli_text_free(&text);
    return code;
}
