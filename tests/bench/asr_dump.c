/* Transcribes files and prints one JSON object a file: tokens, margins, text, words. For the parity
 * tool (tests/conformance/asr_parity.py) and for benches of the engine alone; not a user's program.
 */
#include "audio/decode.h"
#include "base/error.h"
#include "base/json.h"
#include "base/str.h"
#include "models/model_files.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/memory.h"
#include "speech/asr.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const char *model, *cache, *encoder_out, *vad;
    mli_silero *detector;
    mli_asr_weights weights;
    int32_t threads;
    mli_asr_options options;
    double temperatures[16];
    mli_jw windows; /* filled while a file is transcribed */
    mli_buf windows_text;
} job;

static const char usage[] =
    "asr_dump --model DIR [--cache DIR] [--weights f16|f32] [--threads N] [--language L] "
    "[--translate]\n"
    "  [--beam N] [--best-of N] [--temperature T,...] [--no-condition] [--words] [--prompt TEXT]\n"
    "  [--no-thresholds] [--max-tokens N] [--seed N] [--guard SECONDS] [--encoder-out FILE]\n"
    "  [--vad DIR [--vad-threshold P] [--vad-pad MS] [--vad-silence MS] [--batch N]] FILE...\n";

static int complain(const char *what, const modellab_error *err)
{
    (void)fprintf(stderr, "asr_dump: %s: %s\n", what, err->message);
    return 1;
}

static void put_ids(mli_jw *w, const char *key, const int32_t *ids, size_t count)
{
    mli_jw_key(w, key);
    mli_jw_array(w);
    for (size_t i = 0; i < count; i++)
        mli_jw_int(w, ids[i]);
    mli_jw_end_array(w);
}

static void put_floats(mli_jw *w, const char *key, const float *values, size_t count)
{
    mli_jw_key(w, key);
    mli_jw_array(w);
    for (size_t i = 0; values != NULL && i < count; i++)
        mli_jw_real(w, (double)values[i]);
    mli_jw_end_array(w);
}

static void on_window(void *user, const mli_asr_window *window)
{
    job *j = user;
    mli_jw *w = &j->windows;
    mli_jw_object(w);
    mli_jw_kint(w, "seek", window->seek);
    put_ids(w, "prompt", window->prompt, window->prompt_count);
    put_ids(w, "tokens", window->tokens, window->count);
    put_floats(w, "logprobs", window->logprobs, window->count);
    put_floats(w, "margins", window->margins, window->margins != NULL ? window->count + 1 : 0);
    mli_jw_kreal(w, "temperature", window->temperature);
    mli_jw_kreal(w, "avg_logprob", window->avg_logprob);
    mli_jw_kreal(w, "compression_ratio", window->compression_ratio);
    mli_jw_kreal(w, "no_speech_prob", window->no_speech_prob);
    mli_jw_end_object(w);
}

static void put_segment(mli_jw *w, const mli_transcript_segment *s)
{
    mli_jw_object(w);
    mli_jw_kint(w, "seek", s->seek);
    mli_jw_kreal(w, "start", s->start);
    mli_jw_kreal(w, "end", s->end);
    mli_jw_kstring(w, "text", s->text);
    put_ids(w, "tokens", s->tokens, s->token_count);
    mli_jw_key(w, "words");
    mli_jw_array(w);
    for (size_t i = 0; i < s->word_count; i++) {
        mli_jw_object(w);
        mli_jw_kstring(w, "word", s->words[i].text);
        mli_jw_kreal(w, "start", s->words[i].start);
        mli_jw_kreal(w, "end", s->words[i].end);
        mli_jw_kreal(w, "probability", s->words[i].probability);
        mli_jw_end_object(w);
    }
    mli_jw_end_array(w);
    mli_jw_end_object(w);
}

static int print_transcript(job *j, const char *file, const mli_transcript *t, double seconds,
                            double cpu_seconds)
{
    mli_buf text;
    mli_jw w;
    modellab_error err = MODELLAB_ERROR_INIT;
    int64_t peak = 0, now = 0;
    mli_buf_init(&text, NULL);
    mli_jw_init(&w, &text);
    mli_jw_object(&w);
    mli_jw_kstring(&w, "file", mli_basename(file));
    mli_jw_kstring(&w, "language", t->language);
    mli_jw_kreal(&w, "language_probability", t->language_probability);
    mli_jw_kreal(&w, "duration", t->duration);
    mli_jw_kreal(&w, "seconds", seconds);
    mli_jw_kreal(&w, "cpu_seconds", cpu_seconds);
    if (mli_os_memory_peak(0, &peak, &now) == 0)
        mli_jw_kint(&w, "peak_bytes", peak);
    mli_jw_kstring(&w, "text", t->text);
    mli_jw_key(&w, "windows");
    mli_jw_raw(&w, mli_buf_text(&j->windows_text), j->windows_text.size);
    mli_jw_key(&w, "segments");
    mli_jw_array(&w);
    for (size_t i = 0; i < t->segment_count; i++)
        put_segment(&w, &t->segments[i]);
    mli_jw_end_array(&w);
    mli_jw_end_object(&w);
    modellab_status status = mli_buf_status(&text, &err);
    if (status == MODELLAB_OK)
        (void)printf("%s\n", mli_buf_text(&text));
    mli_buf_dispose(&text);
    return status == MODELLAB_OK ? 0 : complain("output", &err);
}

