/* `modellab score ...`: results against references, file by file or line by line. */
#include "cli/commands.h"
#include "cli/request.h"
#include "cli/scan.h"
#include "cli/signals.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_BYTES = 64 * 1024 * 1024 };

typedef struct inputs {
    cli_text text;
    modellab_score_document *document;
} inputs;

static void inputs_free(inputs *in)
{
    modellab_score_document_destroy(in->document);
    cli_text_free(&in->text);
    in->document = NULL;
}

static int read_input(const cli_call *call, const char *path, inputs *out)
{
    modellab_error err = MODELLAB_ERROR_INIT;
    int code = cli_read_file(call, path, MOST_BYTES, &out->text);
    if (code != 0)
        return code;
    modellab_status status =
        modellab_score_document_read(strcmp(path, "-") == 0 ? NULL : path, cli_text_get(&out->text),
                                     out->text.size, NULL, &out->document, &err);
    return status == MODELLAB_OK ? 0 : cli_fail_input(call, cli_basename(path), status, &err);
}

static int take_options(const cli_call *call, modellab_cancel *cancel, modellab_score_options *o)
{
    const char *metric = strrchr(call->command->name, ' ');
    const char *collar = cli_value(call, CLI_OPT_COLLAR);
    modellab_score_options_init(o, sizeof *o);
    o->metric = modellab_score_metric_from_name(metric + 1);
    o->cancel = cancel;
    o->skip_overlap = cli_has(call, CLI_OPT_SKIP_OVERLAP);
    o->alignment = cli_has(call, CLI_OPT_ALIGNMENT);
    if (cli_has(call, CLI_OPT_NORMALIZER))
        o->normalizer = modellab_score_normalizer_from_name(cli_value(call, CLI_OPT_NORMALIZER));
    if (collar != NULL && (!cli_parse_real(collar, &o->collar_seconds) ||
                           !(o->collar_seconds >= 0.0 && o->collar_seconds <= 3600.0)))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--collar must be seconds from 0 to 3600");
    return 0;
}

/* The next line of a text without its end; NULL after the last. */
static const char *next_line(const char **at, size_t *bytes)
{
    const char *line = *at;
    if (*line == '\0')
        return NULL;
    *bytes = strcspn(line, "\n");
    *at = line + *bytes + (line[*bytes] == '\n');
    if (*bytes > 0 && line[*bytes - 1] == '\r')
        (*bytes)--;
    return line;
}

MODELLAB_MUST_CHECK static modellab_status add_line(modellab_score *score, const char *name,
                                                    const char *a, size_t n, const char *b,
                                                    size_t m, modellab_error *err)
{
    cli_text one = CLI_TEXT_INIT, other = CLI_TEXT_INIT;
    cli_text_add_n(&one, a, n);
    cli_text_add_n(&other, b, m);
    modellab_status status =
        modellab_score_add_text(score, name, cli_text_get(&one), cli_text_get(&other), err);
    cli_text_free(&one);
    cli_text_free(&other);
    return status;
}

/* Line by line: a line of the reference against the same line of the hypothesis. */
static int add_lines(const cli_call *call, modellab_score *score, const char *name,
                     const inputs *reference, const inputs *hypothesis, modellab_status *status,
                     modellab_error *err)
{
    const char *a = cli_text_get(&reference->text), *b = cli_text_get(&hypothesis->text);
    size_t n = 0, m = 0, number = 1;
    for (;; number++) {
        const char *one = next_line(&a, &n), *other = next_line(&b, &m);
        char shown[300];
        if (one == NULL && other == NULL)
            return 0;
        if (one == NULL || other == NULL)
            return cli_fail_text(call, CLI_EXIT_INPUT,
                                 "%s has %s lines than its reference (line %zu)", name,
                                 one == NULL ? "more" : "fewer", number);
        (void)snprintf(shown, sizeof shown, "%.250s:%zu", name, number);
        *status = add_line(score, shown, one, n, other, m, err);
        if (*status != MODELLAB_OK)
            return 0;
    }
}

