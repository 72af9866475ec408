/* `modellab diarize`: who spoke when in a file, in this process; and what --speakers says. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/speakers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cli_speakers(const cli_call *call, int32_t *least, int32_t *most)
{
    const char *typed = cli_value(call, CLI_OPT_SPEAKERS);
    int64_t low = 0, high = 0;
    char first[8];
    *least = *most = 0;
    if (typed == NULL || strcmp(typed, "auto") == 0)
        return CLI_EXIT_OK;
    size_t n = strcspn(typed, "-");
    bool good = n > 0 && n < sizeof first;
    if (good) {
        memcpy(first, typed, n);
        first[n] = '\0';
        good = cli_parse_int(first, 1, 64, &low) &&
               (typed[n] == '\0' || cli_parse_int(typed + n + 1, low, 64, &high));
    }
    if (!good)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--speakers must be a number, MIN-MAX or auto (at most 64), not '%s'",
                             typed);
    *least = (int32_t)low;
    *most = (int32_t)(typed[n] == '\0' ? low : high);
    return CLI_EXIT_OK;
}

typedef struct tools {
    modellab_model *encoder, *vad;
    modellab_diarization_options options;
    char *names[CLI_MAX_REPEAT];
    float voices[CLI_MAX_REPEAT][MODELLAB_VOICE_SIZE];
} tools;

/* The voice of each NAME=FILE. */
static int enrol(cli_call *call, tools *t)
{
    for (int i = 0; i < call->counts[CLI_OPT_ENROL]; i++) {
        const char *file = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        int code = cli_known_voice(call, i, &t->names[i], &file);
        if (code != CLI_EXIT_OK)
            return code;
        modellab_status status = modellab_voice_of_file(t->encoder, t->vad, file, &t->options,
                                                        t->voices[i], MODELLAB_VOICE_SIZE, &err);
        if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
            return cli_signal_exit();
        if (status != MODELLAB_OK)
            return cli_fail_input(call, cli_basename(file), status, &err);
    }
    t->options.known_names = (const char *const *)t->names;
    t->options.known_voices = t->voices[0];
    t->options.known_count = call->counts[CLI_OPT_ENROL];
    return CLI_EXIT_OK;
}

static int32_t show(void *user, double fraction)
{
    char text[24];

    snprintf(text, sizeof text, "%d %%", (int)(100.0 * fraction));
    cli_progress_text(user, text);
    return 0;
}

/* Speakers for people, on stderr. */
static void note_speakers(cli_call *call, const modellab_diarization *d)
{
    for (size_t i = 0; i < modellab_diarization_speaker_count(d); i++) {
        modellab_speaker s = {.size = sizeof s};
        if (modellab_diarization_speaker_at(d, i, &s, NULL) != MODELLAB_OK)
            continue;
        if (call->counts[CLI_OPT_ENROL] > 0)
            cli_note(call, "%s: %.1f s, %s (%.2f)", s.name, s.seconds,
                     s.is_known ? "a known voice" : "unknown; the nearest known voice",
                     s.known_score);
        else
            cli_note(call, "%s: %.1f s", s.name, s.seconds);
    }
}

static int deliver(cli_call *call, const modellab_diarization *d)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT), *file = call->arguments[0];
    bool json = cli_has(call, CLI_OPT_JSON) || (format != NULL && strcmp(format, "json") == 0);
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_buffer *text = NULL;
    char *written = NULL;
    modellab_status status =
        modellab_diarization_write(d, json ? MODELLAB_DIARIZATION_JSON : MODELLAB_DIARIZATION_RTTM,
                                   cli_basename(file), &text, &err);
    if (status != MODELLAB_OK)
        return cli_fail(call, file, NULL, status, &err);
    int code = cli_output_write(call, file, text, &written);
    free(written);
    modellab_buffer_destroy(text);
    return code;
}

static int work(cli_call *call, tools *t)
{
    modellab_diarization *d = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    cli_progress progress;
    int code = cli_open_model(call, "ge2e-speaker", &t->encoder);
    if (code == CLI_EXIT_OK)
        code = cli_open_model(call, "silero-vad-v6", &t->vad);
    if (code == CLI_EXIT_OK)
        code = enrol(call, t);
    if (code != CLI_EXIT_OK)
        return code;
    cli_progress_begin(&progress, call, call->arguments[0]);
    t->options.progress = show;
    t->options.user = &progress;
    modellab_status status =
        modellab_diarize_file(t->encoder, t->vad, call->arguments[0], &t->options, &d, &err);
    cli_progress_end(&progress);
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    if (status != MODELLAB_OK)
        return cli_fail_input(call, cli_basename(call->arguments[0]), status, &err);
    code = deliver(call, d);
    if (code == CLI_EXIT_OK)
        note_speakers(call, d);
    modellab_diarization_unref(d);
    return code;
}

int cli_diarize(cli_call *call)
{
    const char *format = cli_value(call, CLI_OPT_FORMAT);
    int64_t threads = 1;
    if (format != NULL && strcmp(format, "rttm") != 0 && strcmp(format, "json") != 0)
        return cli_fail_text(call, CLI_EXIT_USAGE,
                             "--format of `diarize` is rttm or json; words have their speakers in "
                             "`modellab transcribe --speakers`");
    if (cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 256, &threads))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--threads must be a number from 1 to 256");
    tools *t = calloc(1, sizeof *t);
    if (t == NULL)
        return cli_fail_text(call, CLI_EXIT_FAILURE, "out of memory");
    modellab_diarization_options_init(&t->options, sizeof t->options);
    t->options.threads = (int32_t)threads;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_speakers(call, &t->options.min_speakers, &t->options.max_speakers);
    if (code == CLI_EXIT_OK && modellab_blas_use_single_thread(&err) != MODELLAB_OK)
        code = cli_fail(call, NULL, NULL, err.code, &err);
    if (code == CLI_EXIT_OK) {
        t->options.cancel = cli_cancel_begin();
        code = work(call, t);
        cli_cancel_end(t->options.cancel);
    }
    for (size_t i = 0; i < CLI_MAX_REPEAT; i++)
        free(t->names[i]);
    modellab_model_unref(t->encoder);
    modellab_model_unref(t->vad);
    free(t);
    return code;
}
