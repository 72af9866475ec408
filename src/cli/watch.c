/* `modellab run list --watch`: a table that is drawn again in place; where stdout is no terminal, a
 * line for each change. */
#include "cli/watch.h"
#include "cli/signals.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS 500000000L
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define SEEN_MAX 1000

/* --- a row --- */

static int64_t now_ms(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_REALTIME, &t) == 0 ? (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000
                                                  : 0;
}

/* "42 s", "3:07", "5 h 12": short enough for a column */
static void span_text(char out[16], int64_t ms)
{
    long long s = ms > 0 ? ms / 1000 : 0;
    if (s < 100)
        snprintf(out, 16, "%lld s", s);
    else if (s < 6000)
        snprintf(out, 16, "%lld:%02lld", s / 60, s % 60);
    else if (s < 360000)
        snprintf(out, 16, "%lld h %02lld", s / 3600, s / 60 % 60);
    else
        snprintf(out, 16, "%lld d", s / 86400);
}

/* " 42 % ETA 0:31"; of a run that works on audio */
static void progress_text(char out[32], const modellab_run_info *i)
{
    char eta[16];
    double done = i->progress_seconds, total = i->audio_seconds;
    int64_t elapsed = now_ms() - i->started_ms;
    memcpy(out, "-", 2);
    if (i->status == MODELLAB_RUN_COMPLETED)
        memcpy(out, "100 %", 6);
    if (total <= 0 || done < 0 || i->status == MODELLAB_RUN_COMPLETED)
        return;
    double part = done < total ? done / total : 1;
    int n = snprintf(out, 32, "%3.0f %%", part * 100);
    if (i->status != MODELLAB_RUN_RUNNING || part <= 0 || elapsed < 200 || n <= 0)
        return;
    span_text(eta, (int64_t)((double)elapsed * (1 - part) / part));
    snprintf(out + n, 32 - (size_t)n, " ETA %s", eta);
}

static void row_text(cli_text *out, const modellab_run_info *i)
{
    char progress[32], age[16], cpu[16] = "-", cost[24] = "-";
    progress_text(progress, i);
    span_text(age, now_ms() - i->created_ms);
    if (i->cpu_seconds >= 0)
        snprintf(cpu, sizeof cpu, "%.1f s", i->cpu_seconds);
    if (i->cost_micros >= 0)
        snprintf(cost, sizeof cost, "%.4f %.3s", (double)i->cost_micros / 1e6, i->currency);
    cli_text_printf(out, "%-26s  %-9s  %-22s  %4d  %-16s  %9s  %12s  %8s", i->id,
                    modellab_run_status_name(i->status), modellab_reason_name(i->reason),
                    (int)i->priority, progress, cpu, cost, age);
}

static const char head[] = "ID                          STATUS     REASON                  PRIO  "
                           "PROGRESS                CPU          COST       AGE";

/* --- the table on a terminal --- */

static void size_of_terminal(int *rows, int *columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    *rows = known ? size.ws_row : 24;
    *columns = known && size.ws_col > 0 ? size.ws_col : 80;
}

/* A line cut at the terminal's width (all of it is ASCII but for nothing that we print). */
static void put_line(cli_text *out, const char *line, int columns)
{
    cli_text_printf(out, "%.*s\033[K\n", columns, line);
}

/* Goes up to where the last table began and writes over it; returns the lines that it has now. */
static int draw(const modellab_run_list *list, int lines_before)
{
    cli_text out = CLI_TEXT_INIT;
    int rows, columns, lines = 1;
    size_of_terminal(&rows, &columns);
    if (lines_before > 0)
        cli_text_printf(&out, "\033[%dA\r", lines_before);
    put_line(&out, head, columns);
    for (size_t i = 0; i < modellab_run_list_count(list) && lines < rows - 1; i++) {
        modellab_run_info info = {.size = sizeof info};
        cli_text row = CLI_TEXT_INIT;
        if (modellab_run_get_info(modellab_run_list_at(list, i), &info, NULL) != MODELLAB_OK)
            continue;
        row_text(&row, &info);
        put_line(&out, cli_text_get(&row), columns);
        cli_text_free(&row);
        lines++;
    }
    cli_text_add(&out, "\033[J"); /* what was below, when there are fewer now */
    bool ok = cli_print(cli_text_get(&out), out.size);
    cli_text_free(&out);
    return ok && fflush(stdout) == 0 ? lines : -1;
}