/* Scores all pairs of arguments, the hypotheses shifted: `against` takes their place. */
static int add_pairs(cli_call *call, const char *against, const inputs *uem, modellab_score *score)
{
    int code = 0;
    for (int i = 0; code == 0 && i + 1 < call->argument_count; i += 2) {
        const char *path = against != NULL ? against : call->arguments[i + 1];
        const char *name = cli_basename(path);
        inputs reference = {CLI_TEXT_INIT, NULL}, hypothesis = {CLI_TEXT_INIT, NULL};
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status = MODELLAB_OK;
        code = read_input(call, call->arguments[i], &reference);
        if (code == 0)
            code = read_input(call, path, &hypothesis);
        if (code == 0 && cli_has(call, CLI_OPT_LINES))
            code = add_lines(call, score, name, &reference, &hypothesis, &status, &err);
        else if (code == 0)
            status = modellab_score_add(score, name, reference.document, hypothesis.document,
                                        uem->document, &err);
        if (code == 0 && status == MODELLAB_E_CANCELLED && cli_signal() != 0)
            code = cli_signal_exit();
        else if (code == 0 && status == MODELLAB_E_UNSUPPORTED)
            code = cli_fail_advice(call, name, NULL, status, &err, CLI_EXIT_INPUT, "");
        else if (code == 0 && status != MODELLAB_OK)
            code = cli_fail_input(call, name, status, &err);
        inputs_free(&reference);
        inputs_free(&hypothesis);
    }
    return code;
}

/* What may be in a score, in the order of the table; rates are shown in per cent. */
static const struct {
    const char *name;
    bool rate;
} rows[] = {{"wer", true},
            {"cer", true},
            {"cpwer", true},
            {"mer", true},
            {"wil", true},
            {"wip", true},
            {"der", true},
            {"jer", true},
            {"detection_error", true},
            {"purity", true},
            {"coverage", true},
            {"mean_start_error", false},
            {"mean_end_error", false},
            {"median_start_error", false},
            {"p95_start_error", false},
            {"max_start_error", false},
            {"within_tolerance", true},
            {"words", false},
            {"hits", false},
            {"substitutions", false},
            {"deletions", false},
            {"insertions", false},
            {"reference", false},
            {"hypothesis", false},
            {"total_seconds", false},
            {"correct_seconds", false},
            {"confusion_seconds", false},
            {"miss_seconds", false},
            {"false_alarm_seconds", false},
            {"speech_seconds", false},
            {"speech_miss_seconds", false},
            {"speech_false_alarm_seconds", false},
            {"scored_seconds", false}};

static void value_line(cli_text *out, const char *name, double value, bool rate)
{
    cli_text_printf(out, "%-27s ", name);
    if (isnan(value))
        cli_text_add(out, "-\n");
    else if (rate)
        cli_text_printf(out, "%.2f %%\n", 100.0 * value);
    else if (value == floor(value))
        cli_text_printf(out, "%.0f\n", value);
    else
        cli_text_printf(out, "%.3f\n", value);
}

static void interval_line(cli_text *out, cli_span json, bool rate)
{
    const cli_span interval = cli_scan_member(json, "interval");
    const cli_span low = cli_scan_member(interval, "low");
    const cli_span high = cli_scan_member(interval, "high");
    double from, to;
    char a[40], b[40];
    if (low.at == NULL || high.at == NULL)
        return;
    (void)snprintf(a, sizeof a, "%.*s", (int)low.bytes, low.at);
    (void)snprintf(b, sizeof b, "%.*s", (int)high.bytes, high.at);
    if (!cli_parse_real(a, &from) || !cli_parse_real(b, &to)) /* null: too few units */
        return;
    if (rate)
        cli_text_printf(out, "%-27s %.2f ... %.2f %%\n", "95 % interval", 100.0 * from, 100.0 * to);
    else
        cli_text_printf(out, "%-27s %.3f ... %.3f\n", "95 % interval", from, to);
}

