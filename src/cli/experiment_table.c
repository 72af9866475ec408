/* `modellab experiment compare`: the candidates as a table for people, or as CSV. */
#include "cli/commands.h"
#include "cli/parse.h"
#include "cli/scan.h"
#include "cli/signals.h"
#include <stdio.h>
#include <string.h>

static const char *const qualities[] = {"wer", "cer", "der"};
enum { QUALITIES = sizeof qualities / sizeof *qualities };

/* A number of an object; false when it is null or not there. */
static bool number(cli_span object, const char *key, double *out)
{
    const cli_span value = cli_scan_member(object, key);
    char text[40];
    if (value.at == NULL || value.bytes >= sizeof text)
        return false;
    memcpy(text, value.at, value.bytes);
    text[value.bytes] = '\0';
    return cli_parse_real(text, out);
}

static bool any_has(cli_span candidates, const char *quality)
{
    cli_span item = {NULL, 0};
    while (cli_scan_item(candidates, &item)) {
        if (cli_scan_member(cli_scan_member(item, "quality"), quality).at != NULL)
            return true;
    }
    return false;
}

/* "12.34 (10.1-15.0)" per cent. */
static void add_quality(cli_text *out, cli_span candidate, const char *name)
{
    const cli_span quality = cli_scan_member(cli_scan_member(candidate, "quality"), name);
    double value, low, high;
    char text[64] = "-";
    if (number(quality, "value", &value))
        (void)snprintf(text, sizeof text, "%.2f", 100.0 * value);
    if (number(quality, "value", &value) && number(quality, "low", &low) &&
        number(quality, "high", &high))
        (void)snprintf(text, sizeof text, "%.2f (%.1f-%.1f)", 100.0 * value, 100.0 * low,
                       100.0 * high);
    cli_text_printf(out, " %20s", text);
}

static void add_number(cli_text *out, cli_span object, const char *key, double unit, int digits,
                       int width)
{
    double value;
    char text[40] = "-";
    if (number(object, key, &value)) {
        (void)snprintf(text, sizeof text, "%.*f", digits, value / unit);
    }
    cli_text_printf(out, " %*s", width, text);
}

static void add_verdict(cli_text *out, cli_span verdict)
{
    const cli_span decision = cli_scan_member(verdict, "decision");
    const cli_span a = cli_span_bare(cli_scan_member(verdict, "a"));
    const cli_span b = cli_span_bare(cli_scan_member(verdict, "b"));
    const cli_span what = cli_span_bare(cli_scan_member(decision, "verdict"));
    const cli_span why = cli_span_bare(cli_scan_member(decision, "reason"));
    cli_text_printf(out, "A %.*s, B %.*s: %.*s. %.*s\n", (int)a.bytes, a.at, (int)b.bytes, b.at,
                    (int)what.bytes, what.at, (int)why.bytes, why.at);
}

static void write_table(cli_text *out, cli_span root)
{
    const cli_span candidates = cli_scan_member(root, "candidates");
    cli_span item = {NULL, 0};
    bool has[QUALITIES];
    cli_text_printf(out, "%-16s %5s %5s", "candidate", "done", "bad");
    for (int i = 0; i < QUALITIES; i++) {
        has[i] = any_has(candidates, qualities[i]);
        if (has[i])
            cli_text_printf(out, " %18s %%", qualities[i]);
    }
    cli_text_printf(out, " %8s %8s %10s %10s %12s\n", "findings", "RTF", "CPU s/h", "peak MiB",
                    "cost");
    while (cli_scan_item(candidates, &item)) {
        const cli_span name = cli_span_bare(cli_scan_member(item, "name"));
        cli_text_printf(out, "%-16.*s", (int)name.bytes, name.at);
        add_number(out, item, "completed", 1, 0, 5);
        add_number(out, item, "failed", 1, 0, 5);
        for (int i = 0; i < QUALITIES; i++) {
            if (has[i])
                add_quality(out, item, qualities[i]);
        }
        add_number(out, cli_scan_member(item, "findings"), "all", 1, 0, 8);
        add_number(out, item, "real_time_factor", 1, 4, 8);
        add_number(out, item, "cpu_seconds_per_audio_hour", 1, 1, 10);
        add_number(out, item, "peak_memory_bytes", 1048576, 1, 10);
        add_number(out, item, "cost_micros", 1e6, 6, 12);
        cli_text_add(out, "\n");
    }
    item = (cli_span){NULL, 0};
    while (cli_scan_item(cli_scan_member(root, "verdicts"), &item))
        add_verdict(out, item);
    if (!cli_span_is(cli_scan_member(root, "gone"), "0")) {
        const cli_span gone = cli_scan_member(root, "gone");
        cli_text_printf(out, "%.*s runs are gone, and nothing was kept of them.\n", (int)gone.bytes,
                        gone.at);
    }
}