/* --- a line a change --- */

typedef struct seen {
    char id[MODELLAB_RUN_ID_BYTES];
    modellab_run_status status;
    modellab_reason reason;
    int32_t attempt;
} seen;

/* True when the run was not told so before; from now on it was. */
static bool is_news(seen *known, size_t *count, const modellab_run_info *i)
{
    size_t at = 0;
    while (at < *count && strcmp(known[at].id, i->id) != 0)
        at++;
    if (at < *count && known[at].status == i->status && known[at].reason == i->reason &&
        known[at].attempt == i->attempt)
        return false;
    if (at == *count && *count == SEEN_MAX) /* the oldest is forgotten */
        memmove(known, known + 1, (SEEN_MAX - 1) * sizeof *known), at--;
    else if (at == *count)
        ++*count;
    snprintf(known[at].id, sizeof known[at].id, "%s", i->id);
    known[at].status = i->status;
    known[at].reason = i->reason;
    known[at].attempt = i->attempt;
    return true;
}

static bool say(const cli_call *call, const modellab_run *run, const modellab_run_info *info)
{
    bool ok = false;
    if (cli_has(call, CLI_OPT_JSON)) {
        modellab_buffer *record = NULL;
        if (modellab_run_to_json(run, &record, NULL) == MODELLAB_OK)
            ok = cli_print(modellab_buffer_data(record), modellab_buffer_size(record)) &&
                 cli_print("\n", 1);
        modellab_buffer_destroy(record);
        return ok;
    }
    cli_text line = CLI_TEXT_INIT;
    row_text(&line, info);
    cli_text_add(&line, "\n");
    ok = cli_print(cli_text_get(&line), line.size);
    cli_text_free(&line);
    return ok;
}

/* Oldest first, as they happened. */
static int tell(const cli_call *call, const modellab_run_list *list, seen *known, size_t *count)
{
    bool ok = true;
    for (size_t i = modellab_run_list_count(list); i-- > 0 && ok;) {
        const modellab_run *run = modellab_run_list_at(list, i);
        modellab_run_info info = {.size = sizeof info};
        if (modellab_run_get_info(run, &info, NULL) == MODELLAB_OK && is_news(known, count, &info))
            ok = say(call, run, &info);
    }
    return ok && fflush(stdout) == 0 ? 0 : -1;
}

/* --- both --- */

static int watch(cli_call *call, modellab_lab *lab, const modellab_run_filter *filter, bool table,
                 seen *known)
{
    const struct timespec nap = {.tv_nsec = EVERY_NS};
    size_t count = 0;
    int lines = 0;
    while (cli_signal() == 0) {
        modellab_run_list *list = NULL;
        modellab_error err = MODELLAB_ERROR_INIT;
        modellab_status status = modellab_run_list_load(lab, filter, &list, &err);
        if (status != MODELLAB_OK)
            return cli_fail(call, NULL, NULL, status, &err);
        lines = table ? draw(list, lines) : tell(call, list, known, &count);
        modellab_run_list_unref(list);
        if (lines < 0)
            return CLI_EXIT_FAILURE; /* nobody reads any more */
        (void)nanosleep(&nap, NULL); /* a signal ends it early */
    }
    return cli_signal_exit();
}

int cli_watch_runs(cli_call *call, modellab_lab *lab, const modellab_run_filter *filter)
{
    bool table = isatty(STDOUT_FILENO) == 1 && !cli_has(call, CLI_OPT_JSON);
    seen *known = calloc(SEEN_MAX, sizeof *known);
    if (known == NULL)
        return cli_fail_text(call, CLI_EXIT_FAILURE, "there is not enough memory");
    if (table && fputs(HIDE_CURSOR, stdout) < 0) {
        free(known);
        return CLI_EXIT_FAILURE;
    }
    int code = watch(call, lab, filter, table, known);
    /* the table stays, the cursor below it: as after any other command */
    if (table && (fputs(SHOW_CURSOR, stdout) < 0 || fflush(stdout) != 0))
        code = CLI_EXIT_FAILURE;
    free(known);
    return code;
}