static int dump_encoder(const job *j, mli_asr_session *session, mli_asr_model *model,
                        const mli_audio_source *source)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    const float *mel = NULL, *audio = NULL;
    mli_whisper_dims d = mli_asr_model_info_of(model).dims;
    if (mli_asr_encode_window(session, source, 0, &mel, &audio, &err) != MODELLAB_OK)
        return complain("encode", &err);
    FILE *f = fopen(j->encoder_out, "wb");
    if (f == NULL)
        return 1;
    size_t mel_count = 2 * d.audio_ctx * d.mels, audio_count = d.audio_ctx * d.audio_state;
    int bad = fwrite(mel, sizeof(float), mel_count, f) != mel_count;
    bad |= fwrite(audio, sizeof(float), audio_count, f) != audio_count;
    return (fclose(f) != 0) | bad;
}

static int transcribe(job *j, mli_asr_session *session, mli_asr_model *model, const char *file)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_audio_source *source = NULL;
    mli_transcript *t = NULL;
    if (mli_audio_decode_path(file, NULL, &source, &err) != MODELLAB_OK)
        return complain(mli_basename(file), &err);
    int bad = 0;
    if (j->encoder_out != NULL)
        bad = dump_encoder(j, session, model, source);
    mli_buf_init(&j->windows_text, NULL);
    mli_jw_init(&j->windows, &j->windows_text);
    mli_jw_array(&j->windows);
    int64_t start = mli_os_system_clock.monotonic_ns(NULL), cpu = mli_os_process_cpu_ns();
    modellab_status status = mli_asr_transcribe(session, source, &j->options, &t, &err);
    int64_t end = mli_os_system_clock.monotonic_ns(NULL), cpu_end = mli_os_process_cpu_ns();
    mli_jw_end_array(&j->windows);
    if (status == MODELLAB_OK)
        bad |= print_transcript(j, file, t, (double)(end - start) / 1e9,
                                (double)(cpu_end - cpu) / 1e9);
    else
        bad |= complain(mli_basename(file), &err);
    mli_transcript_unref(t);
    mli_buf_dispose(&j->windows_text);
    mli_audio_unref(source);
    return bad;
}

static bool read_temperatures(job *j, const char *text)
{
    char copy[256];
    size_t count = 0;
    if (mli_str_copy(copy, sizeof copy, text) >= sizeof copy)
        return false;
    for (char *at = copy; at != NULL && count < 16;) {
        char *comma = strchr(at, ',');
        if (comma != NULL)
            *comma = '\0';
        if (!mli_parse_f64(at, &j->temperatures[count++]))
            return false;
        at = comma != NULL ? comma + 1 : NULL;
    }
    j->options.temperatures = j->temperatures;
    j->options.temperature_count = count;
    return true;
}

static bool number(const char *text, int32_t *out)
{
    int64_t value = 0;
    if (text == NULL || !mli_parse_i64(text, 0, 1000000, &value))
        return false;
    *out = (int32_t)value;
    return true;
}

/* The lower threshold follows, as in the step. */
static bool take_threshold(job *j, const char *text)
{
    double p = 0;
    if (!mli_parse_f64(text, &p))
        return false;
    j->options.vad_rules.threshold = (float)p;
    j->options.vad_rules.neg_threshold = (float)fmin(p, fmax(p - 0.15, 0.01));
    return true;
}

