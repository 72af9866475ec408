/* `modellab align`: when each word of a text is said in a recording, in this process. */
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX ((size_t)4 * 1024 * 1024)

typedef struct work {
    modellab_model *asr, *vad;
    cli_text text;
    modellab_transcript *found;
    modellab_buffer *data;
    char *written;
} work;

static int32_t show(void *user, double done, double total)
{
    char text[24];

    snprintf(text, sizeof text, "%d %%", total > 0 ? (int)(100.0 * done / total) : 0);
    cli_progress_text(user, text);
    return 0;
}

static int align(cli_call *call, work *w)
{
    modellab_align_options options = MODELLAB_ALIGN_OPTIONS_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    const char *file = call->arguments[0];
    int64_t threads = 0;
    cli_progress progress;

    if (cli_has(call, CLI_OPT_THREADS) &&
        !cli_parse_int(cli_value(call, CLI_OPT_THREADS), 1, 1024, &threads))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--threads must be a number from 1 to 1024");
    options.vad = w->vad;
    options.language = cli_value(call, CLI_OPT_LANGUAGE);
    options.threads = (int32_t)threads;
    options.progress = show;
    options.user = &progress;
    cli_progress_begin(&progress, call, file);
    options.cancel = cli_cancel_begin();
    modellab_status status = modellab_align_file(w->asr, file, cli_text_get(&w->text), w->text.size,
                                                 &options, &w->found, &err);
    cli_cancel_end(options.cancel);
    cli_progress_end(&progress);
    if (status == MODELLAB_E_CANCELLED && cli_signal() != 0)
        return cli_signal_exit();
    return status == MODELLAB_OK ? CLI_EXIT_OK : cli_fail_input(call, file, status, &err);
}

/* Subtitles go by the word here, and JSON has words, too. */
static const char *format_of(const cli_call *call)
{
    const char *asked = cli_value(call, CLI_OPT_FORMAT);

    if (asked == NULL || strcmp(asked, "json") == 0)
        return "verbose_json";
    if (strcmp(asked, "srt") == 0)
        return "srt_words";
    return strcmp(asked, "vtt") == 0 ? "vtt_words" : asked;
}

static int deliver(cli_call *call, work *w)
{
    const char *file = call->arguments[0];
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_transcript_write(
        w->found, modellab_transcript_format_from_name(format_of(call)),
        strcmp(file, "-") == 0 ? "stdin" : cli_basename(file), &w->data, &err);

    return status == MODELLAB_OK ? cli_output_write(call, file, w->data, &w->written)
                                 : cli_fail(call, file, NULL, status, &err);
}

int cli_align(cli_call *call)
{
    work w = {.text = CLI_TEXT_INIT};
    cli_text name = CLI_TEXT_INIT;
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_model_name(call, &name);

    if (code == CLI_EXIT_OK)
        code = cli_read_file(call, call->arguments[1], TEXT_MAX, &w.text);
    if (code == CLI_EXIT_OK && modellab_blas_use_single_thread(&err) != MODELLAB_OK)
        code = cli_fail(call, NULL, NULL, err.code, &err);
    if (code == CLI_EXIT_OK)
        code =
            cli_open_model(call, name.size > 0 ? cli_text_get(&name) : "whisper-tiny.en", &w.asr);
    if (code == CLI_EXIT_OK)
        code = cli_open_model(call, "silero-vad-v6", &w.vad);
    if (code == CLI_EXIT_OK)
        code = align(call, &w);
    if (code == CLI_EXIT_OK)
        code = deliver(call, &w);
    free(w.written);
    modellab_buffer_destroy(w.data);
    modellab_transcript_unref(w.found);
    modellab_model_unref(w.asr);
    modellab_model_unref(w.vad);
    cli_text_free(&w.text);
    cli_text_free(&name);
    return code;
}