/* A text as a field: in quotes, which are doubled. */
static void add_field(cli_text *out, cli_span text)
{
    cli_text_add(out, "\"");
    for (size_t i = 0; i < text.bytes; i++)
        cli_text_add_n(out, text.at[i] == '"' ? "\"\"" : text.at + i, text.at[i] == '"' ? 2 : 1);
    cli_text_add(out, "\"");
}

/* The value as it stands in the JSON; nothing for null. */
static void add_raw(cli_text *out, cli_span value)
{
    cli_text_add(out, ",");
    if (value.at != NULL && !cli_span_is(value, "null"))
        cli_text_add_n(out, value.at, value.bytes);
}

static cli_span verdict_of(cli_span root, cli_span name)
{
    cli_span item = {NULL, 0};
    while (cli_scan_item(cli_scan_member(root, "verdicts"), &item)) {
        const cli_span b = cli_span_bare(cli_scan_member(item, "b"));
        if (b.bytes == name.bytes && memcmp(b.at, name.at, b.bytes) == 0)
            return cli_scan_member(cli_scan_member(item, "decision"), "verdict");
    }
    return (cli_span){NULL, 0};
}

static void write_csv(cli_text *out, cli_span root)
{
    static const char *const counts[] = {"completed", "failed", "open", "refused", "gone"};
    static const char *const parts[] = {"value", "low", "high", "inputs"};
    static const char *const rest[] = {
        "audio_seconds",     "real_time_factor", "cpu_seconds_per_audio_hour",
        "peak_memory_bytes", "cost_micros",      "currency"};
    cli_span item = {NULL, 0};
    cli_text_add(out, "candidate");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        cli_text_printf(out, ",%s", counts[i]);
    for (int q = 0; q < QUALITIES; q++)
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            cli_text_printf(out, ",%s%s%s", qualities[q], i > 0 ? "_" : "", i > 0 ? parts[i] : "");
    for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
        cli_text_printf(out, ",%s", rest[i]);
    cli_text_add(out, ",findings,verdict\n");
    while (cli_scan_item(cli_scan_member(root, "candidates"), &item)) {
        const cli_span name = cli_span_bare(cli_scan_member(item, "name"));
        add_field(out, name);
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
            add_raw(out, cli_scan_member(item, counts[i]));
        for (int q = 0; q < QUALITIES; q++)
            for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                add_raw(out, cli_scan_member(
                                 cli_scan_member(cli_scan_member(item, "quality"), qualities[q]),
                                 parts[i]));
        for (size_t i = 0; i < sizeof rest / sizeof *rest; i++)
            add_raw(out, cli_scan_member(item, rest[i]));
        add_raw(out, cli_scan_member(cli_scan_member(item, "findings"), "all"));
        add_raw(out, verdict_of(root, name));
        cli_text_add(out, "\n");
    }
}

int cli_experiment_compare(cli_call *call)
{
    modellab_lab *lab = NULL;
    modellab_buffer *json = NULL;
    modellab_error err = MODELLAB_ERROR_INIT;
    if (cli_has(call, CLI_OPT_JSON) && cli_has(call, CLI_OPT_CSV))
        return cli_fail_text(call, CLI_EXIT_USAGE, "--json and --csv cannot be given together");
    int code = cli_open_lab_to_read(call, 0, &lab);
    if (code != CLI_EXIT_OK)
        return code;
    modellab_cancel *cancel = cli_cancel_begin();
    modellab_status status =
        modellab_experiment_compare(lab, call->arguments[0], cancel, &json, &err);
    cli_cancel_end(cancel);
    modellab_lab_unref(lab);
    if (status != MODELLAB_OK)
        return status == MODELLAB_E_CANCELLED && cli_signal() != 0
                   ? cli_signal_exit()
                   : cli_fail(call, call->arguments[0], NULL, status, &err);
    const cli_span root = {modellab_buffer_data(json), modellab_buffer_size(json)};
    cli_text out = CLI_TEXT_INIT;
    if (cli_has(call, CLI_OPT_CSV)) {
        write_csv(&out, root);
    } else if (cli_has(call, CLI_OPT_JSON)) {
        cli_text_add_n(&out, root.at, root.bytes);
        cli_text_add(&out, "\n");
    } else {
        write_table(&out, root);
    }
    const bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    modellab_buffer_destroy(json);
    return ok ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}