/* Takes one option; returns how many arguments it used, 0 = not understood. */
static int take(job *j, const char *name, const char *value)
{
    mli_asr_options *o = &j->options;
    int32_t n = 0;
    if (strcmp(name, "--translate") == 0)
        return o->translate = true, 1;
    if (strcmp(name, "--words") == 0)
        return o->word_times = true, 1;
    if (strcmp(name, "--no-condition") == 0)
        return o->condition_on_previous = false, 1;
    if (strcmp(name, "--no-thresholds") == 0) {
        o->compression_ratio_threshold = o->logprob_threshold = o->no_speech_threshold = NAN;
        return 1;
    }
    if (value == NULL)
        return 0;
    if (strcmp(name, "--model") == 0)
        return j->model = value, 2;
    if (strcmp(name, "--cache") == 0)
        return j->cache = value, 2;
    if (strcmp(name, "--encoder-out") == 0)
        return j->encoder_out = value, 2;
    if (strcmp(name, "--vad") == 0)
        return j->vad = value, 2;
    if (strcmp(name, "--language") == 0)
        return o->language = value, 2;
    if (strcmp(name, "--prompt") == 0)
        return o->initial_prompt = value, 2;
    if (strcmp(name, "--weights") == 0)
        return j->weights = strcmp(value, "f32") == 0 ? MLI_ASR_WEIGHTS_F32 : MLI_ASR_WEIGHTS_F16,
               2;
    if (strcmp(name, "--temperature") == 0)
        return read_temperatures(j, value) ? 2 : 0;
    if (strcmp(name, "--guard") == 0)
        return mli_parse_f64(value, &o->hallucination_silence) ? 2 : 0;
    if (strcmp(name, "--vad-threshold") == 0)
        return take_threshold(j, value) ? 2 : 0;
    if (!number(value, &n))
        return 0;
    if (strcmp(name, "--vad-pad") == 0)
        return o->vad_rules.pad = n * 16, 2;
    if (strcmp(name, "--vad-silence") == 0)
        return o->vad_rules.min_silence = n * 16, 2;
    if (strcmp(name, "--batch") == 0)
        return o->batch = n, 2;
    if (strcmp(name, "--threads") == 0)
        return j->threads = n, 2;
    if (strcmp(name, "--beam") == 0)
        return o->beam_size = n, 2;
    if (strcmp(name, "--best-of") == 0)
        return o->best_of = n, 2;
    if (strcmp(name, "--max-tokens") == 0)
        return o->max_tokens = n, 2;
    if (strcmp(name, "--seed") == 0)
        return o->seed = (uint64_t)n, 2;
    return 0;
}

MODELLAB_MUST_CHECK static modellab_status open_detector(job *j, modellab_error *err)
{
    mli_silero_weights weights;
    mli_model_files files;
    modellab_status status = mli_model_files_open(&files, NULL, &mli_os_system_files, j->vad, err);
    if (status != MODELLAB_OK)
        return status;
    status = mli_model_files_load(&files, NULL, err);
    if (status == MODELLAB_OK)
        status = mli_silero_read(&weights, NULL, files.weights, files.weights_bytes, NULL, err);
    if (status == MODELLAB_OK)
        status = mli_silero_create(&j->detector, NULL, &weights, err);
    mli_model_files_dispose(&files);
    j->options.vad = j->detector;
    return status;
}

static int run(job *j, char **files, int count)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    mli_model_files model_files;
    mli_asr_model *model = NULL;
    mli_asr_session *session = NULL;
    mli_asr_open_options open = {.cache_directory = j->cache, .weights = j->weights};
    int64_t start = mli_os_system_clock.monotonic_ns(NULL);
    if (mli_model_files_open(&model_files, NULL, &mli_os_system_files, j->model, &err) !=
        MODELLAB_OK)
        return complain("model", &err);
    modellab_status status = mli_asr_model_open(&model, &model_files, &open, &err);
    mli_model_files_dispose(&model_files);
    if (status == MODELLAB_OK)
        status = mli_asr_session_create(&session, NULL, model, j->threads, &err);
    if (status == MODELLAB_OK && j->vad != NULL)
        status = open_detector(j, &err);
    if (status != MODELLAB_OK) {
        mli_asr_session_destroy(session);
        mli_asr_model_unref(model);
        return complain("model", &err);
    }
    int64_t end = mli_os_system_clock.monotonic_ns(NULL);
    (void)fprintf(stderr, "asr_dump: ready after %.3f s\n", (double)(end - start) / 1e9);
    int bad = 0;
    for (int i = 0; i < count; i++)
        bad |= transcribe(j, session, model, files[i]);
    mli_asr_session_destroy(session);
    mli_asr_model_unref(model);
    mli_silero_destroy(j->detector);
    return bad;
}

int main(int argc, char **argv)
{
    job j;
    memset(&j, 0, sizeof j);
    mli_asr_options_init(&j.options);
    j.options.window = on_window;
    j.options.user = &j;
    int at = 1;
    while (at < argc && strncmp(argv[at], "--", 2) == 0) {
        int used = take(&j, argv[at], at + 1 < argc ? argv[at + 1] : NULL);
        if (used == 0) {
            (void)fputs(usage, stderr);
            return 2;
        }
        at += used;
    }
    if (j.model == NULL || at >= argc) {
        (void)fputs(usage, stderr);
        return 2;
    }
    return run(&j, argv + at, argc - at);
}