static int print_table(const modellab_score *score, modellab_score_metric metric, cli_span json,
                       const modellab_score_difference *d)
{
    cli_text out = CLI_TEXT_INIT;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double value;
        if (modellab_score_value(score, rows[i].name, &value, NULL) == MODELLAB_OK)
            value_line(&out, rows[i].name, value, rows[i].rate);
    }
    interval_line(&out, json, metric != MODELLAB_SCORE_TIMES);
    if (d != NULL)
        cli_text_printf(&out, "%-27s %.3f errors in %lld segments, p = %.4f (random %.4f)\n",
                        "difference to --against", d->difference, (long long)d->segments, d->p,
                        d->p_random);
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int print_json(cli_span json, const modellab_score_difference *d)
{
    cli_json j = {0};
    if (d == NULL)
        return cli_print(json.at, json.bytes) && cli_print("\n", 1) ? CLI_EXIT_OK
                                                                    : CLI_EXIT_FAILURE;
    cli_text whole = CLI_TEXT_INIT;
    cli_text_add_n(&whole, json.at, json.bytes);
    cli_json_open(&j, '{');
    cli_json_key(&j, "score");
    cli_json_raw(&j, cli_text_get(&whole));
    cli_json_key(&j, "difference");
    cli_json_open(&j, '{');
    cli_json_kint(&j, "segments", d->segments);
    cli_json_kreal(&j, "mean", d->difference);
    cli_json_kreal(&j, "z", d->z);
    cli_json_kreal(&j, "p", d->p);
    cli_json_kreal(&j, "p_random", d->p_random);
    cli_json_close(&j, '}');
    cli_json_close(&j, '}');
    cli_text_free(&whole);
    return cli_json_print(&j) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

/* --against: the same references with another hypothesis. */
static int compare(cli_call *call, const modellab_score_options *o, const inputs *uem,
                   const modellab_score *score, modellab_score_difference *out)
{
    modellab_score *other = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    modellab_status status = modellab_score_create(o, &other, &err);
    int code = status == MODELLAB_OK ? 0 : cli_fail(call, "score", NULL, status, &err);
    if (code == 0)
        code = add_pairs(call, cli_value(call, CLI_OPT_AGAINST), uem, other);
    if (code == 0) {
        out->size = sizeof *out;
        status = modellab_score_compare(score, other, out, &err);
        if (status != MODELLAB_OK)
            code = cli_fail(call, "score", NULL, status, &err);
    }
    modellab_score_destroy(other);
    return code;
}

static int score_with(cli_call *call, const modellab_score_options *o, const inputs *uem)
{
    modellab_score *score = NULL;
    modellab_buffer *json = NULL;
    modellab_score_difference difference = {0};
    modellab_error err = MODELLAB_ERROR_INIT;
    const bool against = cli_has(call, CLI_OPT_AGAINST);
    modellab_status status = modellab_score_create(o, &score, &err);
    int code = status == MODELLAB_OK ? 0 : cli_fail(call, "score", NULL, status, &err);
    if (code == 0)
        code = add_pairs(call, NULL, uem, score);
    if (code == 0 && against)
        code = compare(call, o, uem, score, &difference);
    if (code == 0) {
        status = modellab_score_to_json(score, &json, &err);
        if (status != MODELLAB_OK)
            code = cli_fail(call, "score", NULL, status, &err);
    }
    if (code == 0) {
        const cli_span text = {modellab_buffer_data(json), modellab_buffer_size(json)};
        const modellab_score_difference *d = against ? &difference : NULL;
        code = cli_has(call, CLI_OPT_JSON) ? print_json(text, d)
                                           : print_table(score, o->metric, text, d);
    }
    modellab_buffer_destroy(json);
    modellab_score_destroy(score);
    return code;
}

int cli_score(cli_call *call)
{
    modellab_score_options o;
    inputs uem = {CLI_TEXT_INIT, NULL};
    modellab_cancel *cancel = cli_cancel_begin();
    int code = take_options(call, cancel, &o);
    if (code == 0 && call->argument_count % 2 != 0)
        code = cli_fail_text(call, CLI_EXIT_USAGE, "each reference needs its hypothesis: REF HYP");
    if (code == 0 && cli_has(call, CLI_OPT_AGAINST) && call->argument_count != 2)
        code = cli_fail_text(call, CLI_EXIT_USAGE, "--against takes one REF and one HYP");
    if (code == 0 && cli_has(call, CLI_OPT_UEM))
        code = read_input(call, cli_value(call, CLI_OPT_UEM), &uem);
    if (code == 0)
        code = score_with(call, &o, &uem);
    inputs_free(&uem);
    cli_cancel_end(cancel);
    return code;
}
